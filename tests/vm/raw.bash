# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# For scenarios that speak the md ioctls themselves: md0, step by step, as no
# tool would.

# md COMMAND [WORD...]: the ioctl; what it says, and never a failure.
md() { mdioctl /dev/md0 "$@" || true; }

# gives EXPECTED COMMAND [WORD...]: the ioctl says so. Options before COMMAND.
gives() {
	local expected=$1 said options=()
	shift
	while [[ $1 == -* ]]; do
		options+=("$1")
		shift
	done
	said=$(mdioctl "${options[@]}" /dev/md0 "$@" || true)
	[[ $said == "$expected" ]] || {
		echo "$*: $said, not $expected"
		return 1
	}
}

# fresh: md0 is there and as empty as can be.
fresh() {
	[[ -b /dev/md0 ]] || mknod /dev/md0 b 9 0
	gives ok STOP_ARRAY
}

# hold: md0 is open, on 8, and so it stays; what was stopped before goes first.
hold() { retry 50 0.1 open_md0 2>/dev/null; }
open_md0() { exec 8</dev/md0; }

# What the first step of an assembly by superblocks is, with metadata 1.2.
by_superblocks() { gives ok SET_ARRAY_INFO 1 2; }

# add DEV: with its superblock.
add() { gives ok ADD_NEW_DISK 0 "/dev/$1"; }

# assemble_raw FILE: md0 runs, with that file.
assemble_raw() {
	fresh
	by_superblocks
	gives ok SET_BITMAP_FILE "$1"
	add vdb
	add vdc
	gives ok RUN_ARRAY
}

bitmap_file() { md GET_BITMAP_FILE; }

state() { cat /sys/block/md0/md/array_state; }
