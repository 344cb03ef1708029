#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# vm-kernels: 6.1 6.12 newest
# vm-cpus: 1
# vm-disks: vdb=16M vdc=16M vdd=320M

load helpers

setup() {
	requires root mdadm fio mkfs.ext4 mkfs.xfs mkfs.btrfs blkid jq vdb vdc vdd
}

teardown() {
	stop_all
}

@test "the kernel runs and raid1 loads" {
	uname -r
	modprobe raid1
	grep -q '\[raid1\]' /proc/mdstat
}

@test "mdadm makes a mirror and its members become identical" {
	mdadm --create /dev/md0 --run --level=1 --raid-devices=2 --metadata=1.2 /dev/vdb /dev/vdc
	dd if=/dev/urandom of=/dev/md0 bs=1M count=4 oflag=direct status=none
	wait_idle md0
	mdadm --stop /dev/md0
	members_identical vdb vdc "$(data_offset vdb)"
}

@test "every kind of file system for a bitmap can be made" {
	for type in ext4 xfs btrfs tmpfs overlay; do
		make_bitmap_fs "$type" vdd /mnt/bitmap
		dd if=/dev/zero of=/mnt/bitmap/file bs=4096 count=4 conv=fsync status=none
		umount_tree /mnt/bitmap
		wipe vdd
	done
}
