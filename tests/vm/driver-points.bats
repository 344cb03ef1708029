#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# The points of the patch with which bitmap files were proposed in 2005, each
# as something to be seen.
#
# vm-mdbitmap: 6.12 (6.1 newest)
# vm-timeout: 600
# vm-disks: vdb=16M vdc=16M vdd=32M
# shellcheck disable=SC2154 # arrays.bash sets chunk, bats stderr

bats_require_minimum_version 1.5.0
load helpers
load arrays
load raw
load faults

setup() {
	requires root mdadm fio vdb vdc vdd
}

teardown() {
	exec 8<&- 9<&-
	start_read_only 0
	all_go_on
	[[ ! -b /dev/md0 ]] || mdioctl /dev/md0 STOP_ARRAY || true # not for mdadm to see
	end_all
}

# A filesystem, a mirror that is stopped and clean, its bitmap file.
prepare() {
	make_bitmap_fs "${1:-vdd}" /mnt
	make_mirror
	mdbitmap --quiet --create /mnt/bitmap --for=/dev/vdb --clean --bitmap-chunk=64 --delay=60
}

# And it runs.
start() {
	prepare "$@"
	mdbitmap --quiet --assemble /dev/md0 --bitmap=/mnt/bitmap /dev/vdb /dev/vdc
	wait_idle md0
}

attribute() { cat "/sys/block/md0/md/$1"; }

events_of() { mdadm --examine "/dev/$1" | awk '/Events/ { print $3 }'; }
bitmap_events() { mdbitmap --examine --json "$1" | jq '.bitmaps[0].events'; }

writes_to() { stat_sectors "$1" write; }

busy_text() { run bash -c "$1"; [[ $status != 0 && $output == *'Text file busy'* ]]; }

@test "point 1: SET_BITMAP_FILE works before RUN_ARRAY, on an array not initialised too" {
	prepare
	fresh
	hold # not to be gone between two commands
	gives ok SET_BITMAP_FILE /mnt/bitmap
	gives ENODEV GET_ARRAY_INFO
	[[ $(bitmap_file) == /mnt/bitmap ]]
	by_superblocks
	add vdb
	add vdc
	gives ok RUN_ARRAY
	exec 8<&-
	grep 'file: /mnt/bitmap$' /proc/mdstat
}

@test "point 1: a bad descriptor is refused with EBADF" {
	prepare
	fresh
	hold
	gives EBADF SET_BITMAP_FILE 77
	gives EBADF SET_BITMAP_FILE ro:/mnt/bitmap
	gives EBADF SET_BITMAP_FILE /dev/null
	gives EBADF SET_BITMAP_FILE ro:/mnt
	[[ ! $(bitmap_file) ]]
}

@test "point 1: a file open for writing elsewhere is refused with ETXTBSY" {
	prepare
	fresh
	hold
	exec 9<>/mnt/bitmap
	gives ETXTBSY SET_BITMAP_FILE /mnt/bitmap
	exec 9<&-
	gives ok SET_BITMAP_FILE /mnt/bitmap
}

@test "point 1: while attached nobody opens it for writing or truncates it; it is given back at stop" {
	local sum
	prepare
	assemble_raw /mnt/bitmap
	sum=$(dd if=/mnt/bitmap iflag=direct bs=4k status=none | md5sum)
	busy_text ': >>/mnt/bitmap'
	busy_text ': >/mnt/bitmap'
	busy_text ': 9<>/mnt/bitmap'
	run truncate --no-create --size=0 /mnt/bitmap
	[[ $status != 0 ]]
	[[ $(dd if=/mnt/bitmap iflag=direct bs=4k status=none | md5sum) == "$sum" ]]
	# reading is not refused
	: </mnt/bitmap
	gives ok STOP_ARRAY
	: >>/mnt/bitmap
	truncate --size=0 /mnt/bitmap
}

@test "point 2: GET_BITMAP_FILE gives the path; empty when there is none" {
	prepare
	mdadm --quiet --assemble /dev/md0 /dev/vdb /dev/vdc
	[[ $(bitmap_file) == '' && $(mdioctl /dev/md0 GET_BITMAP_FILE) == '' ]]
	gives ok STOP_ARRAY
	assemble_raw /mnt/bitmap
	[[ $(bitmap_file) == /mnt/bitmap ]]
	gives ok STOP_ARRAY
	[[ $(bitmap_file) == '' ]]
}

@test "point 3: a bitmap that cannot be used makes RUN_ARRAY say why, and nothing runs" {
	prepare
	mdbitmap --quiet --create /mnt/other --size=16M --uuid=01234567:89abcdef:01234567:89abcdef
	fresh
	by_superblocks
	gives ok SET_BITMAP_FILE /mnt/other
	add vdb
	add vdc
	dmesg --clear
	gives EINVAL RUN_ARRAY
	dmesg | grep -i 'md0: .*uuid'
	[[ $(state) == inactive && $(blockdev --getsz /dev/md0) == 0 ]]
	grep '^md0 : inactive' /proc/mdstat
	# again and again, the same
	gives EINVAL RUN_ARRAY
	gives ok STOP_ARRAY
	retry 50 0.1 left_nothing
	umount /mnt
}

@test "point 3: what was in the way gone, the array is run at the second try" {
	make_mirror
	lay store vdd
	mdbitmap --quiet --create /dev/mapper/store --for=/dev/vdb --clean --bitmap-chunk=64 --delay=60
	fresh
	by_superblocks
	gives ok SET_BITMAP_FILE /dev/mapper/store
	add vdb
	add vdc
	all_fails store
	gives EIO RUN_ARRAY
	[[ $(state) == inactive ]]
	is_well store
	gives ok RUN_ARRAY
	write_chunk 5 /dev/md0
	gives ok STOP_ARRAY
	members_identical vdb vdc "$(data_offset vdb)"
}

@test "point 4: no member is written to before the bit is durable" {
	local before
	lay store vdd
	start mapper/store
	stays_dirty # first: once "clean" is on its way to the store, all writes wait for that
	write_chunk 1 /dev/md0
	[[ $(state) == active ]]
	before="$(writes_to vdb) $(writes_to vdc)"
	hangs store
	write_chunk 9 /dev/md0 3>&- &
	local writer=$!
	# one that needs no bit passes
	write_chunk 1 /dev/md0
	[[ $(writes_to vdb) == $((${before% *} + chunk)) ]]
	[[ $(writes_to vdc) == $((${before#* } + chunk)) ]]
	kill -0 $writer
	goes_on store
	wait $writer
	[[ $(writes_to vdb) == $((${before% *} + 2 * chunk)) ]]
	[[ $(dirty_chunks /mnt/bitmap) == '1..2 9..10' ]]
}

swept() { (($(attribute bitmap/stats/sweeps) >= $1)); }

@test "point 4: no bit is cleared while a write to its chunk is on its way" {
	make_bitmap_fs vdd /mnt
	lay leg vdc
	mdadm --create /dev/md0 --quiet --run --level=1 --raid-devices=2 --assume-clean \
		--bitmap=/mnt/bitmap --bitmap-chunk=64K --delay=1 /dev/vdb /dev/mapper/leg
	wait_idle md0
	no_lingering md0
	stays_dirty
	retry 200 0.1 no_bit_in /mnt/bitmap
	write_chunk 1 /dev/md0
	slow_writes leg 40000
	dd if=/dev/urandom of=/dev/md0 bs=64K count=1 seek=9 oflag=direct status=none 3>&- &
	local writer=$!
	retry 50 0.1 has_bit 9
	retry 100 0.1 swept $(($(attribute bitmap/stats/sweeps) + 2))
	kill -0 $writer # or it was for nothing
	has_bit 9
	is_well leg
	wait $writer
	retry 100 0.1 no_bit_in /mnt/bitmap
}

has_bit() { [[ $(dirty_chunks /mnt/bitmap) =~ (^|\ )"$1..$(($1 + 1))"($|\ ) ]]; }

@test "point 5: with a bitmap the checkpoint of an interrupted resync is not used" {
	make_bitmap_fs vdd /mnt
	# 0 ... 8 MiB are done, says the superblock
	mdadm --create /dev/md0 --quiet --run --level=1 --raid-devices=2 /dev/vdb /dev/vdc
	wait_idle md0
	mdadm --quiet --stop /dev/md0
	mdadm --quiet --assemble /dev/md0 /dev/vdb /dev/vdc
	echo frozen >/sys/block/md0/md/sync_action
	echo 16384 >/sys/block/md0/md/resync_start
	write_chunk 0 /dev/md0
	mdadm --quiet --stop /dev/md0
	[[ $(checkpoint vdb) == 16384 ]]
	mdbitmap --quiet --create /mnt/bitmap --for=/dev/vdb --clean --force --bitmap-chunk=64 --delay=60
	mdbitmap --quiet --mark /mnt/bitmap 3c..5c
	tear 3 vdc
	no_readahead vdb vdc
	assemble_counting
	copied $((2 * chunk)) vdb vdc
	[[ $(attribute resync_start) == none ]]
	members_identical vdb vdc "$(data_offset vdb)"
}

# What it takes to look at members is not counted.
assemble_counting() {
	fresh
	by_superblocks
	gives ok SET_BITMAP_FILE /mnt/bitmap
	add vdb
	add vdc
	count_start vdb vdc
	gives ok RUN_ARRAY
	wait_idle md0
}

@test "point 6: a member removed and added back is rebuilt from the bitmap" {
	start
	mdbitmap --quiet --fail /dev/md0 /dev/vdc
	mdbitmap --quiet --remove /dev/md0 /dev/vdc
	write_chunk 7 /dev/md0
	write_chunk 8 /dev/md0
	[[ $(dirty_chunks /mnt/bitmap) == 7..9 ]]
	no_readahead vdb vdc
	echo frozen >/sys/block/md0/md/sync_action
	mdadm --quiet /dev/md0 --re-add /dev/vdc
	count_start vdb vdc
	echo idle >/sys/block/md0/md/sync_action
	wait_idle md0
	copied $((2 * chunk)) vdb vdc
	[[ $(attribute degraded) == 0 ]]
	mdbitmap --quiet --stop /dev/md0
	members_identical vdb vdc "$(data_offset vdb)"
}

@test "point 7: a file on the array itself is refused with ELOOP" {
	make_mirror
	mdadm --quiet --assemble /dev/md0 /dev/vdb /dev/vdc
	mkfs.ext4 -q -F /dev/md0
	mount /dev/md0 /mnt
	mdbitmap --quiet --create /mnt/bitmap --for=/dev/md0
	gives ELOOP SET_BITMAP_FILE /mnt/bitmap
	umount /mnt
	gives ELOOP SET_BITMAP_FILE /dev/md0
	# nor on one of its partitions
	printf '%s\n' o n p 1 2048 '' w | fdisk /dev/md0 >/dev/null
	retry 50 0.1 test -b /dev/md0p1
	mkfs.ext4 -q -F /dev/md0p1
	mount /dev/md0p1 /mnt
	mdbitmap --quiet --create /mnt/bitmap --for=/dev/md0
	gives ELOOP SET_BITMAP_FILE /mnt/bitmap
	umount /mnt
	gives ELOOP SET_BITMAP_FILE /dev/md0p1
}

@test "point 8, P7: an array without a bitmap works as before, and writes nothing more" {
	make_mirror
	mdadm --quiet --assemble /dev/md0 /dev/vdb /dev/vdc
	stays_dirty
	write_chunk 0 /dev/md0
	count_start vdb vdc
	for n in 3 10 11 100; do
		write_chunk $n /dev/md0
	done
	(($(count_end vdb write) == 4 * chunk && $(count_end vdc write) == 4 * chunk))
	[[ $(attribute bitmap/location) == none ]]
	[[ $(attribute consistency_policy) == resync ]]
	run ! grep bitmap: /proc/mdstat
	mdadm --quiet --stop /dev/md0
	members_identical vdb vdc "$(data_offset vdb)"
}

# reads_of CHUNK: sixteen at once, again and again; prints how many members served them.
reads_of() {
	local served=0 dev
	count_start vdb vdc
	fio --name=reader --filename=/dev/md0 --rw=randread --bs=4k --direct=1 --ioengine=libaio --iodepth=16 \
		--offset=$(($1 * 64))k --size=64k --loops=20 >/dev/null
	for dev in vdb vdc; do
		(($(count_end $dev read) == 0)) || served=$((served + 1))
	done
	echo $served
}

@test "P4: while a chunk owes a sync its reads are one member's, and that member is copied" {
	local dev first
	prepare
	for dev in vdb vdc; do
		tear 3 $dev
	done
	mdbitmap --quiet --mark /mnt/bitmap 3c..4c
	start_read_only 1
	mdbitmap --quiet --assemble /dev/md0 --bitmap=/mnt/bitmap /dev/vdb /dev/vdc
	grep -F 'resync=PENDING' /proc/mdstat
	first=$(dd if=/dev/md0 bs=64K skip=3 count=1 iflag=direct status=none | md5sum)
	[[ $(reads_of 3) == 1 ]]
	[[ $(dd if=/dev/md0 bs=64K skip=3 count=1 iflag=direct status=none | md5sum) == "$first" ]]
	mdioctl /dev/md0 RESTART_ARRAY_RW
	start_read_only 0
	retry 50 0.1 no_owed_chunk
	wait_idle md0
	[[ $(dd if=/dev/md0 bs=64K skip=3 count=1 iflag=direct status=none | md5sum) == "$first" ]]
	[[ $(reads_of 3) == 2 ]] # now either may serve them
	mdadm --quiet --stop /dev/md0
	members_identical vdb vdc "$(data_offset vdb)"
}

no_owed_chunk() { ! grep resync /proc/mdstat; }

@test "P5: a file older than its members is stale: after a clean stop nothing is copied, else all" {
	start
	write_chunk 5 /dev/md0
	mdadm --quiet --stop /dev/md0
	cp /mnt/bitmap /tmp/older
	mdbitmap --quiet --assemble /dev/md0 --bitmap=/mnt/bitmap /dev/vdb /dev/vdc
	write_chunk 9 /dev/md0
	mdadm --quiet --stop /dev/md0
	cat /tmp/older >/mnt/bitmap
	mdbitmap --quiet --mark /mnt/bitmap 7c..8c
	dmesg --clear
	count_start vdb vdc
	gives_array
	dmesg | grep 'md0: bitmap file says nothing: 0 of'
	gives ok STOP_ARRAY
	(($(count_end vdc write) < chunk))

	# the same file, and members that were not stopped
	cat /tmp/older >/mnt/bitmap
	for dev in vdb vdc; do
		spoil /dev/$dev 4096 v1 208 0 8
	done
	dmesg --clear
	gives_array
	local bits
	bits=$(blockdev --getsz /dev/md0)
	bits=$(((bits + chunk - 1) / chunk))
	dmesg | grep "md0: bitmap file says nothing: $bits of $bits"
}

# With the ioctls alone: the tool would not take such a file.
gives_array() {
	assemble_raw /mnt/bitmap
	wait_idle md0
}

@test "point 9: the bitmap's superblock is updated with those of the members, and before them" {
	local before
	lay store vdd
	start mapper/store
	before=$(events_of vdb)
	[[ $(bitmap_events /mnt/bitmap) == "$before" ]]
	hangs store
	gives ok SET_DISK_FAULTY /dev/vdc # superblocks are owed
	retry 50 0.1 is_degraded
	# it has not waited for nothing: a second one waits as well
	dd if=/dev/urandom of=/dev/md0 bs=64K count=1 oflag=direct status=none 3>&- &
	sleep 1 # long enough for a superblock that does not wait
	[[ $(events_of vdb) == "$before" ]]
	goes_on store
	wait
	retry 50 0.1 events_beyond "$before"
	before=$(events_of vdb) # and the file again after it
	(($(bitmap_events /mnt/bitmap) >= before))
}

is_degraded() { (($(attribute degraded) == 1)); }
events_beyond() { (($(events_of vdb) > $1)); }

@test "point 10: stop clears what may be cleared, and lets go of the file" {
	start
	write_chunk 5 /dev/md0
	has_bit 5
	gives ok STOP_ARRAY
	no_bit_in /mnt/bitmap
	[[ $(bitmap_events /mnt/bitmap) == "$(events_of vdb)" ]]
	umount /mnt
}

@test "point 10: a failed run lets go of it at stop too" {
	prepare
	truncate --size=260 /mnt/bitmap
	fresh
	by_superblocks
	hold
	if gives ok SET_BITMAP_FILE /mnt/bitmap; then
		add vdb
		add vdc
		[[ $(md RUN_ARRAY) == E* ]]
		[[ $(bitmap_file) == /mnt/bitmap ]]
	fi
	exec 8<&-
	gives ok STOP_ARRAY
	: >>/mnt/bitmap
	umount /mnt
	retry 50 0.1 left_nothing
}

@test "point 11: the status file shows pages, chunk and path, and the line of a resync" {
	local kib
	make_bitmap_fs vdd /mnt
	make_mirror
	mdbitmap --quiet --create '/mnt/a b' --for=/dev/vdb --bitmap-chunk=64 --clean
	assemble_raw '/mnt/a b'
	grep -E '^      bitmap: 0/1 pages \[0KB\], 64KB chunk, file: /mnt/a\\040b$' /proc/mdstat
	write_chunk 5 /dev/md0
	grep -E '^      bitmap: 1/1 pages \[4KB\], 64KB chunk, file: ' /proc/mdstat
	kib=$(attribute component_size)
	echo 1000 >/sys/block/md0/md/sync_speed_max
	echo 1000 >/sys/block/md0/md/sync_speed_min
	echo check >/sys/block/md0/md/sync_action
	retry 100 0.1 grep -E "^      \[[=>.]{21}\]  check = *[0-9.]+% \([0-9]+/$kib\) finish=[0-9]+\.[0-9]min speed=[0-9]+K/sec\$" /proc/mdstat
	echo idle >/sys/block/md0/md/sync_action
}

@test "point 12: on a bad event the whole state goes to the log, the bitmap's superblock with it" {
	local uuid
	make_bitmap_fs vdd /mnt
	lay a vdb
	lay b vdc
	mdadm --create /dev/md0 --quiet --run --level=1 --raid-devices=2 --assume-clean \
		--bitmap=/mnt/bitmap --bitmap-chunk=64K /dev/mapper/a /dev/mapper/b
	wait_idle md0
	dmesg --clear
	all_fails a
	all_fails b
	run ! write_chunk 5 /dev/md0
	uuid=$(mdbitmap --examine --json /mnt/bitmap | jq -r '.bitmaps[0].uuid')
	retry 50 0.1 has_dump "${uuid%%:*}"
	dmesg
}

has_dump() {
	local log
	log=$(dmesg)
	grep -q "md0: .*$(dm_name a)" <<<"$log" && grep -q "md0: .*$(dm_name b)" <<<"$log" &&
		grep -q 'md0: .*bitmap.*events' <<<"$log"
}

@test "point 13: bits are cleared by time alone" {
	prepare
	mdbitmap --quiet --create /mnt/quick --for=/dev/vdb --clean --bitmap-chunk=64 --delay=60
	mdbitmap --quiet --assemble /dev/md0 --bitmap=/mnt/quick /dev/vdb /dev/vdc
	no_lingering md0
	write_chunk 5 /dev/md0
	[[ $(dirty_chunks /mnt/quick) == 5..6 ]]
	echo 1 >/sys/block/md0/md/bitmap/time_base
	retry 100 0.1 no_bit_in /mnt/quick
}

@test "point 14: the versions of bitmaps are logged when the driver is loaded" {
	local seen
	seen=$(dmesg | grep -c 'mdbitmap.*: .*bitmap files, versions 3 to 5' || true)
	end_all
	rmmod mdbitmap
	modprobe mdbitmap takeover=1
	(($(dmesg | grep -c 'mdbitmap.*: .*bitmap files, versions 3 to 5') == seen + 1))
}
