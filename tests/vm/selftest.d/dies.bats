#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# The kernel panics.

@test "runs before the panic" {
	true
}

@test "panics" {
	until grep -q '^ok' /run/tap; do sleep 0.02; done # bats passes results on in its own time
	stty -F /dev/ttyS1 115200 # waits until they are out
	echo c >/proc/sysrq-trigger
	sleep infinity
}

@test "would come after the panic" {
	true
}
