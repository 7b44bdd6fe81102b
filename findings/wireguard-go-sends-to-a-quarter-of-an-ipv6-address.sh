#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# wireguard-go of Debian 13 sends a packet to the wrong IPv6 address now and then, when it has peers
# with IPv4 and with IPv6 endpoints.
#
# It keeps the addresses that it sends to in a pool. One that was last used for IPv4 has room for
# four bytes: of the IPv6 address the first four are written into it, and the other twelve are what
# was there before, zeros at first (conn/bind_std.go, StdNetBind.Send; seen and described in
# https://github.com/WireGuard/wireguard-go/pull/135). A packet for 2001:db8:2::2 goes to 2001:db8::.
# With a default route it leaves the host, encrypted, for a stranger; without one it is lost. A hub
# with spokes of both families loses one packet of a burst, or a handshake message, which is
# repeated only after five seconds. 0.0.20220316 of Debian 12 does not do it.
#
# Seen with wireguard-go 0.0.20231211-1+b9, Linux 6.18: a peer on 127.0.0.1 and one on
# 2001:db8:2::2, which are both addresses of this network namespace:
#
#     Failed to send handshake initiation: write udp [::]:51820: sendmmsg: network is unreachable
#     Ip6OutNoRoutes                  	1
#
# Exit status: 0 as described, 1 when that has changed, 77 when it cannot run here.
set -euo pipefail

version=0.0.20231211-1+b9
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

skip() {
	echo "cannot run: $*"
	exit 77
}

[ "$(id -u)" -eq 0 ] || skip "needs root, for a network namespace of its own"
[ -c /dev/net/tun ] || skip "no /dev/net/tun"
cd "$work"
mkdir -p lists/partial cache/archives/partial
# shellcheck disable=SC2016 # apt's variable
mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 2>/dev/null | head -n 1)
echo "deb ${mirror:-http://deb.debian.org/debian} trixie main" >sources.list
apt=(apt-get -qq -o "Dir::Etc::SourceList=$work/sources.list" -o Dir::Etc::SourceParts=/dev/null
	-o "Dir::State::Lists=$work/lists" -o "Dir::Cache=$work/cache" -o APT::Sandbox::User=root)
"${apt[@]}" update >/dev/null 2>&1 || skip "no package lists to be had"
"${apt[@]}" download "wireguard-go=$version" >/dev/null 2>&1 ||
	skip "no wireguard-go $version to be had"
apt-get download wireguard-tools >/dev/null 2>&1 || skip "no wireguard-tools to be had"
for package in *.deb; do
	dpkg-deb -x "$package" root || skip "cannot unpack $package"
done
PATH=$work/root/usr/bin:$PATH
[ -x root/usr/bin/wireguard-go ] || skip "the package has no wireguard-go"
wg --version >/dev/null 2>&1 || skip "its wg does not run here"

# Both peers get a handshake message, one after the other; nobody answers. One processor: the same
# pool for both.
# shellcheck disable=SC2016 # that shell's variables, not this one's
said=$(unshare -n sh -c '
	set -e
	umask 077
	ip link set lo up
	ip address add 2001:db8:2::2/128 dev lo
	GOMAXPROCS=1 LOG_LEVEL=verbose wireguard-go --foreground wg-find >log 2>&1 &
	hub=$!
	trap "kill $hub" EXIT
	until wg show wg-find >/dev/null 2>&1; do
		kill -0 "$hub" || exit 1
		sleep 0.1
	done
	wg genkey >key
	wg set wg-find listen-port 51820 private-key key \
		peer "$(wg genkey | wg pubkey)" endpoint 127.0.0.1:51821 allowed-ips 10.0.0.1/32
	ip address add 10.0.0.9/24 dev wg-find
	ip link set wg-find up
	# The one over IPv4 is asked for first, then the one over IPv6.
	ping -c 1 -W 1 10.0.0.1 >/dev/null || :
	wg set wg-find \
		peer "$(wg genkey | wg pubkey)" endpoint "[2001:db8:2::2]:51822" allowed-ips 10.0.0.2/32
	ping -c 1 -W 1 10.0.0.2 >/dev/null || :
	grep "Failed to send" log || :
	grep Ip6OutNoRoutes /proc/net/snmp6
') || skip "no network namespace, or no wireguard-go in it"

echo "wireguard-go $version, Linux $(uname -r)"
echo "$said"
[ "$(echo "$said" | awk '/^Ip6OutNoRoutes/ { print $2 }')" -gt 0 ] ||
	{ echo "changed: each packet went to its peer"; exit 1; }
echo "as described: a packet for 2001:db8:2::2 had no route, though this is our own address"
