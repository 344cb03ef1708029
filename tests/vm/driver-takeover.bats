#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# mdadm 4.2 as Debian ships it, and our driver as /dev/md*.
#
# vm-mdbitmap: newest (6.1 6.12)
# vm-timeout: 600
# vm-disks: vdb=16M vdc=16M vdd=32M vde=16M

bats_require_minimum_version 1.5.0
load helpers
load arrays

setup() {
	requires root mdadm vdb vdc vdd vde
	make_bitmap_fs vdd /mnt
}

teardown() { end_all; }

create() {
	mdadm --create /dev/md0 --quiet --run --level=1 --raid-devices=2 --assume-clean \
		--bitmap=/mnt/bitmap --bitmap-chunk=64K --delay=60 "$@" /dev/vdb /dev/vdc
	wait_idle md0
	no_lingering md0
}

detail() { mdadm --detail /dev/md0 | tr -s ' '; }

@test "it is our driver" {
	[[ ! -e /sys/module/md_mod && $(</sys/module/mdbitmap/parameters/takeover) == Y ]]
	grep -E '^ *9 md$' /proc/devices
	grep -x 'Personalities : \[raid1\] ' /proc/mdstat
	grep -x 'unused devices: <none>' /proc/mdstat
}

@test "mdadm --create --bitmap=FILE" {
	create
	grep 'file: /mnt/bitmap$' /proc/mdstat
	mdadm --examine-bitmap /mnt/bitmap | grep 'Chunksize : 64 KB'
	write_chunk 7 /dev/md0
	[[ $(dirty_chunks /mnt/bitmap) == *7..8* ]]
}

@test "mdadm --create without --assume-clean: a resync of it all, and then in sync" {
	dd if=/dev/urandom of=/dev/vdb bs=1M count=16 oflag=direct status=none
	mdadm --create /dev/md0 --quiet --run --level=1 --raid-devices=2 \
		--bitmap=/mnt/bitmap --bitmap-chunk=64K --delay=1 /dev/vdb /dev/vdc
	mdadm --wait /dev/md0 || true
	wait_whole md0
	detail | grep 'State : clean'
	mdadm --stop /dev/md0
	members_identical vdb vdc "$(data_offset vdb)"
	no_bit_in /mnt/bitmap
}

@test "mdadm --assemble, with --bitmap and from mdadm.conf" {
	create
	mdadm --stop /dev/md0
	mdadm --assemble /dev/md0 --bitmap=/mnt/bitmap /dev/vdb /dev/vdc
	grep 'file: /mnt/bitmap$' /proc/mdstat
	mdadm --stop /dev/md0
	mdadm --examine --brief /dev/vdb >/tmp/mdadm.conf
	sed -i 's,$, bitmap=/mnt/bitmap,; s,/dev/md/[^ ]*,/dev/md0,' /tmp/mdadm.conf
	echo 'DEVICE /dev/vdb /dev/vdc' >>/tmp/mdadm.conf
	mdadm --assemble --scan --config=/tmp/mdadm.conf
	grep 'file: /mnt/bitmap$' /proc/mdstat
}

@test "mdadm --detail" {
	create
	detail >/tmp/detail
	grep 'Raid Level : raid1' /tmp/detail
	grep 'Intent Bitmap : /mnt/bitmap' /tmp/detail
	grep 'State : clean' /tmp/detail
	grep 'Active Devices : 2' /tmp/detail
	grep 'Consistency Policy : bitmap' /tmp/detail
	grep 'active sync /dev/vdc' /tmp/detail
	[[ $(mdadm --detail --brief /dev/md0) == *bitmap=/mnt/bitmap* ]]
	[[ $(mdadm --detail --scan) == *' /dev/md'* || $(mdadm --detail --scan) == 'ARRAY /dev/md'* ]]
	mdadm --detail --export /dev/md0 | grep MD_LEVEL=raid1
	mdadm --query /dev/md0 | grep raid1
}

@test "mdadm --fail, --remove and --re-add: what was missed is copied, and no more" {
	create
	mdadm /dev/md0 --fail /dev/vdc
	detail | grep 'State : .*degraded'
	grep 'vdc\[1\](F)' /proc/mdstat
	mdadm /dev/md0 --remove /dev/vdc
	run ! grep vdc /proc/mdstat
	write_chunk 7 /dev/md0
	no_readahead vdb vdc
	count_start vdb vdc
	mdadm /dev/md0 --re-add /dev/vdc
	wait_whole md0
	(($(count_end vdc write) >= 128 && $(count_end vdc write) < 3 * 128))
	detail | grep 'State : clean'
	mdadm --stop /dev/md0
	members_identical vdb vdc "$(data_offset vdb)"
}

@test "mdadm --add of a blank device: it is rebuilt in full" {
	create
	mdadm /dev/md0 --fail /dev/vdc --remove /dev/vdc
	mdadm /dev/md0 --add /dev/vde
	mdadm --wait /dev/md0 || true
	wait_whole md0
	grep '\[2/2\] \[UU\]' /proc/mdstat
	mdadm --stop /dev/md0
	members_identical vdb vde "$(data_offset vdb)"
}

@test "mdadm --add of a spare takes over from a member that fails" {
	create
	mdadm /dev/md0 --add /dev/vde
	grep 'vde\[2\](S)' /proc/mdstat
	mdadm /dev/md0 --fail /dev/vdc
	wait_whole md0
	grep '\[2/2\] \[UU\]' /proc/mdstat
	mdadm --stop /dev/md0
	members_identical vdb vde "$(data_offset vdb)"
}

@test "mdadm --grow --bitmap=none and --bitmap=FILE on a running array" {
	create
	mdadm --grow /dev/md0 --bitmap=none
	run ! grep bitmap: /proc/mdstat
	rm /mnt/bitmap
	mdadm --grow /dev/md0 --bitmap=/mnt/bitmap --bitmap-chunk=64K --delay=60
	grep 'file: /mnt/bitmap$' /proc/mdstat
	write_chunk 9 /dev/md0
	[[ $(dirty_chunks /mnt/bitmap) == *9..10* ]]
	mdadm --grow /dev/md0 --bitmap=none
	umount /mnt
}

@test "mdadm --stop, by name and all" {
	create
	mdadm --stop /dev/md0
	retry 50 0.1 left_nothing
	mdadm --assemble /dev/md0 --bitmap=/mnt/bitmap /dev/vdb /dev/vdc
	mdadm --stop --scan
	retry 50 0.1 left_nothing
	umount /mnt
}

@test "mdadm --wait returns when a check is over" {
	create
	echo check >/sys/block/md0/md/sync_action
	mdadm --wait /dev/md0 || true
	[[ $(</sys/block/md0/md/sync_action) == idle ]]
	[[ $(</sys/block/md0/md/last_sync_action) == check ]]
}

@test "mdadm --monitor --oneshot sees a degraded array" {
	create
	run -0 mdadm --monitor --oneshot --program=/usr/bin/true /dev/md0
	mdadm /dev/md0 --fail /dev/vdc
	rm -f /tmp/monitor
	printf '#!/usr/bin/bash\necho "$@" >>/tmp/monitor\n' >/tmp/said
	chmod 755 /tmp/said
	mdadm --monitor --oneshot --program=/tmp/said /dev/md0 || true
	cat /tmp/monitor
	grep 'DegradedArray /dev/md0' /tmp/monitor
}

@test "mdadm --monitor follows a member that fails, as poll on the status file tells it" {
	create
	printf '#!/usr/bin/bash\necho "$@" >>/tmp/monitor\n' >/tmp/said
	chmod 755 /tmp/said
	rm -f /tmp/monitor
	mdadm --monitor --delay=3600 --program=/tmp/said /dev/md0 3>&- &
	local monitor=$!
	# it looks once before it waits
	retry 100 0.1 waits_in_poll $monitor
	mdadm /dev/md0 --fail /dev/vdc
	retry 100 0.1 grep -s 'Fail /dev/md0 /dev/vdc' /tmp/monitor
	kill $monitor
}

waits_in_poll() { grep -qE 'select|poll' "/proc/$1/wchan" || grep -qE '^(7|23|270|271) ' "/proc/$1/syscall"; }

@test "mdadm --readonly and --readwrite" {
	create
	mdadm --readonly /dev/md0
	[[ $(</sys/block/md0/md/array_state) == readonly ]]
	grep 'active (read-only) raid1' /proc/mdstat
	run ! dd if=/dev/zero of=/dev/md0 bs=4k count=1 oflag=direct status=none
	mdadm --readwrite /dev/md0
	write_chunk 3 /dev/md0
}

@test "mdadm --build and its bitmap file" {
	mdadm --build /dev/md0 --level=1 --raid-devices=2 --bitmap=/mnt/built --assume-clean \
		/dev/vdb /dev/vdc
	grep -E 'super non-persistent' /proc/mdstat
	grep 'file: /mnt/built$' /proc/mdstat
	write_chunk 3 /dev/md0
	mdadm --stop /dev/md0
	members_identical vdb vdc 0
}

@test "mdadm --incremental starts it when all are there" {
	mdadm --create /dev/md0 --quiet --run --level=1 --raid-devices=2 --assume-clean /dev/vdb /dev/vdc
	mdadm --stop /dev/md0
	mdadm --incremental /dev/vdb
	grep ' : inactive vdb' /proc/mdstat
	mdadm --incremental /dev/vdc
	grep ' : active .*raid1' /proc/mdstat
}

@test "a named array: /dev/md/home" {
	mdadm --create /dev/md/home --quiet --run --level=1 --raid-devices=2 --assume-clean \
		--bitmap=/mnt/bitmap /dev/vdb /dev/vdc
	mdadm --detail /dev/md/home | grep 'Raid Level : raid1'
	mdadm --stop /dev/md/home
	retry 50 0.1 left_nothing
}

@test "every metadata format" {
	local format
	for format in 0.90 1.0 1.1 1.2; do
		create --metadata=$format
		write_chunk 5 /dev/md0
		mdadm /dev/md0 --fail /dev/vdc --remove /dev/vdc
		write_chunk 6 /dev/md0
		mdadm /dev/md0 --re-add /dev/vdc
		wait_whole md0
		mdadm --stop /dev/md0
		mdadm --assemble /dev/md0 --bitmap=/mnt/bitmap /dev/vdb /dev/vdc
		grep '\[2/2\] \[UU\]' /proc/mdstat
		mdadm --stop /dev/md0
		members_identical vdb vdc "$(data_offset vdb)" $((8 * 2048))
		rm /mnt/bitmap
		wipe vdb vdc
	done
}
