#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# A routing rule that names no priority is put in front of every rule but the first one, also of
# rules that another program has placed with care.
#
# The kernel (net/core/fib_rules.c, fib_default_rule_pref) gives such a rule the priority of the
# second rule of the list, less one. wg-quick names no priority for its two rules of a peer with
# 0.0.0.0/0. Where another VPN has its own rules at 5210 and up, as mesh VPNs do for packets that
# they have marked, wg-quick's rules come before those: the marked packets, which should leave by
# the main table, go into wg-quick's tunnel. Which of the two wins depends on which starts later.
#
# Seen with iproute2 6.1.0-3, Linux 6.1, 6.12 and 6.18:
#
#     0:      from all lookup local
#     5208:   from all lookup main suppress_prefixlength 0
#     5209:   not from all fwmark 0xca6c lookup 51820
#     5210:   from all fwmark 0x80000/0xff0000 lookup main
#     ...
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
rules=$(unshare -n sh -c '
	set -e
	ip=$1
	# A mesh VPN: what it has marked leaves by the main table, the rest asks its own.
	for family in -4 -6; do
		$ip $family rule add pref 5210 fwmark 0x80000/0xff0000 lookup main
		$ip $family rule add pref 5270 lookup 52
		# The two rules of wg-quick, in its order.
		$ip $family rule add not fwmark 51820 table 51820
		$ip $family rule add table main suppress_prefixlength 0
	done
	$ip -4 rule
	echo --
	$ip -6 rule
' sh "$ip") || skip "no network namespace"

echo "iproute2 $version, Linux $(uname -r)"
echo "$rules"
for family in 1 2; do
	order=$(echo "$rules" | awk -v want=$family 'BEGIN { part = 1 } /^--/ { part++; next }
		part == want { sub(":", "", $1); printf "%s ", $1 }')
	case $order in
	'0 5208 5209 5210 5270 32766 '*) ;;
	*) echo "changed: $order"; exit 1 ;;
	esac
done
echo "as described: 5208 and 5209 come before 5210"
