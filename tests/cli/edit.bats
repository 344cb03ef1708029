#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# --mark, --clear, --resize, --rechunk: the bits they leave, and the files
# they leave alone.

# shellcheck disable=SC2154 # stderr is of bats

bats_require_minimum_version 1.5.0
load helpers
load members
load writing

# f: 20 chunks of 64 KiB, the last one holding 512 bytes, all clear.
setup() {
	own_directory
	"$MDBITMAP" -q --create f --size=2433s --bitmap-chunk=64 --clean
}

mark() { "$MDBITMAP" -q --mark "$@"; }
clear_() { "$MDBITMAP" -q --clear "$@"; }

# refused CODE TEXT MODE ARGUMENT...: fails so, in one line with TEXT, and
# changes nothing; nor would it with --dry-run.
refused() {
	local code=$1 text=$2 before option
	shift 2
	before=$(sha256sum -- *)
	for option in --quiet --dry-run; do
		run -"$code" --separate-stderr "$MDBITMAP" "$@" "$option"
		echo "$stderr"
		[[ $stderr == *"$text"* ]]
		((${#stderr_lines[@]} == 1))
		[[ ! $output ]]
		[[ $(sha256sum -- *) == "$before" ]]
	done
}

# refused_edits CODE TEXT FILE: the same for each of the four modes.
refused_edits() {
	local code=$1 text=$2 file=$3
	shift 3
	refused "$code" "$text" --mark "$file" all "$@"
	refused "$code" "$text" --clear "$file" all "$@"
	refused "$code" "$text" --resize "$file" --size=4M "$@"
	refused "$code" "$text" --rechunk "$file" --bitmap-chunk=128K "$@"
}

# ---- mark, clear ----

@test "--mark sets every chunk that a range touches" {
	mark f 65535..65537
	[[ $(dirty f) == "0 1" ]]
	mark f 196608+1
	[[ $(dirty f) == "0 1 3" ]]
	mark f 1216K..
	[[ $(dirty f) == "0 1 3 19" ]]
	mark f all
	[[ $(dirty f) == "$(seq -s ' ' 0 19)" ]]
}

@test "--clear clears only chunks wholly within a range" {
	mark f all
	clear_ f 1..131071
	[[ $(dirty f) == "$(seq -s ' ' 0 19)" ]]
	clear_ f 1..131072
	[[ $(dirty f) == "0 $(seq -s ' ' 2 19)" ]]
	clear_ f 0..131072
	[[ $(dirty f) == "$(seq -s ' ' 2 19)" ]]
	clear_ f 2c..19c
	[[ $(dirty f) == "19" ]]
}

@test "the last chunk is whole when a range reaches the end of the array" {
	local range
	for range in 2432s..2433s 1216K.. 19c+1c all; do
		mark f all
		clear_ f "$range"
		[[ $(dirty f) != *19* ]]
	done
	mark f all
	clear_ f 1216K..1245695B
	[[ $(dirty f) == *19 ]]
}

@test "numbers are bytes, or what --unit or a suffix says" {
	mark f 131072..131073
	[[ $(dirty f) == 2 ]]
	mark --unit=sectors f 512..513
	[[ $(dirty f) == "2 4" ]]
	mark --unit=chunks f 6..8
	[[ $(dirty f) == "2 4 6 7" ]]
	mark f 576K+1s 10c+2c
	[[ $(dirty f) == "2 4 6 7 9 10 11" ]]
}

@test "overlapping ranges are one, and what is so already is counted apart" {
	mark f 3c+1c
	run -0 "$MDBITMAP" --mark f 6c..8c 2c..5c 4c..7c
	[[ $output == "f: 5 chunks marked dirty (320 KiB), 1 already dirty" ]]
	run -0 "$MDBITMAP" --clear f 0c..3c 19c..
	[[ $output == "f: 1 chunk cleared (64 KiB), 3 already clear" ]]
	mark f all
	run -0 "$MDBITMAP" --clear f 18c..
	[[ $output == "f: 2 chunks cleared (64.5 KiB), 0 already clear" ]]
}

@test "one bad range, and none of the others is applied" {
	refused 2 "'x' is not a range" --mark f 0..1 x
	refused 2 "range '5..5' is empty" --mark f 0..1 5..5
	refused 2 "'1245696..1245697' is beyond the end" --mark f 0..1 1245696..1245697
	refused 2 "'0..1245697' is beyond the end" --mark f 0..1 0..1245697
	refused 2 "'20c..' is beyond the end" --mark f 0..1 20c..
	refused 2 "'0c..21c' is beyond the end" --mark f 0..1 0c..21c
	refused 2 "'18446744073709551615..'" --mark f 0..1 18446744073709551615..
	refused 2 "--unit=miles" --mark f 0..1 --unit=miles
	mark f all
	refused 2 "is beyond the end" --clear f 0..65536 2M..
}

@test "the last chunk may be named in full though the array ends in it" {
	mark f 0c..20c
	[[ $(dirty f) == "$(seq -s ' ' 0 19)" ]]
	clear_ --unit=chunks f 0..20
	[[ ! $(dirty f) ]]
}

@test "a --clear within one chunk clears nothing, and says why" {
	mark f all
	run -0 --separate-stderr "$MDBITMAP" --clear f 1..65536
	[[ $stderr == *"no chunk of 64 KiB is wholly within"* ]]
	[[ $output == "f: 0 chunks cleared (0 B), 0 already clear" ]]
}

@test "an edit of bits changes bits only, in the file itself" {
	local inode size
	inode=$(stat -c %i f) size=$(stat -c %s f)
	cp f before
	mark f 9c+1c
	[[ $(stat -c %i f) == "$inode" && $(stat -c %s f) == "$size" ]]
	[[ $(cmp -l before f | xargs) == "258 0 2" ]]
	clear_ f 9c+1c
	cmp before f
}

@test "mdadm counts what was marked, and what that is in smaller chunks" {
	needs_mdadm
	"$MDBITMAP" -q --create big --size=1T --bitmap-chunk=64 --clean
	mark big 1G..1025M 12345678901+1 16777215c+1c
	mdadm -X big | grep ' 18 dirty '
	"$MDBITMAP" -q --rechunk big --bitmap-chunk=32K
	mdadm -X big | grep ' 33554432 bits (chunks), 36 dirty '
}

@test "--dry-run says what would change and what that means" {
	mark f 0c..3c
	cp f before
	run -0 "$MDBITMAP" --clear f 2c..9c --dry-run
	[[ ${lines[0]} == "would change f: 1 chunk cleared (64 KiB), 6 already clear" ]]
	[[ ${lines[1]} == *"only if all members agree there" ]]
	run -0 "$MDBITMAP" --mark f 2c..9c --dry-run
	[[ ${lines[0]} == "would change f: 6 chunks marked dirty (384 KiB), 1 already dirty" ]]
	[[ ${lines[1]} == *"the next resync or re-add copies them"* ]]
	cmp f before
}

@test "--json counts what changed" {
	run -0 "$MDBITMAP" --mark f 2c..9c --json
	jq -e '.mode == "mark" and .file == "f" and .dry_run == false
		and .named_chunks == 7 and .changed_chunks == 7
		and .changed_bytes == 458752' <<<"$output"
	run -0 "$MDBITMAP" --clear f all --json --dry-run
	jq -e '.mode == "clear" and .dry_run == true and .named_chunks == 20
		and .changed_chunks == 7' <<<"$output"
}

# make_v3 FILE ORDER: FILE with its bits as a big-endian host keeps them.
make_v3() {
	local word=$2 bytes i j list=()
	put "$1" 4 '\x03'
	put "$1" 48 '\x00\x80'
	mapfile -t bytes < <(od -An -v -tx1 -j256 -N64 -w1 "$1" | tr -d ' ')
	for ((i = 0; i < 64; i += word)); do
		for ((j = word - 1; j >= 0; j--)); do list+=("\\x${bytes[i + j]}"); done
	done
	put "$1" 256 "$(printf %s "${list[@]}")"
}

@test "version 3 bits of a big-endian host are edited in their order" {
	mark f 17c+1c
	cp f g
	make_v3 f 8
	hex f 256 8 <<<"00 00 00 00 00 02 00 00"
	mark f 0c+1c 18c+1c --byte-order=big64
	hex f 256 8 <<<"00 00 00 00 00 06 00 01"
	clear_ f 17c+1c --byte-order=big64
	hex f 256 8 <<<"00 00 00 00 00 04 00 01"
	make_v3 g 4
	mark g 0c+1c --byte-order=big32
	hex g 256 8 <<<"00 02 00 01 00 00 00 00"
	refused 2 "--byte-order=vax" --mark g all --byte-order=vax
}

# flushes COMMAND...: of files, that it asks for.
flushes() {
	type -P strace >/dev/null || skip "needs strace"
	ASAN_OPTIONS=detect_leaks=0 run -0 strace -o trace -e trace=fsync,fdatasync "$@"
	flushes=$(grep -c 'sync(.* = 0' trace)
}

@test "bits that were set already are on the disk when --mark says so" {
	mark f all
	flushes "$MDBITMAP" --mark f all
	[[ $output == *"0 chunks marked dirty"*", 20 already dirty" && $flushes == 1 ]]
}

# ---- what is not edited ----

@test "bits that nobody believes are edited only with --force" {
	put f 48 '\x02'
	refused_edits 6 "its state is STALE" f
	put f 48 '\x04'
	refused_edits 6 "its state is WRITE_ERROR" f
	run -0 --separate-stderr "$MDBITMAP" --mark f 0..1 --force
	[[ $stderr == *"every chunk counts as dirty"* ]]
	[[ $(dirty f) == 0 ]]
	run -0 "$MDBITMAP" -q --rechunk f --bitmap-chunk=128K --force
	hex f 48 4 <<<"04 00 00 00"
}

@test "a directory that may not be written keeps its file" {
	local option mode
	mkdir dir
	mv f dir
	chmod 555 dir
	for option in --quiet --dry-run; do
		for mode in --resize=--size=4M --rechunk=--bitmap-chunk=128K; do
			run -1 --separate-stderr bound "$MDBITMAP" "${mode%%=*}" dir/f "${mode#*=}" $option
			[[ $stderr == "mdbitmap: dir/f: directory dir: Permission denied" ]]
		done
	done
	mark dir/f all
}

@test "a file that another program edits is left to it" {
	hold_lock f
	refused_edits 5 "f: another program is editing it" f
	release_lock
	mark f all
}

@test "an edit keeps other editors out while it lasts" {
	local pid=
	"$MDBITMAP" -q --create big --size=8T --bitmap-chunk=4
	"$MDBITMAP" -q --rechunk big --bitmap-chunk=8 3>&- &
	pid=$!
	until compgen -G '.big.*' >/dev/null || ! kill -0 "$pid" 2>/dev/null; do :; done
	kill -STOP "$pid" || skip "it was done too early to be stopped"
	if ! compgen -G '.big.*' >/dev/null; then
		kill -CONT "$pid"
		skip "it was done too early to be stopped"
	fi
	run -5 --separate-stderr "$MDBITMAP" --clear big all
	kill -CONT "$pid"
	[[ $stderr == *"big: another program is editing it" ]]
	wait "$pid"
	run -0 "$MDBITMAP" --clear big all
	[[ $output == "big: 1073741824 chunks cleared (8 TiB), 0 already clear" ]]
}

@test "a symbolic link is not edited" {
	ln -s f link
	refused_edits 1 "link: is a symbolic link; name the file itself" link
}

@test "a read-only file is not edited without --force" {
	chmod 400 f
	if ((EUID)); then
		refused_edits 1 "Permission denied" f
		return
	fi
	refused_edits 1 "f: is read-only (mode 0400); chmod u+w, or --force" f
	mark f all --force
	run -0 "$MDBITMAP" -q --resize f --size=1M --force
	[[ $(stat -c %a f) == 400 ]]
}

@test "what is no bitmap file is not edited" {
	echo nothing >text
	refused_edits 4 "text: 8 bytes is too short for a bitmap" text
	truncate -s 4096 zeros
	refused_edits 4 "zeros: is no bitmap file" zeros
	make_member m
	refused_edits 4 "m: is no bitmap file" m
	refused_edits 4 "no-such: No such file" no-such
	run -4 "$MDBITMAP" --mark . all
	[[ $output == *".: is not a regular file" ]]
}

@test "a truncated or impossible bitmap is not edited" {
	cp f short
	truncate -s 258 short
	refused_edits 6 "short: truncated: 258 bytes, its 20 chunks need 259" short
	cp f odd
	put odd 52 '\x00\x30\x01'
	refused_edits 6 "odd: bitmap superblock: chunksize is 77824, must be a power of two" odd
	put odd 52 '\x00\x00\x00'
	refused_edits 6 "odd: bitmap superblock: chunksize is 0" odd
}

@test "versions 5 and 6 are not edited" {
	put f 4 '\x05'
	refused_edits 7 "f: version 5 bitmaps can be read, not edited" f
	put f 4 '\x07'
	refused_edits 7 "version is 7" f
}

# ---- resize ----

@test "--resize makes new space dirty, a chunk that straddles the old end too" {
	run -0 "$MDBITMAP" --resize f --size=1536K
	[[ $output == "f: 1.50 MiB in 24 chunks of 64 KiB, 5 dirty" ]]
	[[ $(dirty f) == "19 20 21 22 23" ]]
}

@test "--resize within the last chunk still makes it dirty" {
	run -0 "$MDBITMAP" -q --resize f --size=2434s
	[[ $(dirty f) == 19 ]]
}

@test "--resize --clean leaves new space clear, and the old bits" {
	mark f 3c+1c
	run -0 "$MDBITMAP" --resize f --size=1536K --clean
	[[ $(dirty f) == 3 ]]
	mark f 19c+1c
	run -0 "$MDBITMAP" --resize f --size=2M --clean
	[[ $(dirty f) == "3 19" ]]
}

@test "--resize to less drops what is beyond the new end, for good" {
	mark f 3c+1c 9c+1c 12c..
	run -0 "$MDBITMAP" --resize f --size=1217s
	[[ $output == "f: 608.5 KiB in 10 chunks of 64 KiB, 2 dirty" ]]
	[[ $(dirty f) == "3 9" ]]
	run -0 "$MDBITMAP" -q --resize f --size=2433s --clean
	[[ $(dirty f) == "3 9" ]]
}

@test "--resize beyond 2^31 chunks asks for --rechunk first" {
	refused 2 "at most 2^31 chunks of chunksize; --rechunk" --resize f --size=129T
	refused 2 "multiple of 512" --resize f --size=0
	refused 2 "--size=SIZE" --resize f
	run -0 "$MDBITMAP" -q --rechunk f --bitmap-chunk=128
	run -0 "$MDBITMAP" --resize f --size=129T --clean --dry-run
	[[ $output == "would resize f: 129 TiB in 1082130432 chunks of 128 KiB, all clear" ]]
}

# ---- rechunk ----

@test "--rechunk to larger chunks: dirty if any part was" {
	mark f 1c+1c 6c+2c 19c+1c
	run -0 "$MDBITMAP" --rechunk f --bitmap-chunk=128
	[[ $output == "f: 1.19 MiB in 10 chunks of 128 KiB, 3 dirty" ]]
	[[ $(dirty f) == "0 3 9" ]]
	run -0 "$MDBITMAP" -q --rechunk f --bitmap-chunk=1M
	[[ $(dirty f) == "0 1" ]]
}

@test "--rechunk to smaller chunks: all parts of a dirty one, none past the end" {
	mark f 1c+1c 19c+1c
	run -0 "$MDBITMAP" --rechunk f --bitmap-chunk=16K
	[[ $output == "f: 1.19 MiB in 77 chunks of 16 KiB, 5 dirty" ]]
	[[ $(dirty f) == "4 5 6 7 76" ]]
}

@test "--rechunk and --resize keep every other field, owner and mode" {
	local fields
	"$MDBITMAP" -q --create g --size=1M --uuid=00010203:04050607:08090a0b:0c0d0e0f \
		--delay=9 --write-behind=300 --bitmap-chunk=64
	put g 24 '\x11\x22\x33\x44\x55\x66\x77\x88\x21\x22\x23\x24\x25\x26\x27\x28'
	put g 64 '\x08\x00\x00\x00'
	put g 136 'padding'
	chmod 644 g
	((EUID)) || chown 12:34 g
	fields=$(sha256sum < <(head -c 40 g; tail -c +57 g | head -c 200))
	run -0 "$MDBITMAP" -q --rechunk g --bitmap-chunk=8
	run -0 "$MDBITMAP" -q --resize g --size=4M
	[[ $(sha256sum < <(head -c 40 g; tail -c +57 g | head -c 200)) == "$fields" ]]
	hex g 40 16 <<<"00 20 00 00 00 00 00 00 00 00 00 00 00 20 00 00"
	[[ $(stat -c %a g) == 644 ]]
	((EUID)) || [[ $(stat -c %u:%g g) == 12:34 ]]
}

@test "--rechunk refuses what no bitmap can have" {
	refused 2 "must be not zero" --rechunk f --bitmap-chunk=0
	refused 2 "a power of two" --rechunk f --bitmap-chunk=24
	refused 2 "at least 4096 bytes" --rechunk f --bitmap-chunk=2
	refused 2 "no larger than the array" --rechunk f --bitmap-chunk=64M
	refused 2 "at most 2147483648" --rechunk f --bitmap-chunk=4G
	refused 2 "--bitmap-chunk=SIZE" --rechunk f
	"$MDBITMAP" -q --create big --size=64T --bitmap-chunk=1M
	refused 2 "choose --bitmap-chunk=32K or more" --rechunk big --bitmap-chunk=16
}

@test "version 3 of a big-endian host becomes version 4, and says so" {
	mark f 1c+1c 17c+1c
	make_v3 f 8
	run -0 --separate-stderr "$MDBITMAP" --rechunk f --bitmap-chunk=128 --byte-order=big64
	[[ $stderr == *"version 3 of a big-endian host becomes version 4" ]]
	hex f 4 4 <<<"04 00 00 00"
	hex f 48 4 <<<"00 00 00 00"
	[[ $(dirty f) == "0 8" ]]
}

@test "version 3 of a little-endian host stays version 3" {
	mark f 1c+1c
	put f 4 '\x03'
	run -0 --separate-stderr "$MDBITMAP" -q --rechunk f --bitmap-chunk=128
	[[ ! $stderr ]]
	hex f 4 4 <<<"03 00 00 00"
	[[ $(dirty f) == 0 ]]
}

@test "--dry-run and --json tell what --resize and --rechunk would do" {
	mark f 4c+1c
	cp f before
	run -0 "$MDBITMAP" --rechunk f --bitmap-chunk=32 --dry-run
	[[ $output == "would rechunk f: 1.19 MiB in 39 chunks of 32 KiB, 2 dirty" ]]
	run -0 "$MDBITMAP" --resize f --size=2M --dry-run --json
	jq -e '.mode == "resize" and .dry_run and .sync_size_sectors == 4096
		and .chunks == 32 and .dirty_chunks == 14' <<<"$output"
	cmp f before
}

# ---- what goes wrong half way ----

@test "a file size limit leaves the old file and nothing else" {
	"$MDBITMAP" -q --create g --size=1G --bitmap-chunk=64
	mv g f
	cp f before
	run -1 --separate-stderr bash -c 'ulimit -f 16; "$@"' - \
		"$MDBITMAP" --rechunk f --bitmap-chunk=4
	[[ $stderr == *"f: write: File too large" ]]
	cmp f before
	[[ $(ls -A) == $'before\nf' ]]
}

@test "a disk that fills up leaves the old file and nothing else" {
	needs_mounts
	"$MDBITMAP" -q --create f --force --size=64G --bitmap-chunk=16K
	run -1 on_small_disk "$MDBITMAP" --rechunk f --bitmap-chunk=4
	[[ $output == *"f: write: No space left on device"*"files: f"$'\n'"$(sha256sum f)" ]]
}

@test "a signal during a rewrite leaves the old file and nothing else" {
	local signal
	"$MDBITMAP" -q --create big --size=8T --bitmap-chunk=8
	cp big before
	for signal in INT TERM; do
		unchanged_if_interrupted "$signal"
	done
}

unchanged_if_interrupted() {
	interrupted "$1" big "$MDBITMAP" --rechunk big --bitmap-chunk=4 || return
	cmp big before
}

@test "--byte-order is of version 3 only" {
	cp f before
	run -2 "$MDBITMAP" --mark f 0+1 --byte-order=big64
	[[ $output == *"f has version 4"* ]]
	cmp f before
}

@test "behind the limit for the size of files an edit fails, and does not die" {
	"$MDBITMAP" -q --create xf --size=1G --bitmap-chunk=4 --clean
	run -1 --separate-stderr bash -c 'ulimit -f 8; "$@"' - "$MDBITMAP" --mark xf 0+4K 900M+4K
	[[ $stderr == *"xf: write: File too large" ]]
}

@test "nothing is written into the file in place of a closed stream" {
	"$MDBITMAP" -q --mark f 0+1
	cp f before
	# what is said goes nowhere, and into no file
	run "$MDBITMAP" --clear f 2c..4c 2>&-
	cmp f before
	"$MDBITMAP" --mark f 0+1 --json >&- || true
	cmp f before
	"$MDBITMAP" --mark f 0+1 --json <&- >&- 2>&- || true
	cmp f before
	mkdir new
	"$MDBITMAP" --create new/g --size=2433s --bitmap-chunk=64 --clean <&- >&- 2>&- || true
	hex new/g 0 4 <<<"62 69 74 6d"
}

# Stock md writes to the blocks below the file; what somebody has mapped stays in the cache.
@test "what stock md wrote counts, and stays, though the cache has the file as it was before" {
	needs_mounts
	type -P cc mkfs.ext4 filefrag losetup >/dev/null || skip "needs cc, ext4 and loop devices"
	printf '%s\n' '#include <fcntl.h>' '#include <stdio.h>' '#include <sys/mman.h>' '#include <unistd.h>' \
		'int main(int c, char **v) { volatile char *p = mmap(0, 4096, PROT_READ, MAP_SHARED, open(v[c - 1], O_RDONLY), 0);' \
		'return printf("%d\n", p[0]) < 0 || fflush(stdout) || pause(); }' >map.c
	cc -o map map.c
	truncate -s 32M disk
	mkfs.ext4 -q -b 4096 disk
	device=$(losetup -f --show disk 2>/dev/null) || skip "no loop devices here"
	# shellcheck disable=SC2016
	run -0 env MDBITMAP="$MDBITMAP" unshare -m bash -ec '
		mount "$1" /mnt
		file=/mnt/file
		as_md() { # OFFSET BYTES
			dd if="$1" of=block bs=4096 skip="$block" count=1 iflag=direct status=none
			printf "$3" | dd of=block bs=1 seek="$2" conv=notrunc status=none
			dd if=block of="$1" bs=4096 seek="$block" count=1 oflag=direct conv=notrunc status=none
		}
		"$MDBITMAP" -q --create $file --size=1G --bitmap-chunk=4 --clean
		sync
		block=$(filefrag -v -b4096 $file | awk "/^ *0:/ { print \$4 + 0 }")
		coproc ./map $file
		read -r -u "${COPROC[0]}"
		as_md "$1" 256 "\\377"
		"$MDBITMAP" -q --mark $file 100c+1c
		"$MDBITMAP" -q --clear $file 3c+1c
		"$MDBITMAP" --ranges $file --unit=chunks
		as_md "$1" 48 "\\002"
		"$MDBITMAP" -q --rechunk $file --bitmap-chunk=8 || echo "exit $?"
		kill $COPROC_PID
		umount /mnt' - "$device" 3>&- || { losetup -d "$device"; false; }
	losetup -d "$device"
	[[ $output == *$'0..3\n4..8\n100..101\n'*'STALE'*$'exit 6' ]]
}
