#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# --build, as far as it gets without md: what it refuses, and what it plans.
# shellcheck disable=SC2154 # bats sets stderr

bats_require_minimum_version 1.5.0
load helpers
load members

node=/dev/md_no_such_array

setup() {
	mkdir "$BATS_TEST_TMPDIR/here" # bats keeps files of its own above it
	cd "$BATS_TEST_TMPDIR/here" || return
	truncate -s 8M a.img
	truncate -s 10M b.img
}

# build ARGUMENT...: what a mirror of two takes, and ARGUMENTs.
build() { "$MDBITMAP" --build "$node" --level=1 --raid-devices=2 "$@"; }

# refused CODE TEXT ARGUMENT...: --build fails so, with TEXT in one line, and
# changes no file.
refused() {
	local code=$1 text=$2 before
	shift 2
	before=$(sha256sum ./*)
	run -"$code" --separate-stderr "$MDBITMAP" --build "$@"
	echo "$stderr"
	[[ $stderr == *"$text"* ]]
	[[ $(wc -l <<<"$stderr") == 1 ]]
	[[ ! $output ]]
	[[ $(sha256sum ./*) == "$before" ]]
	[[ ! -e $node ]]
}

# refused_mirror: the same, of what is otherwise right.
refused_mirror() {
	local code=$1 text=$2
	shift 2
	refused "$code" "$text" "$node" --level=1 --raid-devices=2 --bitmap=bitmap "$@"
}

@test "without --bitmap, --level or --raid-devices it is a usage error" {
	refused 2 '--bitmap=FILE' "$node" --level=1 --raid-devices=2 a.img b.img
	refused 2 '--level=1' "$node" --bitmap=bitmap --raid-devices=2 a.img b.img
	refused 2 '--raid-devices=N' "$node" --bitmap=bitmap --level=1 a.img b.img
}

@test "levels that keep no bitmap without metadata are not supported" {
	refused 7 'mirrors only' "$node" --level=raid5 --raid-devices=2 --bitmap=bitmap a.img b.img
	refused 7 'mirrors only' "$node" --level=0 --raid-devices=2 --bitmap=bitmap a.img b.img
}

@test "a level that does not exist is a usage error" {
	refused 2 'no such level' "$node" --level=raid7 --raid-devices=2 --bitmap=bitmap a.img b.img
}

@test "1, raid1 and mirror are the same level" {
	for level in 1 raid1 mirror; do
		run -0 --separate-stderr "$MDBITMAP" --build "$node" --level=$level \
			--raid-devices=2 --bitmap=bitmap --dry-run a.img b.img
	done
}

@test "the number of members must be that of the slots" {
	refused_mirror 2 '1 member named' a.img
	refused_mirror 2 '3 members named' a.img b.img missing
}

@test "a mirror of one device needs --force" {
	refused 2 'mirrors nothing' "$node" --level=1 --raid-devices=1 --bitmap=bitmap a.img
	run -0 --separate-stderr "$MDBITMAP" --build "$node" --level=1 --raid-devices=1 \
		--bitmap=bitmap --dry-run --force a.img
}

@test "more slots than md has without metadata are a usage error" {
	refused 2 '27' "$node" --level=1 --raid-devices=28 --bitmap=bitmap a.img b.img
}

@test "one member at least must be there" {
	refused_mirror 2 'missing' missing missing
}

@test "a member that does not exist is refused" {
	refused_mirror 4 'nowhere' a.img nowhere
}

@test "one device named twice is refused" {
	refused_mirror 5 'one device' a.img a.img
}

@test "a member with metadata is refused without --force" {
	make_member a.img
	refused_mirror 5 'use --assemble' a.img b.img
	run -0 --separate-stderr build --bitmap=bitmap --dry-run --force a.img b.img
}

@test "image files are no block devices: they can be planned with only" {
	refused_mirror 1 'losetup' a.img b.img
	[[ ! -e bitmap ]]
}

@test "a size larger than the smallest member is refused" {
	refused_mirror 2 'a.img has only 8 MiB' --dry-run --size=9M a.img b.img
}

@test "chunks that md does not take are refused" {
	refused_mirror 2 'power of two' --dry-run --bitmap-chunk=12 a.img b.img
	refused_mirror 2 'at least 4096' --dry-run --bitmap-chunk=2 a.img b.img
	refused_mirror 2 '--delay' --dry-run --delay=0 a.img b.img
	refused_mirror 2 '--write-behind' --dry-run --write-behind=16384 a.img b.img
}

@test "the plan takes the size of the smallest member and makes a bitmap" {
	run -0 --separate-stderr build --bitmap=bitmap --bitmap-chunk=64 --dry-run a.img b.img
	[[ $output == "would build $node from 2 of 2 members, 8 MiB, new bitmap bitmap, 128 chunks (8 MiB) to copy"* ]]
	[[ ! -e bitmap ]]
}

@test "an odd sector at the end of a member is not used" {
	truncate -s $((8192 * 1024 + 512)) a.img
	run -0 --separate-stderr build --bitmap=bitmap --dry-run --json a.img b.img
	jq -e '.size_bytes == 8388608' <<<"$output"
}

@test "the plan in JSON has the slots in order, missing ones too" {
	run -0 --separate-stderr build --bitmap=bitmap --dry-run --json --size=4M \
		--write-behind missing --write-mostly b.img
	jq -e '.mode == "build" and .dry_run and .size_bytes == 4194304
		and .slots == 2 and .slots_active == 1 and .bitmap_new
		and .members[0].device == null and .members[1].write_mostly
		and .write_behind == 256 and .copy_bytes == 0' <<<"$output"
}

@test "an existing bitmap is taken as it is: only its dirty chunks are copied" {
	"$MDBITMAP" --quiet --create bitmap --size=8M --bitmap-chunk=64 --clean
	"$MDBITMAP" --quiet --mark bitmap 5c+3c
	run -0 --separate-stderr build --bitmap=bitmap --dry-run a.img b.img
	[[ $output == *'existing bitmap bitmap, 3 chunks (192 KiB) to copy'* ]]
}

@test "an existing bitmap has its own chunk size and delay" {
	"$MDBITMAP" --quiet --create bitmap --size=8M --bitmap-chunk=64
	refused_mirror 2 '64 KiB' --dry-run --bitmap-chunk=128 a.img b.img
	refused_mirror 2 '5 s' --dry-run --delay=9 a.img b.img
	run -0 --separate-stderr build --bitmap=bitmap --dry-run --bitmap-chunk=64 --delay=5 a.img b.img
}

@test "an existing bitmap of an array with metadata is refused without --force" {
	"$MDBITMAP" --quiet --create bitmap --size=8M --uuid="$(printf 'a%.0s' {1..32})"
	refused_mirror 6 'belongs to an array with metadata' --dry-run a.img b.img
	run -0 --separate-stderr build --bitmap=bitmap --dry-run --force a.img b.img
}

@test "an existing bitmap of another size is refused" {
	"$MDBITMAP" --quiet --create bitmap --size=4M
	refused_mirror 6 'size' --dry-run a.img b.img
}

@test "--assume-clean over set bits is refused without --force" {
	"$MDBITMAP" --quiet --create bitmap --size=8M --bitmap-chunk=64 --clean
	"$MDBITMAP" --quiet --mark bitmap 5c+3c
	refused_mirror 6 '3 chunks' --dry-run --assume-clean a.img b.img
	run -0 --separate-stderr build --bitmap=bitmap --dry-run --assume-clean --force a.img b.img
	[[ $output == *'nothing to copy'* ]]
}

@test "--assume-clean over a bitmap marked stale is refused without --force" {
	"$MDBITMAP" --quiet --create bitmap --size=8M --bitmap-chunk=64 --clean
	printf '\x02' | dd of=bitmap bs=1 seek=48 conv=notrunc status=none
	refused_mirror 6 'out of date' --dry-run --assume-clean a.img b.img
}

@test "a file that is no bitmap is refused" {
	truncate -s 64K bitmap
	refused_mirror 4 'bitmap' --dry-run a.img b.img
}

@test "a symbolic link as the bitmap is refused, dangling too" {
	"$MDBITMAP" --quiet --create real --size=8M
	ln -s real bitmap
	refused_mirror 1 'symbolic link' --dry-run a.img b.img
	rm real
	run -1 --separate-stderr build --bitmap=bitmap --dry-run a.img b.img
	[[ $stderr == *'symbolic link'* ]]
}

@test "a bitmap in a directory that does not exist is refused" {
	refused 4 'nowhere' "$node" --level=1 --raid-devices=2 --bitmap=nowhere/bitmap \
		--dry-run a.img b.img
}

@test "--write-mostly with no member behind it is a usage error" {
	refused_mirror 2 'before the members' --dry-run a.img b.img --write-mostly
}

@test "write-behind without a write-mostly member gets a remark" {
	run -0 --separate-stderr build --bitmap=bitmap --dry-run --write-behind a.img b.img
	[[ $stderr == *'--write-mostly'* ]]
	run -0 --separate-stderr build --bitmap=bitmap --dry-run --write-behind a.img --write-mostly b.img
	[[ $stderr != *'--write-mostly'* ]]
}
