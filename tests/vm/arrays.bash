# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# For scenarios that start arrays: md0, a mirror of vdb and vdc, its bitmap
# with chunks of 64 KiB in a file on vdd.

chunk=128 # sectors

# make_mirror [MDADM OPTION...]: a mirror made by mdadm, clean and stopped.
make_mirror() {
	mdadm --create /dev/md0 --quiet --run --level=1 --raid-devices=2 --assume-clean \
		"$@" /dev/vdb /dev/vdc
	mdadm --quiet --stop /dev/md0
}

# write_chunk N DEV [OFFSET]: random data into chunk N of an array, or of a
# member whose data begin at sector OFFSET.
write_chunk() {
	dd if=/dev/urandom of="$2" bs=512 count="$chunk" seek=$((${3:-0} + $1 * chunk)) \
		iflag=fullblock oflag=direct conv=notrunc status=none
}

# tear CHUNK DEV: let a member differ from the others there, behind md's back.
tear() { write_chunk "$1" "/dev/$2" "$(data_offset "$2")"; }

# dirty_chunks FILE: "3..4 100..102", all dirty ranges in one line.
dirty_chunks() {
	local ranges
	ranges=$(mdbitmap --ranges "$1" --unit=chunks) || return
	echo "${ranges//$'\n'/ }"
}

# dirty_sectors FILE: of all dirty ranges together.
dirty_sectors() {
	mdbitmap --ranges "$1" --unit=sectors |
		awk -F '[.]+' '{ sum += $2 - $1 } END { print sum + 0 }'
}

# no_bit_in FILE: true if none is set.
no_bit_in() { [[ ! $(dirty_chunks "$1") ]]; }

# Nothing but what is asked for is read from members from now on.
no_readahead() {
	local dev
	for dev; do
		echo 0 >"/sys/block/$dev/queue/read_ahead_kb"
	done
}

# checkpoint DEV: the sector up to which a resync had come, by a superblock 1.2,
# of which mdadm tells nothing.
checkpoint() {
	blockdev --flushbufs "/dev/$1"
	od -An -tu8 -j $((4096 + 208)) -N 8 "/dev/$1" | tr -d ' '
}

# count_start DEV... and, later, count_end DEV read|write: sectors in between.
count_start() {
	local dev
	for dev; do
		printf -v "count_${dev}_read" %s "$(stat_sectors "$dev" read)"
		printf -v "count_${dev}_write" %s "$(stat_sectors "$dev" write)"
	done
}
count_end() {
	local name=count_$1_$2
	echo $(($(stat_sectors "$1" "$2") - ${!name}))
}

# looks DEV COMMAND...: count what the command, a dry run, reads from DEV to
# decide; copied leaves that out.
looks() {
	local before
	before=$(stat_sectors "$1" read)
	"${@:2}"
	looking=$(($(stat_sectors "$1" read) - before))
}

# copied SECTORS FROM TO: since count_start so much, and less than one chunk
# more (superblocks), was read from one member and written to the other.
copied() {
	local read write
	read=$(($(count_end "$2" read) - ${looking:-0})) write=$(count_end "$3" write)
	echo "$1 sectors dirty; $read read from $2, $write written to $3"
	((read >= $1 && read < $1 + chunk && write >= $1 && write < $1 + chunk))
}

# left_nothing: no array, half assembled or whole, no node, no file in use.
left_nothing() {
	! grep '^md' /proc/mdstat || return 1
	local left where=(/sys/block /dev)
	# a node that mdadm made itself, because it looks for another module, stays
	! driver_is mdbitmap || where=(/sys/block)
	left=$(find "${where[@]}" -maxdepth 1 -name 'md*')
	[[ ! $left || $left == /dev/md && ! $(ls /dev/md) ]] ||
		{ echo "left behind: $left" && return 1; }
}

# All that a refusal must leave as it was: members, the bitmap's filesystem,
# arrays and their objects, nodes.
everything() {
	local nodes='md'
	! driver_is mdbitmap || nodes='md*' # see left_nothing
	blockdev --flushbufs /dev/vdb /dev/vdc
	find /dev/vdb /dev/vdc /mnt ! -type d ! -type l -exec md5sum {} +
	find /mnt -exec stat -c '%n %a %s %u' {} +
	grep '^md' /proc/mdstat || true
	find /sys/block -maxdepth 1 -name '[a-z]*'
	find /dev -maxdepth 1 -name '[a-z]*' ! -name "$nodes"
	ls /dev/md 2>/dev/null || true
}

# refused CODE TEXT ARGUMENT...: mdbitmap fails so, with TEXT in one line, and
# nothing is changed, nothing left behind.
refused() {
	local code=$1 text=$2 before
	shift 2
	before=$(everything)
	run -"$code" --separate-stderr mdbitmap "$@"
	# shellcheck disable=SC2154 # bats sets stderr
	echo "$stderr"
	[[ ! $output && $(wc -l <<<"$stderr") == 1 && $stderr == *"$text"* ]]
	diff <(echo "$before") <(everything)
}

# For teardown: arrays keep the filesystem of their bitmap busy, so they go
# first; then all the rest.
end_all() {
	mdadm --quiet --stop --scan || true
	stop_all
}
