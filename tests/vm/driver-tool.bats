#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# The tool with our driver beside stock md: it loads the module, makes the
# nodes, and what it says of both is what they do.
#
# vm-kernels: 6.12 (6.1 newest)
# vm-timeout: 600
# vm-disks: vdb=32M vdc=32M vdd=32M vde=32M vdf=32M

# shellcheck disable=SC2154 # bats sets output and stderr, arrays.bash chunk

bats_require_minimum_version 1.5.0
load helpers
load arrays

setup() {
	requires root mdadm vdb vdc vdd vde vdf
}

# Arrays first: they keep the filesystems of their bitmaps busy.
teardown() {
	local node
	for node in /sys/block/md*; do
		[[ ! -e $node/md ]] || mdbitmap --quiet --stop "/dev/${node##*/}"
	done
	stop_all
	[[ ! -e /sys/module/mdbitmap ]] || retry 20 0.1 rmmod mdbitmap
}

json() { jq -r "$@" <<<"$output"; }

# A mirror, stopped, and its bitmap on the place $1, all clear.
prepare() {
	make_mirror
	mdbitmap --quiet --create "$1" --for=/dev/vdb --clean --bitmap-chunk=64 --delay=60
}

start() { mdbitmap --quiet --assemble "${2:-/dev/mdb0}" --bitmap="$1" /dev/vdb /dev/vdc; }

# write_once N DEV: all of chunk N in one write.
write_once() {
	dd if=/dev/urandom of="$2" bs=$((chunk * 512)) count=1 seek="$1" oflag=direct \
		iflag=fullblock conv=notrunc status=none
}

# What --detail --json tells of the engine of mdb0, through jq.
statistics() { mdbitmap --detail --json /dev/mdb0 | jq -r ".arrays[0].bitmap.statistics | $1"; }

has_cleared() { (($(statistics .cleared_bits) >= $1)); }

is_gone() { [[ ! -e /sys/block/$1 && ! -e /dev/$1 ]]; }

@test "--assemble loads the module, makes the node and the array, --stop takes both away" {
	make_bitmap_fs vdd /mnt
	prepare /mnt/bitmap
	[[ ! -e /sys/module/mdbitmap ]]
	start /mnt/bitmap
	[[ $(</sys/block/mdb0/md/array_state) == @(clean|active) ]]
	grep '^mdb0 : active raid1' /proc/mdbstat
	run -1 grep '^mdb0' /proc/mdstat
	[[ $(stat -c %Hr /dev/mdb0) == $(awk '$2 == "mdbitmap" { print $1 }' /proc/devices) ]]
	write_chunk 3 /dev/mdb0
	run -0 --separate-stderr mdbitmap --stop /dev/mdb0
	[[ $stderr == *'/mnt/bitmap is clean: no bit is set'* ]]
	retry 20 0.1 is_gone mdb0
	members_identical vdb vdc "$(data_offset vdb)" 8192
}

@test "a name becomes mdb_NAME, and leads to the array by its link" {
	make_bitmap_fs vdd /mnt
	prepare /mnt/bitmap
	start /mnt/bitmap /dev/mdb/home
	[[ $(realpath /dev/mdb/home) == /dev/mdb_home ]]
	[[ $(mdbitmap --detail --json /dev/mdb/home | jq -r '.arrays[0].kernel_name') == mdb_home ]]
	[[ $(mdbitmap --detail --json home | jq -r '.arrays[0].kernel_name') == mdb_home ]]
	run -5 --separate-stderr mdbitmap --assemble /dev/mdb_home --bitmap=/mnt/bitmap /dev/vdb /dev/vdc
	[[ $stderr == *'an array runs there already'* ]]
	mdbitmap --quiet --stop /dev/mdb/home
	retry 20 0.1 is_gone mdb_home
	[[ ! -L /dev/mdb/home ]]
}

@test "arrays of both drivers run side by side, and each is told by its own status file" {
	mdadm --create /dev/md0 --quiet --run --level=1 --raid-devices=2 --assume-clean \
		/dev/vde /dev/vdf
	make_bitmap_fs vdd /mnt
	prepare_beside() { # md0 is taken: the mirror for our driver is made as md1
		mdadm --create /dev/md1 --quiet --run --level=1 --raid-devices=2 \
			--assume-clean /dev/vdb /dev/vdc
		mdadm --quiet --stop /dev/md1
		mdbitmap --quiet --create /mnt/bitmap --for=/dev/vdb --clean --bitmap-chunk=64
	}
	prepare_beside
	start /mnt/bitmap
	run -0 --separate-stderr mdbitmap --detail --json /dev/md0 /dev/mdb0
	[[ $(json '[.arrays[].driver] | join(" ")') == 'md_mod mdbitmap' ]]
	[[ $(json '[.arrays[].array_bytes > 0] | join(" ")') == 'true true' ]]
	[[ $(json '.arrays[1].bitmap | .kind, .store_state, .resync_budget_bytes > 0, .statistics.commits >= 0,
		(.statistics.commits_by_bits | length)' | tr '\n' ' ') == 'file ok true true 16 ' ]]
	[[ $(json '.arrays[0].bitmap.statistics') == null ]]
	run -0 mdbitmap --detail --verbose /dev/md0
	[[ $output != *'Bitmap Writes'* && $output != *'Bitmap Statistics'* ]]
	run -0 mdbitmap --detail --verbose /dev/mdb0
	[[ $output == *'Driver : mdbitmap'*'Bitmap Store : ok'*'Resync Budget : '*'commits '* ]]
	# a member of one is in use for the other
	run -5 --separate-stderr mdbitmap --assemble /dev/mdb1 --bitmap=/mnt/bitmap /dev/vdb /dev/vdc
	[[ $stderr == *'in use by the array mdb0; mdbitmap --stop /dev/mdb0 first'* ||
		$stderr == *'attached to mdb0'* ]]
}

@test "--detail explains an array's speed by what its engine has counted" {
	local n before
	make_bitmap_fs vdd /mnt
	prepare /mnt/bitmap
	start /mnt/bitmap
	wait_idle mdb0
	[[ $(statistics '.writes_hot + .writes_cold, .writes_hot_percent' | tr '\n' ' ') == '0 null ' ]]
	run -0 mdbitmap --detail /dev/mdb0
	[[ $output == *'Bitmap Writes : none yet'* ]]
	echo 0 >/sys/block/mdb0/md/bitmap/resync_budget
	before=$(statistics .commits)
	for n in 3 40 90 40 3 90 3 90; do # far from each other: no stream
		write_once $n /dev/mdb0
	done
	mdbitmap --detail --json /dev/mdb0 | jq -e --argjson before "$before" --argjson bytes $((chunk * 512)) '
		.arrays[0].bitmap.statistics |
		.writes_cold == 3 and .writes_hot == 5 and .writes_hot_percent == 62.5 and
		.commits >= $before + 3 and .commits == (.commits_by_bits | add) and
		.commits == (.commits_by_microseconds | add) and .commit_bits >= 3 and
		.average_bits_per_commit > 0 and .commit_blocks >= 3 and
		.median_commit_below_microseconds <= (.p99_commit_below_microseconds // infinite) and
		.dirty_bytes == 3 * $bytes and .memory_bytes > 0 and .cleared_bits == 0'
	run -0 mdbitmap --detail /dev/mdb0
	echo "$output"
	[[ $output == *'Bitmap Writes : 5 needed no commit (62.5%), 3 waited for one'* ]]
	[[ $output =~ 'Bitmap Commits : '[0-9]+' ('[0-9]+' of the superblock), '[0-9.]+' bits each on average' ]]
	[[ $output =~ 'Commit Latency : median '[\<\>=]+' '[0-9]+' us, 99th percentile '[\<\>=]+' '[0-9]+' us' ]]
	[[ $output == *'Bitmap Cleared : 0 bits in '*', bits of 192 KiB are set now'* ]]
	[[ $output == *'Member Flushes : '* && $output == *'Bitmap Memory : '* ]]
	[[ $output != *'Bitmap Waits'* && $output != *'Bitmap Statistics'* ]]
	echo 0.1 >/sys/block/mdb0/md/bitmap/time_base
	retry 100 0.1 has_cleared 3
	[[ $(statistics '.dirty_bytes, .flushes + .flushes_saved > 0, .sweeps > 0' | tr '\n' ' ') == '0 true true ' ]]
	run -0 mdbitmap --detail /dev/mdb0
	[[ $output == *'Bitmap Cleared : 3 bits in '*', bits of 0 B are set now'* ]]
	mdbitmap --quiet --detach /dev/mdb0
	run -0 mdbitmap --detail --verbose /dev/mdb0
	[[ $output == *'Intent Bitmap : none'* && $output != *'Bitmap Commits'* ]]
}

@test "set bits of a current file are copied, as --dry-run said, though the members are in sync" {
	make_bitmap_fs vdd /mnt
	prepare /mnt/bitmap
	tear 3 vdc
	mdbitmap --quiet --mark /mnt/bitmap 3c..5c
	run -0 mdbitmap --assemble /dev/mdb0 --bitmap=/mnt/bitmap --dry-run --json /dev/vdb /dev/vdc
	[[ $(json .copy_bytes) == $((2 * chunk * 512)) ]]
	no_readahead vdb vdc
	count_start vdb vdc
	start /mnt/bitmap
	wait_idle mdb0
	(($(count_end vdc write) >= 2 * chunk && $(count_end vdc write) < 3 * chunk))
	mdbitmap --quiet --stop /dev/mdb0
	members_identical vdb vdc "$(data_offset vdb)" 8192
	no_bit_in /mnt/bitmap
}

@test "a stale file and members in sync: nothing is copied, as --dry-run said" {
	make_bitmap_fs vdd /mnt
	prepare /mnt/bitmap
	mdbitmap --quiet --mark /mnt/bitmap all
	mdadm --quiet --assemble /dev/md0 /dev/vdb /dev/vdc
	write_chunk 5 /dev/md0
	mdadm --quiet --stop /dev/md0
	run -0 --separate-stderr mdbitmap --assemble /dev/mdb0 --bitmap=/mnt/bitmap --dry-run --json /dev/vdb /dev/vdc
	[[ $(json .copy_bytes) == 0 ]]
	count_start vdb vdc
	start /mnt/bitmap
	wait_idle mdb0
	(($(count_end vdc write) < 3 * chunk))
	no_bit_in /mnt/bitmap
}

@test "a block device is the bitmap from --create to --stop, and nobody else's meanwhile" {
	prepare /dev/vdd
	run -4 --separate-stderr mdbitmap --assemble /dev/md0 --bitmap=/dev/vdd --dry-run /dev/vdb /dev/vdc
	[[ $stderr == *'arrays of mdbitmap.ko (/dev/mdbN) take it'* ]]
	start /dev/vdd
	[[ $(mdbitmap --detail --json /dev/mdb0 | jq -r '.arrays[0].bitmap.file') == /dev/vdd ]]
	grep 'file: /dev/vdd$' /proc/mdbstat
	echo 0 >/sys/block/mdb0/md/bitmap/resync_budget
	write_chunk 9 /dev/mdb0
	[[ $(dirty_chunks /dev/vdd) == 9..10 ]]
	run -5 --separate-stderr mdbitmap --mark /dev/vdd all
	[[ $stderr == *'/dev/vdd: is attached to mdb0; --detach it first' ]]
	run -5 --separate-stderr mdbitmap --create /dev/vdd --for=/dev/mdb0 --force
	[[ $stderr == *'/dev/vdd: is attached to mdb0; --detach it first' ]]
	mdbitmap --quiet --stop /dev/mdb0
	no_bit_in /dev/vdd
	mdbitmap --check /dev/vdd --for=/dev/vdb
}

@test "a bitmap is attached and detached, be it a file or a block device" {
	local place
	make_bitmap_fs vde /mnt
	prepare /mnt/first
	start /mnt/first
	mdbitmap --quiet --detach /dev/mdb0
	for place in /mnt/bitmap /dev/vdd; do
		mdbitmap --quiet --create $place --for=/dev/mdb0 --bitmap-chunk=64
		mdbitmap --quiet --attach /dev/mdb0 --bitmap=$place
		wait_idle mdb0
		write_chunk 9 /dev/mdb0
		[[ $(dirty_chunks $place) == 9..10 ]]
		mdbitmap --quiet --detach /dev/mdb0
		run -3 mdbitmap --check $place --for=/dev/mdb0
		[[ $output == *'marked out of date'* ]]
	done
}

@test "the command that a refusing stock md gets is the one that works" {
	make_bitmap_fs vdd /mnt
	prepare /mnt/bitmap
	if mdbitmap --quiet --assemble /dev/md0 --bitmap=/mnt/bitmap /dev/vdb /dev/vdc 2>/tmp/said; then
		skip "stock md of Linux $(uname -r) takes bitmap files"
	fi
	[[ $(</tmp/said) == *': mdbitmap --quiet --assemble /dev/mdb0 '* ]]
	said=$(</tmp/said)
	eval "${said##*takes them: }"
	[[ $(mdbitmap --detail --json /dev/mdb0 | jq -r '.arrays[0].bitmap.file') == /mnt/bitmap ]]
}

@test "a file that another program writes to is refused, and named" {
	make_bitmap_fs vdd /mnt
	prepare /mnt/bitmap
	exec 9>>/mnt/bitmap
	run -5 --separate-stderr mdbitmap --assemble /dev/mdb0 --bitmap=/mnt/bitmap /dev/vdb /dev/vdc
	exec 9>&-
	[[ $stderr == *'/mnt/bitmap is open for writing elsewhere'* ]]
	retry 20 0.1 is_gone mdb0
	start /mnt/bitmap
}

@test "members fail, go, come back and join by --re-add and --add" {
	make_bitmap_fs vdd /mnt
	prepare /mnt/bitmap
	start /mnt/bitmap
	mdbitmap --quiet --fail /dev/mdb0 /dev/vdc
	retry 20 0.1 mdbitmap --quiet --remove /dev/mdb0 /dev/vdc
	write_chunk 7 /dev/mdb0
	run -0 mdbitmap --re-add --dry-run --json /dev/mdb0 /dev/vdc
	[[ $(json '.members[0].copy_bytes') == $((chunk * 512)) ]]
	mdbitmap --quiet --re-add /dev/mdb0 /dev/vdc
	run -0 mdbitmap --wait /dev/mdb0
	mdbitmap --quiet --add --yes /dev/mdb0 /dev/vde
	[[ $(mdbitmap --detail --json /dev/mdb0 | jq .arrays[0].spare_devices) == 1 ]]
	mdbitmap --quiet --fail /dev/mdb0 /dev/vdb
	run -0 mdbitmap --wait /dev/mdb0
	mdbitmap --quiet --stop /dev/mdb0
	members_identical vdc vde "$(data_offset vdc)" 8192
}

@test "an array without metadata is built, and rebuilt by its bits" {
	make_bitmap_fs vdd /mnt
	build() {
		mdbitmap --quiet --build "$1" --level=1 --raid-devices=2 --bitmap=/mnt/bitmap \
			"${@:2}" /dev/vdb /dev/vdc
	}
	build /dev/mdb0 --bitmap-chunk=64 --assume-clean
	write_chunk 3 /dev/mdb0
	mdbitmap --quiet --stop /dev/mdb0
	tear 5 vdc
	mdbitmap --quiet --mark /mnt/bitmap 5c..6c
	build /dev/mdb_built
	run -0 mdbitmap --wait /dev/mdb_built
	mdbitmap --quiet --stop /dev/mdb_built
	members_identical vdb vdc 0
}

@test "loaded with takeover=1 it says so where a node of its own is asked for" {
	make_bitmap_fs vdd /mnt
	prepare /mnt/bitmap
	rmmod raid1 md_mod
	modprobe mdbitmap takeover=1
	run -7 --separate-stderr mdbitmap --assemble /dev/mdb0 --bitmap=/mnt/bitmap /dev/vdb /dev/vdc
	[[ $stderr == *'mdbitmap is loaded with takeover=1'*'use /dev/md0' ]]
	start /mnt/bitmap /dev/md0
	grep '^md0 : active raid1' /proc/mdstat
	[[ $(mdbitmap --detail --json /dev/md0 | jq -r '.arrays[0].driver') == mdbitmap ]]
}
