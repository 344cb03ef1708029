#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# Which members --assemble takes, and what becomes of the others.
#
# vm-kernels: 6.1 (6.12)
# vm-mdbitmap: newest (6.1 6.12)
# vm-cpus: 1
# vm-disks: vdb=16M vdc=16M vdd=32M vde=16M
# shellcheck disable=SC2154 # arrays.bash sets chunk, bats stderr

bats_require_minimum_version 1.5.0
load helpers
load arrays

setup() {
	requires root mdadm jq vdb vdc vdd vde
	make_bitmap_fs vdd /mnt
	make_mirror
	mdbitmap --quiet --create /mnt/bitmap --for=/dev/vdb --clean --bitmap-chunk=64 --delay=60
}

teardown() { end_all; }

assemble() { mdbitmap --assemble /dev/md0 --bitmap=/mnt/bitmap "$@"; }

# crash: md0 stops, but superblocks and bitmap are then as in the midst of it.
crash() {
	local dev
	for dev in vdb vdc; do
		dd if=/dev/$dev of=/run/$dev bs=4096 skip=1 count=1 iflag=direct status=none
	done
	dd if=/mnt/bitmap of=/run/bitmap bs=4096 iflag=direct status=none
	mdbitmap --quiet --stop /dev/md0
	for dev in vdb vdc; do
		dd if=/run/$dev of=/dev/$dev bs=4096 seek=1 oflag=direct status=none
	done
	dd if=/run/bitmap of=/mnt/bitmap bs=4096 conv=notrunc,fsync status=none
}

fail_vdc() { mdadm --quiet /dev/md0 --fail /dev/vdc --remove /dev/vdc; }

@test "--readonly starts without a copy, which comes when the array is writable" {
	assemble /dev/vdb /dev/vdc
	echo 0 >/sys/block/md0/md/safe_mode_delay
	write_chunk 9 /dev/md0
	crash
	tear 9 vdc
	count_start vdb vdc
	run -0 --separate-stderr assemble --readonly /dev/vdb /dev/vdc
	[[ $output == *'started read-only with 2 of 2 members'*'1 chunk (64 KiB) to copy once it is writable' ]]
	[[ $(</sys/block/md0/md/array_state) == readonly ]]
	(($(count_end vdc write) == 0))
	no_readahead vdb vdc
	count_start vdb vdc
	mdadm --readwrite /dev/md0
	wait_idle md0
	copied "$chunk" vdb vdc
	members_identical vdb vdc "$(data_offset vdb)"
}

@test "--run starts it with one member, and the other comes back later" {
	assemble --run /dev/vdb
	write_chunk 9 /dev/md0
	mdbitmap --stop /dev/md0
	run -0 --separate-stderr assemble /dev/vdb /dev/vdc
	[[ $output == *'started with 1 of 2 members'*'re-added /dev/vdc to /dev/md0, 64 KiB to copy to it'* ]]
	wait_idle md0
	members_identical vdb vdc "$(data_offset vdb)"
}

@test "a member that comes back is write-mostly if it was" {
	mdadm --assemble /dev/md0 /dev/vdb /dev/vdc
	echo writemostly >/sys/block/md0/md/dev-vdc/state
	mdadm --stop /dev/md0
	mdbitmap --create /mnt/other --for=/dev/vdb --clean
	mdbitmap --assemble /dev/md0 --bitmap=/mnt/other --run /dev/vdb
	write_chunk 9 /dev/md0
	mdbitmap --stop /dev/md0
	mdbitmap --assemble /dev/md0 --bitmap=/mnt/other /dev/vdb /dev/vdc
	wait_idle md0
	grep 'vdc\[1\](W)' /proc/mdstat
}

@test "a member whose place another one took meanwhile is left out" {
	assemble /dev/vdb /dev/vdc
	write_chunk 1 /dev/md0
	fail_vdc
	mdadm --quiet /dev/md0 --add /dev/vde
	wait_whole md0
	mdbitmap --stop /dev/md0
	run -0 --separate-stderr assemble /dev/vdb /dev/vdc /dev/vde
	[[ $output == *'started with 2 of 2 members'* && $output != *re-added* ]]
	[[ $stderr == *'/dev/vdc left out'* ]]
	[[ $(mdadm --detail /dev/md0) != */dev/vdc* ]]
	members_identical vdb vde "$(data_offset vdb)"
}

@test "a member that missed writes whose bits are gone is left out" {
	mdbitmap --quiet --create /mnt/short --for=/dev/vdb --clean --bitmap-chunk=64 --delay=1
	mdbitmap --assemble /dev/md0 --bitmap=/mnt/short /dev/vdb /dev/vdc
	no_lingering md0
	write_chunk 1 /dev/md0
	fail_vdc
	dd if=/dev/vdc of=/run/vdc bs=4096 skip=1 count=1 iflag=direct status=none
	mdadm --quiet /dev/md0 --re-add /dev/vdc
	wait_whole md0
	write_chunk 2 /dev/md0
	retry 50 0.2 no_bit_in /mnt/short
	mdbitmap --stop /dev/md0
	# a superblock from before: as of a disk that was away all the time
	dd if=/run/vdc of=/dev/vdc bs=4096 seek=1 oflag=direct status=none
	run -0 --separate-stderr mdbitmap --assemble /dev/md0 --bitmap=/mnt/short --run /dev/vdb /dev/vdc
	echo "$output" "$stderr"
	[[ $output == *'started with 1 of 2 members'* && $output != *re-added* ]]
	[[ $stderr == *'/dev/vdc left out'*'--add'* ]]
	# the kernel is of the same opinion
	run ! mdadm /dev/md0 --re-add /dev/vdc
}

@test "two members that both went on alone are not mixed" {
	assemble --run /dev/vdb
	write_chunk 9 /dev/md0
	mdbitmap --stop /dev/md0
	mdadm --assemble --run /dev/md0 /dev/vdc
	write_chunk 10 /dev/md0
	mdadm --stop /dev/md0
	run -0 --separate-stderr assemble --force /dev/vdb /dev/vdc
	[[ $output == *'started with 1 of 2 members'* && $output != *re-added* ]]
	[[ $stderr == *'/dev/vd'?' left out'* ]]
}

@test "a spare goes in, and holds no slot" {
	assemble /dev/vdb /dev/vdc
	mdadm --quiet /dev/md0 --add /dev/vde
	mdbitmap --stop /dev/md0
	run -0 --separate-stderr assemble --json /dev/vdb /dev/vdc /dev/vde
	jq -e '.slots_active == 2 and .members[2].choice == "spare"' <<<"$output"
	grep 'vde\[2\](S)' /proc/mdstat
}

@test "--dry-run tells it all and changes nothing" {
	local before
	before=$(everything)
	run -0 --separate-stderr assemble --dry-run /dev/vdb /dev/vdc
	[[ $output == 'would start /dev/md0 with 2 of 2 members, bitmap /mnt/bitmap, nothing to copy'* ]]
	diff <(echo "$before") <(everything)
}
