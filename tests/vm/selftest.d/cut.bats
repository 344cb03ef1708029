#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# What a power cut takes and what it leaves.
#
# vm-disks: vdb=32M

load helpers

# bats test_tags=boot:1
@test "runs before the cut" {
	make_bitmap_fs vdb /mnt
	echo synced >/mnt/synced
	sync
}

# bats test_tags=boot:1
@test "cuts" {
	dd if=/dev/urandom of=/mnt/unsynced bs=1M count=4 status=none
	echo lasts >/state/file
	power_cut
}

# bats test_tags=boot:1
@test "would come after the cut" {
	true
}

# bats test_tags=boot:2
@test "what was not synced is gone" {
	mount /dev/vdb /mnt
	grep -x synced /mnt/synced
	[[ ! -s /mnt/unsynced ]]
	grep -x lasts /state/file
}

@test "a test without a tag belongs to boot 1, so comes after the cut too" {
	true
}
