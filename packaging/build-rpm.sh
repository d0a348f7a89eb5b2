#!/bin/sh
# Packs the built daemon as an rpm in BUILD/rpm/. Build on the system it is for: the binary carries that system's libraries.
# Usage: build-rpm.sh BUILD VERSION
set -eu
build=$(cd "$1" && pwd)
version=$2
root=$build/rpm/root

rm -rf "$build/rpm"
install -D -m 755 "$build/postroom" "$root/usr/bin/postroom"
install -D -m 644 packaging/postroom.conf "$root/etc/postroom/postroom.conf"
install -D -m 644 packaging/postroom.service "$root/usr/lib/systemd/system/postroom.service"
install -D -m 644 packaging/postroom.sysusers "$root/usr/lib/sysusers.d/postroom.conf"
install -D -m 644 packaging/postroom.tmpfiles "$root/usr/lib/tmpfiles.d/postroom.conf"
install -D -m 644 LICENSE "$root/usr/share/licenses/postroom/LICENSE"
sh packaging/install-shared.sh "$build/postroom" "$root/usr"
# Fedora has another place for these.
mv "$root/usr/share/zsh/vendor-completions" "$root/usr/share/zsh/site-functions"
install -d "$root/usr/lib" "$root/usr/share/doc/postroom"
ln -sf ../sbin/sendmail "$root/usr/lib/sendmail"
install -m 644 README.md ARCHITECTURE.md CHANGELOG.md "$root/usr/share/doc/postroom/"
rpmbuild -bb --quiet --define "_topdir $build/rpm/work" --define "postroom_version $version" --define "postroom_root $root" packaging/postroom.spec
find "$build/rpm/work/RPMS" -name '*.rpm'
