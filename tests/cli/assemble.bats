#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# --assemble, as far as it gets without md: what it refuses, and what it plans.
# shellcheck disable=SC2154 # bats sets stderr

bats_require_minimum_version 1.5.0
load helpers
load members

node=/dev/md_no_such_array

# Two members and their bitmap, of which chunks 3 and 4 are dirty.
setup() {
	mkdir "$BATS_TEST_TMPDIR/here" # bats keeps files of its own above it
	cd "$BATS_TEST_TMPDIR/here" || return
	make_member a.img number=0
	make_member b.img number=1
	"$MDBITMAP" --quiet --create bitmap --for=a.img --bitmap-chunk=64 --clean
	"$MDBITMAP" --quiet --mark bitmap 3c..5c
}

assemble() { "$MDBITMAP" --assemble "$node" --bitmap=bitmap "$@"; }

# refused CODE TEXT ARGUMENT...: --assemble fails so, with TEXT in one line, and
# changes no file.
refused() {
	local code=$1 text=$2 before
	shift 2
	before=$(sha256sum ./*)
	run -"$code" --separate-stderr "$MDBITMAP" --assemble "$@"
	echo "$stderr"
	[[ $stderr == *"$text"* ]]
	[[ $(wc -l <<<"$stderr") == 1 ]]
	[[ ! $output ]]
	[[ $(sha256sum ./*) == "$before" ]]
	[[ ! -e $node ]]
}

@test "without --bitmap it is a usage error" {
	refused 2 '--bitmap=FILE' "$node" a.img b.img
}

@test "without members, --uuid and --scan it is a usage error" {
	refused 2 'name them' "$node" --bitmap=bitmap
}

@test "members and --scan together are a usage error" {
	refused 2 '--scan looks for the members itself' "$node" --bitmap=bitmap --scan a.img
}

@test "a word that is no array's name is refused" {
	refused 2 'not a name for an array' /dev/sda --bitmap=bitmap a.img b.img
}

@test "a --uuid that is none is a usage error" {
	refused 2 'UUID' "$node" --bitmap=bitmap --uuid=12345 a.img b.img
}

@test "a member of another array than --uuid says is refused" {
	refused 6 'not to the one asked for' "$node" --bitmap=bitmap \
		--uuid=bbbbbbbb:bbbbbbbb:bbbbbbbb:bbbbbbbb a.img b.img
}

@test "a member that does not exist is refused" {
	refused 4 'nowhere' "$node" --bitmap=bitmap a.img nowhere
}

@test "a file that is no member is refused" {
	truncate -s 8M empty
	refused 4 'no array member' "$node" --bitmap=bitmap a.img empty
}

@test "a member whose checksum is wrong is refused" {
	printf X | dd of=b.img bs=1 seek=$((4096 + 40)) conv=notrunc status=none
	refused 6 'b.img: damaged' "$node" --bitmap=bitmap a.img b.img
}

@test "members of two arrays are refused, and both are named" {
	make_member b.img number=1 uuid=b
	refused 6 'a.img and b.img belong to different arrays' "$node" --bitmap=bitmap a.img b.img
}

@test "one device named twice is refused" {
	refused 5 'one device' "$node" --bitmap=bitmap a.img a.img
}

@test "image files are no block devices: they can be planned with only" {
	refused 1 'losetup' "$node" --bitmap=bitmap a.img b.img
}

@test "fewer members than the array had need --run" {
	refused 1 '1 of 2 members present' "$node" --bitmap=bitmap --dry-run a.img
	run -0 --separate-stderr assemble --dry-run --run a.img
	[[ $output == *'with 1 of 2 members'* ]]
}

@test "an array that was degraded already needs no --run" {
	make_member a.img roles='0 65534'
	run -0 --separate-stderr assemble --dry-run a.img
	[[ $output == *'with 1 of 2 members'* ]]
}

@test "an array without redundancy takes no bitmap" {
	make_member a.img level=0
	make_member b.img level=0 number=1
	refused 7 'no redundancy' "$node" --bitmap=bitmap --dry-run a.img b.img
}

@test "an internal bitmap is not replaced without --force" {
	make_member a.img features=1 bitmap_offset=8
	make_member b.img features=1 bitmap_offset=8 number=1
	refused 5 'internal bitmap' "$node" --bitmap=bitmap --dry-run a.img b.img
	run -0 --separate-stderr assemble --dry-run --force a.img b.img
}

@test "a bitmap that does not exist is refused" {
	refused 4 'nowhere' "$node" --bitmap=nowhere --dry-run a.img b.img
}

@test "a file that is no bitmap is refused" {
	truncate -s 64K empty
	refused 4 'bitmap' "$node" --bitmap=empty --dry-run a.img b.img
}

@test "a symbolic link as the bitmap is refused" {
	ln -s bitmap link
	refused 1 'symbolic link' "$node" --bitmap=link --dry-run a.img b.img
}

@test "a bitmap of another array is refused" {
	make_member other.img uuid=b
	"$MDBITMAP" --quiet --create other --for=other.img
	refused 6 'of another array' "$node" --bitmap=other --dry-run a.img b.img
}

@test "what an assembly of devices is refused for, the plan is, too" {
	chmod 400 bitmap
	refused 1 'read-only' "$node" --bitmap=bitmap --dry-run a.img b.img
	chmod 600 bitmap
	set_events bitmap 100
	refused 6 'a fresher one is missing' "$node" --bitmap=bitmap --dry-run a.img b.img
	printf '\x05' | dd of=bitmap bs=1 seek=4 conv=notrunc status=none
	refused 7 'clustered' "$node" --bitmap=bitmap --dry-run a.img b.img
}

@test "a truncated bitmap is refused" {
	truncate -s 260 bitmap
	refused 6 'truncated' "$node" --bitmap=bitmap --dry-run a.img b.img
}

@test "a bitmap for another size is refused" {
	"$MDBITMAP" --quiet --resize bitmap --size=6M
	refused 6 'size' "$node" --bitmap=bitmap --dry-run a.img b.img
}

@test "a bitmap whose state says WRITE_ERROR is refused" {
	printf '\x04' | dd of=bitmap bs=1 seek=48 conv=notrunc status=none
	refused 6 'state' "$node" --bitmap=bitmap --dry-run a.img b.img
	refused 6 'state' "$node" --bitmap=bitmap --dry-run --force a.img b.img
}

@test "a stale bitmap is refused, and --force takes it for all dirty" {
	make_member a.img resync=0 events=9
	make_member b.img resync=0 events=9 number=1
	refused 6 'stale' "$node" --bitmap=bitmap --dry-run a.img b.img
	run -0 --separate-stderr assemble --dry-run --force --json a.img b.img
	jq -e '.copy_full and .copy_bytes == 7340032 and .copy_chunks == 112' <<<"$output"
}

@test "the plan for a dirty array copies the dirty chunks" {
	make_member a.img resync=0
	make_member b.img resync=0 number=1
	run -0 --separate-stderr assemble --dry-run a.img b.img
	[[ $output == "would start $node with 2 of 2 members, bitmap bitmap, 2 chunks (128 KiB) to copy"* ]]
	[[ $stderr == *losetup* ]]
}

@test "the plan for a clean array copies nothing" {
	run -0 --separate-stderr assemble --dry-run a.img b.img
	[[ $output == *'nothing to copy'* ]]
}

@test "a member whose recovery by the bitmap was cut short gets the dirty chunks" {
	make_member b.img number=1 features=130
	run -0 --separate-stderr assemble --dry-run a.img b.img
	[[ $output == *'2 chunks (128 KiB) to copy'*'a member is recovered'* ]]
	[[ $output != *'one member alone'* ]]
	make_member a.img resync=0
	make_member b.img number=1 resync=0 features=130
	printf '\x02' | dd of=bitmap bs=1 seek=48 conv=notrunc status=none
	run -0 --separate-stderr assemble --dry-run a.img b.img
	[[ $output == *'112 chunks (7 MiB) to copy'* ]]
}

@test "the plan in JSON has every member, its place and its events" {
	run -0 --separate-stderr assemble --dry-run --json a.img b.img
	jq -e '.json_version == 1 and .mode == "assemble" and .dry_run
		and .slots == 2 and .slots_active == 2 and .chunk_bytes == 65536
		and .copy_bytes == 0 and (.members | length) == 2
		and .members[1].device == "b.img" and .members[1].slot == 1
		and .members[1].events == 7' <<<"$output"
}

@test "a member one event behind goes in" {
	make_member a.img events=8
	set_events bitmap 8
	run -0 --separate-stderr assemble --dry-run a.img b.img
	[[ $output == *'with 2 of 2 members'* ]]
}

@test "a member further behind is to be re-added, with the dirty chunks" {
	make_member a.img events=20 roles='0 65534'
	set_events bitmap 20
	run -0 --separate-stderr assemble --dry-run a.img b.img
	[[ $output == *'with 1 of 2 members'* ]]
	[[ $output == *"would re-add b.img to $node, 128 KiB to copy"* ]]
}

@test "a member that the bitmap no longer covers is left out" {
	make_member a.img events=20 roles='0 65534'
	set_events bitmap 20
	# events_cleared
	printf '\x14' | dd of=bitmap bs=1 seek=32 conv=notrunc status=none
	run -0 --separate-stderr assemble --dry-run a.img b.img
	[[ $output != *'re-add b.img'* ]]
	[[ $stderr == *'b.img left out'*'--add'* ]]
}

@test "a member that went its own way is left out, and is not to be re-added" {
	make_member a.img events=20 roles='0 65534'
	make_member b.img events=15 roles='65534 1' number=1
	set_events bitmap 20
	run -0 --separate-stderr assemble --dry-run a.img b.img
	[[ $output != *'re-add b.img'* ]]
	[[ $stderr == *'b.img left out'*'--add'* ]]
}

@test "a member that the freshest one calls faulty is left out" {
	make_member a.img events=8 roles='0 65534'
	set_events bitmap 8
	run -0 --separate-stderr assemble --dry-run a.img b.img
	[[ $output == *'with 1 of 2 members'* ]]
	[[ $stderr == *'b.img left out'* ]]
}

@test "control characters in a name are escaped" {
	refused 4 'no\012where' "$node" --bitmap=bitmap a.img $'no\nwhere'
}
