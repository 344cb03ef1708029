#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# Bitmaps on block devices, which arrays of mdbitmap.ko take.
# shellcheck disable=SC2154 # bats sets stderr

bats_require_minimum_version 1.5.0
load helpers
load members
load bitmaps

# $device of 1 MiB, all zero, its image ./store; two members with it.
setup() {
	mkdir "$BATS_TEST_TMPDIR/here" # bats keeps files of its own above it
	cd "$BATS_TEST_TMPDIR/here" || return
	PATH=$PATH:/usr/sbin:/sbin
	truncate -s 1M store
	as_device store
	make_member a.img number=0
	make_member b.img number=1
}

teardown() { free_device; }

# refused CODE TEXT ARGUMENT...: fails so, with TEXT in one line, and changes
# neither the device nor a file.
refused() {
	local code=$1 text=$2 before
	shift 2
	before=$(sha256sum ./*)
	run -"$code" --separate-stderr "$MDBITMAP" "$@"
	echo "$stderr"
	[[ ! $output && $(wc -l <<<"$stderr") == 1 && $stderr == *"$text"* ]]
	[[ $(sha256sum ./*) == "$before" ]]
}

dirty() { "$MDBITMAP" --ranges "$device" --unit=chunks; }

@test "--create makes a bitmap on a device that is empty" {
	"$MDBITMAP" --create "$device" --for=a.img --bitmap-chunk=64 --clean
	[[ ! $(dirty) ]]
	"$MDBITMAP" --mark "$device" 3c..5c
	[[ $(dirty) == 3..5 ]]
	"$MDBITMAP" --clear "$device" 4c..5c
	[[ $(dirty) == 3..4 ]]
	"$MDBITMAP" --check "$device" --for=a.img
}

@test "a link that leads to the device will do, as udev makes them" {
	ln -s "$device" link
	"$MDBITMAP" --create link --for=a.img --bitmap-chunk=64 --clean
	"$MDBITMAP" --mark link 3c..5c
	[[ $(dirty) == 3..5 ]]
}

@test "--create --dry-run writes nothing" {
	before=$(sha256sum store)
	run -0 "$MDBITMAP" --create "$device" --for=a.img --dry-run
	[[ $output == "would create $device:"* && $(sha256sum store) == "$before" ]]
}

@test "a bitmap that is there is replaced by --force only" {
	"$MDBITMAP" --create "$device" --for=a.img --clean
	refused 5 "$device: a bitmap is on it already; --force" --create "$device" --for=a.img
	"$MDBITMAP" --quiet --create "$device" --for=a.img --bitmap-chunk=64 --force
	[[ $(dirty) == 0..112 ]]
}

@test "a filesystem that is there goes by --force only, and then wholly" {
	truncate -s 4M store
	losetup --set-capacity "$device"
	mkfs.ext4 -q -F "$device"
	refused 5 "$device: ext4 is on it already; --force" --create "$device" --for=a.img
	refused 5 'ext4' --create "$device" --for=a.img --dry-run
	run -0 --separate-stderr "$MDBITMAP" --create "$device" --for=a.img --bitmap-chunk=64 --force
	[[ $stderr == *'ext4 on it is written over'* ]]
	[[ ! $(blkid -p "$device") && $(dirty) == 0..112 ]]
}

@test "a filesystem whose mark lies behind the bitmap goes, too" {
	type -P mkfs.btrfs >/dev/null || skip "needs mkfs.btrfs"
	truncate -s 128M store
	losetup --set-capacity "$device"
	mkfs.btrfs -q "$device"
	refused 5 'btrfs' --create "$device" --for=a.img
	"$MDBITMAP" --quiet --create "$device" --for=a.img --force
	[[ ! $(blkid -p "$device") ]]
}

@test "a device in use is refused, --force or not" {
	mkfs.ext4 -q -F "$device"
	mkdir mnt
	mount "$device" mnt || skip "no mount here"
	run -5 --separate-stderr "$MDBITMAP" --create "$device" --for=a.img --force
	umount mnt
	[[ $stderr == *"$device: in use, it is mounted at "* ]]
}

@test "interrupted, it leaves no bitmap behind, not the one that was there either" {
	truncate -s 257M store
	losetup --set-capacity "$device"
	for ((try = 1; try <= 5; try++)); do
		"$MDBITMAP" --quiet --create "$device" --size=8T --bitmap-chunk=1M --force
		"$MDBITMAP" --create "$device" --size=8T --bitmap-chunk=4 --force 2>err >out &
		pid=$!
		# its first step is over once the old superblock is gone
		until ! cmp -s -n 4 store <(printf bitm) || ! kill -0 $pid 2>/dev/null; do :; done
		kill -TERM $pid 2>/dev/null || true
		code=0
		wait $pid || code=$?
		((!code)) || break
	done
	echo "try $try: exit $code, $(<err)"
	((code == 1))
	[[ $(<err) == *"$device: interrupted, it holds no bitmap now" ]]
	run -4 "$MDBITMAP" --examine "$device"
}

@test "a device that is too small is refused, and says by how much" {
	refused 1 "$device: too small: 1 MiB, the bitmap takes" --create "$device" --size=1T \
		--bitmap-chunk=4
}

@test "the device must not be a member of the array that the bitmap is for" {
	dd if=a.img of=store conv=notrunc status=none
	truncate -s "$(stat -c %s a.img)" store
	losetup --set-capacity "$device"
	refused 1 'choose a device outside the array' --create "$device" --for="$device" --force
	refused 1 'choose a device outside the array' --create "$device" --for=b.img --force
}

@test "other modes that make bitmaps make files only" {
	local option name
	"$MDBITMAP" --quiet --create "$device" --for=a.img --bitmap-chunk=64
	"$MDBITMAP" --dump "$device" >dump
	ln -s "$device" link
	for option in --quiet --dry-run; do
		for name in "$device" link; do
			refused 7 'only --create' --restore "$name" dump --force $option
			refused 7 'only --create' --resize "$name" --size=7M $option
			refused 7 'only --create' --rechunk "$name" --bitmap-chunk=128 $option
			refused 7 'only --create' --merge --force "$name" "$device" "$device" $option
		done
	done
	"$MDBITMAP" --quiet --restore copy dump
	"$MDBITMAP" --diff copy "$device"
}

@test "a device without a bitmap says how to make one" {
	refused 4 "$device: no bitmap is on it; --create makes one" --mark "$device" all
	refused 4 '--create makes one' --assemble /dev/mdb0 --bitmap="$device" --dry-run a.img b.img
}

@test "without the driver there is nothing to plan" {
	modinfo -n mdbitmap 2>/dev/null && skip "the driver is installed here"
	"$MDBITMAP" --quiet --create bitmap --for=a.img --clean
	dd if=a.img of=store conv=notrunc status=none
	truncate -s "$(stat -c %s a.img)" store
	losetup --set-capacity "$device"
	refused 7 'module mdbitmap: not there' --assemble /dev/mdb0 --bitmap=bitmap --run --dry-run "$device"
}

@test "from the check on until the driver has it, nobody replaces the file" {
	type -P strace >/dev/null || skip "needs strace"
	modinfo -n mdbitmap 2>/dev/null && skip "the driver is installed here"
	"$MDBITMAP" --quiet --create bitmap --for=a.img --clean
	dd if=a.img of=store conv=notrunc status=none
	truncate -s "$(stat -c %s a.img)" store
	losetup --set-capacity "$device"
	ASAN_OPTIONS=detect_leaks=0 strace -o trace -P /sys/module/mdbitmap/parameters/new_array \
		-e trace=access -e inject=access:delay_enter=20000000 \
		"$MDBITMAP" --assemble /dev/mdb0 --bitmap=bitmap --run "$device" 2>/dev/null 3>&- &
	opened() { (($(find /proc/[0-9]*/fd -lname "$PWD/bitmap" 2>/dev/null | wc -l) >= 2)); }
	local tracer=$!
	until opened; do kill -0 $tracer; done
	run -5 "$MDBITMAP" --rechunk bitmap --bitmap-chunk=8
	pkill -KILL -P $tracer
	wait || true
	[[ $output == *'another program is editing it' && $(<trace) == access* ]]
	"$MDBITMAP" --rechunk bitmap --bitmap-chunk=8
}

@test "a superblock is read from the device, whatever the page cache still has" {
	"$MDBITMAP" --quiet --create bitmap --for=a.img --clean
	dd if=a.img of=store conv=notrunc status=none
	truncate -s "$(stat -c %s a.img)" store
	losetup --set-capacity "$device"
	exec 9<"$device" # keeps its pages
	cat "$device" >/dev/null
	make_member newer events=9
	dd if=newer of=store conv=notrunc,fsync status=none
	run -6 "$MDBITMAP" --check bitmap --for="$device" 9<&-
	exec 9<&-
	[[ $output == *"stale: 7, $device is at 9"* ]]
}

@test "--check says that stock md does not take it, and our driver does" {
	"$MDBITMAP" --quiet --create "$device" --for=a.img --clean
	run -0 "$MDBITMAP" --check "$device" --for=a.img
	[[ $output == *'note '*'stock md needs; arrays of mdbitmap.ko (/dev/mdbN) take it'* ]]
}
