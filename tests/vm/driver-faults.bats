#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# Faults that a disk, a cable or the machine itself can have: a member is gone in
# every state that an array can be in, a real SCSI disk has bad sectors or stops
# to answer, memory is short while the bitmap's filesystem needs some.
#
# vm-mdbitmap: 6.1 (6.12 newest)
# vm-timeout: 900
# vm-disks: vdb=48M vdc=48M vdd=64M
# shellcheck disable=SC2154 # arrays.bash sets chunk

bats_require_minimum_version 1.5.0
load helpers
load arrays
load faults

md=/sys/block/md0/md

setup() {
	requires root mdadm vdb vdc vdd
	dmesg --clear
}

teardown() {
	local dir
	for dir in /run/hog /run/fs; do
		! mountpoint -q $dir || umount $dir
	done
	all_go_on
	all_as_before
	end_all
	rmmod scsi_debug 2>/dev/null || true
}

# mirror FIRST SECOND: md0, in sync, with a bitmap in a file on vdd.
mirror() {
	make_bitmap_fs vdd /mnt
	mdadm --create /dev/md0 --quiet --run --level=1 --raid-devices=2 --assume-clean \
		--metadata=1.2 --data-offset=1M --bitmap=/mnt/bitmap --bitmap-chunk=64K "$@"
	wait_idle md0
}

member_state() { cat "$md/dev-$1/state"; }
is_faulty() { [[ $(member_state "$1") == *faulty* ]]; }
is_degraded() { (($(<$md/degraded) == $1)); }
action_is() { [[ $(<$md/sync_action) == "$1" ]]; }

slowly() { echo "$1" | tee $md/sync_speed_min >$md/sync_speed_max; }
at_once() { echo 500000 >$md/sync_speed_max && echo 500000 >$md/sync_speed_min; }

# --- a member is gone in every state ------------------------------------------

# Each takes md0, in sync, to the state of its name.
reach_clean() { retry 100 0.1 grep -qx clean $md/array_state; }
reach_active() { stays_dirty && write_chunk 1 /dev/md0; }
reach_read_auto() { mdadm --quiet --readonly /dev/md0 && echo read-auto >$md/array_state; }
reach_frozen() { echo frozen >$md/sync_action; }
reach_suspended() { echo 16384 >$md/suspend_hi && echo 8192 >$md/suspend_lo; }
reach_check() { slowly 1000 && echo check >$md/sync_action && retry 50 0.1 action_is check; }
reach_repair() { slowly 1000 && echo repair >$md/sync_action && retry 50 0.1 action_is repair; }
reach_behind() { echo writemostly >"$md/dev-$1/state"; }

# goes_in STATE: each of the two members is gone there. The array goes on with the
# other, and the member comes back with what it missed.
goes_in() {
	local gone dm
	for gone in a b; do
		dm=$(dm_name $gone)
		"reach_$1" "$dm"
		all_fails $gone
		write_chunk 3 /dev/md0
		write_chunk 700 /dev/md0
		retry 100 0.1 is_faulty "$dm"
		is_degraded 1
		dd if=/dev/md0 of=/dev/null bs=64k count=50 iflag=direct status=none
		# back to what it was
		is_well $gone
		echo 0 >$md/suspend_lo && echo 0 >$md/suspend_hi
		at_once
		retry 100 0.1 mdadm --quiet /dev/md0 --remove /dev/mapper/$gone
		mdadm --quiet /dev/md0 --re-add /dev/mapper/$gone
		echo idle >$md/sync_action
		wait_idle md0
		is_degraded 0
		dmesg | grep -q "md0: .*$dm.*fail" || { dmesg && return 1; }
		dmesg --clear
	done
	mdadm --quiet --stop /dev/md0
	members_identical vdb vdc 2048
}

gone_while() {
	lay a vdb
	lay b vdc
	mirror /dev/mapper/a /dev/mapper/b
	goes_in "$1"
}

@test "a member is gone while the array is clean" { gone_while clean; }
@test "a member is gone while the array is active" { gone_while active; }
@test "a member is gone while the array is read-auto" { gone_while read_auto; }
@test "a member is gone while syncs are frozen" { gone_while frozen; }
@test "a member is gone while a range is suspended" { gone_while suspended; }
@test "a member is gone while the array is checked" { gone_while check; }
@test "a member is gone while the array is repaired" { gone_while repair; }
@test "a member is gone that is write-mostly" { gone_while behind; }

@test "a member is gone while the array is resynced: the other has it all" {
	lay a vdb
	lay b vdc
	make_bitmap_fs vdd /mnt
	all_slowly
	mdadm --create /dev/md0 --quiet --run --level=1 --raid-devices=2 --metadata=1.2 \
		--data-offset=1M --bitmap=/mnt/bitmap --bitmap-chunk=64K /dev/mapper/a /dev/mapper/b
	slowly 1000
	all_as_before
	retry 50 0.1 action_is resync
	all_fails a
	write_chunk 3 /dev/md0
	retry 100 0.1 is_faulty "$(dm_name a)"
	at_once
	retry 100 0.1 action_is idle
	is_well a
	retry 100 0.1 mdadm --quiet /dev/md0 --remove /dev/mapper/a
	mdadm --quiet /dev/md0 --add /dev/mapper/a
	wait_idle md0
	is_degraded 0
	mdadm --quiet --stop /dev/md0
	members_identical vdb vdc 2048
}

# --- a SCSI disk ----------------------------------------------------------------

# scsi_disk OPTION...: one of 48 MiB; sets scsi, its name.
scsi_disk() {
	modprobe -q sd_mod || true # built in, on some
	modprobe scsi_debug dev_size_mb=48 delay=0 "$@"
	retry 50 0.1 find_scsi_disk
}
find_scsi_disk() {
	scsi=$(cd /sys/bus/pseudo/drivers/scsi_debug/adapter0/host*/target*/*/block && echo *)
	[[ $scsi == sd* && -b /dev/$scsi ]]
} 2>/dev/null

scsi_option() { echo "$2" >"/sys/bus/pseudo/drivers/scsi_debug/$1"; }

@test "a SCSI disk with bad sectors: they are read from the other member" {
	scsi_disk
	mirror "/dev/$scsi" /dev/vdc
	dd if=/dev/urandom of=/dev/md0 bs=1M count=16 oflag=direct status=none
	mdadm --quiet --fail /dev/md0 /dev/vdc && mdadm --quiet --remove /dev/md0 /dev/vdc
	mdadm --quiet /dev/md0 --re-add /dev/vdc
	wait_idle md0
	local good
	good=$(dd if=/dev/md0 bs=1M count=16 iflag=direct status=none | md5sum)
	scsi_option opts 2 # sectors 0x1234 and after cannot be read
	[[ $(dd if=/dev/md0 bs=1M count=16 iflag=direct status=none | md5sum) == "$good" ]]
	[[ $(dd if=/dev/md0 bs=1M count=16 iflag=direct status=none | md5sum) == "$good" ]]
	dmesg | grep "md0: .*$scsi.*read error"
	scsi_option opts 0
}

scsi_attribute() { echo "$2" >"$(echo "/sys/block/$scsi/device/scsi_disk"/*)/$1"; }

@test "a SCSI disk that can write zeroes, it says, and refuses: no member fails, and all are equal" {
	scsi_disk write_same_length=8
	scsi_attribute max_write_same_blocks 65535
	(($(<"/sys/block/$scsi/queue/write_zeroes_max_bytes") > 1 << 20))
	mirror "/dev/$scsi" /dev/vdc
	dd if=/dev/urandom of=/dev/md0 bs=1M count=16 oflag=direct status=none
	blkdiscard -f -z -l 8M /dev/md0
	[[ $(<"/sys/block/$scsi/queue/write_zeroes_max_bytes") == 0 ]]
	wait_idle md0
	(($(<$md/degraded) == 0))
	dd if=/dev/md0 bs=1M count=8 iflag=direct status=none | cmp -n 8388608 - /dev/zero
	mdadm --quiet --stop /dev/md0
	members_identical "$scsi" vdc 2048
}

@test "a SCSI disk that can discard, it says, and refuses: no member fails" {
	scsi_disk lbpu=1 lbpws=0
	scsi_attribute provisioning_mode writesame_16
	(($(<"/sys/block/$scsi/queue/discard_max_bytes") > 0))
	mirror "/dev/$scsi" /dev/vdc
	dd if=/dev/urandom of=/dev/md0 bs=1M count=16 oflag=direct status=none
	blkdiscard -f -l 8M /dev/md0
	(($(<$md/degraded) == 0))
	dd if=/dev/urandom of=/dev/md0 bs=1M count=4 oflag=direct status=none
	[[ $(<"/sys/block/$scsi/queue/discard_max_bytes") == 0 ]]
}

@test "a SCSI disk that stops to answer: after its timeouts it is failed, and the write is done" {
	scsi_disk max_queue=1
	mirror "/dev/$scsi" /dev/vdc
	reach_active
	echo 1 >"/sys/block/$scsi/device/timeout"
	echo 1 >"/sys/block/$scsi/device/eh_timeout"
	scsi_option every_nth 1
	scsi_option opts 4 # no command is answered
	write_chunk 9 /dev/md0
	is_faulty "$scsi"
	is_degraded 1
	[[ $(dirty_chunks /mnt/bitmap) == *'9..10'* ]]
	scsi_option opts 0
	scsi_option every_nth 0
	mdadm --quiet --stop /dev/md0
}

# --- short of memory ------------------------------------------------------------

# hog MIB: leave that much, by files in a tmpfs.
hog() {
	local free
	free=$(awk '/^MemAvailable/ { print int($2 / 1024) }' /proc/meminfo)
	mkdir -p /run/hog
	mount -t tmpfs -o size=100% tmpfs /run/hog
	dd if=/dev/zero of=/run/hog/file bs=1M count=$((free - $1)) status=none
}

@test "short of memory: what a filesystem has to write out gets through, and its bits with it" {
	mirror /dev/vdb /dev/vdc
	mkdir -p /run/fs
	mkfs.ext4 -q -F /dev/md0
	mount /dev/md0 /run/fs
	# what watches memory there needs some itself
	hog "$([[ $(uname -r) == *-debug ]] && echo 96 || echo 24)"
	local n
	for n in 1 2 3; do
		dd if=/dev/zero of=/run/fs/file$n bs=1M count=6 status=none
		tr '\0' "$n" </run/fs/file$n >/run/fs/other$n && rm /run/fs/file$n
	done
	sync -f /run/fs 2>/dev/null || sync
	umount /run/hog
	[[ $(tr -d 3 </run/fs/other3 | wc -c) == 0 && $(stat -c %s /run/fs/other3) == 6291456 ]]
	umount /run/fs
	[[ $(<$md/bitmap/store_state) != failed ]]
	mdadm --quiet --stop /dev/md0
	members_identical vdb vdc 2048
}
