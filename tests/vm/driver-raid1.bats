#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# What a mirror owes: every member gets every write, one that fails is left, and
# nothing that can still be read is lost.
#
# vm-mdbitmap: 6.1 newest (6.12)
# vm-timeout: 600
# vm-disks: vdb=16M vdc=16M vdd=32M vde=16M
# shellcheck disable=SC2154 # arrays.bash sets chunk

bats_require_minimum_version 1.5.0
load helpers
load arrays
load faults

setup() {
	requires root mdadm fio vdb vdc vdd vde
	make_bitmap_fs vdd /mnt
}

teardown() { end_all; }

md=/sys/block/md0/md

# create MEMBER...: md0 with its bitmap, in sync; its data begin at sector 2048.
create() {
	mdadm --create /dev/md0 --quiet --run --level=1 --raid-devices=$# --assume-clean \
		--metadata=1.2 --data-offset=1M --bitmap=/mnt/bitmap --bitmap-chunk=64K --delay=60 "$@"
	wait_idle md0
}

# Over devices that can be told to fail.
create_on_a_and_b() {
	lay a vdb
	lay b vdc
	create /dev/mapper/a /dev/mapper/b
}

failed() { [[ $(<"$md/dev-$(dm_name "$1")/state") == *faulty* ]]; }

in_sync() { [[ $(<$md/dev-"$1"/state) == *in_sync* ]]; }

# The first MiB's worth of pattern $1, in /tmp/$1.
pattern() {
	[[ -e /tmp/$1 ]] || dd if=/dev/urandom of="/tmp/$1" bs=64K count=16 iflag=fullblock status=none
}
put() {
	pattern "$1"
	dd if="/tmp/$1" of=/dev/md0 bs=64K oflag=direct status=none
}
got() { cmp -n $((16 * 65536)) "/tmp/$1" <(dd if=/dev/md0 bs=64K count=16 iflag=direct status=none); }
# of a member, below everything
holds() {
	blockdev --flushbufs "/dev/$1"
	cmp -n $((16 * 65536)) "/tmp/$2" <(dd if="/dev/$1" bs=64K skip=16 count=16 status=none)
}

@test "every member gets every write: two, and three" {
	create /dev/vdb /dev/vdc /dev/vde
	put one
	holds vdb one
	holds vdc one
	holds vde one
	got one
	mdadm --quiet --stop /dev/md0
	members_identical vdb vdc 2048
	members_identical vdb vde 2048
}

@test "a member that cannot be written to fails; the write succeeds, its bit stays" {
	create_on_a_and_b
	put one
	writes_fail b
	put two
	failed b
	[[ $(<$md/degraded) == 1 ]]
	got two
	holds vdb two
	grep -F '[2/1] [U_]' /proc/mdstat
	dirty_chunks /mnt/bitmap
	[[ $(dirty_chunks /mnt/bitmap) == *0..16* ]]
	# the others know, before the write was acknowledged
	mdadm --examine /dev/vdb | grep 'Array State : A\.'
}

@test "and comes back, well again, with what it missed" {
	create_on_a_and_b
	put one
	all_fails b
	put two
	failed b
	is_well b
	mdadm --quiet /dev/md0 --remove /dev/mapper/b
	mdadm --quiet /dev/md0 --re-add /dev/mapper/b
	wait_idle md0
	[[ $(<$md/degraded) == 0 ]]
	holds vdc two
	mdadm --quiet --stop /dev/md0
	members_identical vdb vdc 2048
}

@test "a member whose reads and writes fail is not read from; no reader notices" {
	create_on_a_and_b
	put one
	all_fails a
	got one
	got one
	retry 50 0.1 failed a
	is_well a
}

@test "three members: two fail, one after the other, and nothing is lost" {
	lay a vdb
	lay b vdc
	create /dev/mapper/a /dev/mapper/b /dev/vde
	put one
	all_fails a
	put two
	failed a
	all_fails b
	put three
	failed b
	got three
	holds vde three
	[[ $(<$md/degraded) == 2 ]]
}

@test "the last member is never failed: its errors are the reader's and the writer's" {
	create_on_a_and_b
	put one
	all_fails b
	put two
	failed b
	all_fails a
	run ! got two
	run ! put three
	run ! failed a
	grep -E '^md0 : (active|broken)' /proc/mdstat
	is_well a
	got two || got three
}

# An array with the pattern "one", of which one member cannot read the first sector.
create_with_spoiled_sector() {
	requires module:dm-integrity
	lay_sums vdb
	create /dev/mapper/sums /dev/vdc
	pattern one
	printf 'find-this-sector' | dd of=/tmp/one conv=notrunc status=none
	put one
	spoil_sector vdb 2048
}

# Both members are read from sooner or later.
read_both() {
	for _ in 1 2 3 4; do
		got one
		echo check >$md/sync_action
		wait_idle md0
	done
}

@test "a sector that cannot be read is read elsewhere, written anew, and read again" {
	create_with_spoiled_sector
	read_both
	sector_of_sums 2048
	(($(<$md/dev-"$(dm_name sums)"/errors) > 0))
	in_sync "$(dm_name sums)"
	[[ $(<$md/degraded) == 0 ]]
}

@test "more of them than max_read_errors: the member is failed, though it could be mended" {
	create_with_spoiled_sector
	echo 0 >$md/max_read_errors
	read_both
	[[ $(<$md/dev-"$(dm_name sums)"/state) == *faulty* ]]
	[[ $(<$md/degraded) == 1 ]]
	run ! sector_of_sums 2048
}

# What is bad is the other member's, the rest the first one's.
mixed() {
	{ head -c 512 /tmp/two && tail -c +513 /tmp/one; } >/tmp/mixed
}

@test "P4: beside a sector that the first member cannot read it is still read, and copied" {
	create_with_spoiled_sector
	echo frozen >$md/sync_action
	pattern two
	dd if=/tmp/two of=/dev/vdc bs=64K seek=16 oflag=direct conv=notrunc status=none
	echo 0-15 >$md/bitmap_set_bits
	mixed
	mdadm --readonly /dev/md0
	got mixed # and nothing is written back
	run ! sector_of_sums 2048
	mdadm --readwrite /dev/md0
	got mixed
	got mixed
	echo idle >$md/sync_action
	retry 50 0.1 nothing_owed
	wait_idle md0
	in_sync "$(dm_name sums)"
	got mixed
	sector_of_sums 2048
	mdadm --quiet --stop /dev/md0
	holds mapper/sums mixed
	holds vdc mixed
}

nothing_owed() { [[ $(<$md/sync_completed) == none ]] && ! grep resync /proc/mdstat; }

@test "each member cannot read a part: who reads both gets both" {
	create_on_a_and_b
	put one
	mdadm --readonly /dev/md0 # they cannot be mended
	fails_at a 2080 8
	fails_at b 2096 8
	got one
	is_well a
	is_well b
}

@test "a read that fails on one member succeeds, and the member is mended or left" {
	create_on_a_and_b
	put one
	fails_at a 2080 8
	got one
	got one
	got one
	# the sectors cannot be written either: it has to go
	retry 50 0.1 failed a
	got one
}

@test "write-mostly members are read from only when there is no other" {
	mdadm --create /dev/md0 --quiet --run --level=1 --raid-devices=2 --assume-clean \
		--metadata=1.2 --data-offset=1M --bitmap=/mnt/bitmap --bitmap-chunk=64K \
		/dev/vdb --write-mostly /dev/vdc
	put one
	no_readahead vdb vdc md0
	count_start vdb vdc
	got one
	(($(count_end vdb read) >= 2048 && $(count_end vdc read) == 0))
	grep 'vdc\[1\](W)' /proc/mdstat
	mdadm --quiet /dev/md0 --fail /dev/vdb
	got one
	(($(count_end vdc read) >= 2048))
	# and it stays so
	mdadm --quiet --stop /dev/md0
	mdadm --quiet --assemble --run /dev/md0 /dev/vdc
	grep 'vdc\[1\](W)' /proc/mdstat
}

behind() { (($(<$md/bitmap/max_backlog_used) > 0)); }

@test "write-behind: acknowledged before the slow member has it, recorded until it does" {
	lay slow vdc
	mdadm --create /dev/md0 --quiet --run --level=1 --raid-devices=2 --assume-clean \
		--metadata=1.2 --data-offset=1M --bitmap=/mnt/bitmap --bitmap-chunk=64K --delay=1 \
		--write-behind=64 /dev/vdb --write-mostly /dev/mapper/slow
	no_lingering md0
	stays_dirty
	put one
	[[ $(<$md/bitmap/backlog) == 64 ]]
	slow_writes slow 40000
	put two # comes back although a member is not done
	behind
	holds vdb two
	run ! holds vdc two
	[[ $(dirty_chunks /mnt/bitmap) == 0..16 ]]
	is_well slow
	retry 100 0.1 no_bit_in /mnt/bitmap
	holds vdc two
	mdadm --quiet --stop /dev/md0
	members_identical vdb vdc 2048
}

@test "write-behind: a second write to the same place comes after the first" {
	lay slow vdc
	mdadm --create /dev/md0 --quiet --run --level=1 --raid-devices=2 --assume-clean \
		--metadata=1.2 --data-offset=1M --bitmap=/mnt/bitmap --bitmap-chunk=64K --delay=60 \
		--write-behind=256 /dev/vdb --write-mostly /dev/mapper/slow
	modprobe -q dm-delay || true
	relay slow "0 $(sectors_of slow) delay /dev/vdc 0 20"
	fio --name=over --filename=/dev/md0 --size=256k --rw=randwrite --bs=4k --direct=1 \
		--ioengine=libaio --iodepth=16 --number_ios=400 --norandommap --output=/tmp/fio
	behind
	mdadm --quiet --stop /dev/md0
	members_identical vdb vdc 2048
}

@test "write-behind: a slow member that fails meanwhile leaves its chunks owed" {
	lay slow vdc
	mdadm --create /dev/md0 --quiet --run --level=1 --raid-devices=2 --assume-clean \
		--metadata=1.2 --data-offset=1M --bitmap=/mnt/bitmap --bitmap-chunk=64K --delay=1 \
		--write-behind=64 /dev/vdb --write-mostly /dev/mapper/slow
	no_lingering md0
	stays_dirty
	put one
	retry 100 0.1 no_bit_in /mnt/bitmap
	hangs slow
	put two
	dmsetup load slow --table "0 $(sectors_of slow) error"
	goes_on slow
	retry 50 0.1 failed slow
	[[ $(dirty_chunks /mnt/bitmap) == 0..16 ]]
	is_well slow
	mdadm --quiet /dev/md0 --remove /dev/mapper/slow
	mdadm --quiet /dev/md0 --re-add /dev/mapper/slow
	wait_idle md0
	holds vdc two
	retry 100 0.1 no_bit_in /mnt/bitmap
}

@test "discard reaches the members, and what is around it stays" {
	create /dev/vdb /dev/vdc
	(($(</sys/block/md0/queue/discard_max_bytes) > 0))
	put one
	cp /tmp/one /tmp/holed
	blkdiscard --offset 65536 --length 131072 /dev/md0
	dd if=/dev/zero of=/tmp/holed bs=64K seek=1 count=2 conv=notrunc status=none
	got holed
	holds vdb holed
	holds vdc holed
	[[ $(dirty_chunks /mnt/bitmap) == *0..16* ]]
}

@test "zeroes are written to every member" {
	create /dev/vdb /dev/vdc
	put one
	cp /tmp/one /tmp/zeroed
	blkdiscard --zeroout --offset 4096 --length 200704 /dev/md0
	dd if=/dev/zero of=/tmp/zeroed bs=4K seek=1 count=49 conv=notrunc status=none
	holds vdb zeroed
	holds vdc zeroed
	got zeroed
}

zeroes_are_offered() { (($(</sys/block/md0/queue/write_zeroes_max_bytes) > 0)); }

@test "zeroes are offered as long as there is a bitmap, and nobody has refused them" {
	create_on_a_and_b
	zeroes_are_offered
	b_refuses_zeroes 64K
	run ! zeroes_are_offered
	mdadm --quiet --stop /dev/md0
	is_well b
	mdadm --quiet --assemble /dev/md0 --bitmap=/mnt/bitmap /dev/mapper/a /dev/mapper/b
	wait_idle md0
	zeroes_are_offered
	mdadm --quiet --grow /dev/md0 --bitmap=none
	run ! zeroes_are_offered
	mdadm --quiet --stop /dev/md0
	mdadm --quiet --assemble /dev/md0 /dev/mapper/a /dev/mapper/b
	run ! zeroes_are_offered
}

# b_refuses_zeroes OFFSET: two chunks of them, which other members take.
b_refuses_zeroes() {
	slow_writes b 0 # a target that takes none
	(($(<"/sys/block/$(dm_name b)/queue/write_zeroes_max_bytes") == 0))
	run fallocate --punch-hole --offset "$1" --length 128K /dev/md0
	echo "$output"
	[[ $status != 0 && $output == *supported* ]]
}

@test "zeroes that a member refuses: the writer is told, no member fails, and the chunk is copied" {
	create_on_a_and_b
	put one
	(($(</sys/block/md0/queue/write_zeroes_max_bytes) > 0))
	b_refuses_zeroes 64K
	run ! failed b
	retry 100 0.1 grep resync $md/last_sync_action
	mdadm --quiet --stop /dev/md0
	[[ ! $(dirty_chunks /mnt/bitmap) ]]
	members_identical vdb vdc 2048
}

@test "the same while syncs are frozen: not even a stop clears its bit, and the next start copies it" {
	create_on_a_and_b
	put one
	echo frozen >$md/sync_action
	b_refuses_zeroes 64K
	mdadm --quiet --stop /dev/md0
	[[ $(dirty_chunks /mnt/bitmap) == 1..3 ]]
	# stock md would not believe the bits of an array in sync
	[[ $(mdadm --examine /dev/vdb) == *'State : active'* ]]
	mdadm --quiet --assemble /dev/md0 --bitmap=/mnt/bitmap /dev/mapper/a /dev/mapper/b
	wait_idle md0
	mdadm --quiet --stop /dev/md0
	members_identical vdb vdc 2048
}

create_on_a_b_and_vde() {
	lay a vdb
	lay b vdc
	create /dev/mapper/a /dev/mapper/b /dev/vde
	mdadm --quiet /dev/md0 --fail /dev/vde --remove /dev/vde
}

@test "the same while a third is missing: the two are made equal, and the third gets it when it comes back" {
	create_on_a_b_and_vde
	put one
	b_refuses_zeroes 64K
	retry 100 0.1 grep resync $md/last_sync_action
	members_identical vdb vdc 2048
	mdadm --quiet /dev/md0 --re-add /dev/vde
	wait_idle md0
	[[ $(<$md/degraded) == 0 ]]
	members_identical vdb vde 2048
}

@test "the same while a third is recovered: the two are made equal before it goes on" {
	create_on_a_b_and_vde
	dd if=/dev/urandom of=/dev/md0 bs=1M count=14 oflag=direct status=none
	mdadm --quiet --zero-superblock /dev/vde
	echo 200 >$md/sync_speed_min
	echo 200 >$md/sync_speed_max
	mdadm --quiet /dev/md0 --add /dev/vde
	retry 100 0.1 grep recover $md/sync_action
	b_refuses_zeroes 12M
	retry 100 0.1 grep resync $md/sync_action
	echo 200000 >$md/sync_speed_max
	wait_idle md0
	[[ $(<$md/degraded) == 0 ]]
	mdadm --quiet --stop /dev/md0
	members_identical vdb vdc 2048
	members_identical vdb vde 2048
}

# resyncs: how many have ended since the machine started.
resyncs() { dmesg | grep -c 'md0: resync done'; }

@test "zeroes are refused for all members once one has refused them, and nothing is to be copied" {
	create_on_a_and_b
	stays_dirty # no superblocks in between
	put one
	b_refuses_zeroes 64K
	retry 100 0.1 grep resync $md/last_sync_action
	wait_idle md0
	local before
	before=$(resyncs)
	count_start vdb vdc
	b_refuses_zeroes 1M
	(($(count_end vdb write) == 0 && $(count_end vdc write) == 0))
	[[ $(<$md/sync_action) == idle && $(resyncs) == "$before" ]]
}

@test "without a bitmap zeroes are written as data, and no member differs" {
	lay a vdb
	lay b vdc
	mdadm --create /dev/md0 --quiet --run --level=1 --raid-devices=2 --assume-clean \
		--metadata=1.2 --data-offset=1M --bitmap=none /dev/mapper/a /dev/mapper/b
	put one
	b_refuses_zeroes 64K
	members_identical vdb vdc 2048
	got one
	blkdiscard --zeroout --offset 65536 --length 131072 /dev/md0
	dd if=/dev/zero of=/tmp/one bs=64K seek=1 count=2 conv=notrunc status=none
	got one
	members_identical vdb vdc 2048
}

flushes() {
	local stat
	read -ra stat <"/sys/block/$1/stat"
	echo "${stat[15]}"
}

@test "a flush, and FUA, reach every member" {
	create /dev/vdb /dev/vdc
	local b c
	[[ $(</sys/block/md0/queue/write_cache) == 'write back' ]]
	stays_dirty
	put one
	b=$(flushes vdb) c=$(flushes vdc)
	xfs_io -c fsync /dev/md0
	(($(flushes vdb) == b + 1 && $(flushes vdc) == c + 1))
	# a disk without FUA gets a flush after the write instead
	dd if=/dev/zero of=/dev/md0 bs=4k count=1 oflag=direct,dsync status=none
	(($(flushes vdb) > b + 1 && $(flushes vdc) > c + 1))
}

@test "writes of every size and place, across chunks, are whole" {
	create /dev/vdb /dev/vdc
	fio --name=odd --filename=/dev/md0 --size=12M --bsrange=512-1M \
		--rw=randwrite --direct=1 --ioengine=libaio --iodepth=16 --verify=crc32c \
		--number_ios=400 --output=/tmp/fio || { cat /tmp/fio && return 1; }
	mdadm --quiet --stop /dev/md0
	members_identical vdb vdc 2048
}

@test "I/O that must not wait: done, or refused, and nothing is lost" {
	create /dev/vdb /dev/vdc
	fio --name=now --filename=/dev/md0 --size=8M --rw=randwrite --bs=4k --direct=1 \
		--ioengine=libaio --nowait=1 --iodepth=8 --number_ios=300 --ignore_error=,EAGAIN --output=/tmp/fio ||
		{ cat /tmp/fio && return 1; }
	mdadm --quiet --stop /dev/md0
	members_identical vdb vdc 2048
}

@test "I/O from memory that no member takes is refused, and none fails" {
	create /dev/vdb /dev/vdc
	for offset in 1 4 256; do
		for direction in write read; do
			run fio --name=odd --filename=/dev/md0 --rw=$direction --bs=4k --size=64k --direct=1 \
				--ioengine=sync --iomem_align=$offset
			[[ $status == 1 && $output == *'Invalid argument'* ]]
		done
	done
	in_sync vdb
	in_sync vdc
	[[ $(<$md/dev-vdb/errors) == 0 && $(<$md/dev-vdc/errors) == 0 ]]
}

@test "partitions appear, and keep the array from being stopped while in use" {
	create /dev/vdb /dev/vdc
	printf '%s\n' o n p 1 2048 '' w | fdisk /dev/md0 >/dev/null
	retry 50 0.1 test -b /dev/md0p1
	mkdir -p /run/on
	mkfs.ext4 -q -F /dev/md0p1
	mount /dev/md0p1 /run/on
	run ! mdadm --stop /dev/md0
	umount /run/on
	mdadm --quiet --stop /dev/md0
	retry 50 0.1 test ! -e /dev/md0p1
}

@test "members know their array, and the array its members; nobody else opens them" {
	create /dev/vdb /dev/vdc
	[[ -e /sys/block/vdb/holders/md0 && -e /sys/block/md0/slaves/vdb && -e /sys/block/md0/slaves/vdc ]]
	[[ $(realpath $md/rd0) == "$(realpath $md/dev-vdb)" ]]
	[[ $(realpath $md/dev-vdc/block) == "$(realpath /sys/block/vdc)" ]]
	run ! mkfs.ext4 -q -F /dev/vdb
	mdadm --quiet /dev/md0 --fail /dev/vdc --remove /dev/vdc
	[[ ! -e /sys/block/vdc/holders/md0 && ! -e /sys/block/md0/slaves/vdc && ! -e $md/rd1 ]]
	mkfs.ext4 -q -F /dev/vdc
	mdadm --quiet --stop /dev/md0
	[[ ! $(ls /sys/block/vdb/holders) ]]
}

@test "I/O is accounted for" {
	create /dev/vdb /dev/vdc
	count_start md0
	put one
	got one
	(($(count_end md0 write) == 2048 && $(count_end md0 read) >= 2048))
}

@test "a filesystem on it goes through failures of its members" {
	create_on_a_and_b
	mkdir -p /run/on
	mkfs.ext4 -q -F /dev/md0
	mount /dev/md0 /run/on
	cp -r /usr/lib/bats-core /run/on/1
	writes_fail a
	cp -r /usr/lib/bats-core /run/on/2
	sync
	failed a
	is_well a
	mdadm --quiet /dev/md0 --remove /dev/mapper/a
	mdadm --quiet /dev/md0 --re-add /dev/mapper/a
	cp -r /usr/lib/bats-core /run/on/3
	wait_idle md0
	writes_fail b
	cp -r /usr/lib/bats-core /run/on/4
	sync
	umount /run/on
	mount /dev/md0 /run/on
	for n in 1 2 3 4; do
		diff -r /usr/lib/bats-core /run/on/$n
	done
	umount /run/on
	e2fsck -fn /dev/md0
}
