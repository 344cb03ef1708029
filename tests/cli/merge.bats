#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# --merge and --diff: several bitmaps of one array.

# shellcheck disable=SC2154 # stderr is of bats

bats_require_minimum_version 1.5.0
load helpers
load members
load writing

uuid=00010203:04050607:08090a0b:0c0d0e0f

# a: 20 chunks of 64 KiB, the last one holding 512 bytes; b: 10 of 128 KiB.
setup() {
	own_directory
	make a 64 3c 7c 19c
	make b 128 0c 4c
}

# make FILE CHUNK [CHUNKc...]: a bitmap with those chunks dirty.
make() {
	local file=$1 chunk=$2 c ranges=()
	shift 2
	"$MDBITMAP" -q --create "$file" --size=2433s --uuid=$uuid --bitmap-chunk="$chunk" --clean
	for c; do ranges+=("$c+1c"); done
	((!$#)) || "$MDBITMAP" -q --mark "$file" "${ranges[@]}"
}

# refused CODE TEXT ARGUMENT...: fails so, in one line with TEXT, and changes
# nothing; nor would --merge with --dry-run.
refused() {
	local code=$1 text=$2 before option
	shift 2
	before=$(sha256sum -- *)
	for option in --quiet --dry-run; do
		[[ $1 == --diff && $option == --dry-run ]] && continue
		run -"$code" --separate-stderr "$MDBITMAP" "$@" "$option"
		echo "$stderr"
		[[ $stderr == *"$text"* ]]
		((${#stderr_lines[@]} == 1))
		[[ ! $output ]]
		[[ $(sha256sum -- *) == "$before" ]]
	done
}

# ---- merge ----

# record FILE EVENTS TIME: its events, and which update of the members they belong to.
record() {
	put "$1" 24 "\\x$2"
	put "$1" 232 "\\x$2"
	put "$1" 240 "\\x$3"
}
record_of() { od -An -tu8 -j 232 -N 16 "$1" | xargs; }

@test "--merge keeps which update the newest's events belong to" {
	record a 07 05
	record b 06 04
	run -0 "$MDBITMAP" -q --merge out b a
	[[ $(record_of out) == "7 5" ]]
	run -0 "$MDBITMAP" -q --merge again a b
	[[ $(record_of again) == "7 5" ]]
	put b 24 '\x07' # of which nobody knows more
	run -0 "$MDBITMAP" -q --merge third a b
	[[ $(record_of third) == "7 5" ]]
	run "$MDBITMAP" --check third
	[[ $output != *"out of date"* ]]
}

@test "--merge of as many events of two histories is stale" {
	record a 07 05
	record b 07 04
	run -0 --separate-stderr "$MDBITMAP" --merge out a b
	[[ $stderr == "mdbitmap: b: "*"marked stale"* ]]
	run "$MDBITMAP" --check out
	[[ $output == *attention*state* ]]
}

@test "--merge is the OR, at the finest chunk size of the inputs" {
	run -0 --separate-stderr "$MDBITMAP" --merge out a b
	[[ $output == "out: 1.19 MiB in 20 chunks of 64 KiB, 7 dirty" ]]
	[[ ! $stderr ]]
	[[ $(dirty out) == "0 1 3 7 8 9 19" ]]
	[[ $(stat -c %a out) == 600 ]]
	make c 4 33c 300c
	run -0 "$MDBITMAP" -q --merge fine a c b
	[[ $(dirty fine | wc -w) == 99 ]]
	[[ " $(dirty fine) " == *" 33 48 49 "*" 144 "*" 300 304 " ]]
}

@test "--merge --bitmap-chunk makes chunks of that size" {
	run -0 "$MDBITMAP" -q --merge out a b --bitmap-chunk=256
	[[ $(dirty out) == "0 1 2 4" ]]
	run -0 "$MDBITMAP" -q --merge out a --bitmap-chunk=32 --force
	[[ $(dirty out) == "6 7 14 15 38" ]]
	refused 2 "a power of two" --merge new a b --bitmap-chunk=100
	refused 2 "no larger than the array" --merge new a b --bitmap-chunk=1G
}

@test "--merge takes the newest events, and the first input's other fields" {
	put a 24 '\x05\0\0\0\0\0\0\0\x09\0\0\0\0\0\0\0'
	put b 24 '\x08\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0'
	put a 56 '\x0b\0\0\0\x21\0\0\0'
	run -0 "$MDBITMAP" -q --merge out a b
	hex out 0 72 <<-'END'
		62 69 74 6d 04 00 00 00
		00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f
		08 00 00 00 00 00 00 00 09 00 00 00 00 00 00 00
		81 09 00 00 00 00 00 00
		00 00 00 00 00 00 01 00 0b 00 00 00 21 00 00 00
		00 00 00 00 00 00 00 00
	END
}

@test "an input that nobody believes counts as all dirty" {
	local state
	for state in '\x02' '\x04'; do
		put b 48 "$state"
		run -0 --separate-stderr "$MDBITMAP" --merge out a b --force
		[[ $output == *"all dirty" ]]
		[[ $stderr == *"b: its state is "*": every chunk counts as dirty" ]]
		hex out 48 4 <<<"00 00 00 00"
	done
}

@test "bitmaps of different arrays are merged only with --force" {
	put b 8 '\xff'
	refused 6 "a is of array $uuid, b of ff010203:" --merge out a b
	run -0 --separate-stderr "$MDBITMAP" --merge out a b --force
	[[ $stderr == *"b is of array ff010203:"*", not of $uuid" ]]
	hex out 8 4 <<<"00 01 02 03"
	[[ $(dirty out) == "0 1 3 7 8 9 19" ]]
}

@test "bitmaps of different sizes are not merged, not even with --force" {
	"$MDBITMAP" -q --resize b --size=2M
	refused 6 "a covers 2433 sectors, b covers 4096" --merge out a b
	refused 6 "a covers 2433 sectors, b covers 4096" --merge out a b --force
}

@test "OUT that exists is replaced only with --force, and only if a bitmap" {
	make out 64
	refused 5 "out: exists already" --merge out a b
	chmod 640 out
	run -0 "$MDBITMAP" -q --merge out a b --force
	[[ $(dirty out) == "0 1 3 7 8 9 19" && $(stat -c %a out) == 640 ]]
	echo precious >text
	refused 5 "text: exists and is no bitmap file" --merge text a b --force
	hold_lock out
	refused 5 "out: another program is editing it" --merge out a b --force
	release_lock
}

@test "OUT may be one of the inputs with --force" {
	run -0 "$MDBITMAP" -q --merge a a b --force
	[[ $(dirty a) == "0 1 3 7 8 9 19" ]]
}

@test "an input that is no bitmap, truncated or missing is refused" {
	echo nothing >text
	refused 4 "text: 8 bytes is too short" --merge out a text
	refused 4 "no-such: No such file" --merge out a no-such
	truncate -s 257 b
	refused 6 "b: truncated" --merge out b
}

@test "a member's internal bitmap may be merged" {
	make_member m features=1 bitmap_offset=8 size=2432
	make n 64 5c
	"$MDBITMAP" -q --resize n --size=2432s
	dd if=n of=m bs=4096 seek=2 conv=notrunc status=none
	"$MDBITMAP" -q --resize a --size=2432s
	run -0 "$MDBITMAP" -q --merge out a m
	[[ $(dirty out) == "3 5 7" ]]
}

@test "clustered and lockless bitmaps are merged into version 4" {
	# Version 5, two nodes, slots of 4 KiB; the second has chunk 1.
	"$MDBITMAP" -q --merge five a
	put five 4 '\x05'
	put five 68 '\x02'
	cat five five >both
	put both $((4096 + 24)) '\x63'
	put both $((4096 + 256)) '\x02\0\0'
	# Version 6, 64 KiB chunks in sectors, states from byte 1024: all there are.
	"$MDBITMAP" -q --merge six a
	put six 4 '\x06'
	put six 52 '\x80\x00\x00\x00'
	put six 256 '\0\0\0'
	put six 1024 '\0\x01\x02\x03\x04\x05\x06\x07\x08'
	run -0 "$MDBITMAP" -q --merge out both six
	hex out 4 4 <<<"04 00 00 00"
	hex out 24 1 <<<63
	hex out 68 4 <<<"00 00 00 00"
	[[ $(dirty out) == "1 2 3 4 5 6 7 8 19" ]]
}

@test "version 3 bits of a big-endian host are merged in their order" {
	cp a v3
	put v3 4 '\x03'
	put v3 256 '\0\0\0\0\0\x08\0\x88'
	run -0 "$MDBITMAP" -q --merge out v3 --byte-order=big64
	[[ $(dirty out) == "3 7 19" ]]
}

@test "--merge --dry-run and --json tell what OUT would be" {
	run -0 "$MDBITMAP" --merge out a b --dry-run
	[[ $output == "would merge into out: 1.19 MiB in 20 chunks of 64 KiB, 7 dirty" ]]
	[[ ! -e out ]]
	run -0 "$MDBITMAP" --merge out a b --json
	jq -e '.mode == "merge" and .file == "out" and .chunks == 20
		and .dirty_chunks == 7 and .dry_run == false' <<<"$output"
}

@test "bitmaps of size 0 make no OUT" {
	put a 40 '\x00\x00\x00\x00\x00\x00\x00\x00'
	run -6 --separate-stderr "$MDBITMAP" --merge out a
	[[ $stderr == *"a: sync_size is 0"* && ! -e out ]]
}

@test "a signal, a full disk or a file size limit leave no OUT" {
	local f
	for f in x y; do "$MDBITMAP" -q --create $f --size=8T --bitmap-chunk=4; done
	interrupted INT out "$MDBITMAP" --merge out x y
	[[ ! -e out ]]
	run -1 --separate-stderr bash -c 'ulimit -f 1024; "$@"' - "$MDBITMAP" --merge out x y
	[[ $stderr == *"out: write: File too large" ]]
	run ! compgen -G '.out.*'
	[[ ! -e out ]]
	rm x y
	for f in x y; do "$MDBITMAP" -q --create $f --size=32G --bitmap-chunk=16; done
	needs_mounts
	run -1 on_small_disk "$MDBITMAP" --merge out x y --bitmap-chunk=4
	[[ $output == *"out: write: No space left on device"* && $output != *" out"$'\n'* ]]
	[[ $output != *".out."* ]]
}

# ---- diff ----

@test "--diff of the same bits says nothing and is exit 0" {
	cp a same
	run -0 "$MDBITMAP" --diff a same
	[[ ! $output ]]
	# What is past the last chunk has no meaning.
	put same 258 '\xf8'
	run -0 "$MDBITMAP" --diff a same
}

@test "--diff lists what is dirty in only one of the two, and is exit 3" {
	make c 64 1c 2c 3c 8c
	run -3 "$MDBITMAP" --diff a c
	[[ $output == "> 65536..196608
< 458752..524288
> 524288..589824
< 1245184..1245696" ]]
	run -3 "$MDBITMAP" --diff c a --unit=chunks
	[[ $output == "< 1..3
> 7..8
< 8..9
> 19..20" ]]
	run -3 "$MDBITMAP" --diff c a --unit=sectors
	[[ $output == "< 128..384
> 896..1024
< 1024..1152
> 2432..2433" ]]
	refused 2 "--unit=ells" --diff a c --unit=ells
}

@test "--diff compares different chunk sizes at the finer one" {
	run -3 "$MDBITMAP" --diff a b --unit=chunks
	[[ $output == "     Chunk Bytes : 65536 | 131072
> 0..2
< 3..4
< 7..8
> 8..10
< 19..20" ]]
	"$MDBITMAP" -q --rechunk b --bitmap-chunk=4
	cp b coarse
	"$MDBITMAP" -q --rechunk coarse --bitmap-chunk=64
	run -3 "$MDBITMAP" --diff b coarse
	[[ $output == "     Chunk Bytes : 4096 | 65536" ]]
}

@test "--diff shows each field that differs" {
	local field
	for field in 4:x03:Version 8:xee:UUID 24:x01:Events 32:x01:'Events Cleared' \
		48:x02:'State Flags' 56:x06:'Daemon Seconds' 60:x01:'Write Behind' \
		64:x01:'Reserved Sectors'; do
		cp a c
		put c "${field%%:*}" "\\$(cut -d: -f2 <<<"$field")"
		run -3 "$MDBITMAP" --diff a c
		((${#lines[@]} == 1))
		[[ $output == *"${field##*:} : "*" | "* ]]
	done
}

@test "--diff of bitmaps of different sizes: what only one has is clear in the other" {
	"$MDBITMAP" -q --resize b --size=1M
	"$MDBITMAP" -q --rechunk b --bitmap-chunk=64
	run -3 "$MDBITMAP" --diff a b
	[[ $output == "    Sync Sectors : 2433 | 2048
> 0..131072
< 196608..262144
< 458752..524288
> 524288..655360
< 1245184..1245696" ]]
}

@test "--diff --json is one object with fields and ranges" {
	run -3 "$MDBITMAP" --diff a b --json
	jq -e '.mode == "diff" and .file_a == "a" and .chunk_bytes == 65536
		and .fields == {"chunk_bytes": {"a": 65536, "b": 131072}}
		and (.ranges | length) == 5
		and .ranges[0] == {"dirty_in": "b", "start_bytes": 0, "end_bytes": 131072}
		and .ranges[4] == {"dirty_in": "a", "start_bytes": 1245184, "end_bytes": 1245696}' \
		<<<"$output"
	cp a same
	run -0 "$MDBITMAP" --diff a same --json --unit=chunks
	jq -e '.fields == {} and .ranges == [] and has("error") and .error == null' <<<"$output"
	run -3 "$MDBITMAP" --diff a b --json --unit=sectors
	jq -e '.ranges[1] == {"dirty_in": "a", "start_sectors": 384, "end_sectors": 512}' \
		<<<"$output"
}

@test "a difference that spans many windows is one range" {
	"$MDBITMAP" -q --create x --size=100G --bitmap-chunk=4 --clean --uuid=$uuid
	"$MDBITMAP" -q --create y --size=100G --bitmap-chunk=4 --clean --uuid=$uuid
	"$MDBITMAP" -q --mark y 1..
	"$MDBITMAP" -q --mark x 99G+1
	run -3 "$MDBITMAP" --diff x y --unit=chunks
	[[ $output == "> 0..25952256
> 25952257..26214400" ]]
}

@test "--diff refuses what cannot be compared" {
	refused 4 "no-such: No such file" --diff a no-such
	truncate -s 257 b
	refused 6 "b: truncated" --diff a b
	refused 2 "--byte-order=vax" --diff a a --byte-order=vax
}

@test "sizes and chunks that no array could unite are refused at once, not walked for days" {
	"$MDBITMAP" --quiet --create wide --size=512T --bitmap-chunk=2G --uuid=$uuid
	"$MDBITMAP" --quiet --create fine --size=1M --bitmap-chunk=4K --uuid=$uuid
	run -6 timeout 20 "$MDBITMAP" --diff wide fine
	[[ $output == *"not of one array"* ]]
}

@test "--diff --json is one object, and says why it ends, even if a file ends within a word" {
	cp a v3
	put v3 4 '\x03'
	truncate -s 260 v3
	run --separate-stderr "$MDBITMAP" --diff v3 a --json --byte-order=big64
	((status != 0))
	jq -e '.error | test("truncated within a word")' <<<"$output"
}
