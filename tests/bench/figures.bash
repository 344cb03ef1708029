# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What `tests/vm/bench` measured, in $out, for it and for `report`.

bench_sets=(speed plain work size stores arrays sweep)

# value NAME: of all sets.
value() {
	(cd "$out" && awk -v n="$1" '$1 == n { print $2 }' "${bench_sets[@]}" 2>/dev/null) || true
}

ratio() { awk -v a="$(value "$1")" -v b="$(value "$2")" 'BEGIN { if (a == "" || !b) print "-"; else printf "%.3f", a / b }'; }

# with_bitmap DRIVER NAME: what is left of its speed; NAME has D for the driver and B for
# what bitmap it had.
with_bitmap() {
	local name=${2/D/$1}
	ratio "${name/B/64K}" "${name/B/none}"
}

# Nanoseconds of an I/O where devices take none.
per_io() { awk -v iops="$(value "$1")" 'BEGIN { if (iops) printf "%d", 1e9 / iops; else print "-" }'; }
