#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# --ranges: every dirty range, and nothing else on standard output.

# shellcheck disable=SC2154 # stderr is of bats, device of bitmaps.bash
# shellcheck disable=SC2016 # what bash -c is given
bats_require_minimum_version 1.5.0
load helpers
load members
load bitmaps
load writing

ranges() { "$MDBITMAP" --ranges "$@"; }

@test "each range is half-open, in the unit that was asked for" {
	# 8 chunks of 64 KiB, the last one half in the array: 0 2 4 5 7 are dirty.
	make_bitmap f sectors=960 bits=b5
	run -0 ranges f
	[[ $output == $'0..65536\n131072..196608\n262144..393216\n458752..491520' ]]
	run -0 ranges --unit=sectors f
	[[ $output == $'0..128\n256..384\n512..768\n896..960' ]]
	run -0 ranges --unit=chunks f
	[[ $output == $'0..1\n2..3\n4..6\n7..8' ]]
	run -2 ranges --unit=parsecs f
}

@test "a clean bitmap has no ranges, one all dirty has one" {
	make_bitmap f
	run -0 ranges f
	[[ ! $output ]]
	make_bitmap f sectors=960 bits=ff
	run -0 ranges f
	[[ $output == 0..491520 ]]
}

@test "ranges go on from one window of the reader to the next" {
	make_bitmap f sectors=$((20 << 27))
	# Windows end at multiples of 1 MiB; bit n is in byte 256 + n / 8.
	bytes f $(((1 << 20) - 1)) 80 ff 01
	bytes f $((1 << 21)) 01
	bytes f $(($(stat -c %s f) - 1)) 80
	run -0 ranges --unit=chunks f
	base=$((((1 << 20) - 256) * 8))
	two=$((((1 << 21) - 256) * 8))
	[[ $output == "$((base - 1))..$((base + 9))"$'\n'"$two..$((two + 1))"$'\n'20971519..20971520 ]]
}

@test "every dirty chunk is listed and no clean one" {
	make_bitmap f sectors=$((4099 * 128)) chunk=65536
	for i in 1 2 3; do
		head -c $((513 / i)) /dev/urandom | dd of=f bs=256 seek=1 conv=notrunc status=none
		ranges --unit=chunks f | while IFS=. read -r from _ to; do
			seq "$from" $((to - 1))
		done >listed
		diff listed <(dirty f | xargs -n1)
	done
}

@test "every second chunk dirty: as many lines as dirty chunks" {
	make_bitmap f sectors=$((1 << 27)) chunk=65536
	yes U | tr -d '\n' | head -c 131072 | dd of=f bs=256 seek=1 conv=notrunc status=none
	(($(ranges f | wc -l) == 524288))
	[[ $(ranges --unit=chunks f | tail -n 1) == 1048574..1048575 ]]
}

@test "the words are ranges that --mark takes" {
	make_bitmap a sectors=100001 chunk=4096
	make_bitmap b sectors=100001 chunk=4096
	head -c 1500 /dev/urandom | dd of=a bs=256 seek=1 conv=notrunc status=none
	for unit in bytes sectors chunks; do
		# shellcheck disable=SC2046 # that is the point
		"$MDBITMAP" --mark --unit=$unit --quiet b $(ranges --unit=$unit a)
		diff <(ranges a) <(ranges b)
		"$MDBITMAP" --clear --quiet b all
	done
}

@test "the largest offsets are exact" {
	make_bitmap f sectors=$(((1 << 31) * 8)) chunk=4096
	bytes f $(($(stat -c %s f) - 1)) 80
	run -0 ranges f
	[[ $output == 8796093018112..8796093022208 ]]
	make_bitmap f sectors=$((1 << 45)) chunk=$((1 << 31)) bits=01
	run -0 ranges f
	[[ $output == 0..2147483648 ]]
}

@test "the summary is for --verbose and for people" {
	make_bitmap f sectors=960 bits=b5
	run -0 --separate-stderr ranges f
	[[ ! $stderr ]]
	run -0 --separate-stderr ranges --verbose f
	[[ ${#lines[@]} == 4 ]]
	[[ $stderr == "mdbitmap: f: 4 ranges, 5 dirty chunks, 288 KiB of 480 KiB" ]]
}

@test "json streams the ranges with the unit in each key" {
	make_bitmap f sectors=960 bits=b5
	run -0 ranges --json f
	jq -e '.mode == "ranges" and .chunk_bytes == 65536 and .size_bytes == 491520 and
		.ranges[3] == {"start_bytes": 458752, "end_bytes": 491520}' <<<"$output"
	run -0 ranges --json --unit=chunks f
	jq -e '[.ranges[] | .end_chunks - .start_chunks] | add == 5' <<<"$output"
	make_bitmap f
	run -0 ranges --json f
	jq -e '.ranges == []' <<<"$output"
}

@test "all nodes of a clustered bitmap count, or the one that is named" {
	for k in 0 1 2; do
		make_super f $((4096 * k)) version=5 nodes=3 sectors=14336 chunk=4096
		bytes f $((4096 * k + 256 + k)) 01
	done
	truncate -s 12K f
	run -0 ranges --unit=chunks f
	[[ $output == $'0..1\n8..9\n16..17' ]]
	run -0 ranges --unit=chunks --node=1 f
	[[ $output == 8..9 ]]
	run -2 --separate-stderr ranges --node=3 f
	make_bitmap g
	run -2 --separate-stderr ranges --node=0 g
	[[ $stderr == *"not clustered"* ]]
	make_super f 8192 version=5 nodes=3 sectors=14336 chunk=8192
	run -6 --separate-stderr ranges f
	[[ $stderr == *"node 2"* ]]
}

@test "the chunks of a lockless bitmap that owe a sync are dirty" {
	make_bitmap f version=6 chunk=128 sectors=$((128 * 9)) length=1033
	bytes f 1024 00 01 02 03 04 05 06 07 ff
	run -0 ranges --unit=chunks f
	[[ $output == $'2..7\n8..9' ]]
}

@test "big-endian bits are listed in the order of the array" {
	make_bitmap f version=3 sectors=$((70 * 128)) length=272 \
		bits='80 00 00 00 00 00 00 01 00 00 00 00 00 00 00 20'
	run -0 ranges --unit=chunks --byte-order=big64 f
	[[ $output == $'0..1\n63..64\n69..70' ]]
	# Chunks 64 and up are in the last four bytes, which are not all there.
	truncate -s 270 f
	run -6 ranges --byte-order=big64 f
	# and the object does not pass for whole
	run -6 --separate-stderr ranges --json --byte-order=big64 f
	[[ mdbitmap:\ $(jq -r .error <<<"$output") == "$stderr" ]]
	run -0 ranges --json f
	jq -e 'has("error") and .error == null' <<<"$output"
}

@test "an internal bitmap is listed like a file" {
	make_member_with_bitmap m
	bytes m 8448 06
	run -0 ranges m
	[[ $output == 4096..12288 ]]
}

@test "of a truncated or damaged bitmap nothing is listed" {
	make_bitmap f length=1000 bits=ff
	run -6 --separate-stderr ranges f
	[[ ! $output && $stderr == *truncated* ]]
	make_bitmap f chunk=3000 length=4096 bits=ff
	run -6 --separate-stderr ranges f
	[[ ! $output && $stderr == *"power of two"* ]]
	run -4 ranges absent
}

@test "a reader that leaves early ends it" {
	make_bitmap f sectors=$((1 << 27)) chunk=65536
	yes U | tr -d '\n' | head -c 131072 | dd of=f bs=256 seek=1 conv=notrunc status=none
	run -0 bash -c '"$0" --ranges f | head -n 1' "$MDBITMAP"
	[[ $output == 0..65536 ]]
	[[ -w /dev/full ]] || skip "no /dev/full"
	run -1 --separate-stderr bash -c '"$0" --ranges f >/dev/full' "$MDBITMAP"
	[[ $stderr == *"standard output"* ]]
}

@test "bits that count for nothing, as the file is stale, are said to" {
	make_bitmap f state=2
	run -0 --separate-stderr ranges f
	[[ ! $output && $stderr == *f*STALE*"every chunk counts as dirty"* ]]
	run -0 --separate-stderr "$MDBITMAP" --map f
	[[ $stderr == *STALE* ]]
	make_bitmap f state=4
	run -0 --separate-stderr ranges f
	[[ $stderr == *WRITE_ERROR* ]]
	for k in 0 1; do
		make_super g $((4096 * k)) version=5 nodes=2 sectors=14336 chunk=4096 state=$((2 * k))
	done
	truncate -s 8K g
	run -0 --separate-stderr ranges g
	[[ $stderr == *g*STALE* ]]
	run -0 --separate-stderr ranges --node=1 g
	[[ $stderr == *g*STALE* ]]
	run -0 --separate-stderr ranges --node=0 g
	[[ ! $stderr ]]
	make_bitmap f
	run -0 --separate-stderr ranges f
	[[ ! $stderr ]]
}
