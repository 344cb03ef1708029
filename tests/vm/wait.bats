#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# --wait: progress without and with a terminal, and an exit status that tells
# what became of the array.
#
# vm-kernels: 6.1
# vm-mdbitmap: newest (6.1 6.12)
# vm-timeout: 600
# vm-disks: vdb=48M vdc=48M vdd=48M

bats_require_minimum_version 1.5.0
load helpers

md=/sys/block/md0/md

setup() { requires root mdadm vdb vdc vdd; }

teardown() {
	all_as_before
	stop_all
}

make_array() {
	mdadm --create /dev/md0 --run --level=1 --raid-devices=2 --metadata=1.2 \
		--bitmap=none "$@"
}

in_sync() { make_array --assume-clean /dev/vdb /dev/vdc && wait_idle md0; }

# Let the check or recovery to come take $1 seconds or so.
slowly() {
	local kib
	kib=$(($(<$md/component_size) / $1))
	echo $kib >$md/sync_speed_max
	echo $((kib < 1000 ? kib : 1000)) >$md/sync_speed_min
}

full_speed() {
	all_as_before
	echo system >$md/sync_speed_max
	echo 200000 >$md/sync_speed_min
}

runs() { [[ $(<$md/sync_completed) == [0-9]* ]]; }
polls() { grep -q poll "/proc/$1/wchan"; } # having looked, and told, once
tells() { (($(wc -l </tmp/out) >= $1)); }

# waited LINES [OPTION...]: --wait for md0, at full speed as soon as it has looked, and
# told so many lines; output, lines and status as with run.
waited() {
	retry 100 0.1 runs
	mdbitmap --wait "${@:2}" /dev/md0 >/tmp/out 3>&- &
	local pid=$!
	retry 100 0.1 polls $pid
	retry 200 0.1 tells "$1"
	full_speed
	status=0
	wait $pid || status=$?
	cat /tmp/out
	output=$(</tmp/out)
	mapfile -t lines </tmp/out
}

starts() { [[ $(<$md/sync_action) == "$1" && $(<$md/sync_completed) == [0-9]* ]]; }

has_progressed() { (($(cut -d ' ' -f 1 $md/sync_completed) > 0)); }

@test "an array in sync is not waited for" {
	in_sync
	run -0 mdbitmap --wait /dev/md0
	[[ $output == "/dev/md0: in sync, nothing to wait for" ]]
}

@test "without a terminal a resync shows as plain lines, one for each tenth at most" {
	all_slowly
	make_array /dev/vdb /dev/vdc
	waited 2
	((status == 0 && ${#lines[@]} >= 3 && ${#lines[@]} <= 12))
	[[ ${lines[0]} == "/dev/md0: resync "*" %, "*" MiB"* ]]
	[[ ${lines[-1]} == "/dev/md0: resync done, in sync" ]]
	[[ $output != *$'\r'* && $output != *$'\e'* ]]
	[[ $(<$md/resync_start) == none ]]
}

@test "a recovery is waited for until the member is in sync" {
	in_sync
	mdbitmap --fail /dev/md0 /dev/vdc
	all_slowly
	mdbitmap --add /dev/md0 /dev/vdd
	waited 1
	[[ $status == 0 && ${lines[-1]} == *"recovery done, in sync" ]]
	[[ $(<$md/dev-vdd/state) == *in_sync* ]]
}

@test "an array that stays degraded ends with status 3" {
	in_sync
	mdbitmap --fail /dev/md0 /dev/vdc
	run -3 mdbitmap --wait /dev/md0
	[[ $output == *"degraded: 1 of its members is missing" ]]
}

@test "a recovery whose target fails ends with status 3" {
	in_sync
	mdbitmap --fail /dev/md0 /dev/vdc
	slowly 100
	mdbitmap --add /dev/md0 /dev/vdd
	retry 100 0.1 starts recover
	mdbitmap --wait /dev/md0 >/tmp/out 3>&- &
	local pid=$! status=0
	retry 100 0.1 grep -q recovery /tmp/out
	mdbitmap --fail /dev/md0 /dev/vdd
	wait $pid || status=$?
	((status == 3))
	tail -n 1 /tmp/out | grep -q degraded
}

@test "a check that was interrupted ends with status 3" {
	in_sync
	slowly 100
	echo check >$md/sync_action
	mdbitmap --wait /dev/md0 >/tmp/out 3>&- &
	local pid=$! status=0
	retry 200 0.1 grep -q check /tmp/out
	retry 200 0.1 has_progressed
	echo idle >$md/sync_action
	wait $pid || status=$?
	((status == 3))
	grep -q 'check was interrupted' /tmp/out
}

@test "a check that finds differences ends with status 3, one that does not with 0" {
	in_sync
	slowly 100
	echo check >$md/sync_action
	waited 1
	[[ $status == 0 && ${lines[-1]} == *"check done, in sync" ]]
	dd if=/dev/urandom of=/dev/vdc bs=4096 count=1 oflag=direct status=none \
		seek=$(($(data_offset vdc) / 8 + 100))
	slowly 100
	echo check >$md/sync_action
	waited 1
	[[ $status == 3 && ${lines[-1]} == *"sectors differ"* ]]
}

@test "an array that is stopped meanwhile ends with status 4" {
	in_sync
	slowly 100
	echo check >$md/sync_action
	mdbitmap --wait /dev/md0 >/tmp/out 2>&1 3>&- &
	local pid=$! status=0
	retry 100 0.1 grep -q check /tmp/out
	mdbitmap --stop /dev/md0 # nor does the waiting keep it from being stopped
	wait $pid || status=$?
	((status == 4))
	grep -q stopped /tmp/out
}

@test "what is no array ends with status 4" {
	run -4 mdbitmap --wait /dev/md77
	run -4 mdbitmap --wait /dev/vdb
}

@test "a resync that is pending says so, and is waited for" {
	all_slowly
	make_array /dev/vdb /dev/vdc
	mdadm --stop /dev/md0
	start_read_only 1
	mdadm --assemble /dev/md0 /dev/vdb /dev/vdc
	start_read_only 0
	mdbitmap --wait /dev/md0 >/tmp/out 3>&- &
	local pid=$!
	retry 100 0.1 grep -q 'resync is pending' /tmp/out
	full_speed
	mdadm --readwrite /dev/md0
	wait $pid
	grep -q 'resync done' /tmp/out
}

@test "a resync that is delayed by another array says so, and is waited for" {
	local disk
	for disk in vdb vdc; do
		printf '%s\n' o n p 1 '' +20M n p 2 '' '' w | fdisk /dev/$disk >/dev/null
	done
	all_slowly
	make_array /dev/vdb1 /dev/vdc1
	mdadm --create /dev/md1 --run --level=1 --raid-devices=2 --metadata=1.2 \
		--bitmap=none /dev/vdb2 /dev/vdc2
	mdbitmap --wait /dev/md1 >/tmp/out 3>&- &
	local pid=$!
	retry 100 0.1 grep -q 'resync is delayed' /tmp/out
	full_speed
	wait $pid
	grep -q 'resync done' /tmp/out
	mdbitmap --stop /dev/md1
}

@test "SIGINT ends the waiting with status 1, and the resync goes on" {
	in_sync
	slowly 100
	echo check >$md/sync_action
	set -m # without job control SIGINT is ignored in the background
	mdbitmap --wait /dev/md0 >/tmp/out 2>&1 3>&- &
	set +m
	local pid=$! status=0
	retry 100 0.1 grep -q check /tmp/out
	kill -INT $pid
	wait $pid || status=$?
	((status == 1))
	grep -q 'goes on' /tmp/out
	[[ $(<$md/sync_action) == check ]]
}

@test "--json prints one object at the end and nothing else" {
	all_slowly
	make_array /dev/vdb /dev/vdc
	waited 0 --json
	[[ $status == 0 && $(jq -c '[.mode, .array, .outcome, .waited_for, .in_sync]' <<<"$output") == '["wait","/dev/md0","done","resync",true]' ]]
}

@test "--quiet prints the outcome alone" {
	all_slowly
	make_array /dev/vdb /dev/vdc
	waited 0 --quiet
	[[ $status == 0 && $output == "/dev/md0: resync done, in sync" ]]
}

# waited_on_terminal COLUMNS FRAMES: as waited, on a terminal of that width, one line for
# each frame, in /tmp/out
waited_on_terminal() {
	mkdir -p /dev/pts
	mountpoint -q /dev/pts || mount -t devpts devpts /dev/pts
	rm -f /tmp/typescript
	retry 100 0.1 runs
	script -qefc "stty cols $1; TERM=xterm mdbitmap --wait --color=never /dev/md0" \
		/tmp/typescript </dev/null >/dev/null 3>&- &
	local pid=$!
	retry 200 0.1 has_frames "$2"
	full_speed
	wait $pid
	frames >/tmp/out
	cat /tmp/out
}

frames() { tr '\r' '\n' </tmp/typescript | sed 's/ *$//'; }
has_frames() { (($(frames | grep -c '^md0 resync') >= $1)); }

# The longest line of what comes in.
longest() { awk '{ if (length > n) n = length } END { print n }'; }

@test "on a terminal a bar is redrawn in place, no wider than the terminal" {
	requires script
	all_slowly
	make_array /dev/vdb /dev/vdc
	waited_on_terminal 80 4
	grep -qE '^md0 resync +[0-9.]+% \[=*>? *\] .* MiB / .* MiB' /tmp/out
	(($(grep -c '^md0 resync' /tmp/out) >= 4))
	(($(grep '^md0 resync' /tmp/out | longest) <= 79))
	grep -qx '/dev/md0: resync done, in sync' /tmp/out
}

@test "a terminal too narrow for the bar shows the percentage" {
	requires script
	all_slowly
	make_array /dev/vdb /dev/vdc
	waited_on_terminal 24 1
	grep -qE '^md0 resync +[0-9.]+%' /tmp/out
	(($(grep '^md0' /tmp/out | longest) <= 23))
}
