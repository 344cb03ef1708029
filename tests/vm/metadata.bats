#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# Every metadata format: mdadm makes the array, we its bitmap file, from a
# member or from the running array, and assemble both; sizes and UUIDs fit.
#
# vm-kernels: 6.1 (6.12)
# vm-mdbitmap: 6.12 (6.1 newest)
# vm-cpus: 1
# vm-disks: vdb=67173888 vdc=67109376 vdd=32M
# shellcheck disable=SC2154 # arrays.bash sets chunk, bats sets stderr

bats_require_minimum_version 1.5.0
load helpers
load arrays

setup() {
	requires root mdadm jq vdb vdc vdd
	make_bitmap_fs vdd /mnt
}

teardown() { end_all; }

# of_bitmap FILE KEY: from its superblock.
of_bitmap() { mdbitmap --examine --json "$1" | jq -r ".bitmaps[0].$2"; }

# The bitmap file $1 belongs to md0, which runs: size and UUID.
fits() {
	local kib sectors
	kib=$(</sys/block/md0/md/component_size)
	sectors=$(of_bitmap "$1" sync_size_sectors)
	echo "array: $kib KiB, bitmap: $sectors sectors"
	((sectors / 2 == kib))
	# mdadm prints the words of 0.90 in another order, but not of their own
	mdadm --examine-bitmap "$1" | grep "Sync Size : $kib "
}

# works FILE: md0 starts with it, it says so, and it is clean at the end.
works() {
	mdbitmap --assemble /dev/md0 --bitmap="$1" /dev/vdb /dev/vdc
	[[ $(mdbitmap --detail --json /dev/md0) == *"\"$1\""* ]]
	mdadm --detail /dev/md0 | grep "Intent Bitmap : $1"
	fits "$1"
	write_chunk 11 /dev/md0
	[[ $(dirty_chunks "$1") == 11..12 ]]
	mdbitmap --stop /dev/md0
	no_bit_in "$1"
}

# lifecycle METADATA: from mdadm --create to a clean stop, twice.
lifecycle() {
	make_mirror --metadata="$1"
	mdbitmap --create /mnt/member --for=/dev/vdb --bitmap-chunk=64 --clean
	works /mnt/member

	mdadm --assemble /dev/md0 /dev/vdb /dev/vdc
	mdbitmap --create /mnt/array --for=/dev/md0 --bitmap-chunk=64 --clean
	fits /mnt/array
	mdbitmap --stop /dev/md0
	[[ $(of_bitmap /mnt/member uuid) == $(of_bitmap /mnt/array uuid) ]]
	works /mnt/array
	members_identical vdb vdc "$(data_offset vdb)" $((100 * chunk))
}

# The array is found by what the bitmap says, and by what mdadm says.
found_by_uuid() {
	local uuid
	make_mirror --metadata="$1"
	mdbitmap --create /mnt/bitmap --for=/dev/vdc --clean
	uuid=$(mdadm --examine --export /dev/vdb | sed -n 's/^MD_UUID=//p')
	mdbitmap --assemble /dev/md0 --bitmap=/mnt/bitmap --uuid="$uuid"
	mdbitmap --stop /dev/md0
	run -0 mdbitmap --assemble /dev/md0 --bitmap=/mnt/bitmap --scan
	[[ $output == *'with 2 of 2 members'* ]]
}

@test "0.90: create for member and array, assemble, stop" { lifecycle 0.90; }
@test "1.0: create for member and array, assemble, stop" { lifecycle 1.0; }
@test "1.1: create for member and array, assemble, stop" { lifecycle 1.1; }
@test "1.2: create for member and array, assemble, stop" { lifecycle 1.2; }

@test "0.90: found by its UUID as mdadm prints it, and by the bitmap's" { found_by_uuid 0.90; }
@test "1.2: found by its UUID as mdadm prints it, and by the bitmap's" { found_by_uuid 1.2; }
