#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# Stock md with mdadm 4.2 alone: what a bitmap file is for, and what the other
# scenarios compare with.
#
# vm-kernels: 6.1 6.12
# vm-cpus: 1
# vm-disks: vdb=64M vdc=64M vdd=32M

bats_require_minimum_version 1.5.0
load helpers

chunk=128 # sectors

# Write random data to chunk $1 of array or member $2, where data begins at
# sector $3.
write_chunk() {
	dd if=/dev/urandom of="$2" bs=512 count="$chunk" seek=$((${3:-0} + $1 * chunk)) \
		iflag=fullblock oflag=direct conv=notrunc status=none
}

# True if no bit is set in the bitmap of md0.
all_clear() { grep -q 'bitmap: 0/' /proc/mdstat; }

# True if more than $1 sectors were ever written to md0.
written_more_than() { (($(stat_sectors md0 write) > $1)); }

# bats test_tags=boot:1
@test "an array with a bitmap file starts, is written to, and loses power" {
	requires root mdadm fio vdb vdc vdd
	make_bitmap_fs vdd /mnt
	mdadm --create /dev/md0 --run --level=1 --raid-devices=2 --metadata=1.2 \
		--bitmap=/mnt/bitmap --bitmap-chunk=64K /dev/vdb /dev/vdc
	wait_idle md0
	retry 150 0.2 all_clear
	echo 100 >/sys/block/md0/md/bitmap/time_base # what is set now stays set

	# chunk 100 is left torn: its members differ, its bit is set
	write_chunk 100 /dev/md0
	write_chunk 100 /dev/vdc "$(data_offset vdc)"
	run ! members_identical vdb vdc "$(data_offset vdb)"
	# and the first 16 chunks are being written to when the power goes
	fio --name=writer --filename=/dev/md0 --size=1M --rw=randwrite --bs=4k \
		--direct=1 --ioengine=libaio --iodepth=8 --time_based --runtime=60 \
		>/dev/null 2>&1 3>&- &
	retry 100 0.1 written_more_than $(($(stat_sectors md0 write) + 64))
	power_cut
}

# bats test_tags=boot:2
@test "assembled again it copies the dirty chunks, and only those" {
	local before copied
	mount /dev/vdd /mnt
	before=$(stat_sectors vdc write)
	mdadm --assemble /dev/md0 --bitmap=/mnt/bitmap /dev/vdb /dev/vdc
	wait_idle md0
	copied=$(($(stat_sectors vdc write) - before))
	echo "$copied sectors written to vdc"
	# chunk 100 and one of the 16 at least; at most all, and superblocks
	((copied >= 2 * chunk))
	((copied <= 17 * chunk + 64))
}

# bats test_tags=boot:2
@test "its members are identical then" {
	mdadm --stop /dev/md0
	members_identical vdb vdc "$(data_offset vdb)"
}
