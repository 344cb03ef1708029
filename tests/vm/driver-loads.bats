#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# vm-kernels: 6.1 6.12 newest

load helpers

setup() {
	requires root modprobe
}

@test "the module loads, shows its version, and is gone after rmmod" {
	modprobe mdbitmap
	[[ -d /sys/module/mdbitmap ]]
	[[ $(</sys/module/mdbitmap/version) == "$(modinfo -F version mdbitmap)" ]]
	rmmod mdbitmap
	[[ ! -e /sys/module/mdbitmap ]]
}

@test "what the tests stand on is there: devices that fail, delay and record" {
	for module in dm-flakey dm-delay dm-log-writes scsi_debug nbd null_blk brd loop; do
		modprobe "$module"
	done
	dmsetup targets | grep -w error
}
