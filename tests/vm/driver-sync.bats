#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# Resync, recovery, check and repair: what sync_action says and takes, how fast
# it goes, how far, and what it leaves when it is stopped half way.
#
# vm-mdbitmap: 6.12 (6.1 newest)
# vm-timeout: 600
# vm-disks: vdb=48M vdc=48M vdd=48M
# shellcheck disable=SC2154 # arrays.bash sets chunk

bats_require_minimum_version 1.5.0
load helpers
load arrays
load faults

md=/sys/block/md0/md

setup() { requires root mdadm vdb vdc vdd; }

teardown() {
	all_as_before
	end_all
}

create() {
	mdadm --create /dev/md0 --quiet --run --level=1 --raid-devices=2 --metadata=1.2 \
		--data-offset=1M --bitmap=none "$@" /dev/vdb /dev/vdc
}

# create_slowly [KiB/s]: and its resync is not over before it has been looked at.
create_slowly() {
	all_slowly
	create
	slowly "$@"
	all_as_before
}

in_sync() { create --assume-clean && wait_idle md0; }

action() { cat $md/sync_action; }
is() { [[ $(action) == "$1" ]]; }
runs() { is "$1" && [[ $(<$md/sync_completed) == [0-9]*' / '[0-9]* ]]; }
past() { runs "$1" && (($(cut -d ' ' -f 1 $md/sync_completed) > $2)); }

# told WORD ERROR: sync_action refuses the word so.
told() {
	run bash -c "echo $1 >$md/sync_action"
	echo "$output"
	[[ $status != 0 && $output == *"$2"* ]]
}

slowly() { echo "${1:-1000}" >$md/sync_speed_max && echo "${1:-1000}" >$md/sync_speed_min; }
fast() { echo 500000 >$md/sync_speed_max && echo 500000 >$md/sync_speed_min; }

# spoil DEV SECTOR...: 8 sectors there, of the array, behind md's back.
spoil() {
	local dev=$1 at
	shift
	for at; do
		dd if=/dev/urandom of="/dev/$dev" bs=512 count=8 seek=$((2048 + at)) oflag=direct \
			conv=notrunc iflag=fullblock status=none
	done
}

@test "idle, and the words that it takes" {
	in_sync
	is idle
	[[ $(<$md/sync_completed) == none && $(<$md/sync_speed) == none ]]
	[[ $(<$md/mismatch_cnt) == 0 && $(<$md/degraded) == 0 ]]
	told nonsense 'Invalid argument'
	told '' 'Invalid argument'
	slowly
	echo check >$md/sync_action
	retry 50 0.1 runs check
	told check 'Device or resource busy'
	told repair 'Device or resource busy'
	grep -E '\]  check = +[0-9]' /proc/mdstat
	echo idle >$md/sync_action
	retry 50 0.1 is idle
	[[ $(<$md/sync_completed) == none ]]
}

@test "frozen: nothing starts until it is thawed" {
	in_sync
	mdadm --quiet /dev/md0 --fail /dev/vdc --remove /dev/vdc
	echo frozen >$md/sync_action
	is frozen
	mdioctl /dev/md0 ADD_NEW_DISK 2 /dev/vdd 0 0 || true
	wipe vdd
	mdadm --quiet /dev/md0 --add /dev/vdd || true # which thaws it when it is done
	echo frozen >$md/sync_action
	retry 50 0.1 is frozen
	[[ $(<$md/degraded) == 1 ]]
	echo idle >$md/sync_action
	wait_idle md0
	[[ $(<$md/degraded) == 0 ]]
}

@test "check counts what differs, and changes nothing" {
	in_sync
	fast
	spoil vdc 0 4096 50000
	echo check >$md/sync_action
	wait_idle md0
	(($(<$md/mismatch_cnt) >= 24))
	[[ $(<$md/last_sync_action) == check ]]
	echo check >$md/sync_action
	wait_idle md0
	(($(<$md/mismatch_cnt) >= 24)) # it is all still there
}

@test "repair makes the members equal; a check finds nothing then" {
	in_sync
	fast
	spoil vdc 0 4096 50000
	echo repair >$md/sync_action
	wait_idle md0
	(($(<$md/mismatch_cnt) >= 24))
	echo check >$md/sync_action
	wait_idle md0
	[[ $(<$md/mismatch_cnt) == 0 ]]
	mdadm --quiet --stop /dev/md0
	members_identical vdb vdc 2048
}

@test "a check with writes going on finds nothing" {
	requires fio
	in_sync
	fast
	fio --name=writer --filename=/dev/md0 --size=32M --rw=randwrite --bs=4k --direct=1 \
		--ioengine=libaio --iodepth=8 --time_based --runtime=600 >/dev/null 2>&1 3>&- &
	local fio=$!
	for _ in 1 2 3; do
		echo check >$md/sync_action
		wait_idle md0
		[[ $(<$md/mismatch_cnt) == 0 ]]
	done
	kill $fio
	wait $fio || true
	mdadm --quiet --stop /dev/md0
	members_identical vdb vdc 2048
}

@test "check and repair keep between sync_min and sync_max" {
	in_sync
	fast
	spoil vdc 0 4096 50000
	echo 2048 >$md/sync_min
	echo 8192 >$md/sync_max
	echo check >$md/sync_action
	retry 100 0.1 at_rest_at 8192
	grep -E 'check = ' /proc/mdstat # it waits there
	echo idle >$md/sync_action
	retry 50 0.1 is idle
	[[ $(<$md/sync_min) == 8192 ]] # where the next one goes on
	(($(<$md/mismatch_cnt) >= 8 && $(<$md/mismatch_cnt) <= 128))
	run ! bash -c "echo 100000 >$md/sync_min" # beyond sync_max
	echo 0 >$md/sync_min
	echo max >$md/sync_max
	[[ $(<$md/sync_max) == max && $(<$md/sync_min) == 0 ]]
}

at_rest_at() { [[ $(<$md/sync_completed) == "$1 / "* ]]; }

@test "a speed limit is kept" {
	local kib
	in_sync
	slowly 4000
	[[ $(<$md/sync_speed_max) == '4000 (local)' && $(<$md/sync_speed_min) == '4000 (local)' ]]
	echo check >$md/sync_action
	retry 50 0.1 past check 16384
	# twice the limit is what its bursts may come to here
	kib=$(<$md/sync_speed)
	echo "$kib KiB/s"
	((kib > 0 && kib <= 8000))
	echo idle >$md/sync_action
	echo system >$md/sync_speed_max
	echo system >$md/sync_speed_min
	[[ $(<$md/sync_speed_max) == *' (system)' ]]
}

reads_of() { cut -d ' ' -f 1 < <(sed 's/^ *//;s/  */ /g' "/sys/block/$1/stat"); }
has_read() { (($(reads_of md0) >= $1)); }

# read_beside MINIMUM: what users read, in requests, while all is checked.
read_beside() {
	local before
	echo 0 >$md/sync_min
	echo "$1" >$md/sync_speed_min
	before=$(reads_of md0)
	echo check >$md/sync_action
	wait_idle md0 180
	echo $(($(reads_of md0) - before))
}

@test "above its minimum speed a sync yields to users' I/O, below it does not" {
	local kind before yielding pressing
	requires fio
	modprobe -q dm-delay || true
	for kind in vdb vdc; do
		lay slow-$kind $kind
		relay slow-$kind "0 $(sectors_of slow-$kind) delay /dev/$kind 0 20"
	done
	mdadm --create /dev/md0 --quiet --run --level=1 --raid-devices=2 --metadata=1.2 \
		--data-offset=1M --bitmap=none --assume-clean /dev/mapper/slow-vd[bc]
	echo 1000000 >$md/sync_speed_max
	before=$(reads_of md0)
	fio --name=user --filename=/dev/md0 --rw=randread --bs=64k --direct=1 --time_based \
		--runtime=600 --output=/dev/null 3>&- &
	local pid=$!
	# others have looked at it too, when it was new
	retry 300 0.1 has_read $((before + 20))
	yielding=$(read_beside 1)
	pressing=$(read_beside 1000000)
	kill $pid
	wait $pid || true
	echo "read meanwhile: $yielding, $pressing"
	((pressing > 0 && yielding > 2 * pressing))
	# nobody is there any more: it goes as fast as it can, whatever the minimum
	echo 1 >$md/sync_speed_min
	echo check >$md/sync_action
	wait_idle md0
}

@test "an interrupted resync goes on where it was, also after a stop" {
	create_slowly 4000
	retry 100 0.1 past resync 16384
	mdadm --quiet --stop /dev/md0
	# resync_offset of the superblock: mdadm says no more of it than "active"
	local offset
	offset=$(od -An -tu8 -j$((4096 + 208)) -N8 /dev/vdb)
	((offset > 0 && offset < 96000))
	no_readahead vdb vdc
	count_start vdb vdc
	mdadm --quiet --assemble /dev/md0 /dev/vdb /dev/vdc
	wait_idle md0
	local left=$((2 * $(<$md/component_size) - offset))
	echo "$offset done, $left left, $(count_end vdc write) written"
	(($(count_end vdc write) >= left - 128 && $(count_end vdc write) < left + 1024))
	[[ $(<$md/resync_start) == none ]]
	mdadm --quiet --stop /dev/md0
	members_identical vdb vdc 2048
}

@test "a recovery that is interrupted by a stop goes on where it was" {
	in_sync
	mdadm --quiet /dev/md0 --fail /dev/vdc --remove /dev/vdc
	slowly 4000
	mdadm --quiet /dev/md0 --add /dev/vdd
	retry 100 0.1 past recover 16384
	grep -E '\]  recovery = +[0-9]' /proc/mdstat
	[[ $(<$md/dev-vdd/state) == spare && $(<$md/dev-vdd/recovery_start) != none ]]
	mdadm --quiet --stop /dev/md0
	no_readahead vdb vdd
	count_start vdb vdd
	mdadm --quiet --assemble /dev/md0 /dev/vdb /dev/vdd
	wait_idle md0
	[[ $(<$md/degraded) == 0 && $(<$md/dev-vdd/state) == in_sync ]]
	(($(count_end vdd write) < 2 * $(<$md/component_size) - 8192))
	mdadm --quiet --stop /dev/md0
	members_identical vdb vdd 2048
}

@test "reads in the part that is not yet in sync come from one member" {
	dd if=/dev/urandom of=/dev/vdb bs=1M count=48 oflag=direct status=none
	dd if=/dev/urandom of=/dev/vdc bs=1M count=48 oflag=direct status=none
	create_slowly
	retry 50 0.1 runs resync
	local first
	first=$(dd if=/dev/md0 bs=64K skip=600 count=16 iflag=direct status=none | md5sum)
	for _ in 1 2 3 4 5; do
		[[ $(dd if=/dev/md0 bs=64K skip=600 count=16 iflag=direct status=none | md5sum) == "$first" ]]
	done
	fast
	wait_idle md0
	# and it is that one which was copied
	[[ $(dd if=/dev/md0 bs=64K skip=600 count=16 iflag=direct status=none | md5sum) == "$first" ]]
}

@test "a member that fails meanwhile ends its recovery, and the array goes on" {
	in_sync
	mdadm --quiet /dev/md0 --fail /dev/vdc --remove /dev/vdc
	slowly
	mdadm --quiet /dev/md0 --add /dev/vdd
	retry 50 0.1 past recover 512
	mdadm --quiet /dev/md0 --fail /dev/vdd
	wait_idle md0
	[[ $(<$md/degraded) == 1 ]]
	dd if=/dev/urandom of=/dev/md0 bs=64K count=1 oflag=direct status=none
}

@test "an array is stopped in the middle of a resync, at once" {
	create_slowly
	retry 50 0.1 runs resync
	timeout 10 mdadm --stop /dev/md0
}

@test "two arrays on the same disks take turns" {
	local disk
	for disk in vdb vdc; do
		printf '%s\n' o n p 1 '' +20M n p 2 '' '' w | fdisk /dev/$disk >/dev/null
	done
	all_slowly
	mdadm --create /dev/md0 --quiet --run --level=1 --raid-devices=2 --bitmap=none /dev/vdb1 /dev/vdc1
	mdadm --create /dev/md1 --quiet --run --level=1 --raid-devices=2 --bitmap=none /dev/vdb2 /dev/vdc2
	retry 50 0.1 grep $'\tresync=DELAYED' /proc/mdstat
	[[ $(</sys/block/md1/md/sync_completed) == delayed ]]
	# unless one of them is told not to wait
	echo 1 >/sys/block/md1/md/sync_force_parallel
	retry 50 0.1 bash -c '! grep resync=DELAYED /proc/mdstat'
	(($(grep -c 'resync *= ' /proc/mdstat) == 2))
	all_as_before
	wait_idle md0
	wait_idle md1
	[[ $(</sys/block/md1/md/resync_start) == none ]]
	mdadm --quiet --stop /dev/md1
}

@test "resync=PENDING until an array that was started read-only is written to" {
	create_slowly
	retry 50 0.1 runs resync
	mdadm --quiet --stop /dev/md0
	modprobe md_mod 2>/dev/null || true
	start_read_only 1
	mdadm --quiet --assemble /dev/md0 /dev/vdb /dev/vdc
	start_read_only 0
	grep '^md0 : active (auto-read-only) raid1' /proc/mdstat
	grep $'\tresync=PENDING' /proc/mdstat
	[[ $(<$md/array_state) == read-auto ]]
	dmesg --clear
	dd if=/dev/urandom of=/dev/md0 bs=4k count=1 oflag=direct status=none
	retry 100 0.1 bash -c 'dmesg | grep "md0: resync done"'
	wait_idle md0
	members_identical vdb vdc "$(data_offset vdb)"
}
