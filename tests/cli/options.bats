#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# The command line as a whole: what belongs where, and that bad input gets one
# line and exit status 2.

bats_require_minimum_version 1.5.0
load helpers

# usage_error ARGUMENT...: refused as usage, in one line on stderr.
usage_error() {
	run --separate-stderr -2 "$MDBITMAP" "$@"
	[[ -z $output ]]
	((${#stderr_lines[@]} == 1))
	[[ $stderr == "mdbitmap: "* ]]
}

@test "--help names every mode and every option of the man page" {
	local word
	run -0 "$MDBITMAP" --help
	for word in create examine ranges map check mark clear merge diff resize \
		rechunk dump restore assemble build attach detach detail stop add \
		re-add remove fail wait for size uuid bitmap-chunk delay write-behind \
		clean bitmap scan readonly run level raid-devices assume-clean \
		write-mostly unit node byte-order svg brief json bytes dry-run yes \
		force verbose quiet color help usage version; do
		grep -qE -- "--$word\b" <<<"$output"
		grep -q "Fl -${word//-/[-]}" "$BATS_TEST_DIRNAME/../../man/mdbitmap.8"
	done
}

@test "--help of a mode shows what belongs to it and no more" {
	run -0 "$MDBITMAP" --create --help
	[[ $output == *"--create [OPTION...] FILE"* ]]
	[[ $output == *--bitmap-chunk* && $output == *--dry-run* ]]
	[[ $output != *--scan* && $output != *--assemble* ]]
}

@test "--usage and --version answer on standard output" {
	run -0 --separate-stderr "$MDBITMAP" --usage
	[[ $output == Usage:* && -z $stderr ]]
	run -0 --separate-stderr "$MDBITMAP" --version
	[[ $output =~ ^mdbitmap\ [0-9.]+$ && -z $stderr ]]
}

@test "no mode, or two, is a usage error" {
	usage_error
	usage_error some-file
	usage_error --create --examine some-file
	[[ $stderr == *--create*--examine* ]]
}

@test "an option of another mode is refused by name" {
	usage_error --examine some-file --clean
	[[ $stderr == *--clean*--examine* ]]
	usage_error --ranges some-file --dry-run
	usage_error --create some-file --scan
}

@test "a value is a value, though it reads like an option" {
	usage_error --examine some-file --color --write-behind
	[[ $stderr == *"--color=--write-behind: auto, always or never" ]]
	usage_error -C some-file -z --write-behind
	[[ $stderr == *"'--write-behind' is not a size"* ]]
	usage_error --create some-file --size -- --write-behind --delay=0
	[[ $stderr == *"'--' is not a size"* ]]
}

@test "an unknown option, or one without its argument, is a usage error" {
	usage_error --create some-file --no-such-thing
	[[ $stderr == *--no-such-thing* ]]
	usage_error --create some-file --size
	usage_error --create some-file --clean=yes
}

@test "an option given twice is refused, not the last one taken" {
	usage_error --create some-file --size=1G --size=2G
	[[ $stderr == *--size*twice* ]]
}

@test "too few and too many arguments are refused" {
	usage_error --create
	usage_error --create one two
	usage_error --mark some-file
	usage_error --fail /dev/md0
}

@test "--quiet and --verbose exclude each other" {
	usage_error --examine some-file --quiet --verbose
}

@test "--color takes three words" {
	usage_error --examine some-file --color=sometimes
}

@test "options may stand before and behind arguments, and behind -- none do" {
	run -0 "$MDBITMAP" --size=1G --create a.bitmap --quiet
	run -0 "$MDBITMAP" --create --size=1G --quiet -- --b.bitmap
	[[ -f a.bitmap && -f --b.bitmap ]]
}

@test "POSIXLY_CORRECT does not make arguments of options" {
	POSIXLY_CORRECT=1 run -0 "$MDBITMAP" --create a.bitmap --size=1G --dry-run
	[[ ! -e a.bitmap && ! -e --dry-run ]]
}

@test "the words of mdadm for no bitmap file are no names of one" {
	local word
	for word in none internal; do
		usage_error --build /dev/mdb9 --level=1 --raid-devices=2 --bitmap=$word a b
		[[ $stderr == *" --bitmap=$word: "*" ./$word" ]]
		usage_error --assemble /dev/mdb9 --bitmap=$word a b
	done
}

@test "an error is said to its end, however long the name" {
	local dir
	dir=$(printf 'd%.0s' {1..200})
	mkdir -p "$dir/$dir/$dir/$dir/$dir"
	run -4 "$MDBITMAP" --examine "$PWD/$dir/$dir/$dir/$dir/$dir/none"
	[[ $output == *"/none: No such file or directory" ]]
}

@test "--write-behind does not eat the word behind it" {
	run -0 "$MDBITMAP" --create --size=1G --write-behind a.bitmap
	[[ -f a.bitmap ]]
	run -0 "$MDBITMAP" --examine a.bitmap
	[[ $output == *"write behind, max 256"* ]]
}

@test "control characters in a name never reach the terminal" {
	usage_error --create some-file --$'\e[2J'
	[[ $stderr != *$'\e'* ]]
	run -4 "$MDBITMAP" --examine $'no\nsuch\e[31mfile'
	[[ $output != *$'\e'* ]]
	((${#lines[@]} == 1))
}

@test "output that cannot be written is an error" {
	[[ -c /dev/full ]] || skip "needs /dev/full"
	run -0 "$MDBITMAP" --create --size=1G --quiet a.bitmap
	run -1 bash -c '"$0" --examine a.bitmap >/dev/full' "$MDBITMAP"
	run -1 bash -c '"$0" --ranges a.bitmap --json >/dev/full' "$MDBITMAP"
}
