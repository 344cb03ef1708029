# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# For every file of this floor: the tool to test, and a directory of its own.

MDBITMAP=$(realpath "${MDBITMAP:-$BATS_TEST_DIRNAME/../../mdbitmap}")

setup() {
	cd "$BATS_TEST_TMPDIR" || return
}
