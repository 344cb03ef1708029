#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# attach, detach, stop, add, re-add, remove, fail and wait, as far as they go
# without an array: usage, and what is no array.

bats_require_minimum_version 1.5.0
load helpers

on_arrays=(attach detach stop wait)
on_members=(add re-add remove fail)

# refused STATUS ARGUMENT...: one line on stderr, nothing on stdout.
# shellcheck disable=SC2154 # run sets them
refused() {
	local status=$1
	shift
	run --separate-stderr "-$status" "$MDBITMAP" "$@"
	[[ -z $output ]]
	((${#stderr_lines[@]} == 1))
	[[ $stderr == "mdbitmap: "* ]]
}

@test "every mode without its arguments is a usage error" {
	local mode
	for mode in "${on_arrays[@]}"; do
		refused 2 "--$mode"
		[[ $stderr == *"--$mode takes DEV"* ]]
	done
	for mode in "${on_members[@]}"; do
		refused 2 "--$mode" /dev/md0
		[[ $stderr == *"--$mode takes DEV MEMBER..."* ]]
	done
}

@test "attach without --bitmap is a usage error" {
	refused 2 --attach /dev/md0
	[[ $stderr == *"--bitmap=FILE"* ]]
}

@test "options of other modes are usage errors" {
	refused 2 --detach /dev/md0 --bitmap=x
	refused 2 --wait /dev/md0 --dry-run
	refused 2 --stop /dev/md0 --write-mostly
	refused 2 --remove /dev/md0 x --write-mostly
}

@test "an array that does not exist is named, with status 4" {
	local mode
	for mode in detach wait stop; do
		refused 4 "--$mode" /dev/nosucharray
		[[ $stderr == *"/dev/nosucharray"* ]]
	done
	refused 4 --attach /dev/nosucharray --bitmap=x
	for mode in "${on_members[@]}"; do
		refused 4 "--$mode" /dev/nosucharray /dev/null
		[[ $stderr == *"/dev/nosucharray"* ]]
	done
}

@test "what is no array is refused with status 4" {
	local mode thing
	touch file
	mkdir dir
	mkfifo fifo
	for thing in ./file ./dir ./fifo /dev/null; do
		for mode in detach wait stop; do
			refused 4 "--$mode" "$thing"
			[[ $stderr == *"$thing"* ]]
		done
		refused 4 --attach "$thing" --bitmap=file
		for mode in "${on_members[@]}"; do
			refused 4 "--$mode" "$thing" file
		done
	done
	[[ ! -s file ]]
}

@test "stop tries every array and complains of each" {
	run --separate-stderr -4 "$MDBITMAP" --stop /dev/nosuch1 /dev/nosuch2
	# shellcheck disable=SC2154
	((${#stderr_lines[@]} == 2))
	[[ ${stderr_lines[0]} == *nosuch1* && ${stderr_lines[1]} == *nosuch2* ]]
}

@test "stop --json is one object even if nothing could be stopped" {
	run --separate-stderr -4 "$MDBITMAP" --stop --json /dev/nosuch1 /dev/nosuch2
	[[ $(jq -c '[.mode, (.arrays | length), .arrays[1].array]' <<<"$output") == '["stop",2,"/dev/nosuch2"]' ]]
	[[ $(jq -r '.arrays[0].error' <<<"$output") == *nosuch1* ]]
}

@test "control characters in names are escaped" {
	refused 4 --wait $'/dev/no\e[31msuch'
	[[ $stderr != *$'\e'* && $stderr == *'\033[31m'* ]]
	refused 4 --detach $'/dev/no\nsuch'
}

@test "--dry-run says no more and no less of what is no array" {
	refused 4 --stop --dry-run /dev/nosucharray
	refused 4 --add --dry-run /dev/nosucharray /dev/null
	refused 4 --attach --dry-run /dev/nosucharray --bitmap=x
}

@test "--help of each mode names its arguments" {
	local mode
	for mode in "${on_arrays[@]}" "${on_members[@]}"; do
		run -0 "$MDBITMAP" "--$mode" --help
		[[ $output == *"--$mode [OPTION...] DEV"* ]]
	done
}
