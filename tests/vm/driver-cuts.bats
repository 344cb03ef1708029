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
# vm-cpus: 2 1
# vm-disks: vdb=18M vdc=18M vdd=12M vde=1M vdf=1M
# vm-recorder: 8192 vdd vdb,data vdc,data +vde,data
# vm-cuts: vdf vde

bats_require_minimum_version 1.5.0
load helpers
load arrays
load cuts

setup() { requires root mdadm vdb vdc vdd vde vdf; }

@test "recorded: writes everywhere, to a hot set, and pauses in which bits are cleared" {
	record_writes
}

@test "recorded: a member fails, and is added again" {
	record_failure
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
	after_cuts 1 4
}

# bats test_tags=boot:2
@test "the second quarter" {
	after_cuts 2 4
}

# bats test_tags=boot:2
@test "the third quarter" {
	after_cuts 3 4
}

# bats test_tags=boot:2
@test "the last quarter" {
	after_cuts 4 4
}
