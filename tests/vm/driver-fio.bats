#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# Load, and what goes wrong under it: every block that was written is read back
# as it was, and the members are the same at the end.
#
# vm-mdbitmap: newest (6.1 6.12)
# vm-timeout: 600
# vm-disks: vdb=32M vdc=32M vdd=48M vde=32M vdf=32M
# shellcheck disable=SC2154 # arrays.bash sets chunk

bats_require_minimum_version 1.5.0
load helpers
load arrays
load faults

setup() {
	requires root mdadm fio vdb vdc vdd vde vdf
	make_bitmap_fs vdd /mnt
}

teardown() { end_all; }

md=/sys/block/md0/md

# create MD MEMBER...: clean, its bitmap /mnt/MD, swept every second.
create() {
	local md=$1
	shift
	mdadm --create "/dev/$md" --quiet --run --level=1 --raid-devices=$# --assume-clean \
		--metadata=1.2 --data-offset=1M --bitmap=none "$@"
	mdbitmap --quiet --create "/mnt/$md" --for="/dev/$md" --clean --bitmap-chunk=64 --delay=1
	mdbitmap --quiet --attach "/dev/$md" --bitmap="/mnt/$md"
	wait_idle "$md"
}

# load_on MD SECONDS [OPTION...]: fio, which knows what it wrote, behind.
load_on() {
	fio --name="$1" --filename="/dev/$1" --size=24M --rw=randwrite --bsrange=4k-64k --direct=1 \
		--ioengine=libaio --iodepth=16 --time_based --runtime="$2" --verify=crc32c \
		--verify_backlog=256 --verify_fatal=1 --serialize_overlap=1 --randrepeat=0 "${@:3}" \
		--output="/tmp/fio-$1" 3>&- &
	fio_pid=$!
}

over() { ! kill -0 "$fio_pid" 2>/dev/null; }

ended_well() {
	wait "$1" || { cat "/tmp/fio-$2" && return 1; }
	! grep -E 'verify:|error=' "/tmp/fio-$2"
}

failed() { [[ $(<"$md/dev-$(dm_name "$1")/state") == *faulty* ]]; }
failed_or_over() { failed "$1" || over; }
whole() { [[ $(<$md/degraded) == 0 ]]; }

@test "members fail and come back while fio writes, again and again" {
	local rounds=0 leg
	lay a vdb
	lay b vdc
	create md0 /dev/mapper/a /dev/mapper/b
	no_lingering md0
	load_on md0 24
	while ((rounds < 2)) || ! over; do
		if over; then # a slow machine
			ended_well "$fio_pid" md0
			load_on md0 24
		fi
		for leg in a b; do
			if ((rounds % 2)); then writes_fail $leg; else all_fails $leg; fi
			retry 100 0.1 failed_or_over $leg
			is_well $leg
			failed $leg || continue 2 # nothing more was written
			retry 50 0.1 mdadm --quiet /dev/md0 --remove "/dev/mapper/$leg"
			mdadm --quiet /dev/md0 --re-add "/dev/mapper/$leg"
			wait_idle md0
			retry 50 0.1 whole
		done
		rounds=$((rounds + 1))
	done
	ended_well "$fio_pid" md0
	wait_idle md0
	whole
	echo check >$md/sync_action
	wait_idle md0
	[[ $(<$md/mismatch_cnt) == 0 ]]
	mdadm --quiet --stop /dev/md0
	no_bit_in /mnt/md0
	members_identical vdb vdc 2048
}

@test "members are failed by hand, removed, and added blank under load" {
	local other=vde gone=vdc
	create md0 /dev/vdb /dev/vdc
	load_on md0 10
	while ! over; do
		mdadm --quiet /dev/md0 --fail "/dev/$gone"
		retry 50 0.1 mdadm --quiet /dev/md0 --remove "/dev/$gone"
		wipe "$gone"
		mdadm --quiet /dev/md0 --add "/dev/$other"
		wait_idle md0
		retry 50 0.1 whole
		read -r gone other <<<"$other $gone"
	done
	ended_well "$fio_pid" md0
	mdadm --quiet --stop /dev/md0
	no_bit_in /mnt/md0
	members_identical vdb "$gone" 2048
}

@test "a store that comes and goes under load: attached and detached" {
	create md0 /dev/vdb /dev/vdc
	load_on md0 8
	while ! over; do
		mdbitmap --quiet --detach /dev/md0
		mdbitmap --quiet --attach /dev/md0 --bitmap=/mnt/md0
	done
	ended_well "$fio_pid" md0
	mdadm --quiet --stop /dev/md0
	members_identical vdb vdc 2048
}

@test "two arrays with their bitmaps on one filesystem, which is written to as well" {
	local first
	create md0 /dev/vdb /dev/vdc
	create md1 /dev/vde /dev/vdf
	no_lingering md0
	no_lingering md1
	load_on md0 8
	first=$fio_pid
	load_on md1 8
	while ! over; do
		dd if=/dev/urandom of=/mnt/other bs=64K count=40 conv=fsync status=none
		rm /mnt/other
	done
	ended_well "$fio_pid" md1
	ended_well "$first" md0
	mdadm --quiet --stop /dev/md0
	mdadm --quiet --stop /dev/md1
	no_bit_in /mnt/md0
	no_bit_in /mnt/md1
	members_identical vdb vdc 2048
	members_identical vde vdf 2048
}

@test "write-behind, two slow members and one that fails, under load" {
	modprobe -q dm-delay || true
	lay slow vdc
	mdadm --create /dev/md0 --quiet --run --level=1 --raid-devices=3 --assume-clean --metadata=1.2 \
		--data-offset=1M --bitmap=/mnt/md0 --bitmap-chunk=64K --delay=1 --write-behind=64 \
		/dev/vdb --write-mostly /dev/mapper/slow --write-mostly /dev/vde
	wait_idle md0
	no_lingering md0
	relay slow "0 $(sectors_of slow) delay /dev/vdc 0 5"
	load_on md0 8
	sleep 1 # of load
	mdadm --quiet /dev/md0 --fail /dev/vde
	retry 50 0.1 mdadm --quiet /dev/md0 --remove /dev/vde
	mdadm --quiet /dev/md0 --re-add --write-mostly /dev/vde
	wait_idle md0
	ended_well "$fio_pid" md0
	(($(<$md/bitmap/max_backlog_used) > 0))
	mdadm --quiet --stop /dev/md0
	no_bit_in /mnt/md0
	members_identical vdb vdc 2048
	members_identical vdb vde 2048
}

@test "checks, sysfs and the status file are read all the time under load" {
	create md0 /dev/vdb /dev/vdc
	load_on md0 8
	while ! over; do
		cat $md/* $md/*/* $md/*/*/* /proc/mdstat >/dev/null 2>&1 || true
		echo check >$md/sync_action || true
		mdadm --detail /dev/md0 >/dev/null
		echo idle >$md/sync_action || true
	done
	ended_well "$fio_pid" md0
	[[ $(<$md/mismatch_cnt) == 0 ]]
	mdadm --quiet --stop /dev/md0
	members_identical vdb vdc 2048
}
