#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# The kernel complains during a test that passes.

@test "passes" {
	echo "WARNING: test" >/dev/kmsg
}
