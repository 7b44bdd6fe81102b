# SPDX-License-Identifier: Apache-2.0
"""A host in a LAN behind a spoke, which forwards to it and advertises the LAN's networks."""

from lab.node import Node

LAN4, LAN6 = "172.24.100.0/24", "fd00:24:100::/64"
LAN_HOST4, LAN_HOST6 = "172.24.100.10", "fd00:24:100::10"


def join_lan(spoke: Node, host: Node) -> None:
    """Lay the link between the two; both nodes are there already."""
    spoke.run("ip", "link", "add", "lan0", "type", "veth", "peer", "name", "eth0",
              "netns", f"/run/netns/{host.name}")
    for node, link, last in ((spoke, "lan0", "1"), (host, "eth0", "10")):
        node.run("ip", "address", "add", f"172.24.100.{last}/24", "dev", link)
        node.run("ip", "address", "add", f"fd00:24:100::{last}/64", "dev", link, "nodad")
        node.run("ip", "link", "set", link, "up")
    host.run("ip", "route", "add", "default", "via", "172.24.100.1")
    host.run("ip", "route", "add", "default", "via", "fd00:24:100::1")
    for name in ("ipv4/ip_forward", "ipv6/conf/all/forwarding"):
        spoke.set_sysctl(name, "1")
