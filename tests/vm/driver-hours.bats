#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# What takes hours, in a machine whose clock skips the time in which it has nothing
# to do.
#
# vm-mdbitmap: 6.1 (6.12 newest)
# vm-idle: skipped
# vm-disks: vdb=4M vdc=4M

bats_require_minimum_version 1.5.0
load helpers
load arrays
load faults

setup() {
	requires root mdadm vdb vdc module:dm-integrity
	# the clock does not stand still while the host's disk works, either
	echo 0 >/proc/sys/kernel/hung_task_timeout_secs
}

teardown() { end_all; }

md=/sys/block/md0/md

# Its first sector cannot be read from one member, which is seen, and mended.
read_error() {
	spoil_sector vdb 2048
	echo check >$md/sync_action
	wait_idle md0
	sector_of_sums 2048
}

errors() { cat $md/dev-"$(dm_name sums)"/errors; }

@test "a member whose read errors come hours apart is kept, one whose come at once is not" {
	local begin
	lay_sums vdb
	mdadm --create /dev/md0 --quiet --run --level=1 --raid-devices=2 --assume-clean \
		--metadata=1.2 --data-offset=1M --bitmap=none /dev/mapper/sums /dev/vdc
	printf 'find-this-sector' >/tmp/first
	truncate -s 4096 /tmp/first
	dd if=/tmp/first of=/dev/md0 bs=4k oflag=direct status=none
	echo 2 >$md/max_read_errors
	read_error
	read_error
	# two are one after an hour, and none after two
	begin=$EPOCHSECONDS
	sleep 7300
	((EPOCHSECONDS - begin >= 7300))
	read_error
	read_error
	[[ $(<$md/degraded) == 0 ]]
	[[ $(errors) == 4 ]] # sectors: one each time
	spoil_sector vdb 2048
	echo check >$md/sync_action
	wait_idle md0 || true
	[[ $(<$md/dev-"$(dm_name sums)"/state) == *faulty* ]]
}
