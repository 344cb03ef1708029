#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# --dump and --restore: text that gives back the same bytes, or nothing.

# shellcheck disable=SC2154 # stderr is of bats
bats_require_minimum_version 1.5.0
load helpers
load members
load bitmaps
load writing

setup() { own_directory; }

dump() { "$MDBITMAP" --dump "$@"; }
restore() { "$MDBITMAP" --restore "$@"; }

# round_trip FILE [OPTION...]: through text and back, to the last byte.
round_trip() {
	rm -f back
	dump "$@" >text
	restore --quiet back text
	cmp "$1" back
	rm -f back
	restore --quiet back <text
	cmp "$1" back
}

# refused CODE TEXT: text is, and leaves nothing.
refused() {
	local before
	before=$(ls -A)
	run -"$1" --separate-stderr restore back text
	echo "$stderr"
	[[ ! $output && $stderr == "mdbitmap: text: $2" ]]
	run -"$1" restore --dry-run back text
	[[ $(ls -A) == "$before" ]]
}

@test "the text of a small bitmap is this" {
	make_bitmap f sectors=1001 state=0x8002 behind=256 reserved=8 bits=b5
	bytes f 140 ff
	dump f | diff - <(cat <<-END
		mdbitmap dump 1
		file-bytes 257
		super 0
		magic 0x6d746962
		version 4
		events 7
		events-cleared 5
		sync-size-sectors 1001
		state 0x8002
		chunk-bytes 65536
		delay-seconds 5
		write-behind 256
		reserved-sectors 8
		nodes 0
		uuid 00010203:04050607:08090a0b:0c0d0e0f
		cluster-name ""
		pad 00000000ff$(printf '00%.0s' {1..115})
		bits 256
		0..1
		2..3
		4..6
		7..8
		end
	END
	)
	round_trip f
}

@test "files of exact length, short ones and such with junk behind come back the same" {
	for length in 256 257 300 1000 2303 2304 2305 4096 70000; do
		make_bitmap f
		truncate -s $length f
		head -c $((length - 256)) /dev/urandom | dd of=f bs=256 seek=1 conv=notrunc status=none
		round_trip f
	done
}

@test "files as mdadm makes them, exact and all dirty, come back the same for mdadm too" {
	needs_mdadm
	for sectors in 65408 2097153; do
		make_bitmap f sectors=$sectors chunk=8192
		bits=$(($(stat -c %s f) - 256))
		yes $'\377' | tr -d '\n' | head -c "$bits" | dd of=f bs=256 seek=1 conv=notrunc status=none
		mdadm -X f >before
		round_trip f
		mdadm -X back | sed 's/back/f/' | diff before -
	done
}

@test "any 256 bytes of a superblock that has the magic number come back" {
	for i in {1..20}; do
		make_bitmap f length=5000
		head -c 251 /dev/urandom | dd of=f bs=1 seek=5 conv=notrunc status=none
		bytes f 4 0$((i % 9))
		dump --quiet f >text
		rm -f back
		restore --quiet back text
		cmp f back
	done
}

@test "ranges go on across the reader's windows" {
	make_bitmap f sectors=$((20 << 27))
	bytes f $(((1 << 20) - 1)) 80 ff 01
	bytes f 65535 80 01
	bytes f $(($(stat -c %s f) - 1)) 80
	round_trip f
	(($(grep -c '\.\.' text) == 3))
}

@test "every node of a clustered bitmap has its superblock and bits" {
	for k in 0 1 2; do
		make_super f $((4096 * k)) version=5 nodes=3 name=$'w"\\\001' sectors=14336 \
			chunk=4096 events=$((10 + k))
		bytes f $((4096 * k + 256 + k)) 0f
	done
	truncate -s 12288 f
	round_trip f
	grep -qxF 'cluster-name "w\042\134\001"' text
	[[ $(grep -xE 'super .*|bits .*|[0-9]+\.\..*' text | xargs) == \
		"super 0 bits 256 0..4 super 4096 bits 4352 8..12 super 8192 bits 8448 16..20" ]]
	for length in 13000 9000 8673 8300 8192 5000; do
		truncate -s $length f
		round_trip f
	done
}

@test "runs of lockless states, known and unknown, come back" {
	make_bitmap f version=6 chunk=128 sectors=$((128 * 12)) length=1040
	bytes f 1024 00 01 01 02 03 04 05 06 07 ff 00 02 00 00 00 09
	bytes f 700 aa bb
	round_trip f
	[[ $(sed -n '/^bytes/,$p' text) == "bytes 672 $(printf '00%.0s' {1..28})aabb0000
states 1024
1..3 clean
3..4 dirty
4..5 need-sync
5..6 syncing
6..7 need-sync-unwritten
7..8 syncing-unwritten
8..9 clean-unwritten
9..10 0xff
11..12 dirty
15..16 0x09
end" ]]
}

@test "big-endian bits are numbered as the array's chunks, and come back" {
	for length in 272 270 256 300; do
		make_bitmap f version=3 sectors=$((70 * 128)) length=$length
		head -c $((length - 256)) /dev/urandom | dd of=f bs=256 seek=1 conv=notrunc status=none
		round_trip f --byte-order=big64
		round_trip f --byte-order=big32
	done
	make_bitmap f version=3 sectors=$((70 * 128)) length=272 \
		bits='80 00 00 00 00 00 00 01 00 00 00 00 00 00 00 20'
	dump --byte-order=big64 f >text
	grep -qx 'byte-order big64' text
	[[ $(grep '\.\.' text | xargs) == "0..1 63..64 69..70" ]]
	rm back
	run -2 --separate-stderr restore --byte-order=big32 back text
	[[ $stderr == *"the text has its own, 'big64'" ]]
}

@test "the internal bitmap of a member becomes a file of exact length" {
	make_member_with_bitmap m events=12
	bytes m 8448 ff 01
	dump m >text
	restore --quiet back text
	make_bitmap want sectors=14336 chunk=4096 events=12 bits='ff 01' \
		uuid="$(printf 'aa %.0s' {1..15})aa"
	cmp want back
}

@test "an edited text makes the file it describes" {
	make_bitmap f bits=ff
	make_bitmap want events=99 bits='f0 01'
	dump f | sed 's/^events 7$/events 99/; s/^0\.\.8$/4..9/' >text
	run -0 restore back text
	[[ $output == "back: 2304 bytes" ]]
	cmp want back
	[[ $(stat -c %a back) == 600 ]]
}

@test "an existing file is not replaced, a bitmap file is with --force" {
	make_bitmap f bits=ff
	dump f >text
	echo mine >back
	for option in --quiet --force --dry-run; do
		run -5 --separate-stderr restore $option back text
		[[ $stderr == *"back: exists"* && $(<back) == mine ]]
	done
	make_bitmap back
	run -5 restore back text
	restore --quiet --force back text
	cmp f back
}

# meanwhile FILE COMMAND...: --restore FILE --force, and COMMAND when it has locked what
# it is to replace.
meanwhile() {
	local file=$1 pid to code=0
	shift
	make_bitmap f
	dump f >text
	mkfifo pipe
	"$MDBITMAP" --restore "$file" --force <pipe 2>err 3>&- &
	pid=$!
	exec {to}>pipe
	until grep -q "FLOCK .* $pid .*:$(stat -c %i "$file") " /proc/locks; do
		kill -0 $pid
	done
	"$@"
	cat text >&"$to"
	exec {to}>&-
	wait $pid || code=$?
	[[ $code == 5 && $(<err) == "mdbitmap: $file: another program replaced it just now; try again" ]]
}

@test "what takes the place of the replaced file meanwhile stays" {
	make_bitmap back bits=ff
	echo mine >other
	meanwhile back mv other back
	[[ $(<back) == mine && ! $(compgen -G '.back.*') ]]
}

# swap OLD NEW: the one's name is a link to the other.
swap() {
	mv "$1" "$1.old"
	ln -s "$2" "$1"
}

@test "a directory that becomes another one meanwhile does not lose its file" {
	mkdir old new
	make_bitmap old/back bits=ff
	echo mine >new/back
	meanwhile old/back swap old new
	[[ $(<new/back) == mine && $(ls -A new) == back && $(ls -A old.old) == back ]]
}

@test "--dry-run reads all of the text and makes nothing" {
	make_bitmap f
	dump f >text
	run -0 restore --dry-run back text
	[[ $output == "would restore back: 2304 bytes" && ! -e back ]]
	run -0 restore --dry-run --json back text
	jq -e '.mode == "restore" and .dry_run and .file_bytes == 2304' <<<"$output"
	[[ ! -e back ]]
	run -0 restore --json back text
	jq -e '.dry_run == false' <<<"$output"
	cmp f back
}

@test "each line is checked, and the error names the first wrong one" {
	make_bitmap f sectors=1001 bits=b5 length=300
	dump f >good
	while IFS='|' read -r script code text; do
		sed "$script" good >text
		echo "-- $script"
		refused "$code" "$text"
	done <<-'END'
		1s/1/2/|6|line 1: is not 'mdbitmap dump 1': no text of --dump, or of a later version
		2s/300/255/|6|line 2: file-bytes: '255' is not a number from 256 to 549755813888
		2s/300/-1/|6|line 2: file-bytes: '-1' is not a number from 256 to 549755813888
		2d|6|line 2: 'super 0' where 'file-bytes' and its value belong
		3s/0/1/|6|line 3: the first superblock is at offset 0, not 1
		4s/6d74/6d75/|6|line 4: magic is 6d756962, a bitmap has 6d746962
		5s/4/4 /|6|line 5: version: '4 ' is not a number from 0 to 4294967295
		5s/4/4294967296/|6|line 5: version: '4294967296' is not a number from 0 to 4294967295
		6s/7/18446744073709551616/|6|line 6: events: '18446744073709551616' is not a number from 0 to 18446744073709551615
		6s/events/event/|6|line 6: 'event 7' where 'events' and its value belong
		9s/0x0/0/|6|line 9: state: '0' is not a number as in 0x1f
		9s/0x0/0x/|6|line 9: state: '0x' is not a number as in 0x1f
		9s/0x0/0x100000000/|6|line 9: state: '0x100000000' is not a number as in 0x1f
		10s/65536/4294967296/|6|line 10: chunk-bytes: 4294967296 cannot be kept in version 4
		15s/0/g/|6|line 15: 'g0010203:04050607:08090a0b:0c0d0e0f' is not a UUID: 32 hexadecimal digits, as in 01234567:89abcdef:01234567:89abcdef
		16s/"//|6|line 16: cluster-name: '"' is not 64 characters at most in quotes, with \ooo for odd ones
		16s/"/"\\9/|6|line 16: cluster-name: '"\9"' is not 64 characters at most in quotes, with \ooo for odd ones
		16s/$/x/|6|line 16: cluster-name: text behind the quotes
		16apad 00f|6|line 17: '00f' is not a number of bytes in hexadecimal
		17s/256/255/|6|line 17: offset 255 is not behind what came before
		17s/256/301/|6|line 17: offset: '301' is not a number from 0 to 300
		17s/bits/states/|6|line 17: version 6 has states, the others have bits
		17d|6|line 17: '0..1' is not expected here
		18s/0..1/1..1/|6|line 18: range 1..1 is empty or not behind what came before
		18s/0..1/0..3/|6|line 19: range 2..3 is empty or not behind what came before
		18s/0..1/0..353/|6|line 18: end: '353' is not a number from 0 to 352
		18s/0..1/0.1/|6|line 18: '0.1' is not expected here
		18s/0..1/0..1 dirty/|6|line 18: '0..1 dirty' is not a range of bits
		18s/0..1/ 0..1/|6|line 18: start: ' 0' is not a number from 0 to 352
		18s/.*//|6|line 18: '' is not expected here
		21asuper 290|6|line 22: 256 bytes at offset 290 are more than file-bytes
		2abyte-order big64|6|line 6: only version 3 has a byte-order
		2abyte-order big|6|line 3: byte-order is little, big32 or big64
		21abytes 299 ffff|6|line 22: 2 bytes at offset 299 are more than file-bytes
		21abytes 290|6|line 22: bytes: no bytes
		22d|6|line 22: the text ends before its line 'end'
		22s/end/end /|6|line 22: 'end ' is not expected here
		$aend|6|line 23: text behind 'end'
	END
}

@test "a text that was torn anywhere makes nothing" {
	make_bitmap f sectors=1001 bits=b5
	dump f >good
	bytes=$(stat -c %s good)
	for ((cut = 0; cut < bytes - 1; cut += 13)); do
		head -c $cut good >text
		run -6 --separate-stderr restore back text
		[[ ${#stderr_lines[@]} == 1 && ! -e back ]]
	done
	# Only the last newline may be missing.
	head -c $((bytes - 1)) good >text
	restore --quiet back text
	cmp f back
}

@test "what is not text at all is refused" {
	head -c 3000 /dev/zero >text
	refused 6 "line 1: is not text"
	head -c 3000 /dev/zero | tr '\0' x >text
	refused 6 "line 1: too long for a line of a dump"
	: >text
	refused 6 "line 1: the text ends before its line 'end'"
	printf 'mdbitmap dump 1\r\n' >text
	run -6 restore back text
	run -4 restore back absent
}

@test "a damaged bitmap file is dumped as it is, and said to be damaged" {
	make_bitmap f chunk=3000 length=5000 bits=ff
	run -0 --separate-stderr dump f
	[[ $stderr == "mdbitmap: f: bitmap superblock: chunksize is 3000, must be a power of two; all of it is dumped as it is" ]]
	round_trip f
	make_member_with_bitmap m chunk=3000
	run -6 --separate-stderr dump m
	[[ ! $output && $stderr == *"where the bitmap ends is not known" ]]
}

@test "- is standard input" {
	make_bitmap f sectors=1001 bits=b5
	dump f | "$MDBITMAP" -q --restore back -
	cmp f back
}

@test "json holds all that the text does" {
	make_bitmap f sectors=1001 bits=b5
	run -0 dump --json f
	jq -e '.mode == "dump" and .file_bytes == 257 and .byte_order == "little" and
		.content[0].kind == "super" and .content[0].events == 7 and
		[.content[1:][] | select(.kind == "bits" and .offset_bytes == 256) |
			.end_bits - .start_bits] == [1, 1, 2, 1] and
		has("error") and .error == null' <<<"$output"
	make_bitmap f version=6 chunk=128 sectors=$((128 * 12)) length=1040
	bytes f 1024 00 01 ff
	run -0 dump --json f
	jq -e '[.content[1:][] | .state] == ["clean", "0xff"]' <<<"$output"
}

@test "a full disk leaves nothing" {
	needs_mounts
	make_bitmap f length=3000000
	dump f >text
	rm f
	run -1 on_small_disk "$MDBITMAP" --restore back text
	[[ $output == *"No space left"* && $output == *"files: text"* ]]
}

@test "no such thing and no bitmap are not dumped" {
	run -4 dump absent
	echo nothing >f
	run -4 dump f
}

@test "a text that speaks of a file larger than any bitmap is refused" {
	"$MDBITMAP" --quiet --create a.bitmap --size=1G
	"$MDBITMAP" --dump a.bitmap | sed 's/^file-bytes .*/file-bytes 1125899906842624/' >text
	run -6 timeout 20 "$MDBITMAP" --restore --dry-run b.bitmap text
	[[ $output == *"line 2"*file-bytes* ]]
	# the largest one there may be is gone through without writing zeros
	"$MDBITMAP" --dump a.bitmap | sed 's/^file-bytes .*/file-bytes 549755813888/' >text
	run -0 timeout 20 "$MDBITMAP" --restore --dry-run b.bitmap text
	[[ ! -e b.bitmap ]]
}
