#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# Turns that are rare, each of which once left members that differed, or a write
# that did not return: members that come back after another had their place,
# chunks that owe a sync to some, bitmaps that come late or fail early.
#
# vm-mdbitmap: 6.1 (6.12 newest)
# vm-timeout: 900
# vm-disks: vdb=12M vdc=12M vdd=32M vde=12M vdf=12M
# shellcheck disable=SC2030,SC2031,SC2154 # bats sets output, status

bats_require_minimum_version 1.5.0
load helpers
load arrays
load faults

setup() {
	requires root mdadm vdb vdc vdd vde vdf
	make_bitmap_fs vdd /mnt
}

teardown() {
	fsfreeze --unfreeze /mnt 2>/dev/null || true
	all_go_on || true
	end_all
}

md=/sys/block/md0/md

# create MEMBER...: md0, in sync, with a bitmap whose bits are cleared soon.
create() {
	mdadm --create /dev/md0 --quiet --run --level=1 --raid-devices=$# --assume-clean \
		--metadata=1.2 --data-offset=1M --bitmap=/mnt/bitmap --bitmap-chunk=64K --delay=60 "$@"
	wait_idle md0
	clears_soon
}
# md0 of vdb and, write-mostly, slow upon vdc, with write-behind.
create_with_a_laggard() {
	lay slow vdc
	mdadm --create /dev/md0 --quiet --run --level=1 --raid-devices=2 --assume-clean \
		--metadata=1.2 --data-offset=1M --bitmap=/mnt/bitmap --bitmap-chunk=64K --delay=1 \
		--write-behind=64 /dev/vdb --write-mostly /dev/mapper/slow
}
# create_without_bitmap MEMBER MEMBER: md0, in sync.
create_without_bitmap() {
	mdadm --create /dev/md0 --quiet --run --level=1 --raid-devices=2 --assume-clean \
		--metadata=1.2 --data-offset=1M --bitmap=none "$@"
}
clears_soon() {
	echo 0 >$md/bitmap/resync_budget
	echo 0.2 >$md/bitmap/time_base
}

# build [OPTION...]: vdb and vdc without metadata.
build() {
	mdadm --build /dev/md0 --quiet --run --level=1 --raid-devices=2 --assume-clean "$@" \
		/dev/vdb /dev/vdc
}

fill() { dd if=/dev/urandom of=/dev/md0 bs=1M count=10 iflag=fullblock oflag=direct status=none; }
slowly() { echo 200 | tee $md/sync_speed_min >$md/sync_speed_max; }
fast() { echo 500000 >$md/sync_speed_max; }
fail() { mdadm --quiet /dev/md0 --fail "$1"; }
remove() { retry 50 0.1 mdadm --quiet /dev/md0 --remove "$1"; }
add() { mdadm --quiet /dev/md0 --add "$1"; }
re_add() { mdadm --quiet /dev/md0 --re-add "$1"; }
# assemble [--bitmap=FILE] NODE MEMBER...: of these alone.
assemble() { mdadm --assemble --quiet --run "$@"; }
# What is done of the sync that runs, in sectors; or "none".
synced() { cut -d" " -f1 $md/sync_completed; }
recovering() { retry 100 0.1 grep recover $md/sync_action; }
complete() { wait_idle md0 && [[ $(<$md/degraded) == 0 ]]; }

# vdc was away while all was written to, and what the bitmap says is copied to it, slowly.
is_recovered_by_bitmap() {
	fill
	fail /dev/vdc
	remove /dev/vdc
	fill
	slowly
	re_add /dev/vdc
	recovering
}

# vde has the place of vdc, and no bit is left that says what that lacks.
vde_replaces_vdc() {
	fail /dev/vdc
	add /dev/vde
	complete
	fill
	retry 100 0.1 no_bit_in /mnt/bitmap
}

# spoil_chunk N: on vdc, behind the array's back.
spoil_chunk() {
	dd if=/dev/urandom of=/dev/vdc bs=64K seek=$((16 + $1)) count=1 iflag=fullblock \
		oflag=direct conv=notrunc status=none
}

# The members are the same from sector $1 of their disks on.
same() {
	local offset=$1 other
	shift
	mdadm --quiet --stop /dev/md0
	for other in "${@:2}"; do
		members_identical "$1" "$other" "$offset"
	done
}

@test "a member that another has replaced, and that failed as a spare, is copied in full" {
	create /dev/vdb /dev/vdc
	fill
	vde_replaces_vdc
	re_add /dev/vdc # as a spare, with the events of now
	fail /dev/vdc
	fail /dev/vde
	remove /dev/vde
	re_add /dev/vdc
	complete
	same 2048 vdb vdc
}

@test "what was true of a member when it left for the first time is not when it leaves again" {
	create /dev/vdb /dev/vdc
	is_recovered_by_bitmap
	fail /dev/vdc
	remove /dev/vdc
	fast
	add /dev/vde
	complete
	fill
	retry 100 0.1 no_bit_in /mnt/bitmap
	cat /sys/block/vdc/dev >$md/new_dev # a spare, its superblock kept
	slowly
	fail /dev/vde
	remove /dev/vde
	recovering
	fail /dev/vdc
	remove /dev/vdc
	fast
	run ! re_add /dev/vdc
	add /dev/vdc
	complete
	same 2048 vdb vdc
}

@test "without metadata: a member that failed, re-added after another had its place, is copied in full" {
	mdbitmap --quiet --create /mnt/bitmap --size=12M --bitmap-chunk=64K --clean --delay=60
	build --bitmap=/mnt/bitmap
	clears_soon
	fill
	vde_replaces_vdc
	fail /dev/vde
	remove /dev/vde
	echo re-add >$md/dev-vdc/state
	complete
	same 0 vdb vdc
}

@test "without metadata: a bitmap that is attached while a member is away says all of it" {
	build
	fail /dev/vdc
	remove /dev/vdc
	fill
	mdbitmap --quiet --create /mnt/bitmap --for=/dev/md0 --bitmap-chunk=64K
	mdbitmap --quiet --attach /dev/md0 --bitmap=/mnt/bitmap
	mdbitmap --quiet --re-add /dev/md0 /dev/vdc
	complete
	same 0 vdb vdc
}

@test "without metadata: a file made for a smaller array does not speak for the rest of it" {
	mdbitmap --quiet --create /dev/vdf --size=4M --bitmap-chunk=64K --clean --yes --force
	dd if=/dev/urandom of=/dev/vdb bs=64K seek=100 count=1 oflag=direct conv=notrunc status=none
	mdadm --build /dev/md0 --quiet --run --level=1 --raid-devices=2 --bitmap=/dev/vdf /dev/vdb /dev/vdc
	complete
	same 0 vdb vdc
}

@test "without metadata: a file that was detached is not believed by the next start" {
	mdbitmap --quiet --create /dev/vdf --size=12M --bitmap-chunk=64K --clean --yes --force
	build --bitmap=/dev/vdf
	mdadm --quiet --grow /dev/md0 --bitmap=none
	mdbitmap --examine /dev/vdf | grep 'Out of date'
	mdadm --quiet --stop /dev/md0
	dd if=/dev/urandom of=/dev/vdb bs=64K seek=100 count=1 oflag=direct conv=notrunc status=none
	mdadm --build /dev/md0 --quiet --run --level=1 --raid-devices=2 --bitmap=/dev/vdf /dev/vdb /dev/vdc
	complete
	same 0 vdb vdc
}

@test "a chunk marked while a third is recovered is copied to all" {
	create /dev/vdb /dev/vdc /dev/vde
	fail /dev/vde
	remove /dev/vde
	fill
	mdadm --quiet --zero-superblock /dev/vde
	slowly
	add /dev/vde
	recovering
	spoil_chunk 140
	echo 140 >$md/bitmap_set_bits
	fast
	complete
	same 2048 vdb vdc vde
}

@test "a chunk marked behind a resync that is stopped: it goes on there, even without the file" {
	create /dev/vdb /dev/vdc
	echo 1000 >$md/sync_speed_max
	echo 0-150 >$md/bitmap_set_bits
	retry 50 0.1 grep resync $md/sync_action
	retry 100 0.1 eval '((16#0 + $(synced) > 2000))'
	spoil_chunk 2
	echo 2 >$md/bitmap_set_bits
	mdadm --quiet --stop /dev/md0
	mdadm --quiet --assemble /dev/md0 /dev/vdb /dev/vdc
	wait_idle md0
	same 2048 vdb vdc
}

@test "inactive and active again, half recovered by a bitmap that failed: the rest is copied" {
	lay store vdf
	create_without_bitmap /dev/vdb /dev/vdc
	mdadm --quiet --stop /dev/md0
	mdbitmap --quiet --create /dev/mapper/store --for=/dev/vdb --bitmap-chunk=64K --clean --yes --force
	mdbitmap --quiet --assemble /dev/md0 --bitmap=/dev/mapper/store /dev/vdb /dev/vdc
	wait_idle md0
	is_recovered_by_bitmap
	all_fails store
	echo 2 >$md/bitmap/time_base || true
	retry 50 0.1 grep failed $md/bitmap/store_state
	is_well store
	echo inactive >$md/array_state
	echo active >$md/array_state
	fast
	complete
	same 2048 vdb vdc
}

@test "no bitmap is attached while a resync is owed that was given up" {
	lay a vdb
	lay b vdc
	dd if=/dev/urandom of=/dev/vdc bs=1M seek=1 count=11 oflag=direct status=none
	create_without_bitmap /dev/mapper/a /dev/mapper/b
	mdadm --quiet --stop /dev/md0
	fails_at a 10048 8
	fails_at b 10048 8
	mdadm --assemble --quiet --update=resync /dev/md0 /dev/mapper/a /dev/mapper/b
	retry 100 0.1 grep resync $md/last_sync_action
	is_well a
	is_well b
	run ! mdadm --grow /dev/md0 --bitmap=/mnt/bitmap --bitmap-chunk=64K
	rm -f /mnt/bitmap
	echo idle >$md/sync_action
	wait_idle md0
	mdadm --quiet --grow /dev/md0 --bitmap=/mnt/bitmap --bitmap-chunk=64K
	same 2048 vdb vdc
}

@test "a member that is write-mostly no more is read from when it has what was behind" {
	create_with_a_laggard
	dd if=/dev/zero of=/dev/md0 bs=64K count=16 oflag=direct status=none
	dd if=/dev/urandom of=/tmp/two bs=64K count=16 iflag=fullblock status=none
	slow_writes slow 3000
	dd if=/tmp/two of=/dev/md0 bs=64K oflag=direct status=none
	(($(<$md/bitmap/max_backlog_used) > 0))
	echo -writemostly >"$md/dev-$(dm_name slow)/state"
	for _ in 1 2 3 4; do
		dd if=/dev/md0 bs=64K count=16 iflag=direct status=none | cmp - /tmp/two
	done
}

@test "the prompt member becomes write-mostly when nothing is behind any more" {
	create_with_a_laggard
	stays_dirty
	write_chunk 1 /dev/md0 # no superblock has to come to the slow one any more
	dd if=/dev/urandom of=/tmp/two bs=64K count=16 iflag=fullblock status=none
	slow_writes slow 10000
	dd if=/tmp/two of=/dev/md0 bs=64K oflag=direct status=none
	(($(<$md/bitmap/max_backlog_used) > 0))
	run ! has_two
	echo writemostly >$md/dev-vdb/state
	has_two
}
has_two() { dd if=/dev/vdc bs=64K skip=16 count=16 iflag=direct status=none | cmp -s - /tmp/two; }

@test "who is read from first does not change while a resync is owed" {
	create /dev/vdb /dev/vdc
	echo frozen >$md/sync_action
	echo 3 >$md/bitmap_set_bits
	run bash -c "echo writemostly >$md/dev-vdb/state"
	[[ $status != 0 && $output == *busy* ]]
	[[ $(<$md/dev-vdb/state) == in_sync ]]
	echo failfast >$md/dev-vdb/state
	echo idle >$md/sync_action
	complete
	echo writemostly >$md/dev-vdb/state
}

@test "members of a stopped array are not asked anew who they are" {
	create /dev/vdb /dev/vdc
	echo inactive >$md/array_state
	run bash -c "echo 0 >$md/raid_disks"
	[[ $status != 0 && $output == *busy* ]]
	echo active >$md/array_state
	complete
}

@test "without metadata: a write in flight when the store failed returns when its member fails" {
	lay store vdf
	lay b vdc
	mdbitmap --quiet --create /dev/mapper/store --size=12M --bitmap-chunk=64K --clean --yes --force
	mdbitmap --quiet --build /dev/md0 --level=1 --raid-devices=2 --assume-clean \
		--bitmap=/dev/mapper/store /dev/vdb /dev/mapper/b
	write_chunk 3 /dev/md0
	hangs b
	write_chunk 3 /dev/md0 3>&- &
	local writer=$!
	retry 50 0.1 eval '(($(awk "{ print \$9 }" /sys/block/md0/stat) > 0))'
	all_fails store
	run ! timeout 20 dd if=/dev/urandom of=/dev/md0 bs=64K seek=40 count=1 oflag=direct conv=notrunc status=none
	[[ $(<$md/array_state) == readonly ]]
	dmsetup load b --table "0 $(sectors_of b) error"
	goes_on b
	retry 100 0.1 eval "! kill -0 $writer"
}

@test "who writes an attribute may be killed, or have a limit, and the store does not fail" {
	umount /mnt
	mkfs.ext4 -q -F /dev/vdd
	mount -o data=journal /dev/vdd /mnt
	create /dev/vdb /dev/vdc
	fsfreeze --freeze /mnt
	bash -c "echo 7 >$md/bitmap/time_base" 3>&- &
	local pid=$!
	retry 50 0.1 grep -q '^State:.D' /proc/$pid/status
	kill -9 $pid
	fsfreeze --unfreeze /mnt
	wait $pid || true
	[[ $(<$md/bitmap/store_state) == ok ]]
	bash -c "ulimit -f 1; echo 8 >$md/bitmap/time_base"
	[[ $(<$md/bitmap/store_state) == ok && $(<$md/bitmap/time_base) == 8* ]]
}

@test "while read-only no chunk is marked, and a store that fails keeps nobody" {
	lay store vdf
	create_without_bitmap /dev/vdb /dev/vdc
	mdadm --quiet --stop /dev/md0
	mdbitmap --quiet --create /dev/mapper/store --for=/dev/vdb --bitmap-chunk=64K --clean --yes --force
	mdbitmap --quiet --assemble /dev/md0 --bitmap=/dev/mapper/store --readonly /dev/vdb /dev/vdc
	all_fails store
	run ! timeout 20 bash -c "echo 100 >$md/bitmap_set_bits"
	((status != 124))
	[[ $output == *[Rr]ead-only* ]]
	is_well store
}

@test "a bitmap attached to one of two that a crash left different does not speak for the other" {
	lay a vdb
	lay b vdc
	create_without_bitmap /dev/mapper/a /dev/mapper/b
	stays_dirty
	fill
	all_fails a
	all_fails b
	mdadm --quiet --stop /dev/md0
	is_well a
	is_well b
	spoil_chunk 7
	assemble /dev/md0 /dev/mapper/a
	mdadm --quiet --grow /dev/md0 --bitmap=/mnt/bitmap --bitmap-chunk=64K
	re_add /dev/mapper/b || add /dev/mapper/b
	complete
	same 2048 vdb vdc
}

@test "a member that has run alone is copied in full, though the array has more events by now" {
	create /dev/vdb /dev/vdc
	fill
	mdadm --quiet --stop /dev/md0
	assemble /dev/md0 /dev/vdc
	write_chunk 100 /dev/md0
	mdadm --quiet --stop /dev/md0
	for _ in 1 2 3; do
		assemble --bitmap=/mnt/bitmap /dev/md0 /dev/vdb
		write_chunk 5 /dev/md0
		mdadm --quiet --stop /dev/md0
	done
	assemble --bitmap=/mnt/bitmap /dev/md0 /dev/vdb
	re_add /dev/vdc || add /dev/vdc
	complete
	same 2048 vdb vdc
}

@test "a chunk marked while half of it is copied is copied once more" {
	mdadm --create /dev/md0 --quiet --run --level=1 --raid-devices=2 --assume-clean \
		--metadata=1.2 --data-offset=1M --bitmap=/mnt/bitmap --bitmap-chunk=1M /dev/vdb /dev/vdc
	wait_idle md0
	slowly
	echo 0-10 >$md/bitmap_set_bits
	retry 50 0.1 grep resync $md/sync_action
	retry 400 0.05 eval '(($(synced) % 2048 >= 512 && $(synced) % 2048 <= 1024))'
	local half=$(($(synced) / 2048))
	spoil_chunk $((half * 16))
	echo $half >$md/bitmap_set_bits
	retry 50 0.1 eval '(($(synced) / 2048 == half))' # it begins anew, and comes to that
	fast
	wait_idle md0
	same 2048 vdb vdc
}

# what_can_be_read_is_written: in spite of errors of the last member.
what_can_be_read_is_written() {
	local n
	for ((n = 0; n < 30; n++)); do
		run ! dd if=/dev/md0 of=/dev/null bs=4k skip=$((1024 + n)) count=1 iflag=direct status=none
	done
	write_chunk 3 /dev/md0
}

@test "reads that fail on the last member do not end writes; nor does a recovery that finds no more" {
	lay a vdb
	create /dev/mapper/a /dev/vdc
	fill
	fail /dev/vdc
	remove /dev/vdc
	fails_at a $((2048 + 8192)) 8192
	what_can_be_read_is_written
	add /dev/vde
	retry 100 0.1 eval 'dmesg | grep "md0: recover given up"'
	write_chunk 3 /dev/md0
}

@test "a write that one member refused, when nobody can record this, is no success" {
	lay a vdb
	lay b vdc
	create /dev/mapper/a /dev/mapper/b
	stays_dirty
	write_chunk 1 /dev/md0
	fails_at a 8 8
	writes_fail b
	run ! dd if=/dev/urandom of=/dev/md0 bs=4k count=1 seek=48 oflag=direct conv=notrunc status=none
	is_well a
	is_well b
}

@test "while read-only a flush does not wait for a failure to be recorded" {
	create /dev/vdb /dev/vdc
	mdadm --quiet --stop /dev/md0
	mdadm --assemble --quiet --readonly --bitmap=/mnt/bitmap /dev/md0 /dev/vdb /dev/vdc
	fail /dev/vdc
	timeout 20 sync /dev/md0
}

@test "without metadata: a member that is added after another had its place is copied in full" {
	mdbitmap --quiet --create /mnt/bitmap --size=12M --bitmap-chunk=64K --clean --delay=60
	build --bitmap=/mnt/bitmap
	clears_soon
	fill
	fail /dev/vdc
	remove /dev/vdc
	add /dev/vde
	complete
	fill
	retry 100 0.1 no_bit_in /mnt/bitmap
	fail /dev/vde
	remove /dev/vde
	mdbitmap --quiet --re-add /dev/md0 /dev/vdc
	complete
	same 0 vdb vdc
}

@test "a chunk marked behind a recovery that is stopped: it is copied, even without the file" {
	create /dev/vdb /dev/vdc
	fail /dev/vdc
	remove /dev/vdc
	mdadm --quiet --zero-superblock /dev/vdc
	fill
	echo 1000 >$md/sync_speed_max
	add /dev/vdc
	recovering
	retry 200 0.1 eval '((16#0 + $(synced) > 4000))'
	echo frozen >$md/sync_action
	spoil_chunk 2
	echo 2 >$md/bitmap_set_bits
	mdadm --quiet --stop /dev/md0
	assemble /dev/md0 /dev/vdb /dev/vdc
	complete
	same 2048 vdb vdc
}

@test "of two members that have each run alone only one is taken" {
	create_without_bitmap /dev/vdb /dev/vdc
	mdadm --quiet --stop /dev/md0
	local disk
	for disk in vdb vdc; do
		assemble /dev/md0 /dev/$disk
		write_chunk 9 /dev/md0
		mdadm --quiet --stop /dev/md0
	done
	[[ -b /dev/md0 ]] || mknod /dev/md0 b 9 0
	mdioctl /dev/md0 SET_ARRAY_INFO 1 2 + ADD_NEW_DISK 0 /dev/vdb + ADD_NEW_DISK 0 /dev/vdc + RUN_ARRAY
	(($(<$md/degraded) == 1))
	mdadm --quiet --stop /dev/md0
}

@test "a file newer than the members, which were rolled back, says nothing" {
	create /dev/vdb /dev/vdc
	stays_dirty
	write_chunk 9 /dev/md0
	cat /dev/vdb >/state/vdb
	cat /dev/vdc >/state/vdc
	for _ in 1 2; do
		mdadm --quiet --stop /dev/md0
		assemble --bitmap=/mnt/bitmap /dev/md0 /dev/vdb /dev/vdc
		write_chunk 5 /dev/md0
	done
	mdadm --quiet --stop /dev/md0
	no_bit_in /mnt/bitmap
	dd if=/state/vdb of=/dev/vdb bs=1M oflag=direct status=none
	dd if=/state/vdc of=/dev/vdc bs=1M oflag=direct status=none
	rm /state/vdb /state/vdc
	spoil_chunk 9
	assemble --bitmap=/mnt/bitmap /dev/md0 /dev/vdb /dev/vdc
	wait_idle md0
	same 2048 vdb vdc
}
