# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What recorded scenarios write to md0.

# fio_recorded SECONDS OPTION...: no block twice at once, each time something else.
fio_recorded() {
	fio --name=recorded --filename=/dev/md0 --direct=1 --ioengine=libaio \
		--rw=randwrite --bs=4k --refill_buffers --randrepeat=0 --serialize_overlap=1 \
		--time_based --runtime="$1" "${@:2}" --output=/tmp/fio.out ||
		{ cat /tmp/fio.out && return 1; }
}

# Clean chunks at depth, hot ones, flushes of the writer's own, and pauses in
# which bits are cleared, while others are set again.
write_recorded() {
	echo 0 >/sys/block/md0/md/bitmap/resync_budget
	fio_recorded 6 --size=60M --iodepth=16 --rate_iops=300
	fio_recorded 4 --size=1M --offset=8M --iodepth=4 --fsync=16 --rate_iops=300
	fio_recorded 10 --size=60M --iodepth=4 --thinktime=300ms --thinktime_blocks=16
	fio_recorded 5 --size=60M --bs=96k --iodepth=4 --fsync=8 --rate_iops=40
}
