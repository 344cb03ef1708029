#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# After a power cut exactly the chunks whose bits are set are copied, and then
# the members are identical.
#
# vm-kernels: 6.1 (6.12)
# vm-mdbitmap: newest (6.1 6.12)
# vm-cpus: 1
# vm-disks: vdb=64M vdc=64M vdd=32M
# shellcheck disable=SC2154 # arrays.bash sets chunk, bats sets stderr

bats_require_minimum_version 1.5.0
load helpers
load arrays

written_more_than() { (($(stat_sectors md0 write) > $1)); }

identical() { members_identical vdb vdc "$(data_offset vdb)"; }

# bats test_tags=boot:1
@test "chunks that are written have their bits on the disk at once" {
	requires root mdadm fio vdb vdc vdd
	make_bitmap_fs vdd /mnt
	make_mirror
	# --delay: no bit is cleared within this boot
	mdbitmap --create /mnt/bitmap --for=/dev/vdb --clean --bitmap-chunk=64 --delay=60
	mdbitmap --assemble /dev/md0 --bitmap=/mnt/bitmap /dev/vdb /dev/vdc
	no_bit_in /mnt/bitmap
	# as if writes were always on their way: md does not call it clean
	echo 0 >/sys/block/md0/md/safe_mode_delay

	for n in 3 100 101 700; do
		write_chunk $n /dev/md0
	done
	[[ $(dirty_chunks /mnt/bitmap) == '3..4 100..102 700..701' ]]
	# what a cut may leave: each member ahead of the other somewhere
	tear 3 vdb
	tear 101 vdc
	run ! identical
	power_cut
}

# bats test_tags=boot:2
@test "assembled again, the array copies those chunks and no others" {
	mount /dev/vdd /mnt
	[[ $(dirty_chunks /mnt/bitmap) == '3..4 100..102 700..701' ]]
	no_readahead vdb vdc
	count_start vdb vdc
	run -0 mdbitmap --assemble /dev/md0 --bitmap=/mnt/bitmap /dev/vdb /dev/vdc
	[[ $output == *', 4 chunks (256 KiB) to copy' ]]
	wait_idle md0
	copied $((4 * chunk)) vdb vdc
	(($(count_end vdb write) < chunk && $(count_end vdc read) < chunk))
}

# bats test_tags=boot:2
@test "its members are identical then, stopped without a bit left" {
	mdbitmap --stop /dev/md0
	no_bit_in /mnt/bitmap
	identical
}

# bats test_tags=boot:2
@test "the power goes while many chunks are being written to" {
	mdbitmap --assemble /dev/md0 --bitmap=/mnt/bitmap /dev/vdb /dev/vdc
	fio --name=writer --filename=/dev/md0 --size=32M --rw=randwrite --bs=4k --direct=1 \
		--ioengine=libaio --iodepth=8 --time_based --runtime=60 >/dev/null 2>&1 3>&- &
	retry 200 0.1 written_more_than $(($(stat_sectors md0 write) + 512))
	power_cut
}

# bats test_tags=boot:3
@test "what is copied is what --ranges says" {
	local sectors
	mount /dev/vdd /mnt
	sectors=$(dirty_sectors /mnt/bitmap)
	((sectors >= chunk && sectors <= 64 * 1024))
	no_readahead vdb vdc
	count_start vdb vdc
	run -0 mdbitmap --assemble /dev/md0 --bitmap=/mnt/bitmap --json /dev/vdb /dev/vdc
	jq -e --argjson n "$sectors" '.copy_bytes == 512 * $n' <<<"$output"
	wait_idle md0
	copied "$sectors" vdb vdc
}

# bats test_tags=boot:3
@test "and the members are identical again" {
	mdbitmap --stop /dev/md0
	identical
}
