#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# --check says beforehand what stock md then copies, sector for sector, and
# --assemble says the same.
#
# vm-kernels: 6.1
# vm-mdbitmap: 6.12 (6.1 newest)
# vm-cpus: 1
# vm-disks: vdb=64M vdc=64M vdd=32M

# shellcheck disable=SC2030,SC2031,SC2154 # bats sets output and stderr

bats_require_minimum_version 1.5.0
load helpers
load arrays

file=/mnt/bitmap

# check STATUS [DEV]: --check of the file for a member or an array.
check() {
	run "-$1" --separate-stderr mdbitmap --check $file --json --for="${2-/dev/vdb}"
}

json() { jq -r "$@" <<<"$output"; }

forecast() { json '.next_assembly.now.copy_bytes / 512'; }

weight() { json ".findings[] | select(.topic == \"$1\") | .weight"; }

# assembled OPTION...: md0 started, and idle again.
assemble() {
	no_readahead vdb vdc
	count_start vdb vdc
	mdbitmap --assemble /dev/md0 --bitmap=$file "$@" /dev/vdb /dev/vdc
	wait_idle md0
}

# Not in sync on disk until it is stopped, so that a crash finds it dirty.
keep_dirty() { echo 0 >/sys/block/md0/md/safe_mode_delay; }

# The sync of md0 has done more than $1 sectors.
synced_past() {
	local sectors
	read -r sectors _ </sys/block/md0/md/sync_completed
	[[ $sectors != none ]] && ((sectors > $1))
}

write_and_lose_power() {
	keep_dirty
	echo 100 >/sys/block/md0/md/bitmap/time_base # bits stay until the power is gone
	write_chunk 5 /dev/md0
	write_chunk 99 /dev/md0
	write_chunk 100 /dev/md0
	power_cut
}

@test "of a clean array set bits are forecast to cost nothing, and expire" {
	requires root mdadm vdb vdc vdd
	make_bitmap_fs vdd /mnt
	make_mirror --metadata=1.2
	mdbitmap --create $file --for=/dev/vdb --bitmap-chunk=64 --delay=1
	check 0
	[[ $(forecast) == 0 ]]
	(($(json .bitmap.dirty_chunks) > 1000))
	assemble
	(($(count_end vdb read) + $(count_end vdc write) < 2 * chunk))
	retry 100 0.1 no_bit_in $file
	mdbitmap --stop /dev/md0
	members_identical vdb vdc "$(data_offset vdb)"
}

@test "one member alone is forecast to copy nothing, and does not" {
	mdbitmap --assemble /dev/md0 --bitmap=$file /dev/vdb /dev/vdc
	mdadm /dev/md0 --fail /dev/vdc
	keep_dirty
	write_chunk 7 /dev/md0
	mdadm /dev/md0 --remove /dev/vdc
	check 3 /dev/md0
	[[ $(json .array.degraded) == true ]]
	mdbitmap --stop /dev/md0
	check 3
	[[ $(forecast) == 0 ]]
	(($(json .next_assembly.member_that_returns.copy_bytes) >= 65536))
	no_readahead vdb vdc
	mdbitmap --assemble /dev/md0 --bitmap=$file --run /dev/vdb
	count_start vdb vdc
	wait_idle md0
	(($(count_end vdb read) < chunk))
	mdadm /dev/md0 --re-add /dev/vdc
	wait_whole md0
	# of these events, for later; what the page cache has of it is older
	dd if=$file of=/mnt/old bs=4k iflag=direct conv=fsync status=none
	write_and_lose_power
}

# bats test_tags=boot:2
@test "after a crash the dirty chunks are forecast, and they are copied" {
	mount /dev/vdd /mnt
	check 3
	[[ $(json .array.clean) == false ]]
	(($(forecast) == $(dirty_sectors $file)))
	echo "forecast: $(forecast), dirty: $(dirty_chunks $file)"
	(($(forecast) >= 3 * chunk && $(forecast) < 8 * chunk))
	assemble
	copied "$(forecast)" vdb vdc
	members_identical vdb vdc "$(data_offset vdb)"
	mdadm /dev/md0 --fail /dev/vdc --remove /dev/vdc # events go on
	mdadm /dev/md0 --re-add /dev/vdc
	wait_whole md0
	write_and_lose_power
}

# bats test_tags=boot:3
@test "after a crash a stale bitmap is forecast to cost a copy of all, and does" {
	local sectors
	mount /dev/vdd /mnt
	cat /mnt/old >$file
	check 6
	[[ $(weight events) == bad && $(json .next_assembly.needs_force) == true ]]
	[[ $(json .next_assembly.now.full) == true ]]
	(($(forecast) == $(json .array.sync_size_bytes) / 512))
	sectors=$(forecast)
	run -6 mdbitmap --assemble /dev/md0 --bitmap=$file /dev/vdb /dev/vdc
	[[ $output == *stale*--force* ]]
	left_nothing
	assemble --force
	copied "$sectors" vdb vdc
	mdbitmap --stop /dev/md0
}

# bats test_tags=boot:3
@test "after a clean stop a stale bitmap is forecast to cost nothing, and does not" {
	cat /mnt/old >$file
	check 6
	[[ $(weight events) == bad && $(forecast) == 0 ]]
	assemble --force
	(($(count_end vdb read) < 2 * chunk && $(count_end vdc write) < 2 * chunk))
	mdbitmap --stop /dev/md0
}

# bats test_tags=boot:3
@test "of an interrupted resync what is left is forecast, and copied" {
	stock_only "with a bitmap the checkpoint is not used"
	modprobe md_mod
	echo 4000 >/proc/sys/dev/raid/speed_limit_max
	mdadm --create /dev/md0 --quiet --run --level=1 --raid-devices=2 /dev/vdb /dev/vdc
	retry 100 0.1 synced_past 8192
	mdbitmap --stop /dev/md0
	echo 200000 >/proc/sys/dev/raid/speed_limit_max
	rm $file
	mdbitmap --create $file --for=/dev/vdb --bitmap-chunk=64
	check 3
	local total
	total=$(($(json .array.sync_size_bytes) / 512))
	(($(forecast) > chunk && $(forecast) < total))
	assemble
	copied "$(forecast)" vdb vdc
	members_identical vdb vdc "$(data_offset vdb)"
	mdbitmap --stop /dev/md0
	stop_all
}
