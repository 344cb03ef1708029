# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# For every file of this floor: the tool to test, and a directory of its own.

MDBITMAP=$(realpath "${MDBITMAP:-$BATS_TEST_DIRNAME/../../mdbitmap}")

# bound COMMAND...: modes are for root, too.
bound() {
	local none=-dac_override,-dac_read_search
	if ((EUID)); then
		"$@"
	else
		setpriv --bounding-set $none --inh-caps $none "$@"
	fi
}

setup() {
	cd "$BATS_TEST_TMPDIR" || return
}
