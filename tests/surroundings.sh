#!/bin/sh
# What the tests need of the machine and no package brings; says in a line each what is not there. Without /proc nearly all
# fail, and there is no point in beginning; without the rest a few.
status=0

need() {
	echo "The tests need $1" >&2
}

if [ ! -e /proc/self/stat ]; then
	need '/proc: mount -t proc proc /proc'
	status=1
fi
(: <>/dev/ptmx) 2>/dev/null || need 'pseudo terminals, for mutt: mount -t devpts devpts /dev/pts'
unshare --net true 2>/dev/null || unshare --net --map-root-user true 2>/dev/null ||
	need 'namespaces of network and mounts, for relays and full disks: root with CAP_SYS_ADMIN, or user namespaces'
exit $status
