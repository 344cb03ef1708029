#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# --attach and --detach: a running array gets a bitmap file and loses it
# again, and neither its data nor an internal bitmap with it.
#
# vm-kernels: 6.1
# vm-mdbitmap: 6.1 (6.12 newest)
# vm-cpus: 1
# vm-timeout: 600
# vm-disks: vdb=64M vdc=64M vdd=48M

bats_require_minimum_version 1.5.0
load helpers

file=/mnt/bitmap
chunk=65536

setup() {
	requires root mdadm vdb vdc vdd
	make_bitmap_fs vdd /mnt
}

teardown() {
	umount /mnt/self 2>/dev/null || true
	mdadm --quiet --stop /dev/md0 2>/dev/null || true # its file is on /mnt
	stop_all
}

# Array md0 of vdb and vdc, in sync; more options for mdadm.
make_array() {
	mdadm --create /dev/md0 --run --level=1 --raid-devices=2 --metadata=1.2 \
		--assume-clean "$@" /dev/vdb /dev/vdc
	wait_idle md0
}

make_file() { mdbitmap --quiet --create $file --for=/dev/md0 --bitmap-chunk=64K --delay=1 "$@"; }

attach() {
	mdbitmap --attach /dev/md0 --bitmap=$file "$@" || return
	[[ $* == *--dry-run* ]] || no_lingering md0
}

has_file() { grep -q "file: $file" /proc/mdstat; }

has_no_file() { ! grep -q file: /proc/mdstat; }

has_internal() { grep -q 'bitmap: .* chunk$' /proc/mdstat; }

# write_chunks DEV CHUNK...: random data into each
write_chunks() {
	local dev=$1 at
	shift
	for at; do
		dd if=/dev/urandom of="$dev" bs=$chunk count=1 seek="$at" \
			iflag=fullblock oflag=direct conv=notrunc status=none
	done
}

of_file() { mdbitmap --examine --json $file | jq ".bitmaps[0].$1"; }

dirty() { of_file dirty_chunks; }

is_clean() { (($(dirty) == 0)); }

@test "attached and detached while fio writes, the array loses nothing" {
	make_array
	make_file
	fio --name=writer --filename=/dev/md0 --size=32M --rw=randwrite --bs=4k \
		--direct=1 --ioengine=libaio --iodepth=8 --rate_iops=3000 \
		--verify=crc32c --do_verify=0 --verify_state_save=0 \
		>/tmp/fio.out 2>&1 3>&- &
	local fio=$! rounds=0
	recorded_or_over() { ! is_clean || ! kill -0 "$fio" 2>/dev/null; }
	while kill -0 $fio 2>/dev/null; do
		attach
		has_file
		retry 100 0.02 recorded_or_over
		mdbitmap --detach /dev/md0
		has_no_file
		rounds=$((rounds + 1))
	done
	wait $fio || { cat /tmp/fio.out && return 1; }
	echo "$rounds rounds"
	((rounds >= 2))
	fio --name=writer --filename=/dev/md0 --size=32M --rw=randwrite --bs=4k \
		--direct=1 --ioengine=libaio --verify=crc32c --verify_only \
		--verify_state_load=0
	mdbitmap --stop /dev/md0
	members_identical vdb vdc "$(data_offset vdb)"
}

@test "attached, it records what is written" {
	make_array
	make_file
	attach
	retry 200 0.1 is_clean
	echo 100 >/sys/block/md0/md/bitmap/time_base # bits stay until they have been looked at
	write_chunks /dev/md0 3 100
	run -0 mdbitmap --ranges --unit=chunks $file
	[[ $(mdbitmap --ranges --json --unit=chunks $file | jq -c '[.ranges[] | [.start_chunks, .end_chunks]]') == '[[3,4],[100,101]]' ]]
}

@test "a clean file of an array that is written to is stale after a crash" {
	make_array
	echo 100 >/sys/block/md0/md/safe_mode_delay
	write_chunks /dev/md0 3
	[[ $(</sys/block/md0/md/array_state) == active ]]
	make_file --clean
	local events
	events=$(mdadm --examine /dev/vdb | awk '/Events/ { print $3 }')
	(($(of_file events) == events - 1))
}

@test "examination of an attached file reads past the page cache" {
	make_array
	make_file --clean
	attach
	retry 200 0.1 is_clean
	echo 100 >/sys/block/md0/md/bitmap/time_base # bits stay until they have been looked at
	cat $file >/tmp/cached # now in the page cache
	write_chunks /dev/md0 5
	# which did not see it; ours writes through the file, and so it does
	driver_is mdbitmap || cmp $file /tmp/cached
	(($(dirty) == 1))
	run -0 --separate-stderr mdbitmap --dump $file
	[[ $output == *end && $stderr == *"is attached to md0: "* ]]
}

@test "attach waits while md is busy, and succeeds when it is done" {
	make_array
	make_file
	echo 100 >/sys/block/md0/md/sync_speed_max
	echo check >/sys/block/md0/md/sync_action
	attach --verbose 2>/tmp/said 3>&- &
	local pid=$!
	retry 50 0.1 grep -q 'trying again' /tmp/said
	has_no_file
	echo idle >/sys/block/md0/md/sync_action
	wait $pid
	has_file
}

@test "detach waits while md is busy, and succeeds when it is done" {
	make_array
	make_file
	attach
	echo 100 >/sys/block/md0/md/sync_speed_max
	echo check >/sys/block/md0/md/sync_action
	mdbitmap --detach /dev/md0 --verbose 2>/tmp/said 3>&- &
	local pid=$!
	retry 50 0.1 grep -q 'trying again' /tmp/said
	has_file
	echo idle >/sys/block/md0/md/sync_action
	wait $pid
	has_no_file
}

@test "a frozen array is refused at once, and the message says frozen" {
	make_array
	make_file
	echo frozen >/sys/block/md0/md/sync_action
	run -5 attach --verbose
	[[ $output == *frozen* && $output != *"trying again"* ]]
	has_no_file
	echo idle >/sys/block/md0/md/sync_action
	attach
}

@test "an attached file that lost its name is not edited by another one" {
	make_array
	make_file
	attach
	ln $file /mnt/again
	rm $file
	run -5 mdbitmap --mark /mnt/again all
	run -5 mdbitmap --merge /mnt/out /mnt/again
}

@test "--merge takes no bitmap that an array uses, or makes a stale one of it" {
	make_array
	make_file
	attach
	run -5 mdbitmap --merge /mnt/out $file
	[[ $output == *"in use by md0"* && ! -e /mnt/out ]]
	mdbitmap --merge /mnt/out $file --force
	[[ $(mdbitmap --examine --json /mnt/out | jq '.bitmaps[0].state_flags') == 2 ]]
}

@test "an internal bitmap survives attach and detach, which are refused" {
	stock_only "internal bitmaps are not kept"
	make_array --bitmap=internal
	make_file
	retry 200 0.1 grep -q 'bitmap: 0/' /proc/mdstat
	run -5 attach --force --yes
	[[ $output == *"internal bitmap"* ]]
	run -5 mdbitmap --merge /mnt/out /dev/vdb
	[[ $output == *"in use by md0"* && ! -e /mnt/out ]]
	run -5 mdbitmap --detach /dev/md0 --force --yes
	[[ $output == *"internal bitmap"* ]]
	has_internal
	write_chunks /dev/md0 7
	(($(mdbitmap --examine --json /dev/vdb | jq '.bitmaps[0].dirty_chunks') == 1))
}

@test "a second bitmap file, and a detach without one, are refused" {
	make_array
	run -4 mdbitmap --detach /dev/md0
	[[ $output == *"no bitmap file"* ]]
	make_file
	attach
	cp $file /mnt/other
	run -5 mdbitmap --attach /dev/md0 --bitmap=/mnt/other
	[[ $output == *$file* ]]
	has_file
}

@test "a file that is attached to one array is refused to another" {
	make_array
	make_file
	attach
	modprobe brd rd_nr=2 rd_size=16384
	mdadm --build /dev/md1 --run --level=1 --raid-devices=2 --assume-clean /dev/ram0 /dev/ram1
	run -5 mdbitmap --attach /dev/md1 --bitmap=$file --force
	mdbitmap --stop /dev/md1
	rmmod brd || [[ ! -e /sys/module/brd/initstate ]] # built in, on some
}

@test "every edit of an attached file is refused, and changes nothing" {
	make_array
	make_file
	attach
	retry 200 0.1 is_clean
	mdbitmap --examine $file >/tmp/before
	cp $file /mnt/other
	mdbitmap --dump $file >/tmp/dump
	run -5 mdbitmap --mark $file 0..64K --force --yes
	run -5 mdbitmap --clear $file all --force --yes
	run -5 mdbitmap --resize $file --size=32M --force --yes
	run -5 mdbitmap --rechunk $file --bitmap-chunk=128K --force --yes
	run -5 mdbitmap --restore $file /tmp/dump --force --yes
	run -5 mdbitmap --merge $file /mnt/other /mnt/other --force --yes
	run -5 mdbitmap --create $file --for=/dev/md0 --force --yes
	mdbitmap --examine $file | diff /tmp/before -
	has_file
}

@test "a missing file is refused, and the message says how to make it" {
	make_array
	run -4 attach
	[[ $output == *"mdbitmap --create $file --for=/dev/md0"* ]]
}

@test "a file on the array itself is refused" {
	make_array
	mkdir -p /mnt/self
	mkfs.ext4 -q -F /dev/md0
	mount /dev/md0 /mnt/self
	mdbitmap --create /mnt/self/bitmap --for=/dev/md0
	run -1 mdbitmap --attach /dev/md0 --bitmap=/mnt/self/bitmap --force --yes
	[[ $output == *"on the array itself"* ]]
	run grep -c bitmap: /proc/mdstat
	[[ $output == 0 ]]
}

@test "a bitmap of another array is refused" {
	make_array
	mdbitmap --create $file --size=32M --uuid=00000000:11111111:22222222:33333333
	run -6 attach
	[[ $output == *uuid* ]]
}

@test "a read-only array is refused, and the message says so" {
	make_array
	make_file
	mdadm --readonly /dev/md0
	run -1 attach
	[[ $output == *read-only* ]]
}

@test "an array that was started auto-read-only gets its file" {
	make_array
	make_file
	mdadm --stop /dev/md0
	start_read_only 1
	mdadm --assemble /dev/md0 /dev/vdb /dev/vdc
	start_read_only 0
	[[ $(</sys/block/md0/md/array_state) == read-auto ]]
	attach
	has_file
}

@test "an array without metadata, built by mdadm, gets a file and records" {
	mdadm --build /dev/md0 --run --level=1 --raid-devices=2 --assume-clean /dev/vdb /dev/vdc
	mdbitmap --create $file --for=/dev/md0 --bitmap-chunk=64K --clean --delay=1
	[[ $(of_file state_flags) == 2 ]] # a crash now must not find it current
	attach
	retry 200 0.1 is_clean
	echo 100 >/sys/block/md0/md/bitmap/time_base # bits stay until they have been looked at
	write_chunks /dev/md0 9
	(($(dirty) == 1))
	mdbitmap --detach /dev/md0
	has_no_file
}

@test "an older file is taken, and expires without a copy" {
	make_array
	make_file
	attach
	mdbitmap --detach /dev/md0
	mdadm /dev/md0 --fail /dev/vdc --remove /dev/vdc
	mdadm /dev/md0 --add /dev/vdc
	wait_whole md0
	local before
	before=$(stat_sectors vdc write)
	run -0 attach
	[[ $output == *"not current"* ]]
	has_file
	retry 200 0.1 is_clean
	(($(stat_sectors vdc write) - before < 64))
}

@test "a file is marked stale when it is detached" {
	make_array
	make_file
	attach
	run -0 mdbitmap --detach /dev/md0
	[[ $output == *stale* ]]
	[[ $(of_file state_flags) == 2 ]]
}

@test "attached to a degraded array, a file does not pass for the missing member's" {
	make_array
	make_file
	attach
	mdadm /dev/md0 --fail /dev/vdc --remove /dev/vdc
	# as if another tool had detached it: current by its events, and wrong
	cp $file /mnt/kept
	mdbitmap --detach /dev/md0
	write_chunks /dev/md0 11
	mdbitmap --attach /dev/md0 --bitmap=/mnt/kept
	run -6 mdbitmap --re-add /dev/md0 /dev/vdc
	[[ $output == *"--add"* ]]
	mdbitmap --add /dev/md0 /dev/vdc
	mdbitmap --wait /dev/md0
	mdbitmap --stop /dev/md0
	members_identical vdb vdc "$(data_offset vdb)"
}

@test "--dry-run says what it would do, and does not" {
	make_array
	make_file
	run -0 attach --dry-run
	[[ $output == *"would attach $file to /dev/md0"* ]]
	has_no_file
	attach
	run -0 mdbitmap --detach --dry-run /dev/md0
	[[ $output == *"would detach $file"* ]]
	has_file
}

@test "--json gives one object with the array and the file" {
	make_array
	make_file
	[[ $(attach --json | jq -r '.mode + .array + .bitmap_file') == "attach/dev/md0$file" ]]
	[[ $(mdbitmap --detach --json /dev/md0 | jq '.marked_stale') == true ]]
}
