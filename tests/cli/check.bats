#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# --check: what it finds wrong, what it forecasts, and its exit status. The
# array's side comes from images of members.

# shellcheck disable=SC2154 # bats sets output and stderr_lines

bats_require_minimum_version 1.5.0
load helpers
load members
load bitmaps
load writing

uuid=aaaaaaaa:aaaaaaaa:aaaaaaaa:aaaaaaaa

# make_bitmap [OPTION...]: "bitmap", of that array, 112 chunks of 64 KiB.
make_bitmap() {
	"$MDBITMAP" --quiet --create bitmap --size=7M --uuid=$uuid --bitmap-chunk=64K "$@"
}

# check STATUS ARGUMENT...: with root's file. That of another user always asks
# for attention, unless there is worse.
check() {
	local status=$1
	shift
	((EUID == 0 || status)) || status=3
	run "-$status" --separate-stderr "$MDBITMAP" --check bitmap "$@"
}

# json FILTER: of the last output.
json() { jq -er "$1" <<<"$output"; }

@test "a sound bitmap with nothing to copy is trusted: 0" {
	make_bitmap --clean
	check 0
	[[ $output == *"next assembly:"*"copies nothing"* ]]
	((EUID)) || [[ $output == *"verdict: to be trusted"* ]]
}

@test "dirty chunks of an array unknown ask for attention: 3" {
	make_bitmap --clean
	"$MDBITMAP" --quiet --mark bitmap 64K+64K
	check 3
	[[ $output == *"dirty: 1 of 112 chunks, 64 KiB"* ]]
	[[ $output == *"after a crash: copies 64 KiB"* ]]
	[[ $output == *"after a clean stop: copies nothing"* ]]
}

@test "dirty chunks of an array without metadata are copied, however it was stopped: 3" {
	"$MDBITMAP" --quiet --create bitmap --size=7M --bitmap-chunk=64K --clean
	"$MDBITMAP" --quiet --mark bitmap 64K+64K
	check 3
	[[ $output == *"next assembly: copies 64 KiB: without metadata"* ]]
	[[ $output != *"copies nothing"* ]]
	check 3 --json
	(($(json .next_assembly.now.copy_bytes) == 65536))
}

@test "a member that was stopped cleanly makes the set bits cost nothing: 0" {
	make_bitmap
	set_events bitmap 7
	make_member member
	check 0 --for=member
	[[ $output == *"next assembly: copies nothing"* ]]
}

@test "a member that was not makes the next assembly copy what is set: 3" {
	make_bitmap --clean
	set_events bitmap 7
	"$MDBITMAP" --quiet --mark bitmap 0+1 1M+64K
	make_member member resync=0
	check 3 --for=member
	[[ $output == *"next assembly: copies 128 KiB"* ]]
	check 3 --for=member --json
	(($(json .next_assembly.now.copy_bytes) == 131072))
	[[ $(json .next_assembly.now.full) == false ]]
}

@test "a stale bitmap is not trusted, and what --force would copy is said: 6" {
	make_bitmap --clean
	set_events bitmap 5
	make_member member resync=0
	check 6 --for=member
	[[ $output == *bad*events*stale* ]]
	[[ $output == *"without --force"* && $output == *"copies 7 MiB"* ]]
	check 6 --for=member --json
	[[ $(json .verdict) == "not trusted" ]]
	[[ $(json .next_assembly.needs_force) == true ]]
	(($(json .next_assembly.now.copy_bytes) == 7340032))
}

@test "a new bitmap of a clean array is no stale one: 0" {
	make_bitmap
	make_member member
	check 0 --for=member
	[[ $output == *note*events*new* ]]
}

@test "a bitmap of another array is not trusted: 6" {
	make_bitmap
	put bitmap 8 '\x77'
	make_member member
	check 6 --for=member
	[[ $output == *bad*uuid*77aaaaaa:aaaaaaaa:aaaaaaaa:aaaaaaaa*$uuid* ]]
	[[ $output == *"next assembly: refused"* ]]
}

@test "a bitmap of another size is not trusted, and the remedy is named: 6" {
	"$MDBITMAP" --quiet --create bitmap --size=4M --uuid=$uuid --bitmap-chunk=64K
	set_events bitmap 7
	make_member member
	check 6 --for=member
	[[ $output == *bad*size*8192*14336*--resize* ]]
}

@test "a truncated bitmap is not trusted: 6" {
	make_bitmap
	truncate -s 269 bitmap
	check 6
	[[ $output == *bad*length*269*270* ]]
}

@test "a hole in the file asks for attention: 3" {
	"$MDBITMAP" --quiet --create whole --size=8G --bitmap-chunk=4K --uuid=$uuid --clean
	cp --sparse=always whole bitmap
	chmod 600 bitmap
	[[ $(stat -c %b bitmap) -lt $(stat -c %b whole) ]] || skip "no sparse files here"
	check 3
	[[ $output == *attention*holes* ]]
}

@test "a recorded write error is not trusted, and the way on is named: 6" {
	make_bitmap
	put bitmap 48 '\x04'
	check 6
	[[ $output == *bad*state*EIO*--create* ]]
}

@test "a stale mark asks for attention: 3" {
	make_bitmap --clean
	put bitmap 48 '\x02'
	check 3
	[[ $output == *attention*state*"every chunk"* ]]
	[[ $output == *"after a crash: copies 7 MiB"* ]]
}

@test "events_cleared later than events is not trusted: 6" {
	make_bitmap --clean
	put bitmap 32 '\x05'
	check 6
	[[ $output == *bad*events_cleared* ]]
}

@test "events_cleared one later than events is of a bitmap attached while a member was away: 0" {
	make_bitmap --clean
	put bitmap 32 "\\x0$(($(od -An -tu1 -j 24 -N 1 bitmap) + 1))"
	check 0
	[[ $output == *events_cleared*"rebuilt in full"* ]]
}

@test "a file that others may write to asks for attention: 3" {
	make_bitmap --clean
	chmod 660 bitmap
	check 3
	[[ $output == *attention*permissions*0660* ]]
}

@test "a field that no md writes is named with what it must be: 6" {
	make_bitmap
	put bitmap 52 "$(le32 3000)"
	check 6
	[[ $output == *bad*structure*chunksize*3000*"a power of two"* ]]
	put bitmap 52 "$(le32 0)"
	check 6
	put bitmap 52 "$(le32 65536)"
	put bitmap 4 "$(le32 9)"
	check 6
	[[ $output == *bad*structure*version*9* ]]
}

@test "version 3 is noted, and a clustered file asks for attention" {
	make_bitmap --clean
	put bitmap 4 '\x03'
	check 0
	[[ $output == *note*version*little-endian* ]]
	check 0 --byte-order=big64
	[[ $output == *note*version*big-endian* ]]
	put bitmap 4 '\x05'
	check 3
	[[ $output == *attention*version*clustered* ]]
}

@test "what an assembly refuses is said of the next one, and asks for attention: 3" {
	make_bitmap --clean
	set_events bitmap 100
	make_member member
	check 3 --for=member
	[[ $output == *"verdict: usable, but needs attention"*events* ]]
	[[ $output == *"next assembly: refused without --force, because of its events; with it:"* ]]
	check 3 --for=member --json
	[[ $(json .next_assembly.needs_force) == true ]]
	[[ $(json .next_assembly.refusal) == *"a fresher one is missing"* ]]
	set_events bitmap 7
	chmod 400 bitmap
	check 3 --for=member
	[[ $output == *attention*permissions*read-only*"because of its permissions"* ]]
	chmod 600 bitmap
	put bitmap 4 '\x05'
	check 3 --for=member
	[[ $output == *"next assembly: refused, because of its version" ]]
}

@test "the last number that events can have is one like any other" {
	make_bitmap --clean
	set_events bitmap $((2 ** 63 - 1))
	make_member member events=$((2 ** 63 - 1))
	check 0 --for=member
	[[ $output == *"9223372036854775807, as member"* ]]
	# no more could be counted
	set_events bitmap -1
	make_member member events=-1
	run -6 "$MDBITMAP" --check bitmap --for=member
	[[ $output == *"events is 18446744073709551615 "*"expected less than 2^63"* ]]
}

@test "what is no bitmap, or not there, is status 4" {
	echo "something else" >bitmap
	run -4 --separate-stderr "$MDBITMAP" --check bitmap
	[[ -z $output ]]
	((${#stderr_lines[@]} == 1))
	run -4 "$MDBITMAP" --check nothing
}

@test "an array that is not there is status 4, with the bitmap unjudged" {
	make_bitmap
	run -4 --separate-stderr "$MDBITMAP" --check bitmap --for=/dev/md/nothing
	[[ -z $output ]]
	((${#stderr_lines[@]} == 1))
	run -4 "$MDBITMAP" --check bitmap --for=bitmap
}

@test "every number and finding is in the JSON" {
	make_bitmap --clean
	set_events bitmap 7
	make_member member
	check 0 --for=member --json
	[[ $(json .mode) == check && $(json .file) == bitmap ]]
	[[ $(json '.findings[] | select(.topic == "uuid") | .weight') == good ]]
	(($(json .bitmap.chunks) == 112 && $(json .bitmap.chunk_bytes) == 65536))
	(($(json .bitmap.dirty_chunks) == 0 && $(json .bitmap.events) == 7))
	(($(json .array.events) == 7 && $(json .array.sync_size_bytes) == 7340032))
	[[ $(json .array.uuid) == "$uuid" ]]
}

@test "--quiet leaves out what is well" {
	make_bitmap --clean
	put bitmap 48 '\x02'
	check 3 --quiet
	[[ $output != *ok*structure* && $output == *attention*state* ]]
	[[ $output == *verdict:* ]]
}

@test "an unreadable file is no crash and no verdict" {
	make_bitmap
	chmod 0 bitmap
	run -1 --separate-stderr bound "$MDBITMAP" --check bitmap
	[[ -z $output && $stderr == "mdbitmap: bitmap: Permission denied" ]]
}

@test "the UUID that metadata 0.90 shows is not the one of its bitmap, and that is said" {
	make_member_090 m
	run -0 "$MDBITMAP" --examine m
	[[ $output == *"UUID : 00010203:04050607:08090a0b:0c0d0e0f"* ]]
	"$MDBITMAP" --quiet --create bitmap --size=8128K --uuid=00010203:04050607:08090a0b:0c0d0e0f
	check 6 --for=m
	[[ $output == *"made of what metadata 0.90 shows for m"*"--create --for"* ]]
	"$MDBITMAP" --quiet --create bitmap --for=m --force
	check 0 --for=m
}

@test "what is wrong is said to its end, however long the name of the member" {
	local dir
	dir=$(printf 'd%.0s' {1..230})
	make_bitmap
	put bitmap 8 '\x77'
	mkdir "$dir"
	make_member "$dir/member"
	check 6 --for="$PWD/$dir/member"
	[[ $output == *"/member is "*"; give its own bitmap, or make one with --create"* ]]
}

@test "every node of a clustered file is looked at" {
	local k
	for k in 0 1 2; do
		make_super f $((4096 * k)) version=5 nodes=3 sectors=14336 chunk=4096 state=$((k == 1 ? 2 : 0))
	done
	truncate -s 12K f
	run -3 "$MDBITMAP" --check f
	[[ $output == *attention*state*"every chunk"* ]]
	bytes f 4096 00 00 00 00
	run -6 "$MDBITMAP" --check f
	[[ $output == *bad*state*"node 1"* ]]
}

@test "an internal bitmap of which every chunk counts as dirty is copied whole" {
	local k of=(uuid="$(printf 'aa %.0s' {1..15})aa" sectors=14336)
	make_member m resync=0 features=1 bitmap_offset=8
	make_super m 8192 "${of[@]}" version=6 chunk=8 state=8
	run -3 "$MDBITMAP" --check m
	[[ $output == *attention*state*FIRST_USE* && $output == *"next assembly: copies 7 MiB"* ]]
	for k in 0 1; do
		make_super m $((8192 + 4096 * k)) "${of[@]}" version=5 nodes=2 \
			chunk=4096 state=$((2 * k))
	done
	run -3 "$MDBITMAP" --check m
	[[ $output == *attention*state*"every chunk"* && $output == *"next assembly: copies 7 MiB"* ]]
}

@test "the recovery of the member that is asked about goes on: 3" {
	make_member member number=1 features=130
	"$MDBITMAP" --quiet --create bitmap --for=member --bitmap-chunk=64K --clean --force
	"$MDBITMAP" --quiet --mark bitmap 0+1
	check 3 --for=member
	[[ $output == *"next assembly: copies 64 KiB: a member is recovered"* ]]
	[[ $output == *"with mdbitmap.ko copies 7 MiB"* ]]
}

@test "what mdbitmap.ko would copy is said of mirrors only" {
	make_member member
	"$MDBITMAP" --quiet --create bitmap --for=member --bitmap-chunk=64K --clean
	"$MDBITMAP" --quiet --mark bitmap 0+1
	run "$MDBITMAP" --check bitmap --for=member
	[[ $output == *"with mdbitmap.ko copies 64 KiB"* ]]
	make_member member level=5
	run "$MDBITMAP" --check bitmap --for=member
	[[ $output != *mdbitmap.ko* ]]
}
