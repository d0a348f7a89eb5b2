#!/bin/sh
# What the tests need of the machine and no package brings; says in a line each what is not there.
status=0

need() {
	echo "The tests need $1" >&2
	status=1
}

[ -e /proc/self/stat ] || need '/proc: mount -t proc proc /proc'
(: <>/dev/ptmx) 2>/dev/null || need 'pseudo terminals, for mutt: mount -t devpts devpts /dev/pts'
unshare --net true 2>/dev/null || unshare --net --map-root-user true 2>/dev/null ||
	need 'network namespaces: root with CAP_SYS_ADMIN, or user namespaces'
exit $status
