#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# Arrays beyond 2 TiB, where the size no longer fits the ioctl.
#
# vm-kernels: 6.1
# vm-mdbitmap: 6.12 (6.1 newest)
# vm-cpus: 1
# vm-disks: vdb=3T vdc=4T vdd=32M

bats_require_minimum_version 1.5.0
load helpers
load arrays

teardown() { mdadm --quiet --stop --scan || true; }

@test "a mirror of 3 TiB has its bits up to the end" {
	requires root mdadm jq vdb vdc vdd
	make_bitmap_fs vdd /mnt
	mdbitmap --build /dev/md0 --level=1 --raid-devices=2 --bitmap=/mnt/bitmap --assume-clean \
		--delay=60 /dev/vdb /dev/vdc
	[[ $(blockdev --getsz /dev/md0) == $((3 << 31)) ]]
	# mdadm's default: 2^20 chunks at most, here of 4 MiB
	mdbitmap --examine --json /mnt/bitmap | jq -e '.bitmaps[0] | .chunk_bytes == 4194304 and .chunks == 786432'
	dd if=/dev/urandom of=/dev/md0 bs=4096 count=1 seek=$(((3 << 28) - 1)) oflag=direct status=none
	[[ $(dirty_chunks /mnt/bitmap) == 786431..786432 ]]
}

@test "--size is kept where the members have more" {
	mdbitmap --build /dev/md0 --level=1 --raid-devices=2 --bitmap=/mnt/other --assume-clean \
		--size=2560G /dev/vdb /dev/vdc
	[[ $(blockdev --getsz /dev/md0) == $((2560 << 21)) ]]
}
