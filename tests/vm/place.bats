#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# Where a bitmap file must not be: what stock md cannot use, or would hang on, is
# refused before md is asked, and --check knows it too.
#
# vm-kernels: 6.1
# vm-mdbitmap: 6.1 (6.12 newest)
# vm-cpus: 1
# vm-disks: vdb=64M vdc=64M vdd=32M vde=320M

# shellcheck disable=SC2030,SC2031,SC2154 # bats sets output and stderr

bats_require_minimum_version 1.5.0
load helpers
load arrays

file=/mnt/bitmap

setup() {
	requires root mdadm vdb vdc vdd vde
	mdadm --create /dev/md0 --quiet --run --level=1 --raid-devices=2 --assume-clean \
		/dev/vdb /dev/vdc
}

teardown() { stop_all; }

# check STATUS: --check of the file for the array.
check() {
	run "-$1" --separate-stderr mdbitmap --check $file --json --for=/dev/md0
}

weight() { json ".findings[] | select(.topic == \"$1\") | .weight"; }

json() { jq -r "$@" <<<"$output"; }

# hand_over STATUS FILE: to md, up to the last step.
hand_over() {
	run "-$1" --separate-stderr mdbitmap --attach /dev/md0 --bitmap="$2" --dry-run
}

@test "filesystems that stock md cannot use are refused by name" {
	stock_only "a file is written through its filesystem"
	local type
	for type in ext4 xfs; do
		make_bitmap_fs $type vde /mnt
		mdbitmap --create $file --for=/dev/md0
		hand_over 0 $file
		umount_tree /mnt
	done
	for type in btrfs tmpfs overlay; do
		make_bitmap_fs $type vde /mnt
		mdbitmap --create $file --for=/dev/md0
		hand_over 7 $file
		[[ $stderr == *"on $type,"*ext4* ]]
		check 0
		[[ $(weight filesystem) == notice ]]
		umount_tree /mnt
	done
}

@test "blocks that are shared with another file are refused" {
	stock_only "a file is written through its filesystem"
	make_bitmap_fs xfs vde /mnt
	mdbitmap --create $file --for=/dev/md0
	cp --reflink=always $file /mnt/shared
	hand_over 6 $file
	[[ $stderr == *holes*'byte 0'*shared* ]]
	rm /mnt/shared
	hand_over 7 $file # xfs remembers
	[[ $stderr == *'once shared'*--reflink=never* ]]
	cat $file >/mnt/whole
	hand_over 0 /mnt/whole
}

@test "space that was never written is refused" {
	mkfs.ext4 -q -F -b 1024 /dev/vdd
	mount /dev/vdd /mnt
	mdbitmap --create /mnt/whole --for=/dev/md0 --bitmap-chunk=4
	head -c 1024 /mnt/whole >$file
	fallocate --offset 1024 --length 3072 $file
	hand_over 6 $file
	[[ $stderr == *holes*'byte 1024'* ]]
	driver_is mdbitmap || [[ $stderr == *written* ]]
	check 3
	[[ $(weight holes) == attention ]]
}

@test "a small file inside its inode is refused" {
	stock_only "a file is written through its filesystem"
	mkfs.ext4 -q -F -O inline_data -I 1024 /dev/vdd
	mount /dev/vdd /mnt
	mdbitmap --create /mnt/whole --for=/dev/md0 --bitmap-chunk=32M
	head -c 257 /mnt/whole >$file
	sync
	hand_over 6 $file
	[[ $stderr == *holes*'inside metadata'* ]]
	hand_over 0 /mnt/whole
}

@test "a file on the array itself is refused, below a mapping and a loop too" {
	mkfs.ext4 -q -F /dev/md0
	mount /dev/md0 /mnt
	mdbitmap --create $file --for=/dev/md0
	hand_over 1 $file
	[[ $stderr == *"on the array itself"* ]]
	check 6
	[[ $(weight place) == bad ]]

	modprobe loop
	truncate -s 16M /mnt/image
	losetup /dev/loop0 /mnt/image
	DM_DISABLE_UDEV=1 dmsetup create mapped --table '0 32768 linear /dev/loop0 0'
	mkdir /mnt/deeper
	mkfs.ext4 -q -F /dev/mapper/mapped
	mount /dev/mapper/mapped /mnt/deeper
	mdbitmap --create /mnt/deeper/bitmap --for=/dev/md0
	hand_over 1 /mnt/deeper/bitmap
	[[ $stderr == *"on the array itself"* ]]
}
