#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# P8: stock md takes the array back, and we take it from stock md: each metadata
# format, nothing lost, no needless resync. Stock md is /dev/md0 here, ours is
# /dev/mdb0. Where stock md no longer takes bitmap files it has none.
#
# vm-kernels: 6.1 (6.12 newest)
# vm-timeout: 600
# vm-disks: vdb=16M vdc=16M vdd=32M
# shellcheck disable=SC2154 # arrays.bash sets chunk

bats_require_minimum_version 1.5.0
load helpers
load arrays

setup() {
	requires root mdadm vdb vdc vdd
	make_bitmap_fs vdd /mnt
	no_readahead vdb vdc
	# 6.18 and later do not take files
	if [[ $(printf '%s\n' 6.18 "$(uname -r)" | sort -V | head -n 1) == 6.18 ]]; then
		with=()
	else
		with=(--bitmap=/mnt/bitmap)
	fi
}

teardown() { end_all; }

create() {
	mdadm --create /dev/md0 --quiet --run --level=1 --raid-devices=2 --assume-clean \
		--metadata="$1" /dev/vdb /dev/vdc
	mdadm --quiet --stop /dev/md0
	mdbitmap --quiet --create /mnt/bitmap --for=/dev/vdb --clean --bitmap-chunk=64 --delay=60
}

stock() {
	mdadm --quiet --assemble /dev/md0 "${with[@]}" "$@"
	wait_idle md0
}

ours() {
	mdbitmap --quiet --assemble /dev/mdb0 --bitmap=/mnt/bitmap "$@"
	wait_idle mdb0
}

stop() { mdbitmap --quiet --stop "/dev/$1"; }

# What does not change when an array goes round.
identity() {
	local dev
	for dev in vdb vdc; do
		mdadm --examine "/dev/$dev" | grep -vE 'Events|Update Time|Checksum|^ *(this)?  *[0-9]+ |Bitmap|State :|Number|^$'
	done
}

# Neither was copied to the other: what is written are superblocks.
no_copy() {
	echo "written: $(count_end vdb write) to vdb, $(count_end vdc write) to vdc"
	(($(count_end vdb write) < $1 + chunk && $(count_end vdc write) < $1 + chunk))
}

# holds CHUNK SUM: of the array in $1.
sum_of() { dd if="/dev/$1" bs=64K skip="$2" count=1 iflag=direct status=none | md5sum; }

# there_and_back FORMAT: written to by each in turn.
there_and_back() {
	local before sum turn
	create "$1"
	before=$(identity)
	for turn in 1 2; do
		count_start vdb vdc
		ours /dev/vdb /dev/vdc
		[[ ! ${sum-} ]] || [[ $(sum_of mdb0 3) == "$sum" ]]
		no_copy 0
		write_chunk 3 /dev/mdb0
		write_chunk $((10 + turn)) /dev/mdb0
		sum=$(sum_of mdb0 3)
		stop mdb0
		no_bit_in /mnt/bitmap
		diff <(echo "$before") <(identity)
		# it has microseconds, of which mdadm knows
		[[ $(mdadm --examine /dev/vdb | grep 'Update Time') == *" $(date +%Y)" ]]

		count_start vdb vdc
		stock /dev/vdb /dev/vdc
		[[ $(</sys/block/md0/md/degraded) == 0 && $(</sys/block/md0/md/resync_start) == none ]]
		[[ $(sum_of md0 3) == "$sum" ]]
		no_copy 0
		write_chunk 3 /dev/md0
		sum=$(sum_of md0 3)
		stop md0
		diff <(echo "$before") <(identity)
	done
	members_identical vdb vdc "$(data_offset vdb)" $((100 * chunk))
}

@test "P8: 0.90 goes round: nothing lost, no resync" { there_and_back 0.90; }
@test "P8: 1.0 goes round: nothing lost, no resync" { there_and_back 1.0; }
@test "P8: 1.1 goes round: nothing lost, no resync" { there_and_back 1.1; }
@test "P8: 1.2 goes round: nothing lost, no resync" { there_and_back 1.2; }

# failed_member FORMAT: what failed on the one is not trusted by the other.
failed_member() {
	create "$1"
	ours /dev/vdb /dev/vdc
	write_chunk 3 /dev/mdb0
	mdbitmap --quiet --fail /dev/mdb0 /dev/vdc
	write_chunk 4 /dev/mdb0
	stop mdb0
	stock --run /dev/vdb /dev/vdc
	[[ $(</sys/block/md0/md/degraded) == 1 && ! -e /sys/block/md0/md/dev-vdc ]]
	write_chunk 5 /dev/md0
	mdadm --quiet /dev/md0 --add /dev/vdc
	wait_whole md0
	mdadm --quiet /dev/md0 --fail /dev/vdb
	write_chunk 6 /dev/md0
	stop md0
	mdbitmap --quiet --assemble /dev/mdb0 --bitmap=/mnt/bitmap --run /dev/vdc
	wait_idle mdb0
	[[ $(</sys/block/mdb0/md/dev-vdc/state) == in_sync && $(</sys/block/mdb0/md/degraded) == 1 ]]
	# without the file chunk 6 left no trace that vdb could come back by
	((${#with[@]})) || run -6 mdbitmap --re-add /dev/mdb0 /dev/vdb
	mdbitmap --quiet --add --yes /dev/mdb0 /dev/vdb
	wait_idle mdb0
	[[ $(</sys/block/mdb0/md/degraded) == 0 ]]
	stop mdb0
	members_identical vdb vdc "$(data_offset vdb)" $((100 * chunk))
}

@test "P8: a member that failed on one is failed on the other: 1.2" { failed_member 1.2; }
@test "P8: a member that failed on one is failed on the other: 0.90" { failed_member 0.90; }

@test "P8: a mirror with an internal bitmap loses it with us, and nothing else" {
	local before
	mdadm --create /dev/md0 --quiet --run --level=1 --raid-devices=2 --assume-clean \
		--bitmap=internal --bitmap-chunk=64K /dev/vdb /dev/vdc
	write_chunk 3 /dev/md0
	mdadm --quiet --stop /dev/md0
	mdbitmap --quiet --create /mnt/bitmap --for=/dev/vdb --clean --bitmap-chunk=64
	mdbitmap --quiet --assemble --force /dev/mdb0 --bitmap=/mnt/bitmap /dev/vdb /dev/vdc
	write_chunk 4 /dev/mdb0
	before=$(sum_of mdb0 4)
	stop mdb0
	count_start vdb vdc
	mdadm --quiet --assemble /dev/md0 /dev/vdb /dev/vdc
	wait_idle md0
	no_copy 0
	[[ $(</sys/block/md0/md/degraded) == 0 && $(sum_of md0 4) == "$before" ]]
	run ! grep bitmap: /proc/mdstat
}

# left_dirty STOP: as after a crash: the superblocks and the bitmap of the time before.
crash() {
	local dev
	for dev in vdb vdc; do
		dd if=/dev/$dev of=/run/$dev bs=4096 skip=1 count=1 iflag=direct status=none
	done
	dd if=/mnt/bitmap of=/run/bitmap bs=4096 iflag=direct status=none
	stop "$1"
	for dev in vdb vdc; do
		dd if=/run/$dev of=/dev/$dev bs=4096 seek=1 oflag=direct status=none
	done
	dd if=/run/bitmap of=/mnt/bitmap bs=4096 conv=notrunc,fsync status=none
}

@test "P8: after a crash on ours stock md copies what the bitmap says, or all of it" {
	create 1.2
	ours /dev/vdb /dev/vdc
	echo 0 >/sys/block/mdb0/md/safe_mode_delay
	write_chunk 3 /dev/mdb0
	write_chunk 9 /dev/mdb0
	crash mdb0
	tear 9 vdc
	count_start vdb vdc
	mdadm --quiet --assemble /dev/md0 "${with[@]}" /dev/vdb /dev/vdc
	wait_idle md0
	if ((${#with[@]})); then
		copied $((2 * chunk)) vdb vdc
	fi
	stop md0
	members_identical vdb vdc "$(data_offset vdb)"
}

@test "P8: after a crash on stock md ours copies what the bitmap says" {
	((${#with[@]})) || skip "stock md of this kernel takes no bitmap file"
	create 1.2
	stock /dev/vdb /dev/vdc
	echo 0 >/sys/block/md0/md/safe_mode_delay
	write_chunk 3 /dev/md0
	write_chunk 9 /dev/md0
	crash md0
	tear 9 vdc
	count_start vdb vdc
	ours /dev/vdb /dev/vdc
	copied $((2 * chunk)) vdb vdc
	stop mdb0
	members_identical vdb vdc "$(data_offset vdb)"
}

@test "P8: what stock md wrote to without the file is seen: the file is stale" {
	create 1.2
	ours /dev/vdb /dev/vdc
	write_chunk 3 /dev/mdb0
	stop mdb0
	mdadm --quiet --assemble /dev/md0 /dev/vdb /dev/vdc
	write_chunk 4 /dev/md0
	mdadm --quiet /dev/md0 --fail /dev/vdc --remove /dev/vdc
	mdadm --quiet /dev/md0 --add /dev/vdc
	wait_whole md0
	stop md0
	# members in sync, so all starts clear; and chunk 4 is not what the file is asked for
	dmesg --clear
	mdbitmap --quiet --assemble /dev/mdb0 --bitmap=/mnt/bitmap /dev/vdb /dev/vdc
	dmesg | grep 'mdb0: bitmap file says nothing: 0 of'
	no_bit_in /mnt/bitmap
	stop mdb0
}

@test "P5: a file that came to as many events with other members is stale" {
	create 1.2
	ours /dev/vdb /dev/vdc
	write_chunk 3 /dev/mdb0
	stop mdb0
	mdbitmap --quiet --mark /mnt/bitmap 9c+1c
	dmesg --clear
	ours /dev/vdb /dev/vdc
	dmesg | grep 'mdb0: bitmap file: 1 of'
	stop mdb0
	mdbitmap --quiet --mark /mnt/bitmap 9c+1c
	# the time of the update that the file belongs to: one microsecond more or less
	printf '\x%02x' $(($(od -An -tu1 -j245 -N1 /mnt/bitmap) ^ 1)) |
		dd of=/mnt/bitmap bs=1 seek=245 conv=notrunc status=none
	run -6 mdbitmap --check --for=/dev/vdb /mnt/bitmap
	[[ $output == *'without this bitmap'* ]]
	dmesg --clear
	ours /dev/vdb /dev/vdc
	dmesg | grep 'mdb0: bitmap file says nothing: 0 of'
	stop mdb0
}

@test "P8: a recovery that ours has begun is ended by stock md, and the other way round" {
	create 1.2
	mdbitmap --quiet --assemble /dev/mdb0 --bitmap=/mnt/bitmap /dev/vdb /dev/vdc
	mdbitmap --quiet --fail /dev/mdb0 /dev/vdc
	mdbitmap --quiet --remove /dev/mdb0 /dev/vdc
	mdadm --quiet --zero-superblock /dev/vdc
	dd if=/dev/urandom of=/dev/mdb0 bs=1M count=14 oflag=direct status=none
	echo 1000 >/sys/block/mdb0/md/sync_speed_max
	echo 1000 >/sys/block/mdb0/md/sync_speed_min
	mdbitmap --quiet --add /dev/mdb0 /dev/vdc
	retry 100 0.1 past mdb0 4096
	stop mdb0
	mdadm --examine /dev/vdc | grep 'Recovery Offset'
	stock /dev/vdb /dev/vdc
	wait_whole md0
	stop md0
	members_identical vdb vdc "$(data_offset vdb)"
}

past() {
	local sectors
	read -r sectors _ <"/sys/block/$1/md/sync_completed"
	[[ $sectors == [0-9]* ]] && ((sectors > $2))
}
