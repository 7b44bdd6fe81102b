# SPDX-License-Identifier: Apache-2.0
"""The way from a spoke to the relay host, outside of the tunnel.

    spoke ──── relay host                 198.18.N.0/24 and 2001:db8:N::/64
    spoke ──── router ──── relay host     192.168.1.0/24 and fd00:192:168:1::/64 at home

The router masquerades both families, with ports that it picks at random. Every home has the same
private ranges, and every spoke the same address in them.
"""

from lab.node import Node

PORT = 51820  # the relay's
HOME4, HOME6 = "192.168.1.", "fd00:192:168:1::"
_MASQUERADE = """
table {table} nat {{
	chain postrouting {{
		type nat hook postrouting priority 100;
		oifname "eth0" masquerade fully-random
	}}
}}"""


def settle(node: Node) -> None:
    """No duplicate address detection: addresses are usable, and stay the same, from the first
    moment."""
    node.set_sysctl("ipv6/conf/default/accept_dad", "0")


class Underlay:
    """One spoke's way to the relay host."""

    def __init__(self, relay: Node, spoke: Node, number: int, mtu: int = 1500,
                 behind_nat: bool = False) -> None:
        self.relay, self.spoke, self.mtu = relay, spoke, mtu
        self.router: Node | None = None
        self._link = f"under{number}"
        self._nets = {4: f"198.18.{number}.", 6: f"2001:db8:{number:x}::"}
        self._last = {4: 2, 6: 2}  # of the far end's address
        far = self._make_router() if behind_nat else spoke
        self._lay(relay, self._link, far, "eth0", self._nets[4], self._nets[6])

    def remove(self) -> None:
        """Take the links and the router away."""
        self.relay.call("ip", "link", "delete", self._link)
        if self.router:
            self.router.remove()

    def address(self, family: int) -> str:
        """From where the relay host hears the spoke: its address, or the router's."""
        return f"{self._nets[family]}{self._last[family]}"

    def relay_endpoint(self, family: int) -> str:
        """The relay's endpoint for this spoke."""
        host = f"{self._nets[family]}1"
        return f"{host}:{PORT}" if family == 4 else f"[{host}]:{PORT}"

    def drop_address(self, family: int) -> None:
        """Take the far end's address away."""
        self._far().run("ip", "address", "delete", self._with_bits(family), "dev", "eth0")

    def new_address(self, family: int) -> None:
        """Give the far end another address than the one it has had."""
        self._last[family] += 1
        self._far().run("ip", "address", "add", self._with_bits(family), "dev", "eth0",
                        *(("nodad",) if family == 6 else ()))

    def _far(self) -> Node:
        return self.router or self.spoke

    def _with_bits(self, family: int) -> str:
        return f"{self.address(family)}/{24 if family == 4 else 64}"

    def _make_router(self) -> Node:
        self.router = Node(f"nat-{self.spoke.name}")
        settle(self.router)
        self._lay(self.router, "home", self.spoke, "eth0", HOME4, HOME6)
        for gateway in (f"{HOME4}1", f"{HOME6}1"):
            self.spoke.run("ip", "route", "add", "default", "via", gateway)
        for name in ("ipv4/ip_forward", "ipv6/conf/all/forwarding"):
            self.router.set_sysctl(name, "1")
        self.router.run("nft", "".join(_MASQUERADE.format(table=name) for name in ("ip", "ip6")))
        return self.router

    def _lay(self, near: Node, near_link: str, far: Node, far_link: str, net4: str,
             net6: str) -> None:
        """A link with addresses of both families at both ends."""
        near.run("ip", "link", "add", near_link, "type", "veth", "peer", "name", far_link,
                 "netns", f"/run/netns/{far.name}")
        for host, link, last in ((near, near_link, 1), (far, far_link, 2)):
            host.run("ip", "address", "add", f"{net4}{last}/24", "dev", link)
            host.run("ip", "address", "add", f"{net6}{last}/64", "dev", link, "nodad")
            host.run("ip", "link", "set", link, "mtu", str(self.mtu), "up")
