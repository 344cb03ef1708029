# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What recorded scenarios have in common, and write to md0.

# For teardown: nothing is wiped, that would be recorded, too.
end_recorded() {
	mdadm --quiet --stop --scan || true
	umount_tree /mnt
}

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

# Where the first and only extent of FILE begins on its disk, in bytes.
place_of() {
	local said
	said=$(filefrag -b1 -e "$1")
	echo "$said" >&2
	grep -q ': 1 extent found' <<<"$said"
	awk '$1 == "0:" { sub(/\.\.$/, "", $4); print $4 }' <<<"$said"
}

# The mirror vdb, vdc, not started; its bitmap in a file on an ext4 on vdd.
bitmap_on_ext4() {
	mkfs.ext4 -q -F -b 4096 /dev/vdd
	mount /dev/vdd /mnt
	make_mirror --metadata=1.2
	mdbitmap --quiet --create /mnt/bitmap --for=/dev/vdb --bitmap-chunk=64K --clean --delay=1
	echo "@recorder store-offset=$(place_of /mnt/bitmap)" >/dev/ttyS1
	echo "@recorder data-offset=$(($(data_offset vdb) * 512))" >/dev/ttyS1
}
