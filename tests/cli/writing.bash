# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# For tests of the modes that write files: what may go wrong meanwhile.

# A directory that holds nothing yet: bats keeps files of its own above it.
own_directory() {
	mkdir "$BATS_TEST_TMPDIR/here"
	cd "$BATS_TEST_TMPDIR/here" || return
}

# hex FILE OFFSET COUNT: those bytes are the ones on stdin, in hexadecimal.
hex() {
	diff <(od -An -v -tx1 -j"$2" -N"$3" "$1" | xargs -n1) <(xargs -n1)
}

# put FILE OFFSET BYTES: printf's escapes into a file.
put() {
	# shellcheck disable=SC2059 # the format is the bytes
	printf "$3" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

# hold_lock FILE: as another editor does, until release_lock.
hold_lock() {
	exec {lock_fd}<"$1"
	flock -x "$lock_fd"
}

release_lock() { exec {lock_fd}<&-; }

# mdadm -X, the oracle, works for root only.
needs_mdadm() {
	command -v mdadm >/dev/null || skip "mdadm is not installed"
	((EUID == 0)) || skip "mdadm -X works for root only"
}

# As root, in a namespace of its own, a file system can be mounted.
needs_mounts() {
	((EUID == 0)) || skip "mounting a small disk needs root"
	unshare -m true 2>/dev/null || skip "no mount namespaces here"
}

# on_small_disk COMMAND...: run where 1 MiB is free and the files here are
# copied to; prints what is there afterwards, and gives COMMAND's status.
on_small_disk() {
	# shellcheck disable=SC2016
	unshare -m bash -c '
		cp -a . ../copied && mkdir -p ../small &&
			mount -t tmpfs -o size=1m none ../small &&
			cp -a ../copied/. ../small && rm -r ../copied && cd ../small || exit 99
		"$@" 3>&-
		code=$?
		echo "files:" $(ls -A | grep "" || echo .)
		sha256sum -- * 2>/dev/null
		exit $code' - "$@" 2>&1
}

# interrupted SIGNAL FILE COMMAND...: COMMAND gets SIGNAL once its temporary
# file for FILE is there; it ends with 1, saying so, and the file is gone.
# Tries again if it was done before it could be stopped: without FILE, or with what
# it was if there is a file "before".
interrupted() {
	local signal=$1 name=$2 pid code try
	shift 2
	for try in 1 2 3 4 5; do
		# In the background the shell has it ignore SIGINT.
		env --default-signal="$signal" "$@" >/dev/null 2>err 3>&- &
		pid=$!
		until compgen -G ".$name.*" >/dev/null || ! kill -0 "$pid" 2>/dev/null; do
			:
		done
		kill -s "$signal" "$pid" 2>/dev/null || true
		code=0
		wait "$pid" || code=$?
		! compgen -G ".$name.*"
		((code)) && break
		rm -f "$name"
		[[ ! -e before ]] || cp before "$name"
	done
	echo "try $try: exit $code, $(<err)"
	((code == 1))
	[[ $(<err) == *"$name: interrupted, nothing changed" ]]
}

# dirty FILE: numbers of its dirty chunks, read without the tool: version 4
# bits (or 3, little-endian), as many as sync_size and chunksize say.
dirty() {
	local sectors chunk bits n=0 byte i list=()
	sectors=$(od -An -v -tu8 -j40 -N8 "$1")
	chunk=$(od -An -v -tu4 -j52 -N4 "$1")
	bits=$(((sectors * 512 + chunk - 1) / chunk))
	for byte in $(od -An -v -tu1 -j256 -N$(((bits + 7) / 8)) "$1"); do
		for ((i = 0; i < 8 && n < bits; i++, n++)); do
			((byte >> i & 1)) && list+=("$n")
		done
	done
	echo "${list[*]}"
}
