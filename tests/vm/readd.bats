#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# --re-add and --add: what is predicted is what md copies, to the sector, and
# the members are identical then; what the bitmap cannot answer for is not
# re-added.
#
# vm-kernels: 6.1
# vm-timeout: 600
# vm-mdbitmap: 6.12 (6.1 newest)
# vm-cpus: 1
# vm-disks: vdb=64M vdc=64M vdd=32M vde=64M vdf=16M

bats_require_minimum_version 1.5.0
load helpers

file=/mnt/bitmap
chunk=65536
action=/sys/block/md0/md/sync_action

setup() {
	requires root mdadm vdb vdc vdd vde vdf
	make_bitmap_fs vdd /mnt
}

teardown() {
	mdadm --quiet --stop /dev/md0 2>/dev/null || true # its file is on /mnt
	stop_all
}

# Array md0 of vdb and vdc, in sync, no bit set; options for mdadm.
make_array() {
	mdadm --create /dev/md0 --run --level=1 --raid-devices=2 \
		--bitmap-chunk=64K --delay=1 --assume-clean "$@" /dev/vdb /dev/vdc
	wait_idle md0
	no_lingering md0
	retry 200 0.1 all_clear
}

all_clear() { grep -q 'bitmap: 0/' /proc/mdstat; }

# write_chunks CHUNK...: random data into each, of the array
write_chunks() {
	local at
	for at; do
		dd if=/dev/urandom of=/dev/md0 bs=$chunk count=1 seek="$at" \
			iflag=fullblock oflag=direct conv=notrunc status=none
	done
}

# ranges FILE or MEMBER: as [[start,end],...], in chunks
ranges() {
	mdbitmap --ranges --json --unit=chunks "$1" |
		jq -c '[.ranges[] | [.start_chunks, .end_chunks]]'
}

# out WORD...: vdc fails; with "remove" it leaves
out() {
	mdbitmap --fail /dev/md0 /dev/vdc
	[[ $* != remove ]] || mdbitmap --remove /dev/md0 /dev/vdc
}

predicted() { mdbitmap --dry-run --json "$@" | jq '.members[0].copy_bytes'; }

# joins COMMAND...: run it while md may not start, then let it; how many
# sectors were read from vdb, the source, afterwards: no superblock is among
# them, only what is copied.
copied=0
joins() {
	local before
	echo frozen >$action
	"$@"
	before=$(stat_sectors vdb read)
	echo idle >$action
	mdbitmap --wait /dev/md0
	copied=$(($(stat_sectors vdb read) - before))
	echo "$copied sectors copied"
}

stop_and_compare() {
	local offset
	mdbitmap --stop /dev/md0
	offset=$(data_offset vdb)
	members_identical vdb "${1:-vdc}" "$offset" "${2:-$((40 * 2048))}"
}

# re_add_copies_as_predicted BITMAP: vdc is out; chunks 3, 10, 11 and 200 are
# written
re_add_copies_as_predicted() {
	local bytes
	write_chunks 3 10 11 200
	[[ $(ranges "$1") == '[[3,4],[10,12],[200,201]]' ]]
	run -0 mdbitmap --re-add --dry-run /dev/md0 /dev/vdc
	[[ $output == *"would copy 4 chunks, 256 KiB"* ]]
	bytes=$(predicted --re-add /dev/md0 /dev/vdc)
	((bytes == 4 * chunk))
	joins mdbitmap --re-add /dev/md0 /dev/vdc
	((copied * 512 == bytes))
	stop_and_compare
}

@test "a removed member is re-added: exactly the chunks written meanwhile are copied" {
	make_array --metadata=1.2 --bitmap=$file
	out remove
	re_add_copies_as_predicted $file
}

@test "a member that failed and is still attached is re-added in the same way" {
	make_array --metadata=1.2 --bitmap=$file
	out
	re_add_copies_as_predicted $file
}

@test "the same with an internal bitmap" {
	stock_only "internal bitmaps are not kept"
	make_array --metadata=1.2 --bitmap=internal
	out remove
	re_add_copies_as_predicted /dev/vdb
}

@test "the same with metadata 1.0" {
	make_array --metadata=1.0 --bitmap=$file
	out remove
	re_add_copies_as_predicted $file
}

@test "the same with metadata 1.1" {
	make_array --metadata=1.1 --bitmap=$file
	out remove
	re_add_copies_as_predicted $file
}

@test "the same with metadata 0.90" {
	make_array --metadata=0.90 --bitmap=$file
	out remove
	re_add_copies_as_predicted $file
}

@test "--add of a former member copies no more than --re-add" {
	make_array --metadata=1.2 --bitmap=$file
	out remove
	write_chunks 5 6
	((($(predicted --add /dev/md0 /dev/vdc)) == 2 * chunk))
	joins mdbitmap --add /dev/md0 /dev/vdc
	((copied * 512 == 2 * chunk))
	stop_and_compare
}

@test "a member that missed nothing is re-added without a copy" {
	make_array --metadata=1.2 --bitmap=$file
	out remove
	run -0 mdbitmap --re-add --dry-run /dev/md0 /dev/vdc
	[[ $output == *"would copy nothing"* ]]
	joins mdbitmap --re-add /dev/md0 /dev/vdc
	((copied == 0))
}

@test "a member older than the bits that were cleared is refused, and why is said" {
	make_array --metadata=1.2 --bitmap=$file
	out remove
	write_chunks 5
	mdbitmap --add /dev/md0 /dev/vde
	mdbitmap --wait /dev/md0
	write_chunks 6
	retry 300 0.1 all_clear # and with them what vdc lacks
	mdbitmap --fail /dev/md0 /dev/vde
	mdbitmap --remove /dev/md0 /dev/vde

	run -6 mdbitmap --re-add --dry-run /dev/md0 /dev/vdc
	[[ $output == *"rebuilt in full"*"left at events"* ]]
	[[ $(mdbitmap --re-add --dry-run --json /dev/md0 /dev/vdc 2>/dev/null |
		jq '.members[0].full') == true ]]
	run -6 mdbitmap --re-add /dev/md0 /dev/vdc
	[[ $output == *--add* ]]
	joins mdbitmap --add /dev/md0 /dev/vdc
	((copied == 2 * $(</sys/block/md0/md/component_size)))
	stop_and_compare
}

@test "a failed member still attached is refused too, when its bits were cleared" {
	make_array --metadata=1.2 --bitmap=$file
	out
	write_chunks 5
	mdbitmap --add /dev/md0 /dev/vde
	mdbitmap --wait /dev/md0
	write_chunks 6
	retry 300 0.1 all_clear
	mdbitmap --fail /dev/md0 /dev/vde
	run -6 mdbitmap --re-add /dev/md0 /dev/vdc
	grep -q faulty /sys/block/md0/md/dev-vdc/state
}

@test "a member that went on alone is refused, and overwritten only with --yes" {
	make_array --metadata=1.2 --bitmap=$file
	mdbitmap --stop /dev/md0
	mdadm --assemble /dev/md0 --run --bitmap=$file /dev/vdb
	write_chunks 1
	mdadm --stop /dev/md0
	mdadm --assemble /dev/md1 --run /dev/vdc
	dd if=/dev/urandom of=/dev/md1 bs=64K count=1 seek=2 oflag=direct status=none
	mdadm --stop /dev/md1
	mdadm --assemble /dev/md0 --run --bitmap=$file /dev/vdb
	run -6 mdbitmap --re-add /dev/md0 /dev/vdc
	[[ $output == *"went on without"*--add* ]]
	run -1 mdbitmap --add /dev/md0 /dev/vdc </dev/null
	[[ $output == *"writes that no other member"*--yes* ]]
	mdbitmap --add --yes /dev/md0 /dev/vdc
	mdbitmap --wait /dev/md0
	stop_and_compare
}

@test "--add of a blank device rebuilds it in full" {
	make_array --metadata=1.2 --bitmap=$file
	out remove
	write_chunks 5
	((($(predicted --add /dev/md0 /dev/vde)) == 1024 * $(</sys/block/md0/md/component_size)))
	joins mdbitmap --add /dev/md0 /dev/vde
	((copied == 2 * $(</sys/block/md0/md/component_size)))
	mdadm --examine /dev/vde | grep -q 'Device Role : Active device 1'
	stop_and_compare vde
}

@test "the same with metadata 0.90, 1.0 and 1.1" {
	local format
	for format in 0.90 1.0 1.1; do
		make_array --metadata=$format --bitmap=$file
		out remove
		joins mdbitmap --add /dev/md0 /dev/vde
		((copied == 2 * $(</sys/block/md0/md/component_size)))
		stop_and_compare vde
		rm $file
		wipe vdb vdc vde
	done
}

@test "an array whose new member came from --add is assembled by mdadm, in sync" {
	stock_only "internal bitmaps are not kept"
	make_array --metadata=1.2 --bitmap=internal
	out remove
	mdbitmap --add /dev/md0 /dev/vde
	mdbitmap --wait /dev/md0
	write_chunks 9
	mdbitmap --stop /dev/md0
	mdadm --assemble /dev/md0 /dev/vdb /dev/vde
	[[ $(</sys/block/md0/md/degraded) == 0 ]]
	wait_idle md0
	stop_and_compare vde
}

@test "added to a complete array, a device waits as a spare" {
	make_array --metadata=1.2 --bitmap=$file
	run -0 mdbitmap --add --dry-run /dev/md0 /dev/vde
	[[ $output == *spare* ]]
	mdbitmap --add /dev/md0 /dev/vde
	[[ $(</sys/block/md0/md/dev-vde/state) == spare ]]
	mdbitmap --fail /dev/md0 /dev/vdc
	mdbitmap --wait /dev/md0
	stop_and_compare vde
}

@test "a complete array takes no former member back" {
	make_array --metadata=1.2 --bitmap=$file
	out remove
	mdbitmap --add /dev/md0 /dev/vde
	mdbitmap --wait /dev/md0
	run -5 mdbitmap --re-add /dev/md0 /dev/vdc
	[[ $output == *spare* ]]
}

@test "an old superblock of other metadata does not survive --add" {
	make_array --metadata=1.2 --bitmap=$file
	out remove
	mdadm --create /dev/md1 --run --level=1 --raid-devices=2 --metadata=1.0 \
		--assume-clean /dev/vde missing
	mdadm --stop /dev/md1
	run -1 mdbitmap --add /dev/md0 /dev/vde </dev/null
	mdbitmap --add --yes /dev/md0 /dev/vde
	mdbitmap --wait /dev/md0
	mdbitmap --stop /dev/md0
	[[ $(mdadm --examine /dev/vde) == *"Version : 1.2"* ]]
	[[ $(mdadm --examine /dev/vde) != *"Version : 1.0"* ]]
}

@test "what is on a device is not overwritten without --yes" {
	make_array --metadata=1.2 --bitmap=$file
	out remove
	mkfs.ext4 -q -F /dev/vde
	sha256sum /dev/vde >/tmp/before
	run -1 mdbitmap --add /dev/md0 /dev/vde </dev/null
	[[ $output == *ext4*--yes* ]]
	blockdev --flushbufs /dev/vde
	sha256sum -c /tmp/before
	mdbitmap --add --yes /dev/md0 /dev/vde
}

@test "a device too small, in use, or a member already is refused unchanged" {
	make_array --metadata=1.2 --bitmap=$file
	out remove
	sha256sum /dev/vdf >/tmp/before
	run -1 mdbitmap --add /dev/md0 /dev/vdf
	[[ $output == *"too small"* ]]
	blockdev --flushbufs /dev/vdf
	sha256sum -c /tmp/before
	run -5 mdbitmap --add /dev/md0 /dev/vdd
	[[ $output == *"mounted at /mnt"* ]]
	run -5 mdbitmap --add /dev/md0 /dev/vdb
	[[ $output == *already* ]]
	run -4 mdbitmap --add /dev/md0 /dev/null
}

@test "a blank device, or one of another array, is not re-added" {
	make_array --metadata=1.2 --bitmap=$file
	out remove
	run -4 mdbitmap --re-add /dev/md0 /dev/vde
	[[ $output == *--add* ]]
	mdadm --create /dev/md1 --run --level=1 --raid-devices=2 --assume-clean /dev/vde missing
	mdadm --stop /dev/md1
	run -6 mdbitmap --re-add /dev/md0 /dev/vde
	[[ $output == *"another array"* ]]
}

@test "without a bitmap nothing that missed a write is re-added" {
	make_array --metadata=1.2 --bitmap=$file
	mdbitmap --detach /dev/md0
	out
	write_chunks 5
	run -6 mdbitmap --re-add /dev/md0 /dev/vdc
	[[ $output == *"no bitmap"* ]]
	mdbitmap --remove /dev/md0 /dev/vdc
	run -6 mdbitmap --re-add /dev/md0 /dev/vdc
	mdbitmap --add /dev/md0 /dev/vdc
	mdbitmap --wait /dev/md0
	stop_and_compare
}

@test "an array without metadata: re-added by the bitmap, refused without one" {
	mdbitmap --create $file --size=64M --bitmap-chunk=64K --clean \
		--uuid=00000000:00000000:00000000:00000000
	mdadm --build /dev/md0 --run --level=1 --raid-devices=2 --assume-clean \
		--bitmap=$file /dev/vdb /dev/vdc
	out remove
	write_chunks 7 8
	joins mdbitmap --re-add /dev/md0 /dev/vdc
	((copied * 512 == 2 * chunk))
	members_identical vdb vdc 0

	mdbitmap --detach /dev/md0
	out remove
	write_chunks 9
	run -6 mdbitmap --re-add /dev/md0 /dev/vdc
	joins mdbitmap --add /dev/md0 /dev/vdc
	((copied == 2 * $(</sys/block/md0/md/component_size)))
	members_identical vdb vdc 0
}

@test "--write-mostly marks those that follow it" {
	make_array --metadata=1.2 --bitmap=$file
	out remove
	mdbitmap --re-add /dev/md0 --write-mostly /dev/vdc
	mdbitmap --wait /dev/md0
	[[ $(</sys/block/md0/md/dev-vdc/state) == *write_mostly* ]]
	mdbitmap --add /dev/md0 --write-mostly /dev/vde
	[[ $(</sys/block/md0/md/dev-vde/state) == *write_mostly* ]]
}

@test "--dry-run of --add writes nothing and adds nothing" {
	make_array --metadata=1.2 --bitmap=$file
	out remove
	sha256sum /dev/vde >/tmp/before
	run -0 mdbitmap --add --dry-run /dev/md0 /dev/vde
	blockdev --flushbufs /dev/vde
	sha256sum -c /tmp/before
	[[ ! -e /sys/block/md0/md/dev-vde ]]
}
