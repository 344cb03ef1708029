#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# A failed assertion, and tests around it that have other results.

load helpers

@test "passes" {
	true
}

@test "fails" {
	echo "this is why"
	false
}

@test "skips" {
	requires no-such-program
}
