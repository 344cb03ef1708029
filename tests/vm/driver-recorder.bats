#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# P1 and P2, judged from below the disks: every write and flush of members and
# store has been recorded in one order when this is over, and tracecheck judges
# each instant (see recorder.bash). The bitmap is on a disk of its own, without
# a file system; without metadata the data begin where the members do.
#
# vm-mdbitmap: newest (6.1 6.12)
# vm-timeout: 600
# vm-disks: vdb=64M vdc=64M vdd=4M
# vm-recorder: 65536 vdd vdb vdc

bats_require_minimum_version 1.5.0
load helpers
load arrays
load recorded

setup() { requires root fio vdb vdc vdd; }

teardown() { end_recorded; }

# make_bitmap OPTION...: anew, for members that are equal.
make_bitmap() {
	mdbitmap --quiet --create /dev/vdd --size=64M --bitmap-chunk=64K --clean --delay=1 \
		--yes --force "$@"
}

# build WORD...: the array, of these members.
build() {
	mdbitmap --build /dev/md0 --level=1 --raid-devices=2 --bitmap=/dev/vdd "$@"
}

no_bits() { [[ ! $(dirty_chunks /dev/vdd) ]]; }

@test "P1, P2: whatever is written, no power cut would lose a difference of the members" {
	make_bitmap
	build --assume-clean /dev/vdb /dev/vdc
	write_recorded
	mdbitmap --stop /dev/md0
}

@test "P2: nor with write-behind, where a member comes after the acknowledgement" {
	make_bitmap --write-behind=64
	build --assume-clean /dev/vdb --write-mostly /dev/vdc
	echo 0 >/sys/block/md0/md/bitmap/resync_budget
	fio_recorded 5 --size=60M --iodepth=16 --rate_iops=300
	fio_recorded 10 --size=60M --iodepth=4 --thinktime=300ms --thinktime_blocks=16
	(($(</sys/block/md0/md/bitmap/max_backlog_used) > 0))
	mdbitmap --stop /dev/md0
}

@test "P1, P2: nor where bits are set ahead of streams of writes, and cleared behind them" {
	make_bitmap
	build --assume-clean /dev/vdb /dev/vdc
	echo $((8 << 10)) >/sys/block/md0/md/bitmap/resync_budget
	fio_recorded 10 --rw=write --size=30M --offset_increment=30M --numjobs=2 --bsrange=4k-96k \
		--iodepth=4 --rate_iops=100
	(($(</sys/block/md0/md/bitmap/stats/ahead) > 0))
	echo 0 >/sys/block/md0/md/bitmap/resync_budget
	fio_recorded 3 --rw=write --size=60M --bs=32k --rate_iops=50
	retry 100 0.2 no_bits
	mdbitmap --stop /dev/md0
}

@test "P1, P2: nor where several write one at a time, in batches, durably at once, or discard" {
	make_bitmap
	build --assume-clean /dev/vdb /dev/vdc
	echo 0 >/sys/block/md0/md/bitmap/resync_budget
	fio_recorded 5 --ioengine=psync --numjobs=4 --size=15M --offset_increment=15M --rate_iops=60
	fio_recorded 5 --size=60M --iodepth=32 --iodepth_batch=16 --iodepth_low=8 --rate_iops=300
	fio_recorded 5 --size=60M --iodepth=4 --sync=dsync --rate_iops=100
	fio_recorded 8 --size=60M --iodepth=4 --rw=randtrimwrite --bs=16k --rate_iops=100
	(($(discarded vdb) > 0 && $(discarded vdc) > 0))
	retry 100 0.2 no_bits
	mdbitmap --stop /dev/md0
}

discarded() { awk '{ print $12 }' "/sys/block/$1/stat"; }

@test "P2: a bit that owed a sync goes when the copy is on the medium, while others write" {
	make_bitmap
	mdbitmap --quiet --mark /dev/vdd 8M..24M --yes
	dd if=/dev/urandom of=/dev/vdc bs=1M seek=8 count=16 oflag=direct conv=notrunc status=none
	build /dev/vdb /dev/vdc
	echo 0 >/sys/block/md0/md/bitmap/resync_budget
	fio_recorded 5 --size=60M --iodepth=8 --rate_iops=200
	wait_idle md0
	retry 100 0.2 no_bits
	mdbitmap --stop /dev/md0
	members_identical vdb vdc 0
}
