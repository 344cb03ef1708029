#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# --create: what a new bitmap file holds, what it is refused for, and that
# nothing half-made is ever left.

# shellcheck disable=SC2154 # stderr is of bats

bats_require_minimum_version 1.5.0
load helpers
load members
load writing

setup() { own_directory; }

create() { "$MDBITMAP" --create "$@"; }

# refused CODE TEXT ARGUMENT...: --create fails so, in one line with TEXT, and
# makes and changes nothing; nor would it with --dry-run.
refused() {
	local code=$1 text=$2 before option
	shift 2
	before=$(sha256sum -- * .[!.]* 2>/dev/null) || true
	for option in --quiet --dry-run; do
		run -"$code" --separate-stderr "$MDBITMAP" --create "$@" "$option"
		echo "$stderr"
		[[ $stderr == *"$text"* ]]
		(($(grep -vc ' no UUID: ' <<<"$stderr") == 1))
		[[ ! $output ]]
		[[ $(sha256sum -- * .[!.]* 2>/dev/null || true) == "$before" ]]
	done
}

@test "every byte of a new file is as the format says" {
	run -0 --separate-stderr create f --size=1G --bitmap-chunk=64 \
		--uuid=00010203:04050607:08090a0b:0c0d0e0f --delay=7 --write-behind
	[[ $output == "f: 1 GiB in 16384 chunks of 64 KiB, all dirty" ]]
	[[ ! $stderr ]]
	hex f 0 72 <<-'END'
		62 69 74 6d 04 00 00 00
		00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f
		00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
		00 00 20 00 00 00 00 00
		00 00 00 00 00 00 01 00 07 00 00 00 00 01 00 00
		00 00 00 00 00 00 00 00
	END
	[[ -z $(tail -c +73 f | head -c 184 | tr -d '\0') ]]
	[[ $(tail -c +257 f | head -c 2048 | tr -d '\377' | wc -c) == 0 ]]
	[[ -z $(tail -c +2305 f | tr -d '\0') ]]
}

@test "mdadm reads a new file as it was asked for" {
	needs_mdadm
	create -q f --size=1048577 --uuid=0123456789abcdef0123456789abcdef \
		--bitmap-chunk=16K --write-behind=99 --delay=12
	run -0 mdadm -X f
	[[ $output == *"UUID : 01234567:89abcdef:01234567:89abcdef"* ]]
	[[ $output == *"Events : 0"* ]]
	[[ $output == *"State : OK"* ]]
	[[ $output == *"Chunksize : 16 KB"* ]]
	[[ $output == *"Daemon : 12s flush period"* ]]
	[[ $output == *"Allow write behind, max 99"* ]]
	[[ $output == *"Sync Size : 1048577 "* ]]
	[[ $output == *"Bitmap : 65537 bits (chunks), 65537 dirty (100.0%)"* ]]
	create -q clean --size=1G --clean
	mdadm -X clean | grep ' 0 dirty (0.0%)'
}

@test "a bare --size is KiB, and other units are what they say" {
	local size
	for size in 2048 2048K 2M 2MiB 4096s 2097152B; do
		[[ $(create f --force --size="$size" 2>/dev/null) == "f: 2 MiB in 512 chunks of 4 KiB, all dirty" ]]
	done
	[[ $(create f --force --size=513s 2>/dev/null) == "f: 256.5 KiB in 65 chunks of 4 KiB, all dirty" ]]
}

@test "the default chunk is the smallest that needs at most 2^20 of them" {
	local want size chunk
	for want in 1M:4096 4G:4096 8388609s:8192 1T:1048576 16T:16777216; do
		size=${want%:*} chunk=${want#*:}
		run -0 --separate-stderr create f --dry-run --json --size="$size"
		[[ $(jq .chunk_bytes <<<"$output") == "$chunk" ]]
	done
}

@test "no block of a new file is a hole" {
	local blocks size
	create -q f --size=1T --bitmap-chunk=64K --clean
	read -r blocks size < <(stat -c '%b %s' f)
	((blocks * 512 >= size))
	((size >= 2097152 + 256))
}

@test "a new file is its owner's alone, whatever the umask" {
	umask 000
	create -q f --size=1M
	[[ $(stat -c %a f) == 600 ]]
}

@test "without a UUID a note says which arrays take the file" {
	run -0 --separate-stderr create f --size=1M
	[[ $stderr == *"f: no UUID: only arrays without metadata"* ]]
	run -0 --separate-stderr create g --size=1M --quiet
	[[ ! $stderr && ! $output ]]
}

@test "a chunk size that no bitmap can have is refused" {
	refused 2 "must be not zero" f --size=1G --bitmap-chunk=0
	refused 2 "a power of two" f --size=1G --bitmap-chunk=3
	refused 2 "at least 4096 bytes" f --size=1G --bitmap-chunk=2
	refused 2 "at most 2147483648 bytes" f --size=1P --bitmap-chunk=4G
	refused 2 "no larger than the array" f --size=1M --bitmap-chunk=4M
	refused 2 "'64X' is not a size" f --size=1M --bitmap-chunk=64X
}

@test "more than 2^31 chunks are refused with the chunk size that would do" {
	refused 2 "choose --bitmap-chunk=8K or more" f --size=8193G --bitmap-chunk=4
	refused 2 "choose --bitmap-chunk=128M or more" f --size=200P --bitmap-chunk=64
	refused 2 "smaller than 8 EiB" f --size=8192P
	refused 2 "too large for a bitmap" f --size=8191P
	run -0 create f --size=8193G --bitmap-chunk=8K --dry-run
}

@test "words that make no sense are usage errors" {
	refused 2 "--for=DEV" f
	refused 2 "multiple of 512" f --size=0
	refused 2 "multiple of 512" f --size=1000B
	refused 2 "below 2^64" f --size=99999999999P
	refused 2 "is not a size" f --size=-1
	refused 2 "is not a UUID" f --size=1M --uuid=xyz
	refused 2 "from 1 to" f --size=1M --delay=0
	refused 2 "from 0 to 16383" f --size=1M --write-behind=16384
	make_member m
	refused 2 "leave out --size" f --for=m --size=1M
	refused 2 "leave out --uuid" f --for=m --uuid=0123456789abcdef0123456789abcdef
}

@test "--for a member takes size, UUID and events from it" {
	make_member m uuid=b events=300 size=14335
	run -0 --separate-stderr create f --for=m
	[[ $output == "f: 7.00 MiB in 1792 chunks of 4 KiB, all dirty" ]]
	[[ ! $stderr ]]
	hex f 8 40 <<-'END'
		bb bb bb bb bb bb bb bb bb bb bb bb bb bb bb bb
		2c 01 00 00 00 00 00 00 2c 01 00 00 00 00 00 00
		ff 37 00 00 00 00 00 00
	END
}

# make_member_090 FILE: clean raid1 of two, 1 MiB, superblock in the last 64 KiB.
make_member_090() {
	local w=() i sum=0
	for ((i = 0; i < 1024; i++)); do w[i]=0; done
	w[0]=$((0xa92b4efc)) w[2]=90 w[5]=$((0x03020100)) w[6]=1700000000 w[7]=1
	w[8]=448 w[9]=2 w[10]=2 w[13]=$((0x07060504)) w[14]=$((0x0b0a0908))
	w[15]=$((0x0f0e0d0c)) w[32]=1700000000 w[33]=1 w[34]=2 w[35]=2 w[39]=5
	w[128]=0 w[131]=0 w[132]=6 w[160]=1 w[163]=1 w[164]=6 w[992]=0 w[996]=6
	for i in "${w[@]}"; do sum=$((sum + i)); done
	w[38]=$((((sum & 0xffffffff) + (sum >> 32)) & 0xffffffff))
	truncate -s 1M "$1"
	# shellcheck disable=SC2059 # the format is the bytes
	printf "$(le32 "${w[@]}")" | dd of="$1" bs=64K seek=15 conv=notrunc status=none
}

@test "--for a member with metadata 0.90 keeps the bytes of its UUID" {
	make_member_090 m
	run -0 --separate-stderr create f --for=m --clean
	[[ $output == "f: 448 KiB in 112 chunks of 4 KiB, all clear" ]]
	hex f 8 40 <<-'END'
		00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f
		05 00 00 00 00 00 00 00 05 00 00 00 00 00 00 00
		80 03 00 00 00 00 00 00
	END
}

@test "--clean for an array that is not in sync needs --force" {
	make_member dirty resync=0
	refused 6 "resync of it is owed" f --for=dirty --clean
	make_member degraded roles='0 65534'
	refused 6 "a member is missing" f --for=degraded --clean
	run -0 --separate-stderr create f --for=dirty --clean --force
	[[ $output == *"all clear" ]]
	[[ $stderr == *"resync of it is owed"* ]]
	run -0 create g --for=degraded
	[[ $output == *"all dirty" ]]
}

@test "--for what is no array and no member is exit 4" {
	refused 4 "no-such: " f --for=no-such
	truncate -s 1M zeros
	refused 4 "zeros is no array member" f --for=zeros
	: >empty
	refused 4 "empty" f --for=empty
}

@test "a damaged member is exit 6, and nothing is made for it" {
	make_member m
	printf x | dd of=m bs=1 seek=4200 conv=notrunc status=none
	refused 6 "m: damaged 1.2 superblock" f --for=m
}

@test "what exists is not replaced without --force" {
	create -q f --size=1M
	refused 5 "f: exists already" f --size=2M
	ln -s nowhere link
	refused 5 "link: exists already" link --size=1M
	mkdir dir
	refused 5 "dir: exists already" dir --size=1M
}

@test "--force replaces a bitmap file in one step and keeps its owner and mode" {
	local inode
	create -q f --size=1M
	chmod 640 f
	((EUID)) || chown 12:34 f
	inode=$(stat -c %i f)
	exec {old}<f
	run -0 create f --size=4G --force --clean
	[[ $(stat -c %a f) == 640 ]]
	((EUID)) || [[ $(stat -c %u:%g f) == 12:34 ]]
	[[ $(stat -c %i f) != "$inode" ]]
	# Who had the old one open still has all of it.
	(($(cat <&"$old" | wc -c) == 4096))
	exec {old}<&-
}

@test "--force never replaces what is no bitmap file" {
	echo precious >text
	refused 5 "text: exists and is no bitmap file" text --size=1M --force
	: >empty
	refused 5 "empty: exists and is no bitmap file" empty --size=1M --force
	make_member m
	refused 5 "m: exists and is no bitmap file" m --size=1M --force
	create -q f --size=1M
	ln -s f link
	refused 1 "link: is a symbolic link" link --size=2M --force
	mkdir dir
	refused 5 "dir: exists and is no bitmap file" dir --size=1M --force
}

@test "--force replaces a damaged bitmap file" {
	create -q f --size=1G
	truncate -s 300 f
	run -0 create -q f --size=1M --force
	printf '\0\0\0\0' | dd of=f bs=1 seek=52 conv=notrunc status=none
	run -0 create -q f --size=1M --force
	run -0 "$MDBITMAP" --mark f all
}

@test "a bitmap file that somebody edits is not replaced" {
	create -q f --size=1M
	hold_lock f
	refused 5 "f: another program is editing it" f --size=2M --force
	release_lock
	run -0 create -q f --size=2M --force
}

@test "--dry-run says what would be made, and makes nothing" {
	run -0 --separate-stderr create f --size=1G --dry-run
	[[ $output == "would create f: 1 GiB in 262144 chunks of 4 KiB, all dirty" ]]
	[[ -z $(ls -A) ]]
	create -q f --size=1M
	run -0 create f --size=1G --dry-run --force
	[[ $(stat -c %s f) == 4096 ]]
	refused 4 "nowhere" nowhere/f --size=1M
}

@test "--json gives the same as numbers, units in the keys" {
	make_member m events=9
	run -0 create $'f\t' --for=m --bitmap-chunk=8 --clean --json
	jq -e '.json_version == 1 and .mode == "create" and .file == "f\\011"
		and .dry_run == false and .version == 4 and .events == 9
		and .events_cleared == 9 and .sync_size_sectors == 14336
		and .chunk_bytes == 8192 and .chunks == 896 and .dirty_chunks == 0
		and .uuid == "aaaaaaaa:aaaaaaaa:aaaaaaaa:aaaaaaaa"' <<<"$output"
}

@test "names with control characters are made, and shown escaped" {
	run -0 create $'a\e[31m\n' --size=1M
	[[ $output == *'a\033[31m\012: 1 MiB'* ]]
	[[ -e $'a\e[31m\n' ]]
}

@test "a directory that may not be written gets no file" {
	local option
	mkdir -m 755 dir
	create -q dir/old --size=1M
	chmod 555 dir
	for option in --quiet --dry-run; do
		run -1 --separate-stderr bound "$MDBITMAP" --create dir/f --size=1M $option
		[[ $stderr == "mdbitmap: dir/f: directory dir: Permission denied" ]]
		run -1 --separate-stderr bound "$MDBITMAP" --create dir/old --size=1M --force $option
		[[ $stderr == "mdbitmap: dir/old: directory dir: Permission denied" ]]
	done
	[[ $(ls -A dir) == old ]]
}

@test "of several that make the same file one wins, and the file is whole" {
	local pids=() codes=() pid i code
	for i in 1 2 3 4; do
		create -q f --size=256G --bitmap-chunk=4 2>"err$i" &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		code=0
		wait "$pid" || code=$?
		codes+=("$code")
	done
	[[ $(printf '%s\n' "${codes[@]}" | sort | tr '\n' ' ') == "0 5 5 5 " ]]
	run ! compgen -G '.f.*'
	run -0 "$MDBITMAP" --clear f all
	[[ $output == "f: 67108864 chunks cleared"* ]]
}

@test "a file size limit leaves nothing behind" {
	run -1 --separate-stderr bash -c 'ulimit -f 1024; "$@"' - \
		"$MDBITMAP" --create f --size=1T --bitmap-chunk=4
	[[ $stderr == *"f: write: File too large"* ]]
	[[ -z $(ls -A) ]]
}

@test "a disk that fills up leaves nothing behind" {
	needs_mounts
	run -1 on_small_disk "$MDBITMAP" --create f --size=1T --bitmap-chunk=4
	[[ $output == *"f: write: No space left on device"*"files: ." ]]
}

# with_fsync N ARGUMENT...: --create, whose Nth fsync the system calls invalid.
with_fsync() {
	type -P strace >/dev/null || skip "needs strace"
	ASAN_OPTIONS=detect_leaks=0 run --separate-stderr strace -o /dev/null \
		-e "inject=fsync:error=EINVAL:when=$1" "$MDBITMAP" --create -q "${@:2}"
}

@test "what the system calls invalid is no usage error" {
	with_fsync 1 f --size=1M
	[[ $status == 1 && $stderr == *"f: fsync: Invalid argument" ]]
	[[ ! $(ls -A) ]]
	# the third is the directory's, which not every filesystem has
	with_fsync 3 f --size=1M
	[[ $status == 0 && -e f ]]
}

@test "a signal while it is written leaves nothing behind" {
	local signal
	for signal in INT TERM HUP QUIT PIPE; do
		interrupted "$signal" f "$MDBITMAP" --create f --size=8T --bitmap-chunk=4
		[[ ! -e f ]]
		rm -f err
		[[ -z $(ls -A) ]]
	done
}

@test "a path through a file, or a directory, is called what it is" {
	touch plain
	mkdir directory
	run -1 "$MDBITMAP" --create --force plain/below --size=1G
	[[ $output == *"Not a directory"* ]]
	run -5 "$MDBITMAP" --create --force directory --size=1G
	run -4 "$MDBITMAP" --mark directory all
	[[ $output == *"not a regular file"* ]]
}

@test "--force replaces what cannot be edited, too: a clustered one, a lockless one, one of a version to come" {
	local version
	for version in 5 6 99; do
		"$MDBITMAP" -q --create f --size=1M --force
		put f 4 "\\x$(printf %02x "$version")"
		run -0 "$MDBITMAP" -q --create f --size=2M --force
		hex f 4 4 <<<"04 00 00 00"
	done
}

@test "a member of an array that keeps no bitmap is refused: 7" {
	make_member member level=0 size=0
	run -7 --separate-stderr "$MDBITMAP" --create f --for=member
	[[ $stderr == *member*"keeps no bitmap"* ]]
	[[ ! -e f ]]
}
