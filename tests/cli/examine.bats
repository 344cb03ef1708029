#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# --examine: the same text as mdadm's where mdadm is right, and the truth
# where it is not.

# shellcheck disable=SC2154 # stderr is of bats, device of bitmaps.bash
# shellcheck disable=SC2016 # what bash -c is given
bats_require_minimum_version 1.5.0
load helpers
load members
load bitmaps

teardown() { free_device; }

examine() { "$MDBITMAP" --examine "$@"; }

# same_as_mdadm ARGUMENT...
same_as_mdadm() {
	diff <(mdadm -X "$@" 2>&1) <(examine "$@" 2>&1)
}

# line LABEL: what $output has there.
line() { sed -n "s/^ *$1 : //p" <<<"$output"; }

# random BITS: a number below 2^BITS.
random() { echo $(((RANDOM << 45 ^ RANDOM << 30 ^ RANDOM << 15 ^ RANDOM) & ((1 << $1) - 1))); }

@test "line for line what mdadm prints, on many kinds of files" {
	needs_mdadm
	RANDOM=1
	for i in {1..60}; do
		chunk=$((1 << 9 + $(random 6) % 23))
		sectors=$(((1 + $(random 17)) * chunk / 512 - $(random 22) % (chunk / 512)))
		behind=(0 0 1 256 16383)
		state=(0 0 2)
		make_bitmap f version=$((3 + i % 2)) sectors=$sectors chunk=$chunk \
			events="$(random 60)" cleared="$(random 40)" delay=$((1 + $(random 8))) \
			behind="${behind[i % 5]}" state="${state[i % 3]}" \
			uuid="$(od -An -N16 -tx1 /dev/urandom | xargs)"
		bits=$(($(stat -c %s f) - 256))
		((i % 4)) && head -c $((bits / (i % 4) + 1)) /dev/urandom |
			dd of=f bs=256 seek=1 conv=notrunc status=none
		((i % 3)) && truncate -s $((256 + bits)) f
		echo "file $i: $sectors sectors, $chunk"
		same_as_mdadm f
		same_as_mdadm f --brief
	done
}

@test "sizes are rounded as mdadm rounds them" {
	needs_mdadm
	for sectors in 1 2 3 9999 10000 10001 505457 573311 4194303 4194304 \
		4294967295 4294967296 17179869185 17592186044417; do
		chunk=4096
		while ((sectors * 512 / chunk > 1 << 20 && chunk < 1 << 31)); do chunk=$((chunk * 2)); done
		make_bitmap f sectors=$sectors chunk=$chunk
		same_as_mdadm f
	done
}

@test "shares of dirty chunks are rounded as mdadm rounds them" {
	needs_mdadm
	for bits in 1 3 8 160 400 800 1999 2000; do
		for hex in '' 01 07 'ff 01'; do
			make_bitmap f sectors=$((bits * 8)) chunk=4096 bits="$hex"
			same_as_mdadm f
		done
	done
}

@test "of several files all are shown, one after the other" {
	needs_mdadm
	make_bitmap f
	make_bitmap g events=9
	same_as_mdadm f g
}

@test "the internal bitmap of a member is what mdadm finds on the device" {
	needs_mdadm
	make_member_with_bitmap m events=12
	bytes m 8448 ff 01
	as_device m
	same_as_mdadm "$device"
	same_as_mdadm "$device" --brief
}

@test "the internal bitmap of a 0.90 member is what mdadm finds on the device" {
	needs_mdadm
	make_member_090 m
	as_device m
	same_as_mdadm "$device"
}

# make_clustered FILE OFFSET: three nodes, 1, 2 and 3 chunks dirty.
make_clustered() {
	local k dirty=(01 03 07)
	for k in 0 1 2; do
		make_super "$1" $(($2 + 4096 * k)) version=5 nodes=3 name=web sectors=14336 \
			chunk=4096 events=$((10 + k)) cleared=$k uuid="$(printf 'aa %.0s' {1..15})aa"
		bytes "$1" $(($2 + 4096 * k + 256)) "${dirty[k]}"
	done
}

@test "every node of a clustered bitmap is what mdadm finds on the device" {
	needs_mdadm
	make_member m features=257 bitmap_offset=8
	make_clustered m 8192
	as_device m
	same_as_mdadm "$device"
}

@test "images of members need no block device and no root" {
	make_member_with_bitmap m
	bytes m 8448 07
	run -0 examine m
	[[ $(line UUID) == aaaaaaaa:aaaaaaaa:aaaaaaaa:aaaaaaaa ]]
	[[ $(line Bitmap) == "1792 bits (chunks), 3 dirty (0.2%)" ]]
}

@test "the uuid of a 0.90 array is printed as the array prints it" {
	make_member_090 m
	run -0 examine m
	[[ $(line UUID) == 00010203:04050607:08090a0b:0c0d0e0f ]]
}

@test "every flag of the state has its word, unknown ones are numbers" {
	while read -r flags words; do
		make_bitmap f state="$flags"
		run -0 examine f
		echo "$flags: $(line State)"
		[[ $(line State) == "$words" ]]
	done <<-'END'
		0 OK
		0x2 Out of date
		0x4 Write error
		0x6 Out of date, Write error
		0x8000 OK
		0x8002 Out of date
		0x8 0x8
		0x10106 Out of date, Write error, 0x10100
	END
	make_bitmap f version=6 chunk=128 length=17408 state=0x38
	run -0 examine f
	[[ $(line State) == "First use, Clean at first use, Daemon busy" ]]
}

@test "a short file shows what is there and says what is missing" {
	make_bitmap f length=1000 bits='ff 01'
	run -6 --separate-stderr examine f
	[[ $(line Bitmap) == "5952 bits (chunks), 9 dirty (0.2%)" ]]
	[[ $(line Missing) == "1304 bytes at the end: 10432 chunks unknown" ]]
	[[ $stderr == "mdbitmap: f: truncated: 1000 bytes, its 16384 chunks need 2304" ]]
}

@test "a file that ends with its superblock has no bits, and says so" {
	make_bitmap f length=256
	run -6 --separate-stderr examine f
	[[ $(line Bitmap) == "0 bits (chunks), 0 dirty (0.0%)" ]]
	[[ $(line Missing) == "2048 bytes at the end: 16384 chunks unknown" ]]
}

@test "bits past the last chunk are not counted" {
	make_bitmap f sectors=1001 length=4096 bits='ff ff ff'
	run -0 examine f
	[[ $(line Bitmap) == "8 bits (chunks), 8 dirty (100.0%)" ]]
}

@test "a lockless bitmap is counted by state" {
	make_bitmap f version=6 chunk=128 sectors=$((128 * 20)) length=1044
	bytes f 1024 00 01 01 02 02 02 03 04 05 06 07 ff 00
	run -0 examine f
	[[ $(line Version) == 6 && $(line Chunksize) == "64 KB" ]]
	[[ $(line "Sync Size") == 1280 ]]
	[[ $(line Bitmap) == "20 bits (chunks), 8 dirty (40.0%)" ]]
	diff <(line States) - <<-'END'
		9 unwritten
		2 clean
		3 dirty
		2 need sync
		1 syncing
		1 need sync, unwritten
		1 syncing, unwritten
		1 clean, unwritten
	END
	run -0 examine --json f
	jq -e '.bitmaps[0] | .dirty_chunks == 8 and .states.need_sync_chunks == 2 and
		([.states[]] | add) == .chunks' <<<"$output"
}

@test "the nodes of a clustered bitmap are read from a regular file too" {
	make_clustered f 0
	truncate -s 8704 f
	run -0 examine f
	[[ $(line "Cluster nodes") == 3 ]]
	[[ $(line "Node Slot") == $'0\n1\n2' && $(line Events) == $'10\n11\n12' ]]
	[[ $(line Bitmap) == *", 1 dirty"*$'\n'*", 2 dirty"*$'\n'*", 3 dirty"* ]]
	run -0 examine --json f
	jq -e '.bitmaps[0] | .dirty_chunks == 3 and
		[.node_list[].dirty_chunks] == [1, 2, 3]' <<<"$output"
}

@test "a clustered file without its last node shows the others" {
	make_clustered f 0
	truncate -s 8300 f
	run -6 --separate-stderr examine f
	[[ $(line "Node Slot") == $'0\n1' ]]
	[[ $output == *"Unable to read bitmap on node: 2"* ]]
	[[ $stderr == "mdbitmap: f: truncated: the superblock of node 2 is not there" ]]
}

@test "a damaged superblock is shown as far as it goes, then the fault" {
	while read -r field fault; do
		make_bitmap f "$field" length=4096
		run -6 --separate-stderr examine f
		echo "$field: $stderr"
		[[ $(line UUID) && $(line "Sync Size") && ! $(line Bitmap) ]]
		[[ $stderr == "mdbitmap: f: bitmap superblock: $fault" ]]
	done <<-'END'
		chunk=0 chunksize is 0, must be not zero
		chunk=3000 chunksize is 3000, must be a power of two
		chunk=256 chunksize is 256, must be at least 512 bytes
		delay=0 daemon_sleep is 0, must be at least 1 second
		behind=16384 write_behind is 16384, must be at most 16383
		nodes=3 nodes is 3, must be 0 unless the version is 5
	END
}

@test "an unknown version is named, and nothing is guessed of the rest" {
	make_bitmap f version=7
	run -7 --separate-stderr examine f
	[[ $(line Version) == 7 && ! $(line UUID) ]]
	[[ $stderr == *"version is 7, must be 3, 4, 5 or 6" ]]
}

@test "what is no bitmap is said to be none" {
	head -c 5000 /dev/zero >zero
	printf bitm >four
	mkdir directory
	for f in zero four directory; do
		run -4 --separate-stderr examine "$f"
		[[ ! $output && $stderr == "mdbitmap: $f: "* ]]
	done
	run -4 --separate-stderr examine absent
	[[ $stderr == "mdbitmap: absent: No such file or directory" ]]
}

@test "one bad file hides none of the others, and the worst decides" {
	make_bitmap good
	make_bitmap short length=1000
	run -6 --separate-stderr examine absent short good
	[[ $(line Filename) == $'short\ngood' ]]
	[[ $stderr == *"absent: No such"*$'\n'*"short: truncated"* ]]
	run -6 --separate-stderr examine --json absent short good
	jq -e '[.bitmaps[] | .file] == ["absent", "short", "good"] and
		(.bitmaps[0].error | test("No such")) and
		(.bitmaps[1].error | test("truncated")) and .bitmaps[2].error == null' <<<"$output"
}

@test "json has every field as a number with its unit" {
	make_bitmap f state=2 behind=256 events=18446744073709551615 sectors=1001 \
		reserved=8 bits='a5'
	run -0 examine --json f
	jq -e '.mode == "examine" and .json_version == 1 and (.bitmaps[0] |
		.version == 4 and .uuid == "00010203:04050607:08090a0b:0c0d0e0f" and
		.state == ["Out of date"] and .state_flags == 2 and .chunk_bytes == 65536 and
		.delay_seconds == 5 and .write_behind_requests == 256 and
		.sync_size_sectors == 1001 and .reserved_sectors == 8 and
		.room_bytes == 257 and .needed_bytes == 257 and .missing_bytes == 0 and
		.chunks == 8 and .present_chunks == 8 and .unknown_chunks == 0 and
		.dirty_chunks == 4 and .dirty_bytes == 3 * 65536 + 1001 * 512 - 7 * 65536 and
		.dirty_percent == 50 and .error == null)' <<<"$output"
	grep -q '"events": 18446744073709551615' <<<"$output"
	make_bitmap f length=1000
	run -6 --separate-stderr examine --json f
	jq -e '.bitmaps[0] | .present_chunks == 5952 and .unknown_chunks == 10432 and
		.missing_bytes == 1304' <<<"$output"
}

@test "names with control characters are escaped" {
	make_super "$(printf 'a\033[31mb')" 0 version=5 nodes=1 name=$'x\033y' sectors=8 chunk=4096
	truncate -s 4096 a*
	run -0 examine a*
	[[ $(line Filename) == 'a\033[31mb' ]]
	[[ $(line "Cluster name") == 'x\033y'* ]]
}

@test "big-endian bits are counted as that host counts them" {
	# 12 chunks; on a 64-bit host 0 to 7 are the last byte of the word.
	make_bitmap f version=3 sectors=$((12 * 128)) length=264 bits='ff ff ff ff ff ff ff 01'
	run -0 examine f
	[[ $(line Bitmap) == "12 bits (chunks), 12 dirty "* ]]
	run -0 examine --byte-order=big64 f
	[[ $(line Bitmap) == "12 bits (chunks), 5 dirty "* ]]
	run -0 examine --byte-order=big32 f
	[[ $(line Bitmap) == "12 bits (chunks), 12 dirty "* ]]
	run -2 examine --byte-order=middle f
}

@test "--bytes prints sizes in bytes" {
	make_bitmap f
	run -0 examine --bytes f
	[[ $(line Chunksize) == "65536 B" && $(line "Sync Size") == "1073741824 B" ]]
}

@test "dirty chunks on both sides of every window of the reader are counted" {
	make_bitmap f sectors=$((20 << 27)) chunk=65536
	for at in 256 $(((1 << 20) - 1)) $((1 << 20)) $(((1 << 21) - 1)) $((1 << 21)) \
		$(($(stat -c %s f) - 1)); do
		bytes f "$at" ff
	done
	run -0 examine f
	[[ $(line Bitmap) == "20971520 bits (chunks), 48 dirty (0.0%)" ]]
}

@test "a full output device is an error" {
	make_bitmap f
	[[ -w /dev/full ]] || skip "no /dev/full"
	run -1 --separate-stderr bash -c '"$0" --examine f >/dev/full' "$MDBITMAP"
	[[ $stderr == *"standard output"* ]]
}
