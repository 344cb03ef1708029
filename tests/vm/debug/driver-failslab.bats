#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# Memory that is not there: every allocation of every ioctl fails once, those of
# the driver's own threads now and then. What fails says ENOMEM, changes
# nothing, and can be tried again; what cannot fail does not.
#
# vm-mdbitmap: debug
# vm-timeout: 1800
# vm-disks: vdb=4M vdc=4M vdd=32M vde=4M
# shellcheck disable=SC2154 # arrays.bash sets chunk

bats_require_minimum_version 1.5.0
load helpers
load arrays
load raw

slab=/sys/kernel/debug/failslab

setup() {
	requires root mdadm fio vdb vdc vdd vde
	mountpoint -q /sys/kernel/debug || mount -t debugfs debug /sys/kernel/debug
	echo N >$slab/ignore-gfp-wait # what may wait fails too
	echo 0 >$slab/verbose         # without a trace of each in the log
	echo -1 >$slab/times
	echo Y >$slab/task-filter
	make_bitmap_fs vdd /mnt
	make_mirror
	mdbitmap --quiet --create /mnt/bitmap --for=/dev/vdb --bitmap-chunk=4K --clean --delay=1
	[[ -b /dev/md0 ]] || mknod /dev/md0 b 9 0
}

teardown() {
	echo 0 >$slab/probability
	end_all
}

# What makes an array, and takes it apart; in order, each one's words in a line. A
# file is not let go of while something syncs, as from ADD_NEW_DISK on.
steps() {
	cat <<-END
		STOP_ARRAY
		SET_ARRAY_INFO 1 2
		ADD_NEW_DISK 0 /dev/vdb
		ADD_NEW_DISK 0 /dev/vdc
		SET_BITMAP_FILE /mnt/bitmap
		RUN_ARRAY
		SET_BITMAP_FILE -1
		SET_BITMAP_FILE /mnt/bitmap
		SET_DISK_FAULTY /dev/vdc
		HOT_REMOVE_DISK /dev/vdc
		ADD_NEW_DISK 1 /dev/vdc 1 0
		STOP_ARRAY_RO
		RESTART_ARRAY_RW
		STOP_ARRAY
	END
}

# The words of the first $1 steps.
first_steps() { steps | head -n "$1" | paste -s -d + | sed 's/+/ + /g'; }

# try STEP NTH: all up to that step, whose NTH allocation fails; and it again,
# if it failed; then the end. What it said is in $said, and whether there was one.
try() {
	local words again
	read -ra words <<<"$(first_steps "$1")"
	mapfile -t said < <(mdioctl -f "$2" /dev/md0 "${words[@]}")
	case ${said[-2]} in
	ok) ;;
	ENOMEM)
		read -ra again <<<"$(steps | sed -n "$1p")"
		[[ $(mdioctl /dev/md0 "${again[@]}") == ok ]] || {
			echo "step $1, allocation $2: ENOMEM, and then not ok"
			return 1
		}
		;;
	*) echo "step $1, allocation $2: ${said[*]}" && return 1 ;;
	esac
	# What a step has stopped cannot be opened while it is on its way out.
	retry 50 0.1 mdioctl /dev/md0 STOP_ARRAY >/dev/null
	(($1 < running)) || restore
}

# Superblocks and file as setup left them, once the array was running.
running=6
restore() {
	local disk
	for disk in vdb vdc vde; do
		dd if=/run/$disk of=/dev/$disk bs=64k count=1 oflag=direct status=none
	done
	cat /run/bitmap >/mnt/bitmap
}

@test "each allocation of each ioctl fails once: ENOMEM, and then it works" {
	local step nth count disk total=0
	count=$(steps | wc -l)
	for disk in vdb vdc vde; do
		dd if=/dev/$disk of=/run/$disk bs=64k count=1 iflag=direct status=none
	done
	cat /mnt/bitmap >/run/bitmap
	for ((step = 1; step <= count; step++)); do
		for ((nth = 1; ; nth++)); do
			try $step $nth
			[[ ${said[-1]} == failed ]] || break
		done
		echo "# $(steps | sed -n "${step}p"): $((nth - 1)) allocations" >&3
		total=$((total + nth - 1))
	done
	((total > 20))
}

# make_md7 NTH: but the NTH allocation fails; "0" if that came, and an error if it was needed.
make_md7() {
	# shellcheck disable=SC2016 # of that shell, whose own allocations these are
	bash -c 'exec 3>/sys/module/mdbitmap/parameters/new_array \
			4>/proc/self/fail-nth 5</proc/self/fail-nth
		echo "$1" >&4
		echo md7 >&3
		read -r -u 5 left
		echo "$left"' bash "$1" 2>&1
}

@test "each allocation of a new array fails once: there is none, or it can do without" {
	local nth said
	[[ -b /dev/md7 ]] || mknod /dev/md7 b 9 7
	for ((nth = 1; ; nth++)); do
		said=$(make_md7 $nth)
		case $said in
		# add_disk() does not look whether its device got a name: 6.1 says EINVAL then
		*"Cannot allocate memory"*0 | *"Invalid argument"*0) [[ ! -e /sys/block/md7 ]] ;;
		[0-9]*) [[ -e /sys/block/md7 ]] ;;
		*) echo "$nth: $said" && return 1 ;;
		esac
		[[ ! -e /sys/block/md7 ]] || retry 50 0.1 mdioctl /dev/md7 STOP_ARRAY >/dev/null
		[[ $said == *0 ]] || break
		retry 50 0.1 eval '[[ ! -e /sys/block/md7 ]]'
	done
	echo "# new_array: $((nth - 1)) allocations" >&3
	((nth > 20))
}

# The driver's own threads, of md0.
threads() { pgrep '^md0_'; }

@test "threads that get no memory now and then: nothing is lost, and it comes to an end" {
	local pid
	mdadm --quiet --assemble /dev/md0 --bitmap=/mnt/bitmap /dev/vdb /dev/vdc
	for pid in $(threads); do
		echo 1 >"/proc/$pid/make-it-fail"
	done
	echo 30 >$slab/probability
	fio --name=verified --filename=/dev/md0 --size=2M --rw=randwrite --bsrange=4k-64k --direct=1 \
		--ioengine=libaio --iodepth=8 --verify=crc32c --do_verify=1 --time_based --runtime=10 \
		--output=/tmp/fio 3>&- &
	local fio=$!
	mdbitmap --quiet --fail /dev/md0 /dev/vdc
	retry 100 0.1 mdbitmap --quiet --remove /dev/md0 /dev/vdc
	retry 100 0.1 mdbitmap --quiet --re-add /dev/md0 /dev/vdc
	for pid in $(threads); do
		echo 1 >"/proc/$pid/make-it-fail"
	done
	wait $fio || { cat /tmp/fio && return 1; }
	echo 0 >$slab/probability
	echo idle >/sys/block/md0/md/sync_action # what was given up for want of memory
	wait_idle md0
	[[ $(</sys/block/md0/md/degraded) == 0 ]]
	mdbitmap --quiet --stop /dev/md0
	members_identical vdb vdc "$(data_offset vdb)"
}
