#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# What power cuts leave, and what becomes of it. In the first boot the members,
# the disk of the bitmap and a witness are recorded; then the power is cut in the
# recording, in many places, with what was in the caches lost in part; and in
# the second boot each of these states is put on the disks, and an array made of
# it (see aftermath.c). `make powercut CUTS=N SEED=S` does more of them.
#
# vm-mdbitmap: 6.1
# vm-timeout: 1800
# vm-disks: vdb=18M vdc=18M vdd=12M vde=1M vdf=1M
# vm-recorder: 8192 vdd vdb,data vdc,data +vde,data
# vm-cuts: vdf vde

bats_require_minimum_version 1.5.0
load helpers
load arrays

setup() { requires root mdadm vdb vdc vdd vde vdf; }

# The array lives from test to test, and nothing is wiped: that would be recorded.

# stamp COUNT OPTION...: what stamper writes; its writes are numbered throughout.
stamp() {
	local first
	first=$(cat /tmp/next 2>/dev/null || echo 1)
	echo $((first + $1)) >/tmp/next
	stamper -f "$first" -n "$1" "${@:2}" /dev/md0 /dev/vde
}

assemble() {
	mdbitmap --assemble /dev/md0 --bitmap=/mnt/bitmap /dev/vdb /dev/vdc
	no_lingering md0
}

is_away() { (($(</sys/block/md0/md/degraded))); }

# aftermath of PART, a quarter of the cuts.
quarter() {
	local limit
	echo 1 >/sys/kernel/rcu_expedited # half of the time that --stop takes
	for limit in /sys/module/mdbitmap/parameters/sync_speed_{max,min} \
		/proc/sys/dev/raid/speed_limit_{max,min}; do
		[[ ! -e $limit ]] || echo 2000000 >"$limit"
	done
	run aftermath "$1" 4 /dev/vdf /dev/vdd /dev/vdb /dev/vdc
	echo "$output"
	echo "# ${lines[-1]}" >&3
	return "$status"
}

@test "recorded: writes everywhere, to a hot set, and pauses in which bits are cleared" {
	mkfs.ext4 -q -F /dev/vdd
	mount /dev/vdd /mnt
	make_mirror --metadata=1.2 --data-offset=1M --bitmap=none
	mdbitmap --quiet --create /mnt/bitmap --for=/dev/vdb --bitmap-chunk=8K --clean --delay=1
	assemble
	stamp 300 -d 8 -k 16
	stamp 200 -d 8 -k 12 -a 100,64
	stamp 200 -d 8 -k 20 -p 2500
	stamp 150 -d 6 -k 10 -u 50
}

@test "recorded: a member fails, and is added again" {
	stamp 400 -d 4 -k 10 -m 2 3>&- &
	retry 100 0.1 test -s /tmp/next
	sleep 2 # somewhere in the middle
	mdbitmap --fail /dev/md0 /dev/vdc
	mdbitmap --remove /dev/md0 /dev/vdc
	is_away
	sleep 3
	mdbitmap --re-add /dev/md0 /dev/vdc
	wait $!
	wait_idle md0
	run ! is_away
	stamp 50 -d 4 -k 5 -m 2
	stamp 100 -d 4 -k 10
}

@test "recorded: the file is detached, and attached again" {
	stamp 300 -d 4 -k 10 -m 1 3>&- &
	sleep 2
	mdbitmap --detach /dev/md0
	sleep 2
	mdbitmap --attach /dev/md0 --bitmap=/mnt/bitmap
	no_lingering md0
	wait $!
	wait_idle md0
	stamp 50 -d 4 -k 5 -m 1
	stamp 150 -d 8 -k 10
}

@test "recorded: the array is stopped and started" {
	mdbitmap --stop /dev/md0
	assemble
	stamp 100 -d 8 -k 10
	mdbitmap --stop /dev/md0
	umount /mnt
}

# bats test_tags=boot:2
@test "the first quarter of the cuts: nothing acknowledged is lost, no difference stays" {
	quarter 1
}

# bats test_tags=boot:2
@test "the second quarter" {
	quarter 2
}

# bats test_tags=boot:2
@test "the third quarter" {
	quarter 3
}

# bats test_tags=boot:2
@test "the last quarter" {
	quarter 4
}
