#!/bin/sh
# Packs the built daemon as BUILD/postroom_VERSION_ARCH.deb. Usage: build-deb.sh BUILD VERSION
set -eu
build=$1
version=$2
arch=$(dpkg --print-architecture)
root=$build/deb/root
work=$build/deb
date=$(git log -1 --format=%ct 2>/dev/null || echo 0)
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$date}
export SOURCE_DATE_EPOCH

rm -rf "$work"
install -D -m 755 "$build/postroom" "$root/usr/bin/postroom"
strip --strip-unneeded "$root/usr/bin/postroom"
install -D -m 644 packaging/postroom.conf "$root/etc/postroom/postroom.conf"
install -D -m 644 packaging/postroom.service "$root/lib/systemd/system/postroom.service"
install -D -m 644 packaging/postroom.sysusers "$root/usr/lib/sysusers.d/postroom.conf"
install -D -m 644 packaging/postroom.tmpfiles "$root/usr/lib/tmpfiles.d/postroom.conf"
sh packaging/install-shared.sh "$build/postroom" "$root/usr"
# Programs of old call it there (Debian policy 11.6).
install -d "$root/usr/lib" "$root/usr/share/doc/postroom"
ln -sf ../sbin/sendmail "$root/usr/lib/sendmail"
find "$root/usr/share/man" -type f -exec gzip -9n {} +
install -m 644 README.md ARCHITECTURE.md "$root/usr/share/doc/postroom/"
gzip -9nc CHANGELOG.md > "$root/usr/share/doc/postroom/changelog.gz"
printf 'License: Apache-2.0\n On Debian systems the text is in /usr/share/common-licenses/Apache-2.0.\n' > "$root/usr/share/doc/postroom/copyright"

# dpkg-shlibdeps wants a source package around it.
mkdir -p "$work/debian"
printf 'Source: postroom\n\nPackage: postroom\nArchitecture: any\n' > "$work/debian/control"
depends=$(cd "$work" && dpkg-shlibdeps -O root/usr/bin/postroom 2>/dev/null | sed -n 's/^shlibs:Depends=//p')
[ -n "$depends" ] || { echo 'The libraries that the binary needs could not be found out.' >&2; exit 1; }

install -d "$root/DEBIAN"
cat > "$root/DEBIAN/control" <<EOF
Package: postroom
Version: $version
Architecture: $arch
Maintainer: Postroom maintainers <maintainers@postroom.invalid>
Depends: $depends, dns-root-data, ca-certificates, init-system-helpers
Recommends: systemd
Provides: mail-transport-agent
Conflicts: mail-transport-agent
Replaces: mail-transport-agent
Section: mail
Priority: optional
Installed-Size: $(du -sk "$root" | cut -f1)
Description: mail server with its administration in one daemon
 SMTP, submission, IMAP and POP3, the queue and the mailboxes of a small
 organisation, managed over one API and command line.
EOF
echo /etc/postroom/postroom.conf > "$root/DEBIAN/conffiles"
install -m 755 packaging/deb/postinst packaging/deb/prerm packaging/deb/postrm "$root/DEBIAN/"
dpkg-deb --root-owner-group --build "$root" "$build/postroom_${version}_$arch.deb" >/dev/null
echo "$build/postroom_${version}_$arch.deb"
