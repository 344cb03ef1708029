#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# Our attributes and status file beside those of stock md, in the same kernel
# and in the same state: the same names, modes and words. Stock md is /dev/md0
# on vdb and vdc, ours is /dev/mdb0 on vde and vdf.
#
# vm-kernels: newest (6.1 6.12)
# vm-timeout: 1200
# vm-disks: vdb=16M vdc=16M vdd=32M vde=16M vdf=16M

bats_require_minimum_version 1.5.0
load helpers
load arrays

setup() {
	requires root mdadm vdb vdc vdd vde vdf
	modprobe mdbitmap
	modprobe raid1
	make_bitmap_fs vdd /mnt
}

teardown() {
	[[ ! -e /sys/block/mdb0/md ]] || mdbitmap --quiet --stop /dev/mdb0 || true # before /mnt goes
	end_all
	modprobe -r mdbitmap
}

# create FORMAT: two mirrors alike, both stopped, their names aside.
create() {
	mdadm --create /dev/md0 --quiet --run --level=1 --raid-devices=2 --assume-clean \
		--metadata="$1" /dev/vdb /dev/vdc
	mdadm --quiet --stop /dev/md0
	mdadm --create /dev/md0 --quiet --run --level=1 --raid-devices=2 --assume-clean \
		--metadata="$1" /dev/vde /dev/vdf
	mdadm --quiet --stop /dev/md0
}

# assemble [OPTION...]: both, step by step, with no bitmap.
assemble() {
	local md a b
	for md in md0:vdb:vdc mdb0:vde:vdf; do
		IFS=: read -r md a b <<<"$md"
		[[ -e /sys/block/$md ]] || echo "$md" >"/sys/module/$(module_of "$md")/parameters/new_array"
		mdioctl "/dev/$md" SET_ARRAY_INFO "$@" + ADD_NEW_DISK 0 "/dev/$a" + ADD_NEW_DISK 0 "/dev/$b" + \
			RUN_ARRAY + GET_ARRAY_INFO >/tmp/said || { cat /tmp/said && return 1; }
		wait_idle "$md"
	done
}

assemble_ours_with_bitmap() {
	create 1.2
	mdbitmap --quiet --create /mnt/bitmap --for=/dev/vde --clean --bitmap-chunk=64 --delay=60
	mdbitmap --quiet --assemble /dev/mdb0 --bitmap=/mnt/bitmap /dev/vde /dev/vdf
	wait_idle mdb0
}

module_of() { case $1 in mdb*) echo mdbitmap ;; *) echo md_mod ;; esac; }

# What stands for itself: ours, told with their names.
as_theirs() { sed 's/mdb0/md0/g; s/vde/vdb/g; s/vdf/vdc/g'; }

# names MD: type, mode and name of all below md/.
names() {
	(cd "/sys/block/$1/md" && find . ! -name power ! -path '*/power/*' ! -name uevent -exec stat -c '%F %a %n' {} +) |
		as_theirs | sort >"/tmp/names-$1"
}

# Ours are theirs, and some of our own, or of another kernel's stock md.
all_of_theirs() {
	local missing more
	names md0
	names mdb0
	missing=$(grep -vxFf /tmp/names-mdb0 /tmp/names-md0) &&
		{ echo "ours lacks: $missing" && return 1; }
	more=$(grep -vxFf /tmp/names-md0 /tmp/names-mdb0 | sed 's/.* //' |
		grep -vE '^\./bitmap(/|$)|^\./(new_level|bitmap_type|logical_block_size|sync_io_depth|uuid|serialize_policy)$') &&
		{ echo "ours has, and stock md of no kernel: $more" && return 1; }
	return 0
}

# contents MD: of every attribute that both have, whose value is not of its own.
contents() {
	local file
	(cd "/sys/block/$1/md" && find . -type f -perm -u=r | sort) >"/tmp/list-$1"
	while read -r file; do
		case $file in
		*/power/* | */uuid | */uevent) continue ;;
		./last_sync_action) continue ;; # 6.1 says none, later ones idle
		./max_read_errors | ./safe_mode_delay)
			# not before stock md runs it
			[[ $(<"/sys/block/$1/md/array_state") != @(clear|inactive) ]] || continue
			;;
		*/recovery_start)
			[[ $(<"/sys/block/$1/md/${file%/*}/state") != *faulty* ]] || continue
			;;
		esac
		echo "$file: $(tr '\n' ' ' 2>&1 <"/sys/block/$1/md/$file")"
	done <"/tmp/list-$1" | as_theirs | sed 's/[: ]*$//' | sort
}

same_contents() {
	contents md0 >/tmp/contents-md0
	contents mdb0 >/tmp/contents-mdb0
	awk -F ': ' 'NR == FNR { theirs[$1] = $0; next }
		$1 in theirs && theirs[$1] != $0 { print "stock md " theirs[$1] "\n    ours " $0; bad = 1 }
		END { exit bad }' /tmp/contents-md0 /tmp/contents-mdb0
}

same_status() {
	diff <(sed -n '/^md0 /,/^unused/p' /proc/mdstat) <(sed -n '/^mdb0 /,/^unused/p' /proc/mdbstat | as_theirs)
}

alike() {
	all_of_theirs
	same_contents
	same_status
}

@test "a running mirror: attributes, modes, words, status" {
	create 1.2
	assemble 1 2
	alike
}

@test "a running mirror of 0.90, and of 1.0" {
	create 0.90
	assemble 0 90
	alike
	mdbitmap --quiet --stop /dev/mdb0
	mdadm --quiet --stop /dev/md0
	wipe vdb vdc vde vdf
	create 1.0
	assemble 1 0
	alike
}

@test "an array that is clear, and one with members that does not run" {
	create 1.2
	echo md0 >/sys/module/md_mod/parameters/new_array
	echo mdb0 >/sys/module/mdbitmap/parameters/new_array
	alike
	mdioctl /dev/md0 SET_ARRAY_INFO 1 2 + ADD_NEW_DISK 0 /dev/vdb
	mdioctl /dev/mdb0 SET_ARRAY_INFO 1 2 + ADD_NEW_DISK 0 /dev/vde
	alike
}

@test "degraded, with a faulty member and a spare" {
	local md
	create 1.2
	assemble 1 2
	mdioctl /dev/md0 SET_DISK_FAULTY /dev/vdc
	mdioctl /dev/mdb0 SET_DISK_FAULTY /dev/vdf
	for md in md0 mdb0; do
		retry 50 0.1 grep -F '[2/1] [U_]' "$(status_file $md)"
		wait_idle $md
		retry 50 0.1 grep -qx clean /sys/block/$md/md/array_state
	done
	retry 50 0.1 grep -qx none /sys/block/md0/md/dev-vdc/slot
	retry 50 0.1 grep -qx none /sys/block/mdb0/md/dev-vdf/slot
	alike
	[[ $(mdioctl /dev/md0 GET_DISK_INFO 1 | cut -d ' ' -f 1,4-) == "$(mdioctl /dev/mdb0 GET_DISK_INFO 1 | cut -d ' ' -f 1,4-)" ]]
}

@test "read-only, and auto-read-only" {
	local md
	create 1.2
	assemble 1 2
	for md in md0 mdb0; do
		echo readonly >/sys/block/$md/md/array_state
	done
	alike
	for md in md0 mdb0; do
		echo read-auto >/sys/block/$md/md/array_state
	done
	alike
}

@test "an array without metadata" {
	local md
	for md in md0:vdb:vdc mdb0:vde:vdf; do
		IFS=: read -r md a b <<<"$md"
		echo "$md" >"/sys/module/$(module_of "$md")/parameters/new_array"
		mdioctl "/dev/$md" SET_ARRAY_INFO 0 0 0 1 1 8192 2 2 0 1 0 1 + ADD_NEW_DISK 0 "/dev/$a" 0 6 + \
			ADD_NEW_DISK 1 "/dev/$b" 1 6 + RUN_ARRAY
		wait_idle "$md"
	done
	all_of_theirs
	same_status
}

# said MD ATTRIBUTE WORD: "ok", or why not.
said() {
	local message
	message=$(printf '%s\n' "$3" 2>&1 >"/sys/block/$1/md/$2") && echo ok && return
	echo "${message##*: }"
}

# done_or_not WORDS: for what is refused, for whatever reason.
done_or_not() { [[ $1 == ok ]] && echo ok || echo refused; }

@test "what is written to attributes of a running mirror has the same answers" {
	local attribute word theirs ours bad=''
	create 1.2
	assemble 1 2
	for attribute in level layout raid_disks chunk_size component_size resync_start metadata_version \
		safe_mode_delay max_read_errors array_size sync_speed_min sync_speed_max sync_min sync_max \
		mismatch_cnt degraded sync_completed suspend_lo suspend_hi fail_last_dev consistency_policy \
		sync_force_parallel reshape_position bitmap/location bitmap/chunksize bitmap/time_base \
		bitmap/backlog bitmap/space bitmap/can_clear bitmap/metadata bitmap/max_backlog_used; do
		[[ -e /sys/block/md0/md/$attribute ]] || continue
		for word in nonsense -5 99999999999999999999; do
			theirs=$(done_or_not "$(said md0 $attribute "$word")")
			ours=$(done_or_not "$(said mdb0 $attribute "$word")")
			[[ $theirs == "$ours" ]] || bad+="$attribute, '$word': $theirs; ours: $ours"$'\n'
		done
	done
	echo "$bad"
	[[ ! $bad ]]
}

@test "what is written to array_state and sync_action has the same answers" {
	local word theirs ours bad=''
	create 1.2
	assemble 1 2
	for word in '' nonsense suspended write-pending active-idle broken active clean; do
		theirs=$(said md0 array_state "$word")
		ours=$(said mdb0 array_state "$word")
		[[ $theirs == "$ours" ]] || bad+="array_state, '$word': $theirs; ours: $ours"$'\n'
	done
	for word in '' nonsense idle frozen idle; do
		theirs=$(said md0 sync_action "$word")
		ours=$(said mdb0 sync_action "$word")
		[[ $theirs == "$ours" ]] || bad+="sync_action, '$word': $theirs; ours: $ours"$'\n'
	done
	for word in '' nonsense remove re-add replacement writemostly -writemostly failfast -failfast; do
		theirs=$(said md0 dev-vdc/state "$word")
		ours=$(said mdb0 dev-vdf/state "$word")
		[[ $theirs == "$ours" ]] || bad+="state, '$word': $theirs; ours: $ours"$'\n'
	done
	echo "$bad"
	[[ ! $bad ]]
}

@test "the engine's own attributes: budget, state of the store, statistics" {
	local md=/sys/block/mdb0/md file
	assemble_ours_with_bitmap
	[[ $(<$md/bitmap/store_state) == ok ]]
	(($(<$md/bitmap/resync_budget) >= 0))
	echo 512 >$md/bitmap/resync_budget
	[[ $(<$md/bitmap/resync_budget) == 512 ]]
	write_chunk 5 /dev/mdb0
	write_chunk 5 /dev/mdb0
	(($(<$md/bitmap/stats/commits) >= 1 && $(<$md/bitmap/stats/writes_cold) >= 1 && $(<$md/bitmap/stats/writes_hot) >= 1))
	for file in "$md"/bitmap/stats/*; do
		[[ -s $file && $(<"$file") =~ ^[0-9\ ]+$ ]]
	done
	[[ $(<$md/bitmap/location) == file && $(<$md/bitmap/chunksize) == 65536 && $(<$md/bitmap/time_base) == 60 ]]
	[[ $(<$md/consistency_policy) == bitmap ]]
}

# same SECTOR N: so many chunks from there on are the same on our members.
same() {
	cmp <(dd if=/dev/vde bs=512 skip="$1" count=$(($2 * 128)) iflag=direct status=none) \
		<(dd if=/dev/vdf bs=512 skip="$1" count=$(($2 * 128)) iflag=direct status=none)
}

@test "bitmap_set_bits: these chunks owe a sync, and are copied, and no others have their bits set" {
	local md=/sys/block/mdb0/md data
	assemble_ours_with_bitmap
	data=$(data_offset vdf)
	dd if=/dev/urandom of=/dev/vdf bs=512 count=$((6 * 128)) seek=$((data + 3 * 128)) oflag=direct \
		conv=notrunc status=none
	run ! dd status=none of=$md/bitmap_set_bits <<<'5-100000'
	echo '3 4 5 6-7' >$md/bitmap_set_bits
	[[ $(mdbitmap --ranges --json --unit=chunks /mnt/bitmap |
		jq -c '[.ranges[] | .start_chunks, .end_chunks]') == '[3,8]' ]]
	# 3 to 8 differed
	retry 100 0.1 same "$data" 8
	run ! same $((data + 8 * 128)) 1
}
