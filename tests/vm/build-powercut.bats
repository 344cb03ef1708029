#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# An array without metadata: after a power cut, built again with its bitmap
# file, the chunks whose bits are set are copied, and then it is whole.
#
# vm-kernels: 6.1
# vm-mdbitmap: newest (6.1 6.12)
# vm-cpus: 1
# vm-disks: vdb=32M vdc=32M vdd=32M
# shellcheck disable=SC2154 # arrays.bash sets chunk, bats sets stderr

bats_require_minimum_version 1.5.0
load helpers
load arrays

build() {
	mdbitmap --build /dev/md0 --level=1 --raid-devices=2 --bitmap=/mnt/bitmap "$@" /dev/vdb /dev/vdc
}

# bats test_tags=boot:1
@test "chunks that are written have their bits on the disk when the power goes" {
	requires root mdadm vdb vdc vdd
	make_bitmap_fs vdd /mnt
	build --assume-clean --bitmap-chunk=64 --delay=60
	write_chunk 0 /dev/md0
	write_chunk 200 /dev/md0
	write_chunk 511 /dev/md0
	# torn: one member has it, the other has not
	write_chunk 200 /dev/vdc
	write_chunk 511 /dev/vdb
	[[ $(dirty_chunks /mnt/bitmap) == '0..1 200..201 511..512' ]]
	power_cut
}

# bats test_tags=boot:2
@test "built again with --assume-clean it is refused: the bits say otherwise" {
	mount /dev/vdd /mnt
	refused 6 '3 chunks' --build /dev/md0 --level=1 --raid-devices=2 --bitmap=/mnt/bitmap \
		--assume-clean /dev/vdb /dev/vdc
}

# bats test_tags=boot:2
@test "built again, it copies those chunks and no others" {
	no_readahead vdb vdc
	looks vdb build --dry-run
	count_start vdb vdc
	run -0 build
	[[ $output == *', 3 chunks (192 KiB) to copy' ]]
	wait_idle md0
	copied $((3 * chunk)) vdb vdc
}

# bats test_tags=boot:2
@test "its members are identical then, stopped without a bit left" {
	mdbitmap --stop /dev/md0
	no_bit_in /mnt/bitmap
	members_identical vdb vdc 0
}
