# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# For scenarios that let devices fail: a device-mapper device over a disk is as
# the disk until it is told otherwise.

# No udev here: dmsetup makes its nodes itself.
export DM_DISABLE_UDEV=1

# lay NAME DEV: /dev/mapper/NAME is all of DEV.
lay() {
	modprobe -q dm-mod || true # built in, on some
	dmsetup create "$1" --table "0 $(blockdev --getsz "/dev/$2") linear /dev/$2 0"
	DM_OF[$1]=$2
}
declare -gA DM_OF=()

# relay NAME TABLE: another table from now on; what is in flight ends first,
# what comes meanwhile waits.
relay() {
	dmsetup suspend --nolockfs --noflush "$1"
	dmsetup load "$1" --table "$2"
	dmsetup resume "$1"
}

sectors_of() { blockdev --getsz "/dev/${DM_OF[$1]}"; }

# All of NAME fails / reads fail not, but writes do / it is well again.
all_fails() { relay "$1" "0 $(sectors_of "$1") error"; }
writes_fail() {
	modprobe -q dm-flakey || true
	relay "$1" "0 $(sectors_of "$1") flakey /dev/${DM_OF[$1]} 0 0 3600 1 error_writes"
}
is_well() { relay "$1" "0 $(sectors_of "$1") linear /dev/${DM_OF[$1]} 0"; }

# fails_at NAME SECTOR N: these sectors cannot be read or written.
fails_at() {
	local end=$(($2 + $3)) dev=/dev/${DM_OF[$1]}
	relay "$1" "0 $2 linear $dev 0
$2 $3 error
$end $(($(sectors_of "$1") - end)) linear $dev $end"
}

# lay_sums DEV: /dev/mapper/sums is what of DEV is left beside a sum for each sector.
lay_sums() {
	local sectors
	dmsetup create sums --table "0 1 integrity /dev/$1 0 - D 1 internal_hash:sha256"
	dmsetup remove sums
	# it has written down how much room its sums leave
	sectors=$(od -An -tu8 -j16 -N8 "/dev/$1")
	dmsetup create sums --table "0 ${sectors// /} integrity /dev/$1 0 - D 1 internal_hash:sha256"
	dd if=/dev/zero of=/dev/mapper/sums bs=1M oflag=direct status=none 2>/dev/null || true
}

# spoil_sector DEV SECTOR: of sums over DEV this one, which begins with find-this-sector and
# was written through it, cannot be read until it is written again.
spoil_sector() {
	local at
	at=$(strings -t d -n 16 "/dev/$1" | awk '/find-this-sector/ { print $1; exit }')
	head -c 512 /dev/zero |
		dd of="/dev/$1" bs=512 seek=$((at / 512)) oflag=direct conv=notrunc status=none
	run ! sector_of_sums "$2"
}

sector_of_sums() {
	dd if=/dev/mapper/sums of=/dev/null bs=4k skip=$(($1 / 8)) count=1 iflag=direct status=none
}

# slow_writes NAME MS: its writes take so long; reads and flushes do not.
slow_writes() {
	local dev=/dev/${DM_OF[$1]}
	modprobe -q dm-delay || true
	relay "$1" "0 $(sectors_of "$1") delay $dev 0 0 $dev 0 $2 $dev 0 0"
}

# hangs NAME: its I/O waits; goes_on NAME: and comes to its end.
hangs() { dmsetup suspend --nolockfs --noflush "$1"; }
goes_on() { dmsetup resume "$1"; }

# dm_name NAME: the kernel's own name of it, as sysfs has it.
dm_name() { name_of "mapper/$1"; }

# For teardown: nothing hangs any more.
all_go_on() {
	local name
	for name in /sys/block/dm-*/dm/name; do
		[[ ! -e $name ]] || dmsetup resume "$(<"$name")"
	done
}

# stays_dirty: no superblock is written because nothing was for a while.
stays_dirty() { echo 0 >/sys/block/md0/md/safe_mode_delay; }
