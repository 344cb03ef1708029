#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# What surrounds an array while it changes: readers of its files, trace points,
# the limits of its queue.
#
# vm-kernels: newest (6.1 6.12)
# vm-timeout: 400
# vm-disks: vdb=16M vdc=16M vdd=32M vde=8M

bats_require_minimum_version 1.5.0
load helpers
load arrays
load faults

md=/sys/block/mdb0/md
trace=/sys/kernel/tracing

setup() {
	requires root mdadm vdb vdc vdd vde
	make_bitmap_fs vdd /mnt
	make_members
	mdbitmap --quiet --create /mnt/bitmap --for=/dev/vdb --clean --bitmap-chunk=64
	modprobe mdbitmap
}

# Superblocks by mdadm, on stock md where there is one.
make_members() {
	modprobe raid1
	make_mirror
}

teardown() {
	touch /tmp/enough
	wait
	[[ ! -e $md ]] || mdbitmap --stop /dev/mdb0 || true
	[[ ! -e /dev/mapper/store ]] || dmsetup remove --force store
	umount /mnt || true
	rmmod mdbitmap || true
}

start() { mdbitmap --quiet --assemble /dev/mdb0 --bitmap=/mnt/bitmap /dev/vdb /dev/vdc; }

# Read whatever is there, again and again, until /tmp/enough is.
read_all() {
	local file
	while [[ ! -e /tmp/enough ]]; do
		for file in /sys/block/mdb*/md/{,bitmap/,bitmap/stats/,dev-*/}* /proc/mdbstat; do
			[[ ! -f $file ]] || : "$(cat "$file" 2>/dev/null)"
		done
	done
}

# Write what changes nothing, or is refused.
write_all() {
	while [[ ! -e /tmp/enough ]]; do
		{
			echo idle >$md/sync_action
			echo nonsense >$md/dev-vdc/state
			echo re-add >$md/dev-vdb/state
			echo 0.2 >$md/safe_mode_delay
			echo 5 >$md/bitmap/time_base
		} 2>/dev/null || true
	done
}

@test "files are read and written while members come and go and the array stops and starts" {
	rm -f /tmp/enough
	read_all &
	read_all &
	write_all 2>/dev/null &
	for _ in {1..5}; do
		start
		write_chunk 3 /dev/mdb0
		retry 50 0.1 mdadm --quiet --fail /dev/mdb0 /dev/vdc 2>/dev/null ||
			echo faulty >$md/dev-vdc/state
		retry 50 0.1 bash -c "echo remove >$md/dev-vdc/state"
		[[ ! -e $md/dev-vdc && ! -e $md/rd1 && ! -e /sys/block/vdc/holders/mdb0 ]]
		mdbitmap --quiet --add /dev/mdb0 /dev/vdc 2>/dev/null ||
			echo "$(<"/sys/block/vdc/dev")" >$md/new_dev
		retry 100 0.1 bash -c "[[ \$(<$md/degraded) == 0 ]]"
		retry 50 0.1 mdbitmap --stop /dev/mdb0
	done
	touch /tmp/enough
	wait
	retry 50 0.1 test ! -e $md
}

@test "trace points tell of modes, members, syncs, commits, superblocks and sweeps" {
	mount -t tracefs none $trace 2>/dev/null || true
	for event in array_mode leg_failed leg_added leg_removed leg_in_sync sync_start sync_end \
		super_write bitmap_super_write commit_begin commit_end sweep store_failed bio_parked; do
		[[ -e $trace/events/mdbitmap/$event/enable ]]
	done
	echo 1 >$trace/events/mdbitmap/enable
	start
	write_chunk 3 /dev/mdb0
	echo faulty >$md/dev-vdc/state
	retry 50 0.1 bash -c "echo remove >$md/dev-vdc/state"
	echo "$(<"/sys/block/vdc/dev")" >$md/new_dev
	retry 100 0.1 bash -c "[[ \$(<$md/degraded) == 0 ]]"
	mdbitmap --stop /dev/mdb0
	echo 0 >$trace/events/mdbitmap/enable
	for said in 'array_mode: mdb0: ' 'leg_failed: mdb0: vdc number 1 slot 1' \
		'leg_removed: mdb0: vdc' 'leg_added: mdb0: vdc' 'sync_start: mdb0: recover' \
		'sync_end: mdb0: recover .* error 0' 'leg_in_sync: mdb0: vdc' \
		'commit_begin: mdb0: ' 'commit_end: mdb0: .* error 0' \
		'bitmap_super_write: mdb0: ' 'super_write: mdb0: events [0-9]* dirty error 0'; do
		grep -q "$said" $trace/trace || { echo "nothing of $said" && return 1; }
	done
}

# news FILE PATTERN COMMAND...: who sleeps on FILE is woken by what the command does,
# and at the latest then finds what matches PATTERN.
news() {
	local file=$1 pattern=$2 waiter
	shift 2
	rm -f /tmp/ready
	awaits 20 "$file" /tmp/ready "$pattern" 3>&- &
	waiter=$!
	retry 100 0.05 test -e /tmp/ready
	"$@"
	wait $waiter
}

put() { echo "$1" >"$2"; }

@test "poll: sync_action, sync_completed, degraded, array_state and the status file wake who waits" {
	start
	news $md/sync_action '@(check|idle)' put check $md/sync_action
	retry 100 0.1 bash -c "[[ \$(<$md/sync_action) == idle ]]"
	news $md/sync_completed '*' put check $md/sync_action
	retry 100 0.1 bash -c "[[ \$(<$md/sync_action) == idle ]]"
	news $md/degraded 1 put faulty $md/dev-vdc/state
	news /proc/mdbstat '!(*vdc*)' retry 50 0.1 put remove $md/dev-vdc/state
	retry 100 0.1 bash -c "[[ \$(<$md/array_state) == clean ]]"
	news $md/array_state readonly put readonly $md/array_state
	run ! awaits 1 $md/degraded # and nothing else does
}

# What udev is told: ACTION and DEVPATH, in /tmp/uevents.
listen() {
	# shellcheck disable=SC2016 # for that shell
	printf '#!/bin/sh\necho "$ACTION $DEVPATH" >>/tmp/uevents\n' >/tmp/note
	chmod +x /tmp/note
	: >/tmp/uevents
	/busybox uevent /tmp/note >/dev/null 2>&1 3>&- &
	listener=$!
	retry 100 0.05 hears
}
hears() { awk -v pid="$listener" '$2 == 15 && $3 == pid { found = 1 } END { exit !found }' /proc/net/netlink; }
told() { grep -qE "$1" /tmp/uevents; }

@test "uevents: an array comes, runs, loses its store, stops and goes" {
	listen
	start
	retry 100 0.1 told '^add .*/block/mdb0$'
	retry 100 0.1 told '^change .*/block/mdb0$'
	mdbitmap --detach /dev/mdb0
	lay store vde
	mdbitmap --quiet --create /dev/mapper/store --for=/dev/mdb0 --clean --bitmap-chunk=64
	mdbitmap --quiet --attach /dev/mdb0 --bitmap=/dev/mapper/store
	all_fails store
	: >/tmp/uevents
	write_chunk 3 /dev/mdb0
	retry 100 0.1 told '^change .*/block/mdb0$'
	[[ $(<$md/bitmap/store_state) == failed ]]
	: >/tmp/uevents
	mdbitmap --stop /dev/mdb0
	retry 100 0.1 told '^change .*/block/mdb0$'
	retry 100 0.1 told '^remove .*/block/mdb0$'
	kill $listener
}

@test "the queue: caches are flushed, discards as the members take them, no rotation of theirs lost" {
	start
	queue=/sys/block/mdb0/queue
	[[ $(<$queue/write_cache) == "write back" && $(<$queue/fua) == 1 ]]
	[[ $(<$queue/rotational) == "$(<"/sys/block/vdb/queue/rotational")" ]]
	[[ $(<$queue/logical_block_size) == 512 && $(<$queue/iostats) == 1 ]]
	for limit in discard_max_bytes write_zeroes_max_bytes; do
		if (($(<"/sys/block/vdb/queue/$limit"))); then (($(<$queue/$limit) > 0)); else
			[[ $(<$queue/$limit) == 0 ]]; fi
	done
	[[ $(<"/sys/block/mdb0/size") == $(($(<$md/component_size) * 2)) ]]
}
