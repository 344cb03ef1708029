# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Disks of a test VM that are recorded, and what their trace shows; for `run`.
# A scenario asks for it by a line at its head:
#
#	# vm-recorder: CHUNK STORE MEMBER MEMBER...
#
# CHUNK in bytes, disks by name. "vdb,data" keeps the data of what is written, as
# it is done for STORE anyway; "+vde" is a disk that is recorded, and not judged.
# A MEMBER can be STORE, if the bitmap is internal. All of them are served by
# tests/recorder, and tracecheck judges every possible power cut when the last
# boot is over. Where the bitmap is not at the start of STORE, or the data not at
# that of the members, a test says so: recorder store-offset=BYTES,
# data-offset=BYTES.
#
#	# vm-recorder-finds: violations
#
# Stock md loses differences, and the recorder must see it: once as the caches may
# lose what was not flushed, once as if nothing that was done were ever lost. With
# "anything" that is only said.
#
#	# vm-cuts: DISK WITNESS
#
# Instead of that, DISK becomes before the second boot a bundle of $POWER_CUTS
# power cuts (200), drawn with $POWER_CUTS_SEED (1), in what was recorded until
# then (tests/recorder/cuts.c), and nothing is recorded any more.

# recorder_start DIR CHUNK STORE MEMBER...: set $recorder (a pid) and $recorded
# (STORE MEMBER...); without arguments after DIR there is nothing to record.
# shellcheck disable=SC2154 # machine.bash sets machine_repo
recorder_start() {
	local dir=$1 word disk arguments=()
	recorder='' recorded=() recorder_judged=() recorder_options=()
	(($# > 1)) || return 0
	recorder_chunk=$2
	for word in "${@:3}"; do
		disk=${word%%,*} disk=${disk#+}
		[[ $word == +* ]] || recorder_judged+=("$disk")
		[[ " ${recorded[*]} " != *" $disk "* ]] || continue
		recorded+=("$disk")
		arguments+=("$disk=$dir/$disk.img")
		[[ $word == *,data && ${#arguments[@]} -gt 1 ]] && arguments[-1]+=,data
	done
	arguments[0]+=,data
	make -s -C "$machine_repo" build/recorder build/tracecheck build/cuts >&2
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

# recorder_verdict DIR [OPTION...]: what tracecheck says, and its status.
recorder_verdict() {
	"$machine_repo/build/tracecheck" "${@:2}" "${recorder_options[@]/#/--}" "$1/trace" \
		"$recorder_chunk" "${recorder_judged[@]}" 2>&1
}

# recorder_cuts DIR DISK WITNESS: see vm-cuts; prints what was made.
recorder_cuts() {
	"$machine_repo/build/cuts" --cuts="${POWER_CUTS:-200}" --seed="${POWER_CUTS_SEED:-1}" \
		${POWER_CUTS_CACHES_LAST:+--caches-last} \
		"$1/trace" "$1/$2.img" "$3" "${recorder_judged[@]}" 2>&1
}
