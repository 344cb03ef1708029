#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# What nobody should do to it: superblocks that lie in every field, files that
# are too short, ioctls in every wrong order, members that vanish. It says no,
# with an errno and a line in the log, or goes on; and can be unloaded at the end.
#
# vm-mdbitmap: newest (6.1 6.12)
# vm-timeout: 900
# vm-disks: vdb=8M vdc=8M vdd=32M vde=8M
# shellcheck disable=SC2154 # arrays.bash sets chunk

bats_require_minimum_version 1.5.0
load helpers
load arrays
load raw
load faults

setup_file() {
	requires root mdadm vdb vdc vdd vde
	make_bitmap_fs vdd /mnt
	mknod /dev/md0 b 9 0 2>/dev/null || true
}

teardown() {
	mdadm --quiet --stop --scan || true
	[[ ! -e /sys/module/dm_mod ]] || dmsetup remove_all --force
	rm -f /mnt/{bitmap,short,sparse,junk}
	wipe vdb vdc vde
}

teardown_file() { umount /mnt; }

# remember DEV AT: 8 sectors; restore puts them back.
remember() { dd if="/dev/$1" of="/run/kept-$1" bs=4096 skip=$(($2 / 4096)) count=1 iflag=direct status=none; }
restore() { dd if="/run/kept-$1" of="/dev/$1" bs=4096 seek=$(($2 / 4096)) oflag=direct conv=notrunc status=none; }

# try [FILE]: all the steps of an assembly, and a stop; what each said in one line.
try() {
	local steps=(SET_ARRAY_INFO "${format[@]}" +)
	((!$#)) || steps+=(SET_BITMAP_FILE "$1" +)
	mdioctl /dev/md0 STOP_ARRAY + "${steps[@]}" ADD_NEW_DISK 0 /dev/vdb + ADD_NEW_DISK 0 /dev/vdc + \
		RUN_ARRAY + STOP_ARRAY | tr '\n' ' '
}

# What is written to the log since the last call, of md0.
heard() {
	dmesg --read-clear | grep -E '\bmd0: ' || true
}

# Every step is done or refused by an errno that says what is wrong; who
# refuses a superblock says why.
sane() {
	local said=$1 what=$2 log
	# shellcheck disable=SC2254
	case $said in
	*EFAULT* | *ENOTTY* | *ENOMEM* | *EPERM*)
		echo "$what: $said" && return 1
		;;
	*EINVAL* | *EIO* | *ENOSPC* | *ENOTSUP* | *EOPNOTSUPP*)
		log=$(heard)
		[[ $log ]] || { echo "$what: $said, and not a word in the log" && return 1; }
		;;
	esac
	[[ $said == *'ok ' ]] || { echo "$what: not stopped: $said" && return 1; }
}

# Values that a field of so many bytes should not have.
values() {
	case $1 in
	1) echo 0xff ;;
	2) echo 0x7fff 0xff00 ;;
	4) echo 0 0x7fffffff 0xffffffff ;;
	8) echo 0 0x7fffffffffffffff 0xffffffffffffffff ;;
	esac
}

# The fields of a superblock: offset and bytes.
fields_v1="0:4 4:4 8:4 12:4 16:8 24:8 64:8 72:4 76:4 80:8 88:4 92:4 96:4 100:4 104:8 112:4 116:4 120:4
	124:4 128:8 136:8 144:8 152:8 160:4 164:4 168:8 184:1 185:1 186:2 188:4 192:8 200:8 208:8 216:4
	220:4 224:8 232:8 248:8 256:2 258:2 260:2"
fields_v0="0:4 4:4 8:4 12:4 16:4 20:4 24:4 28:4 32:4 36:4 40:4 44:4 48:4 52:4 60:4 128:4 132:4 136:4 140:4
	144:4 148:4 152:4 156:4 160:4 164:4 168:4 172:4 176:8 184:4 188:4 192:4 196:4 256:4 260:4
	512:4 516:4 520:4 524:4 528:4 640:4 656:4 3968:4 3972:4 3980:4 3984:4"
fields_bitmap="0:4 4:4 8:8 16:8 24:8 32:8 40:8 48:4 52:4 56:4 60:4 64:4 68:4 72:8 136:8"

# spoil_each FORMAT FILE AT FIELDS [BITMAP]: each field, each value, tried.
spoil_each() {
	local kind=$1 dev=$2 at=$3 field value said tried=0
	dmesg --clear
	for field in $4; do
		for value in $(values "${field#*:}"); do
			spoil "/dev/$dev" "$at" "$kind" "${field%:*}" "$value" "${field#*:}"
			said=$(try "${@:5}")
			sane "$said" "$dev, field at ${field%:*}, $value"
			tried=$((tried + 1))
		done
		restore "$dev" "$at"
	done
	echo "$tried tried"
	said=$(try "${@:5}") # and it was not for something else
	[[ $said != *E* ]]
}

@test "a member's superblock 1.2 that lies, every field" {
	format=(1 2)
	make_mirror --metadata=1.2
	remember vdc 4096
	spoil_each v1 vdc 4096 "$fields_v1"
}

@test "both members' superblocks 1.2 lie in the same way" {
	local field value said dev
	format=(1 2)
	make_mirror --metadata=1.2
	mdbitmap --quiet --create /mnt/bitmap --for=/dev/vdb --clean
	remember vdb 4096
	remember vdc 4096
	dmesg --clear
	for field in 8:4 72:4 76:4 80:8 88:4 92:4 96:4 128:8 136:8 152:8 160:4 200:8 208:8 220:4; do
		for value in $(values "${field#*:}"); do
			for dev in vdb vdc; do
				spoil /dev/$dev 4096 v1 "${field%:*}" "$value" "${field#*:}"
			done
			said=$(try /mnt/bitmap)
			sane "$said" "field at ${field%:*}, $value"
			restore vdb 4096
			restore vdc 4096
		done
	done
}

@test "a member's superblock 0.90 that lies, every field" {
	format=(0 90)
	make_mirror --metadata=0.90
	local at=$((8 * 1024 * 1024 / 65536 * 65536 - 65536))
	remember vdc $at
	spoil_each v0 vdc $at "$fields_v0"
}

@test "a bitmap's superblock that lies, every field" {
	local field value said
	format=(1 2)
	make_mirror
	mdbitmap --quiet --create /mnt/bitmap --for=/dev/vdb --clean --bitmap-chunk=64
	dd if=/mnt/bitmap of=/tmp/bitmap bs=4k status=none
	dmesg --clear
	for field in $fields_bitmap; do
		for value in $(values "${field#*:}"); do
			spoil /mnt/bitmap 0 bitmap "${field%:*}" "$value" "${field#*:}"
			said=$(try /mnt/bitmap)
			sane "$said" "field at ${field%:*}, $value"
			dd if=/tmp/bitmap of=/mnt/bitmap bs=4k conv=notrunc,fsync status=none
		done
	done
	[[ $(try /mnt/bitmap) != *E* ]]
}

@test "a bitmap file of every wrong length" {
	local size said
	format=(1 2)
	make_mirror
	mdbitmap --quiet --create /mnt/bitmap --for=/dev/vdb --clean --bitmap-chunk=4
	cp /mnt/bitmap /tmp/bitmap
	dmesg --clear
	for size in 0 1 255 256 257 260 400; do
		head -c $size /tmp/bitmap >/mnt/short
		sync /mnt/short
		said=$(try /mnt/short)
		[[ $said == *E* ]] || { echo "$size bytes: $said" && return 1; }
		sane "$said" "$size bytes"
		rm /mnt/short
	done
	truncate -s 64K /mnt/sparse
	[[ $(try /mnt/sparse) == *EINVAL* ]]
}

@test "random bytes for a bitmap, and for a member" {
	local said
	format=(1 2)
	make_mirror
	dmesg --clear
	for _ in 1 2 3 4 5; do
		dd if=/dev/urandom of=/mnt/junk bs=64K count=1 conv=fsync iflag=fullblock status=none
		said=$(try /mnt/junk)
		[[ $said == *EINVAL* ]]
		sane "$said" junk
	done
	dd if=/dev/urandom of=/dev/vdc bs=64K count=1 oflag=direct iflag=fullblock status=none
	[[ $(try) == *EINVAL* ]]
}

@test "ioctls in every order of three, and a stop at the end" {
	local commands=(
		"SET_ARRAY_INFO 1 2" "SET_ARRAY_INFO 0 90 3 0 1 4096 2 2 0 1 0 1" "ADD_NEW_DISK 0 /dev/vdb"
		"ADD_NEW_DISK 0 /dev/vde 0 6" "RUN_ARRAY" "SET_BITMAP_FILE /mnt/bitmap" "SET_BITMAP_FILE -1"
		"SET_DISK_FAULTY /dev/vdb" "HOT_REMOVE_DISK /dev/vdb" "STOP_ARRAY_RO" "RESTART_ARRAY_RW" "STOP_ARRAY")
	local a b c words
	make_mirror
	mdbitmap --quiet --create /mnt/bitmap --for=/dev/vdb --clean
	for a in "${commands[@]}"; do
		for b in "${commands[@]}"; do
			words=()
			for c in "${commands[@]}"; do
				# shellcheck disable=SC2206 # words of commands
				words+=(+ $a + $b + $c + STOP_ARRAY)
			done
			mdioctl /dev/md0 "${words[@]:1}" >/tmp/said || true
			[[ $(awk 'NR % 4 == 0' /tmp/said | uniq -c | tr -s ' ') == ' 12 ok' ]] ||
				{ echo "$a, $b:" && cat /tmp/said && return 1; }
		done
	done
	# and with members and a bitmap it is run first
	for a in "${commands[@]}"; do
		for b in "${commands[@]}"; do
			# shellcheck disable=SC2086
			mdioctl /dev/md0 SET_ARRAY_INFO 1 2 + SET_BITMAP_FILE /mnt/bitmap + ADD_NEW_DISK 0 /dev/vdb + \
				ADD_NEW_DISK 0 /dev/vdc + RUN_ARRAY + $a + $b + STOP_ARRAY >/tmp/said || true
			[[ $(tail -n 1 /tmp/said) == ok ]] || { echo "$a, $b:" && cat /tmp/said && return 1; }
		done
	done
	: >>/mnt/bitmap
}

@test "the same from many programs at once" {
	local n
	make_mirror
	mdbitmap --quiet --create /mnt/bitmap --for=/dev/vdb --clean
	some_of_it() {
		local n commands=("SET_ARRAY_INFO 1 2" "ADD_NEW_DISK 0 /dev/vdb" "ADD_NEW_DISK 0 /dev/vdc" RUN_ARRAY
			"SET_BITMAP_FILE /mnt/bitmap" STOP_ARRAY GET_ARRAY_INFO "GET_DISK_INFO 0" GET_BITMAP_FILE
			"SET_DISK_FAULTY /dev/vdc" "HOT_REMOVE_DISK /dev/vdc" "SET_BITMAP_FILE -1")
		RANDOM=$1
		for ((n = 0; n < 60; n++)); do
			# shellcheck disable=SC2046,SC2086
			mdioctl /dev/md0 ${commands[RANDOM % 12]} + ${commands[RANDOM % 12]} + \
				${commands[RANDOM % 12]} + ${commands[RANDOM % 12]} >/dev/null || true
			cat /sys/block/md0/md/* /sys/block/md0/md/*/* /proc/mdstat >/dev/null 2>&1 || true
		done
	}
	for n in 1 2 3 4; do
		some_of_it $n 3>&- &
	done
	wait
	retry 20 0.1 mdadm --quiet --stop /dev/md0 || [[ ! -e /sys/block/md0/md ]]
	retry 50 0.1 left_nothing
}

@test "an array that many programs make, stop and read at the same time" {
	local n makers=()
	make_and_stop() {
		local n
		for ((n = 0; n < 150; n++)); do
			mdioctl /dev/md0 STOP_ARRAY >/dev/null || true
		done
	}
	rm -f /tmp/enough
	while [[ ! -e /tmp/enough ]]; do
		cat /sys/block/md0/md/* >/dev/null 2>&1 || true
	done 3>&- &
	for n in 1 2 3; do
		make_and_stop 3>&- &
		makers+=($!)
	done
	wait "${makers[@]}"
	touch /tmp/enough
	wait
	retry 50 0.1 left_nothing
}

@test "what is written to sysfs: words and numbers without sense, everywhere" {
	local file word
	make_mirror
	mdbitmap --quiet --create /mnt/bitmap --for=/dev/vdb --clean
	mdbitmap --quiet --assemble /dev/md0 --bitmap=/mnt/bitmap /dev/vdb /dev/vdc
	find /sys/block/md0/md/ -type f -perm -u=w ! -name array_state ! -name new_dev ! -name state >/tmp/files
	while read -r file; do
		for word in '' ' ' -1 99999999999999999999 0x10 '1 2' none nonsense "$(printf 'x%.0s' {1..4000})" 18446744073709551615; do
			{ printf '%s\n' "$word" >"$file"; } 2>/dev/null || true
		done
	done </tmp/files
	for word in '' suspended clean active write-pending active-idle broken 9 "$(printf 'x%.0s' {1..4000})"; do
		{ printf '%s\n' "$word" >/sys/block/md0/md/array_state; } 2>/dev/null || true
	done
	for word in '' nonsense insync -insync writemostly -writemostly re-add remove replacement want_replacement \
		-want_replacement blocked -blocked write_error -write_error failfast -failfast external_bbl; do
		{ printf '%s\n' "$word" >/sys/block/md0/md/dev-vdb/state; } 2>/dev/null || true
	done
	for word in '' 9 9:9 9:9:9 -1:-1 253 9999999:0 8:; do
		{ printf '%s\n' "$word" >/sys/block/md0/md/new_dev; } 2>/dev/null || true
	done
	cat /sys/block/md0/md/array_state
	echo idle >/sys/block/md0/md/sync_action || true
	echo 0 >/sys/block/md0/md/suspend_hi
	echo 0 >/sys/block/md0/md/suspend_lo
	echo max >/sys/block/md0/md/sync_max || true
	retry 50 0.2 mdadm --quiet --stop /dev/md0
	# 9:9 was looked up, and so made, an array itself
	mdioctl /dev/md9 STOP_ARRAY
	retry 50 0.1 left_nothing
}

@test "members that vanish one after the other, to the last, under load" {
	lay a vdb
	lay b vdc
	mdadm --create /dev/md0 --quiet --run --level=1 --raid-devices=2 --assume-clean \
		--bitmap=/mnt/bitmap --bitmap-chunk=64K /dev/mapper/a /dev/mapper/b
	fio --name=writer --filename=/dev/md0 --rw=randrw --bs=4k --direct=1 --ioengine=libaio \
		--iodepth=16 --time_based --runtime=600 --continue_on_error=all >/dev/null 2>&1 3>&- &
	local fio=$!
	retry 100 0.1 is_written
	dmesg --clear
	all_fails a
	retry 100 0.1 grep -F '[2/1] [_U]' /proc/mdstat
	all_fails b
	retry 100 0.1 bash -c '! dd if=/dev/zero of=/dev/md0 bs=4k count=1 oflag=direct status=none'
	kill $fio
	wait $fio || true
	# a line or two says so, not one for each of thousands
	dmesg | grep -E '\bmd0: .*read error'
	(($(dmesg | grep -cE '\bmd0: ') < 100))
	timeout 20 mdadm --quiet --stop /dev/md0
	retry 50 0.1 left_nothing
	is_well a
	is_well b
	: >>/mnt/bitmap # given back
}

is_written() { (($(stat_sectors md0 write) > 1000)); }

@test "a store that vanishes under load: writes go on, the file is stale, and it says so" {
	lay store vde
	mdadm --create /dev/md0 --quiet --run --level=1 --raid-devices=2 --assume-clean /dev/vdb /dev/vdc
	mdbitmap --quiet --create /dev/mapper/store --for=/dev/md0 --clean --bitmap-chunk=64
	mdbitmap --quiet --attach /dev/md0 --bitmap=/dev/mapper/store
	dmesg --clear
	all_fails store
	for n in 1 7 30 60; do
		write_chunk $n /dev/md0
	done
	dmesg | grep -E '\bmd0: .*bitmap'
	[[ $(</sys/block/md0/md/bitmap/store_state) == failed ]]
	mdadm --quiet --stop /dev/md0
	is_well store
	members_identical vdb vdc "$(data_offset vdb)"
	dmesg --clear
	mdbitmap --quiet --assemble /dev/md0 --bitmap=/dev/mapper/store /dev/vdb /dev/vdc
	dmesg | grep 'md0: bitmap file says nothing: 0 of'
}
