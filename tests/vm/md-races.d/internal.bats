#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# Stock md with an internal bitmap, judged by its first member: is a bit durable
# before a member is written to?
#
# vm-kernels: 6.1 6.12 newest
# vm-timeout: 600
# vm-disks: vdb=64M vdc=64M
# vm-recorder: 65536 vdb vdb vdc
# vm-recorder-finds: anything

bats_require_minimum_version 1.5.0
load helpers
load arrays
load recorded

setup() { requires root fio mdadm vdb vdc; }

teardown() { end_recorded; }

# le32 DEV BYTE: the number there.
le32() { od -An -tu4 -j"$2" -N4 "/dev/$1" | tr -d ' '; }

@test "stock md with an internal bitmap is written to, and recorded" {
	mdadm --create /dev/md0 --quiet --run --level=1 --raid-devices=2 --metadata=1.2 \
		--assume-clean --bitmap=internal --bitmap-chunk=64K --delay=1 /dev/vdb /dev/vdc
	echo "@recorder data-offset=$(($(data_offset vdb) * 512))" >/dev/ttyS1
	# in sectors, from the superblock
	echo "@recorder store-offset=$((4096 + 512 * $(le32 vdb $((4096 + 96)))))" >/dev/ttyS1
	fio_recorded 20 --size=15M --offset_increment=15M --numjobs=4 --iodepth=1
	fio_recorded 20 --size=60M --iodepth=16 --iodepth_batch=8 --iodepth_batch_complete_min=8
	mdadm --stop /dev/md0
}
