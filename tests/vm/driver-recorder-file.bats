#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# P1 and P2 as in driver-recorder.bats, with the bitmap in a file on ext4, whose
# blocks follow each other on its disk, and with superblocks on the members.
#
# vm-mdbitmap: 6.1 6.12 newest
# vm-timeout: 300
# vm-disks: vdb=64M vdc=64M vdd=16M
# vm-recorder: 65536 vdd vdb vdc

bats_require_minimum_version 1.5.0
load helpers
load arrays
load recorded

setup() { requires root fio mdadm filefrag vdb vdc vdd; }

# Nothing is wiped: that would be recorded, too.
teardown() {
	mdadm --quiet --stop --scan || true
	umount_tree /mnt
}

# Where the first and only extent of FILE begins on its disk, in bytes.
place_of() {
	local said
	said=$(filefrag -b1 -e "$1")
	echo "$said" >&2
	grep -q ': 1 extent found' <<<"$said"
	awk '$1 == "0:" { sub(/\.\.$/, "", $4); print $4 }' <<<"$said"
}

@test "P1, P2: a file that ext4 writes keeps the promise too" {
	mkfs.ext4 -q -F -b 4096 /dev/vdd
	mount /dev/vdd /mnt
	make_mirror --metadata=1.2
	mdbitmap --quiet --create /mnt/bitmap --for=/dev/vdb --bitmap-chunk=64K --clean --delay=1
	echo "@recorder store-offset=$(place_of /mnt/bitmap)" >/dev/ttyS1
	echo "@recorder data-offset=$(($(data_offset vdb) * 512))" >/dev/ttyS1
	mdbitmap --assemble /dev/md0 --bitmap=/mnt/bitmap /dev/vdb /dev/vdc
	write_recorded
	mdbitmap --stop /dev/md0
}
