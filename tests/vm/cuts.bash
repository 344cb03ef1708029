# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What driver-cuts.bats and md-races.d/cuts.bats have in common: what is recorded
# to cut the power in, and what becomes of it (aftermath.c). The array lives from
# test to test, and nothing is wiped: that would be recorded.
# shellcheck disable=SC2154 # bats sets lines, output, status

# stamp COUNT OPTION...: what stamper writes; its writes are numbered throughout.
stamp() {
	local first
	first=$(cat /tmp/next 2>/dev/null || echo 1)
	echo $((first + $1)) >/tmp/next
	stamper -f "$first" -n "$1" "${@:2}" /dev/md0 /dev/vde
}

assemble() {
	mdbitmap --assemble /dev/md0 --bitmap=/mnt/bitmap /dev/vdb /dev/vdc
	no_lingering md0
}

is_away() { (($(</sys/block/md0/md/degraded))); }

# Everywhere, to a hot set, and with pauses in which bits are cleared.
record_writes() {
	mkfs.ext4 -q -F /dev/vdd
	mount /dev/vdd /mnt
	make_mirror --metadata=1.2 --data-offset=1M --bitmap=none
	mdbitmap --quiet --create /mnt/bitmap --for=/dev/vdb --bitmap-chunk=8K --clean --delay=1
	assemble
	stamp 300 -d 8 -k 16
	stamp 200 -d 8 -k 12 -a 100,64
	stamp 200 -d 8 -k 20 -p 2500
	stamp 150 -d 6 -k 10 -u 50
}

# A member fails in the middle of writes, and is added again.
record_failure() {
	stamp 400 -d 4 -k 10 -m 2 3>&- &
	retry 100 0.1 test -s /tmp/next
	sleep 2 # somewhere in the middle
	mdbitmap --fail /dev/md0 /dev/vdc
	mdbitmap --remove /dev/md0 /dev/vdc
	is_away
	sleep 3
	mdbitmap --re-add /dev/md0 /dev/vdc
	wait $!
	wait_idle md0
	run ! is_away
	stamp 50 -d 4 -k 5 -m 2
	stamp 100 -d 4 -k 10
}

# aftermath PART of PARTS; its last line, which counts, is shown.
after_cuts() {
	local limit
	echo 1 >/sys/kernel/rcu_expedited # half of the time that --stop takes
	for limit in /sys/module/mdbitmap/parameters/sync_speed_{max,min} \
		/proc/sys/dev/raid/speed_limit_{max,min}; do
		[[ ! -e $limit ]] || echo 2000000 >"$limit"
	done
	run aftermath "$1" "$2" /dev/vdf /dev/vdd /dev/vdb /dev/vdc
	echo "$output"
	echo "# ${lines[-1]}" >&3
	return "$status"
}
