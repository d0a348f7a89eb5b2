#!/bin/sh
# Installs what the named groups need and is missing; when nothing is missing it changes nothing and asks for nothing.
# Usage: install-deps.sh [build] [test] [attack] [package] [deb] [rpm]      (default: build)
set -eu

deb_build='gcc libc6-dev make pkg-config libssl-dev libmicrohttpd-dev libsqlite3-dev libjansson-dev libunbound-dev libidn2-dev
	libutf8proc-dev libargon2-dev libcrypt-dev libcbor-dev libcurl4-openssl-dev zlib1g-dev dns-root-data ca-certificates'
# s-nail is a mail(1) that wants no mail server. libio-socket-ssl-perl, libnet-ssleay-perl and libauthen-sasl-perl are what swaks needs for TLS and AUTH.
deb_test='libcmocka-dev clang clang-format clang-tidy libclang-rt-dev llvm cppcheck python3 swaks libio-socket-ssl-perl
	libnet-ssleay-perl libauthen-sasl-perl gsasl curl isync offlineimap3 getmail6 fetchmail mpop mutt thunderbird xvfb python3-gi gir1.2-gmime-3.0 s-nail nodejs npm zsh fish tmux openssl strace sqlite3 iproute2 procps util-linux
	binutils git'
deb_attack='sqlmap wapiti'
deb_package='dpkg-dev rpm debootstrap systemd'
deb_deb=dpkg-dev
deb_rpm=rpm

rpm_build='gcc glibc-devel make pkgconf-pkg-config openssl-devel libmicrohttpd-devel sqlite-devel jansson-devel unbound-devel
	libidn2-devel utf8proc-devel libargon2-devel libxcrypt-devel libcbor-devel libcurl-devel zlib-devel unbound-libs ca-certificates'
rpm_test='libcmocka-devel clang clang-tools-extra compiler-rt llvm cppcheck python3 swaks perl-IO-Socket-SSL perl-Net-SSLeay
	perl-Authen-SASL gsasl curl isync offlineimap getmail6 fetchmail mpop mutt thunderbird xorg-x11-server-Xvfb python3-gobject gmime30 s-nail nodejs npm zsh fish tmux openssl strace sqlite iproute procps-ng util-linux binutils git-core'
# Neither Fedora nor EPEL has wapiti: pip install wapiti3 there.
rpm_attack=sqlmap
rpm_package='rpm-build systemd'
rpm_deb=dpkg-dev
rpm_rpm=rpm-build

# The names of which the package database knows no installed package.
missing_deb() {
	installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' 2>/dev/null | sed -n 's/^installed //p')
	for name; do
		# A Node.js of another source brings its npm along and does not go together with Debian's.
		[ "$name" != npm ] || ! command -v npm >/dev/null || continue
		printf '%s\n' "$installed" | grep -Fqx "$name" || printf '%s ' "$name"
	done
}

missing_rpm() {
	for name; do
		rpm -q --whatprovides "$name" >/dev/null 2>&1 || printf '%s ' "$name"
	done
}

if command -v apt-get >/dev/null; then
	system=deb
elif command -v dnf >/dev/null; then
	system=rpm
else
	echo 'Neither apt-get nor dnf: install the packages named in this script by hand.' >&2
	exit 1
fi

[ $# -gt 0 ] || set -- build
wanted=
for group; do
	case $group in
	build | test | attack | package | deb | rpm) eval "wanted=\"\$wanted \$${system}_$group\"" ;;
	*) echo "Unknown group: $group (build, test, attack, package, deb, rpm)" >&2; exit 64 ;;
	esac
done

# Word splitting is meant: lists of names.
missing=$(missing_$system $wanted)
[ -n "$missing" ] || exit 0
sudo=
if [ "$(id -u)" -ne 0 ]; then
	command -v sudo >/dev/null || { echo "To be installed by root, there is no sudo: $missing" >&2; exit 1; }
	sudo=sudo
fi
echo "Installing: $missing"
if [ $system = deb ]; then
	$sudo apt-get update -q
	# No recommended packages: mutt would bring a mail server.
	$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing
else
	$sudo dnf install -y --setopt=install_weak_deps=False $missing
fi
