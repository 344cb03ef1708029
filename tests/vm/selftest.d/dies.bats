#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# The kernel panics.

@test "runs before the panic" {
	true
}

@test "panics" {
	echo c >/proc/sysrq-trigger
	sleep infinity
}

@test "would come after the panic" {
	true
}
