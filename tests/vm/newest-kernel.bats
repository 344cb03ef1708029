#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# Stock md of Linux 6.18 and later refuses bitmap files: so says the tool, with
# the command that starts the array on our driver, and it leaves nothing half
# assembled.
#
# vm-kernels: newest
# vm-cpus: 1
# vm-disks: vdb=16M vdc=16M vdd=32M

bats_require_minimum_version 1.5.0
load helpers
load arrays

setup() {
	requires root mdadm vdb vdc vdd
	make_bitmap_fs vdd /mnt
}

teardown() { end_all; }

refusal="Linux $(uname -r) refuses bitmap files (6.18 and later do); the driver mdbitmap.ko takes them:"

# refuses ARGUMENT...: exit status 7, one line with the kernel and the command
# with a node of our driver, and nothing is left or changed.
refuses() {
	local parameter=/sys/module/md_mod/parameters/legacy_async_del_gendisk before
	local ours="$*"
	ours=${ours//\/dev\/md/\/dev\/mdb}
	before=$(<$parameter)
	refused 7 "$refusal mdbitmap $ours" "$@"
	left_nothing
	[[ $(<$parameter) == "$before" ]]
}

@test "--assemble is refused, and nothing stays half assembled" {
	make_mirror
	mdbitmap --create /mnt/bitmap --for=/dev/vdb
	refuses --assemble /dev/md0 --bitmap=/mnt/bitmap /dev/vdb /dev/vdc
	refuses --assemble /dev/md/home --bitmap=/mnt/bitmap /dev/vdb /dev/vdc
	refuses --assemble /dev/md0 --bitmap=/mnt/bitmap --dry-run /dev/vdb /dev/vdc
	# the members are free, and the array still starts without the file
	mdadm --assemble /dev/md0 /dev/vdb /dev/vdc
}

@test "--attach is refused, and says how to go on with the file" {
	make_mirror
	mdadm --assemble /dev/md0 /dev/vdb /dev/vdc
	mdbitmap --create /mnt/bitmap --for=/dev/md0 --clean
	refused 7 "$refusal mdbitmap --stop /dev/md0, then mdbitmap --assemble --scan /dev/mdb0 --bitmap=/mnt/bitmap" \
		--attach /dev/md0 --bitmap=/mnt/bitmap
	refused 7 "$refusal mdbitmap --stop" --attach /dev/md0 --bitmap=/mnt/bitmap --dry-run
	# degraded, too, it leaves the file as it was
	mdadm /dev/md0 --fail /dev/vdc
	mdbitmap --create /mnt/late --for=/dev/md0
	cp /mnt/late /mnt/before
	run -7 mdbitmap --attach /dev/md0 --bitmap=/mnt/late
	cmp /mnt/late /mnt/before
}

@test "--build is refused, and the file it made is gone" {
	touch /mnt/other
	refuses --build /dev/md0 --level=1 --raid-devices=2 --bitmap=/mnt/bitmap /dev/vdb /dev/vdc
	refuses --build /dev/md0 --level=1 --raid-devices=2 --bitmap=/mnt/bitmap --dry-run \
		/dev/vdb /dev/vdc
	[[ ! -e /mnt/bitmap ]]
}

@test "--build is refused, and the file it was given is as it was" {
	mdbitmap --create /mnt/bitmap --size=16M
	refuses --build /dev/md0 --level=1 --raid-devices=2 --bitmap=/mnt/bitmap --write-behind=77 \
		/dev/vdb --write-mostly /dev/vdc
}

@test "what needs no kernel works on this one as on any" {
	make_mirror
	mdbitmap --create /mnt/bitmap --for=/dev/vdb --bitmap-chunk=64 --clean
	mdbitmap --mark /mnt/bitmap 3c..5c
	[[ $(dirty_chunks /mnt/bitmap) == 3..5 ]]
	mdbitmap --check /mnt/bitmap --for=/dev/vdb
}
