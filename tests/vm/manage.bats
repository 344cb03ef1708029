#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# --stop, --fail and --remove.
#
# vm-kernels: 6.1
# vm-timeout: 600
# vm-mdbitmap: 6.12 (6.1 newest)
# vm-cpus: 1
# vm-disks: vdb=64M vdc=64M vdd=32M vde=64M

bats_require_minimum_version 1.5.0
load helpers

file=/mnt/bitmap

setup() {
	requires root mdadm vdb vdc vdd vde
	make_bitmap_fs vdd /mnt
}

teardown() {
	umount /mnt/on 2>/dev/null || true
	[[ ! -e /sys/module/dm_mod ]] || dmsetup remove_all --force
	mdadm --quiet --stop /dev/md0 2>/dev/null || true # its file is on /mnt
	stop_all
}

make_array() {
	mdadm --create /dev/md0 --run --level=1 --raid-devices=2 --metadata=1.2 \
		--bitmap=$file --bitmap-chunk=64K --delay=1 --assume-clean /dev/vdb /dev/vdc
	wait_idle md0
	no_lingering md0
	retry 200 0.1 grep -q 'bitmap: 0/' /proc/mdstat
}

write_chunk() {
	dd if=/dev/urandom of=/dev/md0 bs=64K count=1 seek="$1" iflag=fullblock \
		oflag=direct conv=notrunc status=none
}

is_gone() { [[ ! -e /sys/block/$1/md/array_state || $(<"/sys/block/$1/md/array_state") == clear ]]; }

@test "after a clean stop of a healthy array no bit is set, and stop says so" {
	make_array
	write_chunk 3
	run -0 mdbitmap --stop /dev/md0
	[[ $output == *"no bit is set"* ]]
	is_gone md0
	[[ $(mdbitmap --examine --json $file | jq '.bitmaps[0].dirty_chunks') == 0 ]]
}

@test "after the stop of a degraded array, stop says which bits are left and why" {
	make_array
	mdbitmap --fail /dev/md0 /dev/vdc
	write_chunk 3
	write_chunk 9
	run -0 mdbitmap --stop /dev/md0 --json
	[[ $(jq -c '.arrays[0] | [.stopped, .dirty_chunks, .dirty_bytes]' <<<"$output") == '[true,2,131072]' ]]
	[[ $(jq -r '.arrays[0].why' <<<"$output") == *degraded* ]]
}

@test "a mounted array is not stopped, and the mount is named" {
	make_array
	mkfs.ext4 -q -F /dev/md0
	mkdir -p /mnt/on
	mount /dev/md0 /mnt/on
	run -5 mdbitmap --stop /dev/md0
	[[ $output == *"mounted at /mnt/on"* ]]
	run -5 mdbitmap --stop --dry-run /dev/md0
	[[ $(</sys/block/md0/md/array_state) != clear ]]
	umount /mnt/on
	mdbitmap --stop /dev/md0
}

@test "an array with a device stacked on it is not stopped, and that is named" {
	make_array
	dmsetup create upper --table "0 2048 linear /dev/md0 0"
	run -5 mdbitmap --stop /dev/md0
	[[ $output == *"dm-0 is built on it"* ]]
	dmsetup remove upper
	mdbitmap --stop /dev/md0
}

@test "an array that a program keeps open is not stopped" {
	make_array
	exec 8</dev/md0
	run -5 mdbitmap --stop /dev/md0 8<&-
	[[ $output == *"in use"* ]]
	exec 8<&-
	mdbitmap --stop /dev/md0
}

@test "of several arrays all are tried, and the worst outcome counts" {
	make_array
	mdadm --build /dev/md1 --run --level=1 --raid-devices=2 --assume-clean /dev/vde missing
	run -4 mdbitmap --stop /dev/md77 /dev/md0 /dev/md1
	[[ $output == *md77* ]]
	is_gone md0
	is_gone md1
}

@test "an array that holds members but does not run is stopped" {
	make_array
	echo inactive >/sys/block/md0/md/array_state
	[[ $(</sys/block/md0/md/array_state) == inactive ]]
	mdbitmap --stop /dev/md0
	is_gone md0
}

@test "--dry-run stops nothing" {
	make_array
	run -0 mdbitmap --stop --dry-run /dev/md0
	[[ $output == *"would stop /dev/md0"* ]]
	[[ $(</sys/block/md0/md/array_state) == clean ]]
}

@test "a failed member is faulty, and what is written is recorded" {
	make_array
	mdbitmap --fail /dev/md0 /dev/vdc
	[[ $(</sys/block/md0/md/dev-vdc/state) == *faulty* ]]
	write_chunk 5
	[[ $(mdbitmap --examine --json $file | jq '.bitmaps[0].dirty_chunks') == 1 ]]
}

@test "the last working member is not failed, and the array stays writable" {
	make_array
	run -5 mdbitmap --fail /dev/md0 /dev/vdb /dev/vdc
	[[ $output == *"last working member"* ]]
	[[ $(</sys/block/md0/md/degraded) == 0 ]]
	mdbitmap --fail /dev/md0 vdc
	run -5 mdbitmap --fail /dev/md0 vdb
	write_chunk 5
}

@test "an active member is not removed" {
	make_array
	run -5 mdbitmap --remove /dev/md0 /dev/vdc
	[[ $output == *"--fail"* ]]
	[[ $(</sys/block/md0/md/degraded) == 0 ]]
}

@test "remove takes failed members, by name and by the word failed" {
	make_array
	mdbitmap --fail /dev/md0 /dev/vdc
	mdbitmap --remove /dev/md0 failed
	[[ ! -e /sys/block/md0/md/dev-vdc ]]
	mdbitmap --add /dev/md0 /dev/vdc
	mdbitmap --wait /dev/md0
	mdbitmap --fail /dev/md0 /dev/vdc
	mdbitmap --remove /dev/md0 /dev/vdc
	[[ ! -e /sys/block/md0/md/dev-vdc ]]
	run -0 mdbitmap --remove /dev/md0 failed
	[[ $output == *"no failed member"* ]]
}

@test "a device that is no member is refused" {
	make_array
	run -4 mdbitmap --fail /dev/md0 /dev/vde
	[[ $output == *"no member"* ]]
	run -4 mdbitmap --remove /dev/md0 /dev/vde
}

@test "--dry-run of fail and remove changes nothing" {
	make_array
	run -0 mdbitmap --fail --dry-run /dev/md0 /dev/vdc
	[[ $output == *"would"* ]]
	[[ $(</sys/block/md0/md/degraded) == 0 ]]
	mdbitmap --fail /dev/md0 /dev/vdc
	run -0 mdbitmap --remove --dry-run /dev/md0 /dev/vdc
	[[ -e /sys/block/md0/md/dev-vdc ]]
}

# The last one: vde does not come back.
@test "remove detached takes a member whose device was pulled out" {
	mdadm --create /dev/md0 --run --level=1 --raid-devices=2 --metadata=1.2 \
		--assume-clean /dev/vdb /dev/vde
	wait_idle md0
	echo 1 >"$(realpath /sys/block/vde/device/..)/remove"
	[[ ! -e /sys/block/vde ]]
	mdbitmap --fail /dev/md0 detached
	mdbitmap --remove /dev/md0 detached
	(($(awk '/^md0/ { print gsub(/\[[0-9]+\]/, "") }' /proc/mdstat) == 1))
}
