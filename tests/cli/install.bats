#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only

bats_require_minimum_version 1.5.0
load helpers

top=$BATS_TEST_DIRNAME/../..

@test "make install puts tool and man pages below DESTDIR and prefix, uninstall takes them away" {
	run -0 make -s -C "$top" install DESTDIR="$PWD/root" prefix=/usr
	[[ -x root/usr/sbin/mdbitmap ]]
	[[ -f root/usr/share/man/man8/mdbitmap.8 ]]
	[[ -f root/usr/share/man/man5/mdbitmap-format.5 ]]
	[[ -f root/usr/share/man/man4/mdbitmap.4 ]]
	(($(find root -type f | wc -l) == 4))
	run -0 make -s -C "$top" uninstall DESTDIR="$PWD/root" prefix=/usr
	(($(find root -type f | wc -l) == 0))
}

@test "the tool stands on the libraries it is said to stand on" {
	local lib
	run -0 ldd "$top/mdbitmap"
	for lib in popt blkid udev smartcols json-c uuid kmod; do
		[[ $output == *"lib$lib.so"* ]]
	done
}
