#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# `ip -6 route delete throw default` deletes an `unreachable default` as well: for IPv6 the kernel
# does not look at the type of a route that is to be deleted. For IPv4 it does.
#
# A program that replaces one end of a routing table by another (add the throw route, then delete
# the unreachable one) loses the one that it has just added, unless it names the metric, too; two
# such routes of one metric cannot be there together: the second is refused with EEXIST, which IPv4
# takes with `append`.
#
# Seen with iproute2 6.1.0-3, Linux 6.1, 6.12 and 6.18:
#
#     IPv4: deleting "throw default" beside "unreachable default metric 20": No such process
#     IPv6: the same has deleted "unreachable default metric 20"
#
# Exit status: 0 as described, 1 when that has changed, 77 when it cannot run here.
set -euo pipefail

version=6.1.0-3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

skip() {
	echo "cannot run: $*"
	exit 77
}

[ "$(id -u)" -eq 0 ] || skip "needs root, for a network namespace of its own"
cd "$work"
apt-get download "iproute2=$version" >/dev/null 2>&1 || skip "no iproute2 $version to be had"
dpkg-deb -x iproute2_*.deb root || skip "cannot unpack it"
ip=$work/root/sbin/ip
[ -x "$ip" ] || ip=$work/root/usr/sbin/ip
"$ip" -V >/dev/null 2>&1 || skip "its ip does not run here"

# shellcheck disable=SC2016 # that shell's variables, not this one's
seen=$(unshare -n sh -c '
	ip=$1
	$ip link set lo up
	for family in -4 -6; do
		$ip $family route add unreachable default metric 20 table 100 || exit
		if $ip $family route delete throw default table 100 2>/dev/null; then
			deleted=yes
		else
			deleted=no
		fi
		left=$($ip $family route show table 100 2>/dev/null | grep -c unreachable)
		echo "IPv${family#-}: deleted $deleted, unreachable routes left: $left"
	done
' sh "$ip") || skip "no network namespace"

echo "iproute2 $version, Linux $(uname -r)"
echo "$seen"
[ "$seen" = "IPv4: deleted no, unreachable routes left: 1
IPv6: deleted yes, unreachable routes left: 0" ] || {
	echo "changed"
	exit 1
}
echo "as described"
