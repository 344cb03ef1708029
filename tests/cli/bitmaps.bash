# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Bitmaps of every version, made here byte by byte (md-abi.md 4), so that the
# tool does not examine its own work. Needs members.bash.

# bytes FILE OFFSET HEX...: into FILE.
bytes() {
	local file=$1 at=$2 hex
	shift 2
	printf -v hex '\\x%s' "$@"
	# shellcheck disable=SC2059 # the format is the bytes
	printf "$hex" | dd of="$file" bs=4096 seek="$at" oflag=seek_bytes conv=notrunc status=none
}

# make_super FILE OFFSET [NAME=VALUE...]: a bitmap superblock. chunk: bytes,
# for version 6 sectors; name: of the cluster; uuid: 16 bytes in hexadecimal.
make_super() {
	local file=$1 at=$2 version=4 events=7 cleared=5 sectors=2097152 state=0
	local chunk=65536 delay=5 behind=0 reserved=0 nodes=0 name='' magic=0x6d746962
	local uuid='00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f'
	shift 2
	((!$#)) || local "$@"
	{
		# shellcheck disable=SC2059
		printf "$(le32 $((magic)) "$version")"
		# shellcheck disable=SC2059
		printf "\\x${uuid// /\\x}"
		# shellcheck disable=SC2046,SC2059
		printf "$(le32 $(words "$events") $(words "$cleared") $(words "$sectors") \
			$((state)) "$chunk" "$delay" "$behind" "$reserved" "$nodes")"
		printf '%s' "$name"
		head -c $((184 - ${#name})) /dev/zero
	} | dd of="$file" bs=4096 seek="$at" oflag=seek_bytes conv=notrunc iflag=fullblock status=none
}

# make_bitmap FILE [NAME=VALUE...]: a bitmap file of exact length, or of
# length=N; bits: bytes in hexadecimal, the others are zero.
make_bitmap() {
	local file=$1 bits='' length='' arg sectors=2097152 chunk=65536 super=()
	shift
	for arg; do
		case $arg in
		bits=* | length=*) local "${arg?}" ;;
		sectors=* | chunk=*) local "${arg?}" && super+=("$arg") ;;
		*) super+=("$arg") ;;
		esac
	done
	: >"$file"
	make_super "$file" 0 "${super[@]}"
	# shellcheck disable=SC2086 # one word for each byte
	[[ ! $bits ]] || bytes "$file" 256 $bits
	truncate -s "${length:-$((256 + (((sectors * 512 + chunk - 1) / chunk + 7) / 8)))}" "$file"
}

# Metadata 1.2 with an internal bitmap at sector 16 of the device, and its
# superblock too; more NAME=VALUE are for make_super.
make_member_with_bitmap() {
	local file=$1
	shift
	make_member "$file" features=1 bitmap_offset=8
	make_super "$file" 8192 uuid="$(printf 'aa %.0s' {1..15})aa" sectors=14336 chunk=4096 "$@"
}

# An image of 8 MiB with metadata 0.90 of a raid1, events 7, uuid words
# 00010203 04050607 08090a0b 0c0d0e0f, and its internal bitmap.
make_member_090() {
	local file=$1 w=() i at=$((8323072)) sum=0 u
	shift
	for ((i = 0; i < 1024; i++)); do w[i]=0; done
	w[0]=$((0xa92b4efc)) w[2]=90 w[5]=$((0x00010203)) w[6]=1700000000 w[7]=1
	w[8]=8128 w[9]=2 w[10]=2 w[13]=$((0x04050607)) w[14]=$((0x08090a0b))
	w[15]=$((0x0c0d0e0f)) w[32]=1700000000 w[33]=$((0x101)) w[34]=2 w[35]=2
	w[39]=7 w[41]=7
	for i in 0 1; do
		w[128 + 32 * i]=$i w[128 + 32 * i + 3]=$i w[128 + 32 * i + 4]=6
	done
	w[992]=0 w[995]=0 w[996]=6
	for u in "${w[@]}"; do sum=$((sum + u)); done
	w[38]=$((((sum & 0xffffffff) + (sum >> 32)) & 0xffffffff))
	truncate -s 8M "$file"
	# shellcheck disable=SC2059
	printf "$(le32 "${w[@]}")" | dd of="$file" bs=4096 seek="$at" oflag=seek_bytes conv=notrunc status=none
	make_super "$file" $((at + 4096)) sectors=16256 chunk=4096 \
		uuid='03 02 01 00 07 06 05 04 0b 0a 09 08 0f 0e 0d 0c' "$@"
}

# as_device FILE: a loop device for it, named by $device until free_device.
as_device() {
	((EUID == 0)) || skip "loop devices need root"
	device=$(losetup -f --show "$1" 2>/dev/null) || skip "no loop devices here"
}

free_device() { [[ ! ${device-} ]] || losetup -d "$device"; }

needs_mdadm() {
	((EUID == 0)) || skip "mdadm needs root"
	PATH=$PATH:/usr/sbin:/sbin
	type -P mdadm >/dev/null || skip "needs mdadm"
	[[ $(mdadm --version 2>&1) =~ v(4\.[0-3]|3\.) ]] ||
		skip "this mdadm does not examine bitmap files: $(mdadm --version 2>&1)"
}
