#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# A test never ends.
#
# vm-timeout: 60

@test "runs before the hang" {
	true
}

@test "hangs" {
	sleep infinity
}
