#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# Every md ioctl in every state of an array: what it says, and that it does not
# do more. Stock md says the same.
#
# vm-kernels: 6.1
# vm-mdbitmap: newest (6.1 6.12)
# vm-timeout: 600
# vm-disks: vdb=16M vdc=16M vdd=32M vde=16M

bats_require_minimum_version 1.5.0
load helpers
load arrays
load raw

setup_file() {
	requires root mdadm vdb vdc vdd vde
	modprobe raid1 || true # with stock md
	make_bitmap_fs vdd /mnt
	make_mirror
	mdbitmap --quiet --create /mnt/bitmap --for=/dev/vdb --clean --bitmap-chunk=64
	[[ -b /dev/md0 ]] || mknod /dev/md0 b 9 0
}

setup() { hold; }

# stop: and one that is as fresh as can be.
stop() {
	gives ok STOP_ARRAY
	exec 8<&-
	hold
}

teardown() {
	exec 8<&-
	mdadm --quiet --stop /dev/md0 || true
}

teardown_file() {
	umount /mnt
	stop_all
}

commands_of_nobody="RAID_AUTORUN CLEAR_ARRAY SET_DISK_INFO WRITE_RAID_INFO UNPROTECT_ARRAY
	PROTECT_ARRAY HOT_GENERATE_ERROR 0x0000 0x0913 0x09ff 0xc0480911 0x40140999"

privileged="GET_BITMAP_FILE SET_ARRAY_INFO ADD_NEW_DISK HOT_REMOVE_DISK HOT_ADD_DISK
	SET_DISK_FAULTY SET_BITMAP_FILE RUN_ARRAY STOP_ARRAY STOP_ARRAY_RO RESTART_ARRAY_RW
	CLUSTERED_DISK_NACK"

# unknown_to_all: whatever the state.
unknown_to_all() {
	local command
	for command in $commands_of_nobody; do
		gives ENOTTY "$command"
	done
}

# nobody_may: without CAP_SYS_ADMIN. An unknown command is unknown first.
nobody_may() {
	local command
	chmod 666 /dev/md0
	for command in $privileged; do
		gives EACCES -u "$command"
	done
	gives ENOTTY -u 0x09ff
	gives '0 90 3' -u RAID_VERSION
	chmod 660 /dev/md0
}

run_it() {
	mdadm --quiet --assemble /dev/md0 /dev/vdb /dev/vdc
	wait_idle md0
}

# A just ended command may leave md busy with itself for a moment.
soon() { retry 50 0.1 gives "$@"; }

# The member that has this descriptor number.
disk() { md GET_DISK_INFO "$1"; }

@test "an array that is not initialised" {
	unknown_to_all
	nobody_may
	gives '0 90 3' RAID_VERSION
	gives ENODEV GET_ARRAY_INFO
	gives ENODEV GET_DISK_INFO 0
	gives '' GET_BITMAP_FILE
	for command in HOT_REMOVE_DISK HOT_ADD_DISK SET_DISK_FAULTY; do
		gives ENODEV $command /dev/vdb
	done
	for command in STOP_ARRAY_RO RESTART_ARRAY_RW CLUSTERED_DISK_NACK; do
		gives ENODEV $command
	done
	gives EINVAL RUN_ARRAY
	gives 0 BLKGETSIZE64
	gives ok STOP_ARRAY
}

@test "an array that is not initialised: members by their superblocks" {
	gives ok SET_ARRAY_INFO 1 2
	gives ENODEV GET_ARRAY_INFO
	gives EINVAL ADD_NEW_DISK 0 /dev/vde # has none
	gives ENXIO ADD_NEW_DISK 0 9 999
	gives ok ADD_NEW_DISK 0 /dev/vdb
	gives EBUSY ADD_NEW_DISK 0 /dev/vdb
	gives EBUSY ADD_NEW_DISK 0 /dev/vdd # mounted
	gives EBUSY SET_ARRAY_INFO 1 2
	gives ENODEV SET_DISK_FAULTY /dev/vdb
	gives ok ADD_NEW_DISK 0 /dev/vdc
	gives ok RUN_ARRAY
	wait_idle md0
	[[ $(md GET_ARRAY_INFO) == '1 2 '* ]]
}

@test "an array that is not initialised: wrong words" {
	gives EINVAL SET_ARRAY_INFO 7 0
	gives EFAULT SET_ARRAY_INFO bad
	gives ok SET_ARRAY_INFO null # all zero: 0.0
	stop
	gives EFAULT ADD_NEW_DISK bad
	gives EFAULT GET_BITMAP_FILE bad
	gives EFAULT RAID_VERSION bad
	gives ENODEV GET_ARRAY_INFO bad # the state comes first
}

@test "an array that is not initialised: its bitmap file" {
	gives EBADF SET_BITMAP_FILE 77
	gives ENOENT SET_BITMAP_FILE -1
	gives ok SET_BITMAP_FILE /mnt/bitmap
	gives EEXIST SET_BITMAP_FILE ro:/mnt/bitmap
	gives /mnt/bitmap GET_BITMAP_FILE
	gives ENOENT SET_BITMAP_FILE -1 # only STOP_ARRAY drops it
	stop
	gives '' GET_BITMAP_FILE
}

@test "an array that is configured, but does not run" {
	# 0.90, level 1, 8 MiB, two members; clean
	gives ok SET_ARRAY_INFO 0 90 3 0 1 8192 2 2 0 1 0 1
	unknown_to_all
	nobody_may
	gives EBUSY SET_ARRAY_INFO 1 2
	[[ $(md GET_ARRAY_INFO) =~ ^0\ 90\ 3\ [0-9]+\ 1\ 8192\ 0\ 2\ 0\ 1\  ]]
	gives '7 0 0 -1 8' GET_DISK_INFO 7
	gives '' GET_BITMAP_FILE
	gives ENXIO RESTART_ARRAY_RW
	gives ok STOP_ARRAY_RO
	for command in HOT_REMOVE_DISK HOT_ADD_DISK SET_DISK_FAULTY; do
		gives ENODEV $command /dev/vdb
	done
	gives EINVAL CLUSTERED_DISK_NACK
	gives EINVAL RUN_ARRAY # no member
	gives ok ADD_NEW_DISK 0 /dev/vde 0 6
	gives EINVAL RESTART_ARRAY_RW
	stop
	gives ENODEV GET_ARRAY_INFO
}

@test "an array that runs, read-write" {
	run_it
	unknown_to_all
	nobody_may
	gives '0 90 3' RAID_VERSION
	[[ $(disk 0) == "0 $(numbers vdb) 0 6" && $(disk 1) == "1 $(numbers vdc) 1 6" ]]
	gives '99 0 0 -1 8' GET_DISK_INFO 99
	gives EFAULT GET_ARRAY_INFO bad
	gives EFAULT GET_DISK_INFO bad
	gives '' GET_BITMAP_FILE
	soon EBUSY RUN_ARRAY
	gives EBUSY RESTART_ARRAY_RW
	gives EINVAL CLUSTERED_DISK_NACK
	gives ENXIO HOT_REMOVE_DISK /dev/vde
	gives EBUSY HOT_REMOVE_DISK /dev/vdb
	gives EINVAL HOT_ADD_DISK /dev/vde # 1.2
	gives ENODEV SET_DISK_FAULTY /dev/vde
	gives EINVAL ADD_NEW_DISK 2 /dev/vde 0 0 # no superblock
	# in use twice: here, and by the program
	gives EBUSY STOP_ARRAY
	gives EBUSY STOP_ARRAY_RO
	[[ $(md GET_ARRAY_INFO) == '1 2 '* ]]
}

numbers() { stat -c '%t %T' "/dev/$1" | while read -r a b; do echo "$((16#$a)) $((16#$b))"; done; }

@test "an array that runs, read-write: the last member is not failed" {
	run_it
	gives ok SET_DISK_FAULTY /dev/vdb
	[[ $(disk 0) == *' 1' ]]
	gives EBUSY SET_DISK_FAULTY /dev/vdc
	[[ $(disk 1) == *' 6' ]]
	retry 50 0.1 gives ok HOT_REMOVE_DISK /dev/vdb
	gives '0 0 0 -1 8' GET_DISK_INFO 0
	soon ENXIO HOT_REMOVE_DISK /dev/vdb
	exec 8<&-
	mdadm --quiet --stop /dev/md0
	mdadm --quiet --zero-superblock /dev/vdb /dev/vdc
	make_mirror
	rm /mnt/bitmap
	mdbitmap --quiet --create /mnt/bitmap --for=/dev/vdb --clean --bitmap-chunk=64
}

@test "an array that runs, read-write: its bitmap file" {
	run_it
	soon ENOENT SET_BITMAP_FILE -1
	soon EBADF SET_BITMAP_FILE 77
	soon EBADF SET_BITMAP_FILE ro:/mnt/bitmap
	[[ $(md SET_BITMAP_FILE /mnt) == EISDIR ]] # a directory cannot even be opened so
	soon ok SET_BITMAP_FILE /mnt/bitmap
	gives /mnt/bitmap GET_BITMAP_FILE
	soon EEXIST SET_BITMAP_FILE ro:/mnt/bitmap
	soon ok SET_BITMAP_FILE -1
	soon ENOENT SET_BITMAP_FILE -1
	gives '' GET_BITMAP_FILE
	exec 9<>/mnt/bitmap
	if driver_is mdbitmap; then
		soon ETXTBSY SET_BITMAP_FILE /mnt/bitmap
	else
		soon EBUSY SET_BITMAP_FILE /mnt/bitmap
	fi
	exec 9<&-
}

# The words of GET_ARRAY_INFO, with word $1 replaced by $2.
info_with() {
	local words
	read -ra words <<<"$(md GET_ARRAY_INFO)"
	[[ ! ${1-} ]] || words[$1]=$2
	echo "${words[*]}"
}

@test "an array that runs, read-write: SET_ARRAY_INFO changes one thing at a time, or none" {
	run_it
	local info field
	read -ra info <<<"$(info_with)"
	gives ok SET_ARRAY_INFO "${info[@]}"
	# version, time of creation, level, persistence, chunk
	for field in 0 1 3 4 9 17; do
		read -ra info <<<"$(info_with $field 65536)"
		gives EINVAL SET_ARRAY_INFO "${info[@]}"
	done
	read -ra info <<<"$(info_with 5 4096)"
	info[7]=3 # size and number of members
	gives EINVAL SET_ARRAY_INFO "${info[@]}"
}

@test "an array that runs read-only" {
	run_it
	exec 8<&-
	gives ok STOP_ARRAY_RO
	hold
	unknown_to_all
	nobody_may
	[[ $(state) == readonly ]]
	[[ $(md GET_ARRAY_INFO) == '1 2 '* ]]
	gives '' GET_BITMAP_FILE
	gives EROFS RUN_ARRAY
	gives EROFS ADD_NEW_DISK 2 /dev/vde 0 0
	gives EROFS HOT_ADD_DISK /dev/vde
	gives EROFS SET_BITMAP_FILE /mnt/bitmap
	gives EROFS SET_BITMAP_FILE -1
	gives EROFS CLUSTERED_DISK_NACK
	gives ENXIO HOT_REMOVE_DISK /dev/vde
	gives ENODEV SET_DISK_FAULTY /dev/vde
	exec 8<&-
	gives ENXIO STOP_ARRAY_RO
	gives ok RESTART_ARRAY_RW
	[[ $(state) == @(clean|active|active-idle) ]]
	soon EBUSY RESTART_ARRAY_RW
}

@test "a 32-bit program gets the same" {
	chmod 660 /dev/md0
	gives ENOTTY -c 0x09ff
	gives ENODEV -c GET_ARRAY_INFO
	gives '0 90 3' -c RAID_VERSION
	gives ok -c SET_ARRAY_INFO 1 2
	gives ok -c SET_BITMAP_FILE /mnt/bitmap
	gives EEXIST -c SET_BITMAP_FILE ro:/mnt/bitmap
	gives /mnt/bitmap -c GET_BITMAP_FILE
	gives ok -c ADD_NEW_DISK 0 /dev/vdb
	gives ok -c ADD_NEW_DISK 0 /dev/vdc
	gives ok -c RUN_ARRAY
	wait_idle md0
	[[ $(mdioctl -c /dev/md0 GET_ARRAY_INFO) == "$(md GET_ARRAY_INFO)" ]]
	[[ $(mdioctl -c /dev/md0 GET_DISK_INFO 1) == "$(disk 1)" ]]
	soon EBUSY -c HOT_REMOVE_DISK /dev/vdb
	gives ENODEV -c SET_DISK_FAULTY /dev/vde
	soon EINVAL -c HOT_ADD_DISK /dev/vde
	gives EFAULT -c GET_ARRAY_INFO bad
	exec 8<&-
	gives ok -c STOP_ARRAY
	no_bit_in /mnt/bitmap
}

@test "what any block device answers" {
	run_it
	[[ $(md BLKGETSIZE64) == $(($(</sys/block/md0/size) * 512)) ]]
	gives 0 BLKROGET
	gives ok BLKROSET 1
	gives 1 BLKROGET
	gives ok BLKROSET 0
	gives 0 BLKROGET
	exec 8<&-
	gives ok STOP_ARRAY
	hold
	gives ENODEV BLKROSET 1
}
