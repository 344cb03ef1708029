#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# What driver-cuts.bats asks of our driver, asked of stock md with a bitmap file:
# power cuts in the recording of writes and of a stop, and what they leave. Here
# it is counted, see docs/MD-RACES.md.
#
# vm-kernels: 6.1
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

@test "recorded: the array is stopped and started" {
	mdbitmap --stop /dev/md0
	assemble
	stamp 100 -d 8 -k 10
	mdbitmap --stop /dev/md0
	umount /mnt
}

# bats test_tags=boot:2
@test "the power cuts: what they lose is counted" {
	local status=0
	modprobe md-mod # for its parameters
	after_cuts 1 1 || status=$?
	((status < 2))
}
