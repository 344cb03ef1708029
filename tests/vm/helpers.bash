# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What scenarios share. Devices may be named vdb or /dev/vdb. Functions that
# test something return non-zero and print why.

# Let every kernel message be told to the test that caused it.
if [[ ${BATS_TEST_NAME-} && -w /dev/kmsg ]]; then
	echo "test ${BATS_SUITE_TEST_NUMBER-}: $BATS_TEST_NAME" >/dev/kmsg
fi

# driver_is stock|mdbitmap: whose /dev/md* are. Where the two differ on purpose:
# mdbitmap takes files on any filesystem, and block devices; says ETXTBSY for a
# file open elsewhere; copies what a current file's bits say although the
# array was clean; lets bits linger, up to a budget; keeps no internal bitmap.
driver_is() { [[ ${DRIVER:-stock} == "$1" ]]; }

# stock_only WHY: a test of what our driver does otherwise, or not at all.
stock_only() { driver_is stock || skip "with stock md: $*"; }

# The directory of the parameters of that driver.
driver_parameters() {
	if driver_is mdbitmap; then
		echo /sys/module/mdbitmap/parameters
	else
		echo /sys/module/md_mod/parameters
	fi
}

# start_read_only 0|1: whether arrays start so from now on, until written to.
start_read_only() { echo "$1" >"$(driver_parameters)/start_ro"; }

# no_lingering MD: bits are cleared as soon as stock md would.
no_lingering() {
	! driver_is mdbitmap || echo 0 >"/sys/block/$1/md/bitmap/resync_budget"
}

# For init, after the tests: arrays that are left end, and our driver goes.
unload_driver() {
	local node
	umount_tree /mnt
	for node in /sys/block/md*/md/array_state; do
		[[ ! -e $node ]] || echo clear >"$node"
	done
	retry 50 0.1 rmmod mdbitmap
}

# The name below /sys/block of device $1.
name_of() {
	local dev
	dev=$(realpath "/dev/${1#/dev/}")
	case $dev in
	/dev/mapper/*) echo "dm-$((16#$(stat -c %T "$dev")))" ;;
	*) basename "$dev" ;;
	esac
}

# retry N DELAY COMMAND...: run the command until it succeeds, N times at most.
retry() {
	local n=$1 delay=$2
	shift 2
	until "$@"; do
		((--n > 0)) || { echo "still failing: $*" && return 1; }
		sleep "$delay"
	done
}

# requires WORD...: skip the test, and say why, unless all are there. A word
# is root, module:NAME, vdX (a disk of the scenario) or a program.
requires() {
	local word
	for word; do
		case $word in
		root) ((EUID == 0)) ;;
		module:*) modprobe -q "${word#module:}" ;;
		vd[a-z]) [[ -b /dev/$word ]] ;;
		*) type -P "$word" >/dev/null ;;
		esac || skip "needs $word"
	done
}

# stat_sectors DEV read|write: sectors transferred so far.
stat_sectors() {
	local stat
	read -ra stat <"/sys/block/$(name_of "$1")/stat"
	case $2 in
	read) echo "${stat[2]}" ;;
	write) echo "${stat[6]}" ;;
	esac
}

# The status file that tells of array $1.
status_file() {
	case $1 in
	mdb*) echo /proc/mdbstat ;;
	*) echo /proc/mdstat ;;
	esac
}

# True if array $1 neither syncs nor is about to: sync_action alone says idle
# for a moment between "needed" and "running".
is_idle() {
	[[ $(<"/sys/block/$1/md/sync_action") == idle ]] &&
		! awk -v md="$1" '/^md/ { on = $1 == md } on' "$(status_file "$1")" |
		grep -qE '(resync|recovery|reshape|check) *='
}

# wait_idle MD [SECONDS]: wait until a resync or recovery is over.
wait_idle() {
	local md tries=$((${2:-60} * 5)) idle=0
	md=$(name_of "$1")
	while ((idle < 2)); do
		((tries-- > 0)) || { cat "$(status_file "$md")" && return 1; }
		if is_idle "$md"; then
			idle=$((idle + 1))
		else
			idle=0
		fi
		sleep 0.2
	done
}

# wait_whole MD: wait until no member is missing, and nothing syncs. For a moment after one has
# been added nothing says that a recovery is to come.
wait_whole() { retry 600 0.1 is_whole "$1" && wait_idle "$1"; }
is_whole() { [[ $(<"/sys/block/$1/md/degraded") == 0 ]]; }

# all_slowly: 1000 KiB/s are the limits of all arrays, also of those made later, so that no
# sync is over before it has been looked at; until all_as_before.
all_slowly() {
	local dir=/proc/sys/dev/raid min=speed_limit_min max=speed_limit_max
	[[ -e $dir ]] || modprobe -q md-mod || true
	[[ -e $dir ]] || dir=/sys/module/mdbitmap/parameters min=sync_speed_min max=sync_speed_max
	usual_speeds=("$dir/$min $(<$dir/$min)" "$dir/$max $(<$dir/$max)")
	echo 1000 | tee $dir/$min >$dir/$max
}
all_as_before() {
	local usual
	for usual in "${usual_speeds[@]}"; do
		echo "${usual#* }" >"${usual% *}"
	done
	usual_speeds=()
}
usual_speeds=()

# data_offset DEV: the sector where a member's data begins; 0 without metadata.
data_offset() {
	mdadm --examine "/dev/$(name_of "$1")" 2>/dev/null |
		awk '/Data Offset/ { offset = $4 } END { print offset + 0 }'
}

# members_identical DEV1 DEV2 OFFSET [LENGTH]: both hold the same from sector
# OFFSET on, for LENGTH sectors or to the end of the smaller one.
members_identical() {
	local a b sectors=${4-}
	a=/dev/$(name_of "$1") b=/dev/$(name_of "$2")
	if [[ ! $sectors ]]; then
		sectors=$(printf '%s\n' "$(blockdev --getsz "$a")" "$(blockdev --getsz "$b")" |
			sort -n | head -n 1)
		sectors=$((sectors - $3))
	fi
	blockdev --flushbufs "$a" "$b" # what md wrote went past this cache
	cmp --ignore-initial=$(($3 * 512)) --bytes=$((sectors * 512)) "$a" "$b"
}

# power_cut: the test has passed, and the machine loses its power now. Must be
# the last act of the last test of its boot. What is in the page cache is lost;
# what the disks took, flushed or not, is kept.
power_cut() {
	passed_and cut
	sleep infinity
}

# reboot_machine: the same, with an orderly reboot that leaves arrays running.
reboot_machine() {
	passed_and reboot
	/busybox reboot -n -f # without a sync, which could hang
	sleep infinity
}

passed_and() {
	local before=$((BATS_SUITE_TEST_NUMBER - 1))
	# the results before this one first: bats passes them on in its own time
	while (($(grep -cE '^(not )?ok ' /run/tap) < before)); do
		sleep 0.02
	done
	echo "@$1 $BATS_SUITE_TEST_NUMBER" >/dev/ttyS1
}

# wipe DEV...: zero the whole device.
wipe() {
	local dev said
	for dev; do
		said=$(blkdiscard --force --zeroout "/dev/$(name_of "$dev")" 2>&1) ||
			{ echo "$said" && return 1; }
	done
}

# No thread of the kernel writes inode tables later, when a test looks at the disk.
mkfs.ext4() { command mkfs.ext4 -E lazy_itable_init=0 "$@"; }

# umount_tree DIR: unmount what is mounted at and below DIR.
umount_tree() {
	local dir
	findmnt -rno TARGET | grep -E "^$1(/|\$)" | tac | while read -r dir; do
		umount "$dir"
	done
}

# stop_all: end what the test left: mounts below /mnt, arrays, mappings, loop
# devices; zero the scenario's disks. Not for scenarios of several boots.
stop_all() {
	local node name
	umount_tree /mnt
	for node in /sys/block/md*; do
		[[ -e $node/md ]] || continue
		case ${node##*/} in
		mdb*) retry 10 0.2 mdbitmap --quiet --stop "/dev/${node##*/}" ;;
		*) retry 10 0.2 mdadm --quiet --stop "/dev/${node##*/}" ;;
		esac
	done
	[[ ! -e /sys/module/dm_mod ]] || dmsetup remove_all --force
	[[ ! -e /sys/module/loop ]] || losetup -D
	for node in /sys/block/vd*; do
		name=${node##*/}
		[[ $(<"$node/serial") != "$name" ]] || wipe "$name"
	done
}

# make_bitmap_fs [ext4|xfs|btrfs|tmpfs|overlay] DEV DIR: make a file system on
# DEV and mount it at DIR. tmpfs leaves DEV alone; overlay lies on an ext4.
make_bitmap_fs() {
	local type=ext4 dev
	(($# == 2)) || { type=$1 && shift; }
	dev=/dev/$(name_of "$1")
	mkdir -p "$2"
	case $type in
	ext4) mkfs.ext4 -q -F "$dev" ;;
	xfs) mkfs.xfs -q -f "$dev" ;;
	btrfs) mkfs.btrfs -q -f "$dev" ;;
	tmpfs) mount -t tmpfs tmpfs "$2" && return ;;
	overlay)
		make_bitmap_fs ext4 "$1" "$2" # and the overlay on top of it
		mkdir "$2"/{lower,upper,work}
		mount -t overlay overlay "$2" \
			-o "lowerdir=$2/lower,upperdir=$2/upper,workdir=$2/work"
		return
		;;
	*) echo "no such type: $type" && return 1 ;;
	esac
	mount -t "$type" "$dev" "$2"
}
