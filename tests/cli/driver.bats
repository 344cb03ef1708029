#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# What depends on the driver: stock md's nodes are /dev/mdN, mdbitmap.ko's
# /dev/mdbN. As far as it shows without either.
# shellcheck disable=SC2154 # bats sets stderr

bats_require_minimum_version 1.5.0
load helpers
load members

ours=/dev/mdb_no_such_array

# Two members in sync and their bitmap, of which chunks 3 and 4 are dirty.
setup() {
	mkdir "$BATS_TEST_TMPDIR/here" # bats keeps files of its own above it
	cd "$BATS_TEST_TMPDIR/here" || return
	make_member a.img number=0
	make_member b.img number=1
	"$MDBITMAP" --quiet --create bitmap --for=a.img --bitmap-chunk=64 --clean
	"$MDBITMAP" --quiet --mark bitmap 3c..5c
}

plan() { "$MDBITMAP" --assemble "$1" --bitmap=bitmap --dry-run "${@:2}" a.img b.img; }

@test "members in sync: stock md copies nothing, our driver each set bit" {
	run -0 --separate-stderr plan /dev/md_no_such_array
	[[ $output == *'nothing to copy'* ]]
	run -0 --separate-stderr plan $ours
	[[ $output == *'2 chunks (128 KiB) to copy'* ]]
	run -0 --separate-stderr plan /dev/mdb/no_such_array --json
	[[ $(jq .copy_bytes <<<"$output") == 131072 ]]
}

@test "members in sync and a stale bitmap: our driver copies nothing" {
	make_member a.img number=0 events=20
	make_member b.img number=1 events=20
	run -0 --separate-stderr plan $ours
	[[ $output == *'nothing to copy'* ]]
	run -6 --separate-stderr plan /dev/md_no_such_array
	[[ $stderr == *stale* ]]
}

@test "a member whose recovery was cut short: our driver goes on beside the bitmap" {
	make_member b.img number=1 features=130
	run -0 --separate-stderr plan $ours
	[[ $output == *'112 chunks (7 MiB) to copy'*'whatever the bitmap says'* ]]
}

@test "a file for fewer sectors than the array has is stale to our driver" {
	make_member a.img number=0 resync=0 size=14335
	make_member b.img number=1 resync=0 size=14335
	"$MDBITMAP" --quiet --create bitmap --size=14334s --uuid="$(printf 'a%.0s' {1..32})" \
		--bitmap-chunk=64 --clean --force
	set_events bitmap 7
	run -0 --separate-stderr plan $ours
	[[ $output == *'112 chunks'*'the bitmap is stale: every chunk is copied'* ]]
	run -0 --separate-stderr plan /dev/md_no_such_array
	[[ $output == *'nothing to copy'* ]]
}

@test "--check of a member says what either driver does" {
	run -0 "$MDBITMAP" --check bitmap --for=a.img
	[[ $output == *'next assembly: copies nothing'* ]]
	[[ $output == *'next assembly: with mdbitmap.ko copies 128 KiB'* ]]
	run -0 "$MDBITMAP" --check bitmap --for=a.img --json
	[[ $(jq -c '.next_assembly.now | [.copy_bytes, .mdbitmap_ko.copy_bytes]' <<<"$output") == '[0,131072]' ]]
}

@test "our driver runs mirrors only" {
	make_member a.img level=5 number=0
	make_member b.img level=5 number=1
	run -7 --separate-stderr plan $ours
	[[ $stderr == *'level 5'*'mirrors (level 1) only'* ]]
}

@test "our driver refuses members with what it does not keep, whichever has it" {
	make_member b.img number=1 features=8
	run -7 --separate-stderr plan $ours
	[[ $stderr == *'b.img: has a list of bad blocks, which the driver mdbitmap refuses'* ]]
	run -0 plan /dev/md_no_such_array
}

@test "our driver takes no file that others may write to" {
	chmod 666 bitmap
	run -1 --separate-stderr plan $ours
	[[ $stderr == *'permissions'* ]]
	run -0 plan /dev/md_no_such_array
}

@test "a name too long for our driver is refused" {
	run -2 --separate-stderr plan /dev/mdb/abcdefghijklmnopqrstuvwxyz01
	[[ $stderr == *'not a name for an array'*'the same with mdb'* ]]
}

@test "--build takes nodes of our driver, and without --assume-clean copies each bit" {
	truncate -s 7M c.img d.img
	"$MDBITMAP" --quiet --create other --size=7M --bitmap-chunk=64 --clean
	"$MDBITMAP" --quiet --mark other 3c..4c
	build() { "$MDBITMAP" --build $ours --level=1 --raid-devices=2 --bitmap=other --dry-run "$@" c.img d.img; }
	run -0 --separate-stderr build
	[[ $output == *'1 chunk (64 KiB) to copy'* ]]
	run -0 --separate-stderr build --assume-clean --force
	[[ $output == *'nothing to copy'* ]]
}

@test "a file that nobody may write to, as our driver keeps an attached one, is refused" {
	cp "$(type -P sleep)" program
	./program 60 3>&- &
	pid=$!
	until [[ /proc/$pid/exe -ef program ]]; do kill -0 $pid; done
	run -5 --separate-stderr "$MDBITMAP" --mark program all
	kill $pid
	[[ $stderr == *'program: somebody lets nobody write to it'* ]]
}
