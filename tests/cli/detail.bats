#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# --detail where there is no array: what it says is tested in tests/vm.

# shellcheck disable=SC2154 # bats sets output and stderr_lines

bats_require_minimum_version 1.5.0
load helpers

@test "an array that does not exist is one line and status 4" {
	run -4 --separate-stderr "$MDBITMAP" --detail /dev/md/nothing
	[[ -z $output ]]
	((${#stderr_lines[@]} == 1))
	[[ $stderr == "mdbitmap: /dev/md"*nothing* ]]
}

@test "a file is no array: status 4" {
	: >file
	run -4 --separate-stderr "$MDBITMAP" --detail ./file
	((${#stderr_lines[@]} == 1))
}

@test "each of several that do not exist is named" {
	run -4 --separate-stderr "$MDBITMAP" --detail --brief /dev/md/one /dev/md/two
	[[ $stderr == *one*two* ]]
}

@test "with --json the error is in the object" {
	run -4 --separate-stderr "$MDBITMAP" --detail --json /dev/md/nothing
	[[ $(jq -r '.arrays[0].array' <<<"$output") == /dev/md/nothing ]]
	[[ $(jq -r '.arrays[0].error' <<<"$output") == *nothing* ]]
}
