# SPDX-License-Identifier: Apache-2.0
"""The relay host's FORWARD chains: a policy, and a rule that only counts.

iptables and ip6tables where they work, else the same chains made with nft. The counting rule sees
every packet that the kernel itself forwards, before the policy decides.
"""

import json
from dataclasses import dataclass

from lab.node import CommandFailed, Node

_TOOLS = {"ip": "iptables", "ip6": "ip6tables"}


@dataclass(frozen=True)
class Forwarded:
    """Packets that entered the FORWARD chains."""

    ipv4: int
    ipv6: int


class Firewall:
    """FORWARD policy and counters of one node, both families."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self._iptables = node.call("iptables", "-nL", "FORWARD").returncode == 0
        for family, tool in _TOOLS.items():
            if self._iptables:
                node.run(tool, "-A", "FORWARD")
            else:
                node.run("nft", f"add table {family} filter; add chain {family} filter FORWARD "
                         "{ type filter hook forward priority 0; }; "
                         f"add rule {family} filter FORWARD counter")
        self.set_policy("DROP")

    def set_policy(self, policy: str) -> None:
        """policy is DROP or ACCEPT."""
        for family, tool in _TOOLS.items():
            if self._iptables:
                self.node.run(tool, "-P", "FORWARD", policy)
            else:
                self.node.run("nft", f"add chain {family} filter FORWARD "
                              f"{{ policy {policy.lower()}; }}")

    def forwarded(self) -> Forwarded:
        """The counters now."""
        return Forwarded(self._count("ip"), self._count("ip6"))

    def show(self) -> list[tuple[str, ...]]:
        """The commands that show the counters."""
        if self._iptables:
            return [(tool, "-nvxL", "FORWARD") for tool in _TOOLS.values()]
        return [("nft", "list", "chain", family, "filter", "FORWARD") for family in _TOOLS]

    def remove(self) -> None:
        """Take the rules and chains away."""
        self.node.run("nft", "flush", "ruleset")

    def _count(self, family: str) -> int:
        chain = json.loads(self.node.run("nft", "-j", "list", "chain", family, "filter", "FORWARD"))
        for item in chain["nftables"]:
            for part in item.get("rule", {}).get("expr", []):
                if "counter" in part:
                    return part["counter"]["packets"]
        raise CommandFailed(f"{self.node.name}: no counter in chain {family} filter FORWARD")
