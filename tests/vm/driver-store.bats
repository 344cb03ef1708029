#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# Where our driver keeps the bitmap: on every file system and on block devices,
# what it refuses there (P6), and what it does when the place fails (P3).
#
# vm-mdbitmap: 6.1 (6.12 newest)
# vm-timeout: 600
# vm-disks: vdb=64M vdc=64M vdd=320M

# shellcheck disable=SC2030,SC2031,SC2154 # bats sets output, arrays.bash chunk; each test has its own file

bats_require_minimum_version 1.5.0
load helpers
load arrays
load faults

file=/mnt/bitmap

setup() {
	requires root mdadm vdb vdc vdd
	dmesg --clear
}

teardown() {
	local name
	exec 8<&-
	fsfreeze --unfreeze /mnt 2>/dev/null || true
	if [[ -e /dev/mapper/store ]]; then
		goes_on store
	fi
	for name in upper lower; do # on the array
		[[ ! -e /dev/mapper/$name ]] || { umount_tree /mnt && dmsetup remove $name; }
	done
	end_all
}

make_file() { mdbitmap --quiet --create "$file" --for=/dev/vdb --bitmap-chunk=64K --clean --delay=60; }

assemble() { mdbitmap --quiet --assemble /dev/md0 --bitmap="$file" /dev/vdb /dev/vdc && wait_idle md0; }

# A mirror, its bitmap on vdd below a mapping that can fail.
assemble_on_mapped_store() {
	make_mirror
	lay store vdd
	file=/dev/mapper/store
	mdbitmap --quiet --create "$file" --for=/dev/vdb --bitmap-chunk=64K --clean --delay=60 --yes --force
	assemble
}

build() {
	mdbitmap --quiet --build /dev/md0 --level=1 --raid-devices=2 --assume-clean \
		--bitmap="$file" /dev/vdb /dev/vdc
}

stop() { mdbitmap --quiet --stop /dev/md0; }

attribute() { cat "/sys/block/md0/md/$1"; }

logged() { dmesg | grep -q -- "md0: .*$1" || { dmesg && return 1; }; }

# No line in the log, except for what is not ours.
logged_lines() { dmesg | grep -c "md0: $1"; }

# refused_file ERRNO TEXT: SET_BITMAP_FILE does not take it; one line says why.
refused_file() {
	dmesg --clear
	run mdioctl /dev/md0 SET_BITMAP_FILE "$file"
	[[ $output == "$1" ]] || { echo "$output, not $1" && return 1; }
	[[ ! $(mdioctl /dev/md0 GET_BITMAP_FILE) ]]
	[[ ! $2 ]] || { logged "$2" && (($(logged_lines) == 1)); }
}

# keeps_bits: what a write dirties is in the file at once, gone after a stop,
# and what was in it when the power went is there again.
keeps_bits() {
	make_file
	assemble
	write_chunk 5 /dev/md0
	write_chunk 700 /dev/md0
	[[ $(dirty_chunks "$file") == '5..6 700..701' ]] || { dirty_chunks "$file" && return 1; }
	stop
	no_bit_in "$file"
	mdbitmap --quiet --mark "$file" 48M..49M --yes
	assemble
	wait_idle md0
	stop
	no_bit_in "$file"
	members_identical vdb vdc "$(data_offset vdb)"
}

@test "ext4, xfs, btrfs, tmpfs and overlay keep bits" {
	local type
	make_mirror
	for type in ext4 xfs btrfs tmpfs overlay; do
		echo "on $type"
		make_bitmap_fs $type vdd /mnt
		keeps_bits
		umount_tree /mnt
		wipefs --quiet --all /dev/vdd
	done
}

@test "a block device keeps bits, and is nobody else's meanwhile" {
	make_mirror
	file=/dev/vdd
	mdbitmap --quiet --create "$file" --for=/dev/vdb --bitmap-chunk=64K --clean --delay=60 --yes --force
	assemble
	write_chunk 5 /dev/md0
	[[ $(dirty_chunks "$file") == '5..6' ]]
	run ! mount /dev/vdd /mnt
	run ! mdadm --quiet --build /dev/md1 --level=1 --raid-devices=1 --force /dev/vdd
	stop
	no_bit_in "$file"
}

@test "P6: what others can write to, or hold open, is refused, and a line says why" {
	make_mirror
	make_bitmap_fs vdd /mnt
	make_file
	mdadm --quiet --assemble /dev/md0 /dev/vdb /dev/vdc
	wait_idle md0

	chmod g+w "$file"
	refused_file EPERM 'others than its owner may write'
	chmod g-w "$file"
	chown 1000 "$file"
	refused_file EPERM 'does not belong to root'
	chown 0 "$file"
	chattr +i "$file"
	run ! mdioctl /dev/md0 SET_BITMAP_FILE "$file"
	chattr -i "$file"
	exec 8>>"$file"
	refused_file ETXTBSY 'open for writing elsewhere'
	exec 8<&-
	fallocate --length 8M /mnt/swap
	dd if=/dev/zero of=/mnt/swap bs=1M count=8 conv=notrunc status=none
	mkswap /mnt/swap >/dev/null
	chmod 600 /mnt/swap
	swapon /mnt/swap
	file=/mnt/swap
	refused_file ETXTBSY 'swap file'
	swapoff /mnt/swap
	file=/mnt/bitmap
	mdioctl /dev/md0 SET_BITMAP_FILE "$file"
	[[ $(mdioctl /dev/md0 GET_BITMAP_FILE) == "$file" ]]
}

@test "P6: a file with holes, one that was never written, and one too short are refused" {
	make_mirror
	mkfs.ext4 -q -F -b 1024 /dev/vdd # blocks smaller than the file
	mount /dev/vdd /mnt
	make_file
	mdadm --quiet --assemble /dev/md0 /dev/vdb /dev/vdc
	wait_idle md0
	local good=$file bytes
	bytes=$(stat -c %s "$good")

	file=/mnt/hole
	mdbitmap --quiet --create "$file" --for=/dev/vdb --bitmap-chunk=4K --clean
	fallocate --punch-hole --offset 1024 --length 1024 "$file"
	refused_file EINVAL 'holes'
	file=/mnt/unwritten
	fallocate --length "$bytes" "$file"
	head -c 256 "$good" | dd of="$file" conv=notrunc status=none
	mdbitmap --quiet --create "$file" --for=/dev/vdb --bitmap-chunk=4K --clean --force --yes
	fallocate --zero-range --offset 1024 --length 1024 "$file"
	refused_file EINVAL 'never written'
	file=/mnt/short
	head -c 300 "$good" >"$file" # 256 and one bit for each chunk
	refused_file ENOSPC 'too short'
	file=$good
	mdioctl /dev/md0 SET_BITMAP_FILE "$file"
}

@test "P6: a file on the array itself is refused: directly, by a partition, through device mapper" {
	make_mirror
	mdadm --quiet --assemble /dev/md0 /dev/vdb /dev/vdc
	wait_idle md0
	file=/dev/md0
	refused_file ELOOP 'on the array itself'

	mkfs.ext4 -q -F /dev/md0
	mount /dev/md0 /mnt
	cp /bin/busybox /mnt/bitmap
	chmod 600 /mnt/bitmap
	file=/mnt/bitmap
	refused_file ELOOP 'on the array itself'
	umount /mnt

	lay lower md0
	lay upper mapper/lower
	file=/dev/mapper/upper
	refused_file ELOOP 'on the array itself'
	mkfs.ext4 -q -F /dev/mapper/upper
	mount /dev/mapper/upper /mnt
	cp /bin/busybox /mnt/bitmap
	chmod 600 /mnt/bitmap
	file=/mnt/bitmap
	refused_file ELOOP 'on the array itself'
}

@test "P6: two arrays do not keep their bitmaps on each other" {
	make_mirror
	mdadm --quiet --assemble /dev/md0 /dev/vdb /dev/vdc
	wait_idle md0
	modprobe brd rd_nr=2 rd_size=16384
	mdadm --build /dev/md1 --quiet --run --level=1 --raid-devices=2 --assume-clean /dev/ram0 /dev/ram1
	mdbitmap --quiet --create /dev/md1 --for=/dev/md0 --clean --yes --force
	mdioctl /dev/md0 SET_BITMAP_FILE /dev/md1
	run mdioctl /dev/md1 SET_BITMAP_FILE /dev/md0
	[[ $output == ELOOP ]]
	stop
	mdbitmap --quiet --stop /dev/md1
	rmmod brd || [[ ! -e /sys/module/brd/initstate ]] # built in, on some
}

@test "a frozen file system holds writes up, and lets them go on" {
	make_mirror
	make_bitmap_fs vdd /mnt
	make_file
	assemble
	fsfreeze --freeze /mnt
	write_chunk 9 /dev/md0 3>&- &
	local writer=$!
	dd if=/dev/md0 of=/dev/null bs=64k count=100 iflag=direct status=none
	kill -0 $writer
	fsfreeze --unfreeze /mnt
	wait $writer
	[[ $(dirty_chunks "$file") == '9..10' ]]
}

@test "a store that hangs: writes wait, one line says so after 30 s, and then they go on" {
	assemble_on_mapped_store
	# not clean meanwhile: a write would wait until it is recorded, in the file too
	echo 0 >/sys/block/md0/md/safe_mode_delay
	write_chunk 3 /dev/md0
	hangs store
	write_chunk 3 /dev/md0 # its bit is there
	write_chunk 4 /dev/md0 3>&- &
	local writer=$!
	retry 60 1 logged 'bitmap file has not answered for 30 seconds'
	kill -0 $writer
	(($(logged_lines 'bitmap file has not answered') == 1))
	goes_on store
	wait $writer
	retry 20 0.1 logged 'bitmap file answers again'
	[[ $(dirty_chunks "$file") == '3..5' ]]
}

@test "P3: a store that fails: the members' superblocks outdate the file before a write is acknowledged" {
	assemble_on_mapped_store
	stays_dirty # no events for any other reason
	write_chunk 3 /dev/md0
	all_fails store
	write_chunk 4 /dev/md0
	logged 'bitmap'
	[[ $(attribute array_state) == active ]]
	is_well store
	(($(mdadm --examine /dev/vdb | awk '/Events/ { print $3 }') > \
		$(mdbitmap --examine --json "$file" | jq '.bitmaps[0].events')))
	write_chunk 5 /dev/md0
	stop
	members_identical vdb vdc "$(data_offset vdb)"
	run mdbitmap --check "$file" --for=/dev/vdb
	[[ $status != 0 ]]
}

@test "P3: a store that is well again is detached and attached, and logs what is written from then on" {
	assemble_on_mapped_store
	all_fails store
	write_chunk 4 /dev/md0
	[[ $(attribute bitmap/store_state) == failed ]]
	is_well store
	mdbitmap --quiet --detach /dev/md0
	mdbitmap --quiet --attach /dev/md0 --bitmap="$file"
	[[ $(attribute bitmap/store_state) == ok ]]
	# members are equal: there is nothing to copy
	[[ $(attribute sync_action) == idle && $(attribute bitmap/stats/dirty_bytes) == 0 ]]
	write_chunk 6 /dev/md0
	[[ $(mdbitmap --ranges --json --unit=chunks "$file" | jq -c "[.ranges[] | .start_chunks, .end_chunks]") == "[6,7]" ]]
	stop
	members_identical vdb vdc "$(data_offset vdb)"
	mdbitmap --check "$file" --for=/dev/vdb
}

@test "P3: nobody is re-added by a bitmap whose store has failed, and --dry-run says so" {
	assemble_on_mapped_store
	mdbitmap --quiet --fail /dev/md0 /dev/vdc
	mdbitmap --quiet --remove /dev/md0 /dev/vdc
	all_fails store
	write_chunk 4 /dev/md0
	run -6 mdbitmap --re-add --dry-run /dev/md0 /dev/vdc
	[[ $output == *--add* ]]
	is_well store
	stop
}

@test "P3: without metadata, writes fail once the store has failed, and the array reads on" {
	lay store vdd
	file=/dev/mapper/store
	mdbitmap --quiet --create "$file" --size=64M --bitmap-chunk=64K --clean --delay=60 --yes --force
	build
	write_chunk 3 /dev/md0
	all_fails store
	run ! write_chunk 4 /dev/md0
	[[ $(attribute array_state) == readonly ]]
	dd if=/dev/md0 of=/dev/null bs=64k count=8 iflag=direct status=none
	members_identical vdb vdc 0
	logged 'bitmap'
}

@test "P3: a file cut through the descriptor that was handed over is noticed" {
	make_mirror
	make_bitmap_fs vdd /mnt
	make_file
	mdadm --quiet --assemble /dev/md0 /dev/vdb /dev/vdc
	wait_idle md0
	mkfifo /tmp/until
	mdioctl -t /dev/md0 SET_BITMAP_FILE "$file" </tmp/until 3>&- &
	local cutter=$!
	exec 7>/tmp/until
	retry 100 0.1 grep "file: $file" /proc/mdstat
	stays_dirty
	write_chunk 0 /dev/md0 # and no superblock is owed any more
	exec 7>&-
	wait $cutter
	write_chunk 4 /dev/md0
	logged 'bitmap file has been cut to 0 bytes'
	stop
	members_identical vdb vdc "$(data_offset vdb)"
}

@test "a full file system is no matter: the file's blocks are there" {
	make_mirror
	make_bitmap_fs vdd /mnt
	mdbitmap --quiet --create "$file" --for=/dev/vdb --bitmap-chunk=4K --clean --delay=60
	assemble
	echo 0 >/sys/block/md0/md/bitmap/resync_budget # nothing is set ahead
	dmesg --clear
	run ! dd if=/dev/zero of=/mnt/filler bs=1M status=none
	sync -f /mnt 2>/dev/null || sync
	local at
	for ((at = 0; at < 50; at += 7)); do
		dd if=/dev/urandom of=/dev/md0 bs=1M count=1 seek=$at oflag=direct conv=notrunc status=none
	done
	run ! logged 'bitmap file'
	(($(dirty_sectors "$file") == 8 * 2048))
	stop
	no_bit_in "$file"
}
