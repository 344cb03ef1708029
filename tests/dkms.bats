#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# What `make install-dkms` installs is all that DKMS needs. In trees of its own:
# nothing of the machine is touched.

bats_require_minimum_version 1.5.0

setup() {
	repo=$(realpath "$BATS_TEST_DIRNAME/..")
	version=$(sed -n 's/^PACKAGE_VERSION="\(.*\)"/\1/p' "$repo/module/dkms.conf")
	PATH=$PATH:/usr/sbin:/sbin
	((EUID == 0)) || skip "needs root: dkms installs for nobody else"
	# the module's makefiles are their own masters
	unset MAKEFLAGS MFLAGS MAKELEVEL
	work=$BATS_TEST_TMPDIR
	mkdir "$work"/{tree,modules}
	make -s -C "$repo" install-dkms DESTDIR="$work"
}

# dkms VERB for kernel series $kernel, with the toolchain of the series.
dkms_for() {
	local verb=$1 release
	release=$(<"$kernel/release")
	"${inside[@]}" dkms "$verb" --sourcetree "$work/usr/src" --dkmstree "$work/tree" \
		--installtree "$work/modules" --no-depmod "mdbitmap/$version" \
		-k "$release" --kernelsourcedir "$kernel/headers"
}

# Add, build and install; then modinfo knows the module by name and version.
dkms_installs() {
	local release file
	kernel=$("$repo/tests/vm/kernel" "$1")
	release=$(<"$kernel/release")
	mkdir -p "$work/modules/$release"
	dkms_for add
	dkms_for build || { cat "$work/tree/mdbitmap/$version/build/make.log"; return 1; }
	dkms_for install
	file=$(find "$work/modules/$release" -name 'mdbitmap.ko*')
	[[ $file == */updates/dkms/mdbitmap.ko* ]]
	[[ $(modinfo -F name "$file") == mdbitmap ]]
	[[ $(modinfo -F version "$file") == "$version" ]]
	[[ $(modinfo -F vermagic "$file") == "$release "* ]]
}

@test "dkms of Debian 12 builds and installs the module for 6.1" {
	inside=()
	dkms_installs 6.1
}

@test "dkms of Debian 13 builds and installs the module for 6.12" {
	inside=("$repo/tests/vm/toolchain" --with "$work")
	dkms_installs 6.12
}

@test "dkms of Debian 13 builds and installs the module for the newest kernel" {
	inside=("$repo/tests/vm/toolchain" --with "$work")
	dkms_installs newest
}

@test "the tool and the module have one version" {
	make -s -C "$repo" mdbitmap
	[[ $("$repo/mdbitmap" --version) == *" $version"* ]]
}

@test "kernels from 6.1 on are built for, older ones are not" {
	sed -n 's/^BUILD_EXCLUSIVE_KERNEL="\(.*\)"/\1/p' "$repo/module/dkms.conf" >"$work/regex"
	grep -Eq -f "$work/regex" <<<6.1.0-56-cloud-amd64
	grep -Eq -f "$work/regex" <<<7.3.4+deb13-amd64
	grep -Eq -f "$work/regex" <<<10.0-amd64
	run ! grep -Eq -f "$work/regex" <<<5.10.0-30-amd64
	run ! grep -Eq -f "$work/regex" <<<6.0.0-6-amd64
}
