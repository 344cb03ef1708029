# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What a test VM is made of, for `run` and `demo`. Each keeps one directory DIR
# per machine: the disks NAME.img, one named state for /state, and the initrd.

machine_here=$(realpath "$(dirname "${BASH_SOURCE[0]}")")
machine_repo=${machine_here%/tests/vm}

# What the kernel says only when something is wrong with it.
# shellcheck disable=SC2034 # for who sources this
machine_trouble='BUG:|kernel BUG|WARNING:|UBSAN:|Oops|Call Trace:|Kernel panic'
machine_trouble+='|possible circular locking|INFO: possible recursive'
machine_trouble+='|hung task|blocked for more than|suspected memory leaks'

# machine_watches SERIES: a kernel built here to find faults, slow for that.
machine_watches() { [[ $1 == debug || $1 == kcsan ]]; }

# Scenarios' own programs, built if they are not there or older. NAME.so.c is to be
# preloaded.
machine_programs() {
	local source name program kind header newest='' out=$machine_repo/build/vm
	for header in "$machine_here"/*.h "$machine_repo/tests/recorder/cuts_file.h"; do
		[[ $newest && ! $header -nt $newest ]] || newest=$header
	done
	mkdir -p "$out/programs"
	for source in "$machine_here"/*.c; do
		name=${source##*/} name=${name%.c}
		program=$out/programs/$name
		[[ ! -e $program || $source -nt $program || $newest -nt $program ]] || continue
		kind=-static
		[[ $name != *.so ]] || kind='-shared -fPIC'
		# shellcheck disable=SC2086 # two words
		"${CC:-cc}" -std=gnu11 -D_GNU_SOURCE -O2 -Wall -Wextra -Werror $kind \
			-o "$out/.$name.$BASHPID" "$source" && mv "$out/.$name.$BASHPID" "$program" || return
	done
}

# machine_parts SERIES: build our module, or take $MDBITMAP_KO, and set $kernel, $memory in MiB, $parameters, and
# $usr, $modules, $driver, see `guest`.
machine_parts() {
	local parts ko
	machine_programs || return
	ko=${MDBITMAP_KO:-$("$machine_here/module" "$1")} || return
	# shellcheck disable=SC2034
	kernel=$("$machine_here/kernel" "$1") || return
	parts=$("$machine_here/guest" "$kernel" "$ko") || return
	{ read -r usr && read -r modules && read -r driver; } <<<"$parts"
	memory=1024 parameters=
	# What watches takes memory and time: most of all in ACPI's interpreter, a
	# minute of every boot, so it does without.
	! machine_watches "$1" ||
		memory=2048 parameters='acpi=off kasan_multi_shot rcupdate.rcu_cpu_stall_timeout=300'
}

# machine_disks DIR NAME=SIZE...: sparse, zeroed, and the ext4 for /state.
machine_disks() {
	local dir=$1 disk
	for disk in state=32M "${@:2}"; do
		truncate -s "${disk#*=}" "$dir/${disk%%=*}.img"
	done
	mke2fs -q -F -t ext4 "$dir/state.img"
}

# machine_initrd DIR [SCENARIO]: an initial file system with everything of the
# repository that the guest needs, and stdin as the file /boot; the kernel
# unpacks it and the cached parts into the same root.
machine_initrd() {
	local dir=$1 root=$1/root
	rm -rf "$root"
	mkdir -p "$root"/{dev,proc,sys,run,tmp,mnt,state,etc,root,repo/tests,usr/{bin,sbin,lib,lib64}}
	ln -s usr/bin usr/sbin usr/lib usr/lib64 "$root"
	ln -s ../../modules "$root/usr/lib/modules"
	ln -s /proc/self/mounts "$root/etc/mtab"
	cp /bin/busybox "$root/busybox"
	cp "$machine_here/init" "$root/init"
	cp -r "$machine_here" "$root/repo/tests"
	(($# < 2)) || cp "$2" "$root/repo/tests/vm"
	[[ ! -x $machine_repo/mdbitmap ]] || cp "$machine_repo/mdbitmap" "$root/repo"
	cp "$machine_repo"/build/vm/programs/* "$root/repo"
	cat >"$root/boot"
	(cd "$root" && find . -print0 | cpio -0 --quiet -o -H newc -R 0:0) >"$dir/initrd"
	cat "$modules" "$driver" >>"$dir/initrd"
}

# machine_command DIR LOG NAME[,DRIVE-OPTION]...: set the array `command` to a
# qemu with these disks whose first serial line, the kernel's log, goes to LOG.
# The caller adds the other lines. Disks in $recorded are served by the recorder
# (recorder.bash).
#
# Emulation is faster by a quarter without: erms, as a string instruction goes byte
# by byte; random addresses, as code is translated for the address where it is.
# There are $machine_cpus CPUs, 2 if that is not set: one does the same work in half
# of the time, but runs nothing side by side. It has room for a second one even so, or
# qemu 7.2 leaves out its memory barriers, and now and then a disk misses its doorbell.
# With $machine_counts there is one, and a nanosecond is an instruction of it.
machine_command() {
	local dir=$1 log=$2 disk name from
	command=(qemu-system-x86_64 -cpu "max,-cx16,-erms" -m "$memory"
		-nographic -no-reboot -nic none -monitor none
		-kernel "$kernel/vmlinuz" -initrd "$dir/initrd"
		-append "console=ttyS0 quiet norandmaps mitigations=off no_timer_check panic=-1 oops=panic $parameters"
		-chardev "file,id=console,path=$log,append=on" -serial chardev:console)
	for disk in state "${@:3}"; do
		name=${disk%%,*}
		from=$dir/$name.img
		[[ " ${recorded[*]-} " != *" $name "* ]] ||
			from=nbd:unix:$dir/recorder:exportname=$name,cache=none
		command+=(-drive "file=$from,format=raw,if=none,id=$name,discard=unmap${disk#"$name"}"
			-device "virtio-blk-pci,drive=$name,serial=$name")
	done
	command+=(-drive "file=$usr,format=raw,if=none,id=usr,read-only=on"
		-device "virtio-blk-pci,drive=usr,serial=usr")
	if [[ ${machine_counts-} ]]; then
		command+=(-accel "tcg,thread=single" -smp 1 -icount "shift=0,sleep=off")
	else
		command+=(-accel "tcg,thread=multi" -smp "${machine_cpus:-2},maxcpus=2,cores=1")
	fi
}
