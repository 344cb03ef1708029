#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# Ioctls, sysfs, I/O and changes of members and files behind its back, all at
# random and at once (disturb.c). What it must not do then is not in the log
# of a kernel that watches memory, locks and leaks; it can be stopped and
# unloaded at the end. DISTURB_SEED in the environment of the guest, or the clock.
#
# vm-mdbitmap: debug
# vm-timeout: 1800
# vm-disks: vdb=16M vdc=16M vdd=32M vde=16M
# shellcheck disable=SC2154 # arrays.bash sets chunk

bats_require_minimum_version 1.5.0
load helpers
load arrays

setup() {
	requires root mdadm vdb vdc vdd vde
	make_bitmap_fs vdd /mnt
}

teardown() { end_all; }

# members [OPTION...]: of a mirror; bitmap files for it, and others.
members() {
	make_mirror "$@"
	mdbitmap --quiet --create /mnt/good --for=/dev/vdb --bitmap-chunk=4K --clean --delay=1
	mdbitmap --quiet --create /mnt/other --for=/dev/vdc --bitmap-chunk=64K --delay=1
	head -c 5000 /dev/urandom >/mnt/junk
	truncate -s 64K /mnt/sparse
	[[ -b /dev/md0 ]] || mknod /dev/md0 b 9 0
}

# disturbed SECONDS WORKERS: and the module goes, when it is over.
disturbed() {
	local seed=${DISTURB_SEED:-$(date +%s)}
	echo "# seed $seed" >&3
	disturb "$seed" "$1" "$2" /dev/md0 /mnt/good /mnt/other /mnt/junk /mnt/sparse /tmp -- \
		/dev/vdb /dev/vdc /dev/vde
	retry 100 0.2 mdioctl /dev/md0 STOP_ARRAY
	: >>/mnt/good # given back
	wipe vdb vdc vde
}

@test "one worker at a time" {
	members
	disturbed 60 1
}

@test "two at once" {
	members
	disturbed 120 2
}

@test "eight at once, metadata 0.90" {
	members --metadata=0.90
	disturbed 120 8
}
