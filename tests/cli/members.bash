# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Images of array members, made here byte by byte (md-abi.md 8.2), so that no
# kernel and no other program has to agree with us about them.

# le32 VALUE...: each as four bytes.
le32() {
	local v
	for v; do
		printf '\\x%02x\\x%02x\\x%02x\\x%02x' \
			$((v & 255)) $((v >> 8 & 255)) $((v >> 16 & 255)) $((v >> 24 & 255))
	done
}

# The low and high word of VALUE.
words() { echo $(($1 & 0xffffffff)) $(($1 >> 32 & 0xffffffff)); }

# make_member FILE [NAME=VALUE...]: an image of 8 MiB with metadata 1.2 of a
# raid1. uuid: one hex digit, repeated; number: of this device; roles: of all,
# by number; resync: 0 dirty, -1 clean.
make_member() {
	local file=$1 uuid=a events=7 number=0 slots=2 roles='0 1' resync=-1
	local size=14336 level=1 features=0 bitmap_offset=0 data=2048
	local w=() u i sum=0
	shift
	((!$#)) || local "$@"
	for ((i = 0; i < 66; i++)); do w[i]=0; done
	u=$((16#$uuid * 0x11111111))
	w[0]=$((0xa92b4efc)) w[1]=1 w[2]=$features
	w[4]=$u w[5]=$u w[6]=$u w[7]=$u
	w[16]=1700000000 w[18]=$((level & 0xffffffff)) w[23]=$slots
	w[24]=$((bitmap_offset & 0xffffffff))
	read -r 'w[20]' 'w[21]' < <(words "$size")
	w[32]=$data w[34]=$((16384 - data)) w[36]=8 w[40]=$number
	w[42]=$((number + 1)) w[48]=1700000000
	read -r 'w[50]' 'w[51]' < <(words "$events")
	read -r 'w[52]' 'w[53]' < <(words "$resync")
	w[55]=4 w[64]=$((0xffffffff)) w[65]=$((0xffffffff))
	i=0
	for u in $roles; do
		w[64 + i / 2]=$((w[64 + i / 2] & ~(0xffff << 16 * (i % 2)) | u << 16 * (i % 2)))
		i=$((i + 1))
	done
	for u in "${w[@]}"; do sum=$((sum + u)); done
	w[54]=$((((sum & 0xffffffff) + (sum >> 32)) & 0xffffffff))
	truncate -s 8M "$file"
	# shellcheck disable=SC2059 # the format is the bytes
	printf "$(le32 "${w[@]}")" | dd of="$file" bs=4096 seek=1 conv=notrunc status=none
}

# set_events FILE N: of a bitmap file.
set_events() {
	# shellcheck disable=SC2046,SC2059
	printf "$(le32 $(words "$2"))" | dd of="$1" bs=8 seek=3 conv=notrunc status=none
}
