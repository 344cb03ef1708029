#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# What --assemble refuses, or fails at, leaves everything as it was: no array,
# whole or half assembled, no node, members and bitmap unchanged.
#
# vm-kernels: 6.1
# vm-mdbitmap: 6.1 (6.12 newest)
# vm-cpus: 1
# vm-disks: vdb=4M vdc=4M vdd=120M vde=4M
# vm-timeout: 600
# shellcheck disable=SC2154,SC2030,SC2031 # arrays.bash sets chunk, bats stderr

bats_require_minimum_version 1.5.0
load helpers
load arrays

# Most tests leave members and filesystem as they were: made once.
setup_file() {
	make_bitmap_fs vdd /mnt
	make_mirror
}

# A bitmap file that would do.
setup() {
	requires root mdadm jq vdb vdc vdd vde
	mdbitmap --quiet --create /mnt/bitmap --for=/dev/vdb --clean
}

teardown() {
	mdadm --quiet --stop --scan || true
	mount -o remount,rw /mnt
	rm -rf /mnt/[a-z]* /dev/md
}

# For tests that spoil them: another mirror, of MDADM OPTIONs.
remake() {
	mdadm --quiet --zero-superblock /dev/vdb /dev/vdc || true
	make_mirror "$@"
	rm -f /mnt/bitmap
	mdbitmap --quiet --create /mnt/bitmap --for=/dev/vdb --clean
}

# refused_ahead CODE TEXT FILE: as the bitmap, in earnest and with --dry-run.
refused_ahead() {
	refused "$1" "$2" --assemble /dev/md0 --bitmap="$3" /dev/vdb /dev/vdc
	left_nothing
	run -"$1" --separate-stderr mdbitmap --assemble /dev/md0 --bitmap="$3" --dry-run \
		/dev/vdb /dev/vdc
	[[ ! $output && $stderr == *"$2"* ]]
}

# refused_late CODE TEXT ARGUMENT...: only the kernel finds out; by number and
# by name, as the objects have different lives.
refused_late() {
	local node
	for node in /dev/md0 /dev/md/home; do
		refused "$1" "$2" --assemble $node "${@:3}"
		left_nothing
	done
}

# patch FILE OFFSET BYTE
patch() {
	# shellcheck disable=SC2059 # the format is the byte
	printf "\\x$3" | dd of="$1" bs=1 seek="$2" conv=notrunc,fsync status=none
}

@test "a file that is no bitmap" {
	dd if=/dev/urandom of=/mnt/junk bs=64K count=1 conv=fsync status=none
	refused_ahead 4 '/mnt/junk' /mnt/junk
}

@test "a bitmap that is not there" {
	refused_ahead 4 '/mnt/nowhere' /mnt/nowhere
}

@test "a bitmap with an impossible chunk size" {
	patch /mnt/bitmap 52 03
	refused_ahead 6 'a power of two' /mnt/bitmap
}

@test "a truncated bitmap" {
	truncate -s 260 /mnt/bitmap
	refused_ahead 6 'truncated' /mnt/bitmap
}

@test "a bitmap whose state says WRITE_ERROR" {
	patch /mnt/bitmap 48 04
	refused_ahead 6 'a write to it failed' /mnt/bitmap
}

@test "a bitmap with the UUID of another array" {
	mdbitmap --quiet --create /mnt/other --size=63M --uuid=01234567:89abcdef:01234567:89abcdef
	refused_ahead 6 'of another array' /mnt/other
}

@test "a stale bitmap" {
	stock_only "of clean members it is taken, and says nothing"
	mdbitmap --assemble /dev/md0 --bitmap=/mnt/bitmap /dev/vdb /dev/vdc
	mdbitmap --stop /dev/md0
	cat /mnt/bitmap >/mnt/old
	sync
	# failing a member advances the events by more than one
	mdbitmap --assemble /dev/md0 --bitmap=/mnt/bitmap /dev/vdb /dev/vdc
	mdadm /dev/md0 --fail /dev/vdc --remove /dev/vdc
	mdadm /dev/md0 --re-add /dev/vdc
	wait_idle md0
	mdbitmap --stop /dev/md0
	patch /mnt/old 24 01 # 0 events would be a new bitmap's
	refused_ahead 6 'stale: ' /mnt/old
	mdbitmap --assemble /dev/md0 --bitmap=/mnt/old --force /dev/vdb /dev/vdc
}

# with_head FILE: FILE takes the superblock of one that needs 4 KiB
# and more, its other blocks stay as they are.
with_head() {
	mdbitmap --quiet --create /mnt/whole --size=1T --bitmap-chunk=4M \
		--uuid="$(mdbitmap --examine --json /mnt/bitmap | jq -r '.bitmaps[0].uuid')"
	dd if=/mnt/whole of="$1" bs=256 count=1 conv=notrunc,fsync status=none
}

@test "a bitmap with holes" {
	truncate -s 64K /mnt/sparse
	with_head /mnt/sparse
	refused_ahead 6 'a hole' /mnt/sparse
}

@test "a bitmap of blocks that were never written" {
	stock_only "a file is written through its filesystem"
	fallocate -l 64K /mnt/unwritten
	with_head /mnt/unwritten
	refused_ahead 6 'never written' /mnt/unwritten
}

@test "a symbolic link" {
	ln -s bitmap /mnt/link
	refused_ahead 1 'symbolic link' /mnt/link
}

@test "a file that its mode makes read-only" {
	chmod 400 /mnt/bitmap
	refused_ahead 1 'read-only' /mnt/bitmap
}

@test "a file on a read-only filesystem" {
	mount -o remount,ro /mnt
	refused_ahead 1 'writing' /mnt/bitmap
}

@test "a file that another program has open for writing" {
	exec 9<>/mnt/bitmap
	refused_late 5 'open for writing' --bitmap=/mnt/bitmap /dev/vdb /dev/vdc
	exec 9<&-
	mdbitmap --assemble /dev/md0 --bitmap=/mnt/bitmap /dev/vdb /dev/vdc
}

# refused_as_user CODE TEXT: --assemble by somebody who is not root.
refused_as_user() {
	local before
	before=$(everything)
	run -"$1" --separate-stderr unshare --setuid 1000 --setgid 1000 mdbitmap \
		--assemble /dev/md0 --bitmap=/mnt/bitmap /dev/vdb /dev/vdc
	echo "$stderr"
	[[ ! $output && $(wc -l <<<"$stderr") == 1 && $stderr == *"$2"* ]]
	diff <(echo "$before") <(everything)
}

@test "without privilege" {
	driver_is mdbitmap || chmod 666 /mnt/bitmap # which ours would not take
	refused_as_user 1 'cannot open /dev/vdb'
	# may read and write all there is, and yet not make an array
	chmod 666 /dev/vdb /dev/vdc
	driver_is mdbitmap || refused_as_user 1 'as root'
	chmod 600 /dev/vdb /dev/vdc
	left_nothing
}

@test "members that are none, or too few" {
	mkfs.ext4 -q -F /dev/vde
	refused 4 '/dev/nowhere' --assemble /dev/md0 --bitmap=/mnt/bitmap /dev/vdb /dev/nowhere
	refused 4 '/dev/vde is no array member' --assemble /dev/md0 --bitmap=/mnt/bitmap \
		/dev/vdb /dev/vdc /dev/vde
	refused 1 '1 of 2 members present' --assemble /dev/md0 --bitmap=/mnt/bitmap /dev/vdb
	left_nothing
}

@test "members of two arrays" {
	mdadm --create /dev/md0 --quiet --run --level=1 --raid-devices=2 --assume-clean /dev/vde missing
	mdadm --quiet --stop /dev/md0
	refused 6 'different arrays' --assemble /dev/md0 --bitmap=/mnt/bitmap /dev/vdb /dev/vde
	left_nothing
}

@test "an array that runs, its members, its bitmap" {
	mdbitmap --quiet --assemble /dev/md0 --bitmap=/mnt/bitmap /dev/vdb /dev/vdc
	refused 5 'an array runs there already' --assemble /dev/md0 --bitmap=/mnt/bitmap /dev/vdb /dev/vdc
	refused 5 'attached to md0' --assemble /dev/md1 --bitmap=/mnt/bitmap /dev/vdb /dev/vdc
	mdbitmap --quiet --create /mnt/other --for=/dev/vdb
	refused 5 'in use by the array md0' --assemble /dev/md1 --bitmap=/mnt/other /dev/vdb /dev/vdc
	refused 5 'in use by the array md0' --assemble /dev/md1 --bitmap=/mnt/other --dry-run --scan
}

@test "an array that somebody else has half assembled stays so" {
	mdadm --quiet --incremental /dev/vdb
	local md
	md=$(basename /sys/block/md*)
	[[ $(<"/sys/block/$md/md/array_state") == inactive ]]
	refused 5 'half assembled' --assemble "/dev/$md" --bitmap=/mnt/bitmap /dev/vdb /dev/vdc
	refused 5 "in use by the array $md" --assemble /dev/md77 --bitmap=/mnt/bitmap /dev/vdb /dev/vdc
}

@test "a node's name that something else has" {
	: >/dev/md_home
	refused 5 '/dev/md_home' --assemble /dev/md/home --bitmap=/mnt/bitmap /dev/vdb /dev/vdc
	rm /dev/md_home
	left_nothing
}

@test "a signal leaves the whole array or none" {
	local delay pid
	for delay in 0.01 0.02 0.04 0.06 0.08 0.1 0.15 0.2; do
		mdbitmap --assemble /dev/md0 --bitmap=/mnt/bitmap /dev/vdb /dev/vdc &
		pid=$!
		sleep $delay
		kill -TERM $pid || true
		wait $pid || true
		if [[ -e /sys/block/md0 ]]; then
			grep '^md0 : active raid1' /proc/mdstat
			grep 'file: /mnt/bitmap' /proc/mdstat
			mdadm --quiet --stop /dev/md0
		fi
		retry 20 0.1 left_nothing
	done
}

# The rest spoils the members, or the filesystem.

@test "an internal bitmap is not replaced by accident" {
	remake --bitmap=internal
	refused_ahead 5 'internal bitmap' /mnt/bitmap
	mdbitmap --assemble /dev/md0 --bitmap=/mnt/bitmap --force /dev/vdb /dev/vdc
	grep 'file: /mnt/bitmap' /proc/mdstat
}

@test "an array that the kernel does not start is taken apart again" {
	stock_only "of RAID5"
	mdadm --quiet --zero-superblock /dev/vdb /dev/vdc
	mdadm --create /dev/md0 --quiet --run --level=5 --raid-devices=3 --assume-clean \
		/dev/vdb /dev/vdc /dev/vde
	mdadm --stop /dev/md0
	mdbitmap --quiet --create /mnt/other --for=/dev/vdb --clean
	refused_late 1 'does not start it' --bitmap=/mnt/other --run /dev/vdb
	mdbitmap --assemble /dev/md/home --bitmap=/mnt/other --run /dev/vdb /dev/vdc
}

@test "a file on a member of the array" {
	# with the superblock at the end, a member can be mounted
	remake --metadata=1.0
	mdadm --assemble /dev/md0 /dev/vdb /dev/vdc
	umount /mnt
	mkfs.ext4 -q -F -O ^has_journal /dev/md0
	mdadm --stop /dev/md0
	mount -t ext4 -o noatime /dev/vdb /mnt
	mdbitmap --quiet --create /mnt/bitmap --for=/dev/vdc --clean
	sync
	refused_ahead 1 'lies on a member of the array' /mnt/bitmap
}

@test "a file on btrfs, tmpfs, overlay: the filesystem is named" {
	stock_only "a file is written through its filesystem"
	cat /mnt/bitmap >/tmp/bitmap
	local type
	for type in btrfs tmpfs overlay; do
		umount_tree /mnt
		wipe vdd
		make_bitmap_fs $type vdd /mnt
		cat /tmp/bitmap >/mnt/bitmap
		sync
		refused_ahead 7 "on $type" /mnt/bitmap
	done
}
