# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Disks of a test VM that are recorded, and what their trace shows; for `run`.
# A scenario asks for it by a line at its head:
#
#	# vm-recorder: CHUNK STORE MEMBER MEMBER...
#
# CHUNK in bytes, disks by name. All of them are served by tests/recorder, and
# tracecheck judges every possible power cut when the last boot is over. Where
# the bitmap is not at the start of STORE, or the data not at that of the
# members, a test says so: recorder store-offset=BYTES, data-offset=BYTES.

# recorder_start DIR CHUNK STORE MEMBER...: set $recorder (a pid) and $recorded
# (STORE MEMBER...); without arguments after DIR there is nothing to record.
# shellcheck disable=SC2154 # machine.bash sets machine_repo
recorder_start() {
	local dir=$1 disk arguments=()
	recorder='' recorded=("${@:3}") recorder_options=()
	(($# > 1)) || return 0
	recorder_chunk=$2
	for disk in "${recorded[@]}"; do
		arguments+=("$disk=$dir/$disk.img")
	done
	arguments[0]+=,data
	make -s -C "$machine_repo" build/recorder build/tracecheck >&2
	"$machine_repo/build/recorder" --delay-us="${RECORDER_DELAY:-1000}" \
		--rare-us="${RECORDER_RARE:-5000000}" --seed="${RECORDER_SEED:-1}" "$dir/recorder" "$dir/trace" "${arguments[@]}" >&2 &
	recorder=$!
	until [[ -S $dir/recorder ]]; do
		kill -0 "$recorder" || return
		sleep 0.05
	done
}

# recorder_end: no request comes any more.
recorder_end() {
	kill "$recorder"
	wait "$recorder"
}

# recorder_verdict DIR: what tracecheck says, and its status.
recorder_verdict() {
	"$machine_repo/build/tracecheck" "${recorder_options[@]/#/--}" "$1/trace" \
		"$recorder_chunk" "${recorded[@]}" 2>&1
}
