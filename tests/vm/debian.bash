# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Packages of any Debian suite, fetched and unpacked without touching the
# system's own apt state. Everything lies below $tmp, which the caller makes
# and removes:
#
#	apt.conf sources.list state cache debs

debian_keyring=/usr/share/keyrings/debian-archive-keyring.gpg

# Where the machine itself gets suite $1 from; empty if it does not.
debian_site() {
	# shellcheck disable=SC2016 # $(...) is apt's own syntax
	apt-get indextargets --no-release-info --format '$(RELEASE) $(SITE)' \
		'Created-By: Packages' | sed -n "0,/^$1 /s/^$1 //p"
}

# Other suites come from the places that the machine's own come from.
debian_sources() {
	local codename main security suite
	# shellcheck source=/dev/null
	codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
	main=$(debian_site "$codename")
	[[ $main ]] || die "apt knows no source for $codename"
	security=$(debian_site "$codename-security")

	for suite in "$@"; do
		case $suite in
		*-security) [[ ! $security ]] || echo "deb [signed-by=$debian_keyring] $security $suite main" ;;
		*) echo "deb [signed-by=$debian_keyring] $main $suite main" ;;
		esac
	done
}

# An apt of its own, with nothing installed. What the machine says on proxies
# and the like stays in force; its hooks do not.
debian_configuration() {
	cat <<-END
		#clear APT::Update::Pre-Invoke;
		#clear APT::Update::Post-Invoke;
		#clear APT::Update::Post-Invoke-Success;
		APT::Architecture "amd64";
		APT::Architectures { "amd64"; };
		APT::Sandbox::User "root";
		Dir::Etc::SourceList "$tmp/sources.list";
		Dir::Etc::SourceParts "/dev/null";
		Dir::Etc::Preferences "/dev/null";
		Dir::Etc::PreferencesParts "/dev/null";
		Dir::State "$tmp/state";
		Dir::State::Status "$tmp/status";
		Dir::Cache "$tmp/cache";
	END
}

# debian_suites SUITE...: what is resolved and fetched from here on.
debian_suites() {
	mkdir -p "$tmp"/{state/lists,cache/archives}/partial "$tmp/debs"
	: >"$tmp/status"
	debian_sources "$@" >"$tmp/sources.list"
	debian_configuration >"$tmp/apt.conf"
	debian_apt update
}

debian_apt() { apt-get -qq -c "$tmp/apt.conf" "$@"; }

# debian_resolve ARGUMENT...: NAME=VERSION of all that an installation on an
# empty system would bring.
debian_resolve() {
	debian_apt --simulate --no-install-recommends install "$@" |
		sed -nE 's/^Inst ([^ ]+) \(([^ ]+).*/\1=\2/p'
}

# debian_unpack DIR NAME=VERSION...: files only, no maintainer scripts.
debian_unpack() {
	local dir=$1 deb
	shift
	echo "${0##*/}: fetching $*" >&2
	(cd "$tmp/debs" && debian_apt download "$@") >&2
	mkdir -p "$dir"
	for deb in "$tmp"/debs/*.deb; do
		dpkg-deb -x "$deb" "$dir"
	done
	rm "$tmp"/debs/*.deb
}
