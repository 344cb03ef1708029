# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What `tests/vm/bench` measured, in $out, for it and for `report`.

# value NAME: of all sets.
value() { awk -v n="$1" '$1 == n { print $2 }' "$out"/{speed,plain,work,size} 2>/dev/null; }

ratio() { awk -v a="$(value "$1")" -v b="$(value "$2")" 'BEGIN { if (a == "" || !b) print "-"; else printf "%.3f", a / b }'; }

# Nanoseconds of an I/O where devices take none.
per_io() { awk -v iops="$(value "$1")" 'BEGIN { if (iops) printf "%d", 1e9 / iops; else print "-" }'; }
