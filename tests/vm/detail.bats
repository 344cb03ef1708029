#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# What --detail tells of arrays, their members and their bitmaps.
#
# vm-kernels: 6.1
# vm-mdbitmap: 6.12 (6.1 newest)
# vm-cpus: 1
# vm-disks: vdb=64M vdc=64M vdd=32M vde=64M

# shellcheck disable=SC2030,SC2031,SC2154 # bats sets output and stderr

bats_require_minimum_version 1.5.0
load helpers
load arrays

file=/mnt/bitmap

setup() {
	requires root mdadm vdb vdc vdd vde
}

# The array first: it holds a file below /mnt.
teardown() {
	[[ ! -e /sys/block/md0 ]] || mdadm --quiet --stop /dev/md0
	stop_all
}

json() { jq -r "$@" <<<"$output"; }

# md0 with a bitmap file, all clean.
start_mirror() {
	make_bitmap_fs vdd /mnt
	make_mirror --metadata=1.2
	mdbitmap --create $file --for=/dev/vdb --bitmap-chunk=64 --clean --delay=60
	mdbitmap --assemble /dev/md0 --bitmap=$file /dev/vdb /dev/vdc
}

# The sync of md0 has done more than $1 sectors.
synced_past() {
	local sectors
	read -r sectors _ </sys/block/md0/md/sync_completed
	[[ $sectors != none ]] && ((sectors > $1))
}

detail() {
	run -0 --separate-stderr mdbitmap --detail --json "$@"
	output=$(jq '.arrays[0]' <<<"$output")
}

@test "--detail tells of a bitmap file what is dirty, and of what members" {
	start_mirror
	echo 0 >/sys/block/md0/md/safe_mode_delay # no superblock is written while it is looked
	write_chunk 5 /dev/md0
	write_chunk 9 /dev/md0
	detail /dev/md0
	[[ $(json '.bitmap | .kind, .file, .chunk_bytes, .dirty_chunks, .dirty_bytes, .delay_seconds' |
		tr '\n' ' ') == 'file /mnt/bitmap 65536 2 131072 60 ' ]]
	(($(json .bitmap.pending_pages) == 1))
	(($(json .bitmap.events) == $(json .events)))
	[[ $(json .complete) == true && $(json .sync) == null ]]
	[[ $(json '.members[] | .device, .slot, (.state | join(" "))' | tr '\n' ' ') == \
		'/dev/vdb 0 active sync /dev/vdc 1 active sync ' ]]
	[[ $(json '[.members[].events] == [.events, .events]') == true ]]

	run -0 mdbitmap --detail /dev/md0
	[[ $output == *"Intent Bitmap : /mnt/bitmap"* ]]
	[[ $output == *"Bitmap Dirty : 2 of 1008 chunks, 128 KiB"* ]]
	diff <(mdbitmap --detail --brief /dev/md0) <(mdadm --detail --brief /dev/md0)
}

@test "--detail --brief puts a name with blanks in quotes" {
	local named="/mnt/a file"
	make_bitmap_fs vdd /mnt
	make_mirror --metadata=1.2
	mdbitmap --create "$named" --for=/dev/vdb --clean
	mdbitmap --assemble /dev/md0 --bitmap="$named" /dev/vdb /dev/vdc
	run -0 mdbitmap --detail --brief /dev/md0
	[[ $output == *" bitmap=\"/mnt/a file\" "* ]]
}

@test "its labels and words are mdadm's wherever mdadm has them" {
	local label
	start_mirror
	mdbitmap --detail /dev/md0 | tr -s ' ' >/tmp/ours
	mdadm --detail /dev/md0 | tr -s ' ' | sed 's/ $//' >/tmp/theirs
	for label in Version 'Creation Time' 'Raid Level' 'Raid Devices' 'Total Devices' \
		'Intent Bitmap' State 'Active Devices' 'Working Devices' 'Failed Devices' \
		'Spare Devices' 'Consistency Policy' UUID Events; do
		diff <(grep "^ *$label : " /tmp/ours) <(grep "^ *$label : " /tmp/theirs)
	done
}

@test "without privilege --detail shows what it can and says what is missing" {
	start_mirror
	chmod 755 /mnt
	run -0 --separate-stderr unshare --setuid 65534 --setgid 65534 mdbitmap --detail /dev/md0
	[[ $output == *"Raid Level : raid1"* && $output == *"Raid Devices : 2"* ]]
	[[ $output == *"Intent Bitmap : /mnt/bitmap"* && $output == *"active sync"*/dev/vdb* ]]
	[[ $stderr == *"not known:"*superblocks* && $stderr == *"not known:"*bits* ]]
	run -0 --separate-stderr unshare --setuid 65534 --setgid 65534 \
		mdbitmap --detail --json /dev/md0
	[[ $(json .arrays[0].complete) == false && $(json .arrays[0].events) == null ]]
}

@test "--detail shows a failed member, its empty slot, and the progress of a rebuild" {
	start_mirror
	mdadm /dev/md0 --fail /dev/vdc
	detail /dev/md0
	[[ $(json .degraded) == true && $(json '.missing_slots | join(",")') == 1 ]]
	[[ $(json '.members[] | select(.device == "/dev/vdc") | .state | join(" ")') == faulty ]]
	echo 4000 >/sys/block/md0/md/sync_speed_max
	mdadm /dev/md0 --remove /dev/vdc --add /dev/vde
	retry 100 0.05 synced_past 128
	detail /dev/md0
	[[ $(json .sync.action) == recovery ]]
	(($(json .sync.done_bytes) > 0 && $(json .sync.total_bytes) == 66060288))
	[[ $(json '.members[] | select(.device == "/dev/vde") | .state | join(" ")') == "spare rebuilding" ]]
	run -0 mdbitmap --detail /dev/md0
	[[ $output == *"State : "*", degraded, recovering"* ]]
	[[ $output == *"Sync Progress : recovery "*% ]] || [[ $output == *"Sync Progress : recovery "*" left"* ]]
	echo 200000 >/sys/block/md0/md/sync_speed_max
	wait_idle md0
}

@test "--detail knows internal bitmaps" {
	stock_only "internal bitmaps are not kept"
	mdadm --create /dev/md0 --quiet --run --level=1 --raid-devices=2 --assume-clean \
		--bitmap=internal --bitmap-chunk=64K /dev/vdb /dev/vdc
	detail /dev/md0
	[[ $(json .bitmap.kind) == internal && $(json .bitmap.chunk_bytes) == 65536 ]]
	(($(json .bitmap.chunks) > 1000))
	run -0 mdbitmap --detail /dev/md0
	[[ $output == *"Intent Bitmap : Internal"* ]]
}

@test "--detail knows arrays without metadata, and none at all" {
	wipe vdb vdc
	mdadm --build /dev/md0 --quiet --level=1 --raid-devices=2 --assume-clean /dev/vdb /dev/vdc
	detail /dev/md0
	[[ $(json .bitmap.kind) == none && $(json .metadata) == null ]]
	[[ $(json .uuid) == null && $(json .level) == raid1 ]]
	mdadm --quiet --stop /dev/md0
	run -4 --separate-stderr mdbitmap --detail /dev/md0
}
