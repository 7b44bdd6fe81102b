# SPDX-License-Identifier: Apache-2.0
"""What an interface's WireGuard and its routes say, whoever made it."""

import ipaddress
import json

from lab.node import Node


def _fields(node: Node, interface: str, field: str) -> dict[str, list[str]]:
    """wg show <interface> FIELD: the words after each peer's public key."""
    lines = node.run("wg", "show", interface, field).splitlines()
    return {line.split()[0]: line.split()[1:] for line in lines}


def public_key(node: Node, interface: str) -> str:
    """The interface's own."""
    return node.run("wg", "show", interface, "public-key").strip()


def allowed_ips(node: Node, interface: str) -> dict[str, set[str]]:
    """AllowedIPs of every peer, by public key."""
    return {key: {word for word in words if word != "(none)"}
            for key, words in _fields(node, interface, "allowed-ips").items()}


def endpoints(node: Node, interface: str) -> dict[str, str]:
    """Address and port from which each peer was heard last."""
    return {key: words[0] for key, words in _fields(node, interface, "endpoints").items()}


def handshakes(node: Node, interface: str) -> dict[str, int]:
    """Time of each peer's last handshake, in seconds since the epoch; 0: none."""
    return {key: int(words[0])
            for key, words in _fields(node, interface, "latest-handshakes").items()}


def received(node: Node, interface: str) -> dict[str, int]:
    """Bytes received from each peer; from 0 again when a peer is taken away and comes back."""
    return {key: int(words[0]) for key, words in _fields(node, interface, "transfer").items()}


def own_table(interface: str) -> str:
    """Number of the routing table that nex-relay has for an interface of its own."""
    number = 2166136261  # FNV-1a
    for byte in interface.encode():
        number = (number ^ byte) * 16777619 % 2**32
    return str(110000 + number % 10000)


def table(node: Node, interface: str) -> str:
    """The routing table that a rule of nex-relay names for what enters by the interface; where
    there is none, as where the interface is adopted, the main one."""
    for rule in json.loads(node.run("ip", "-j", "rule")):
        if rule.get("iif") == interface and rule.get("protocol") == "110":
            return str(rule["table"])
    return "main"


def _routes(node: Node, interface: str, number: str) -> set[str]:
    found = set()
    for family, default in (("-4", "0.0.0.0/0"), ("-6", "::/0")):
        shown = node.call("ip", "-j", family, "route", "show", "table", number, "dev", interface)
        if shown.returncode:
            continue  # a table is made with its first route
        found |= {default if route["dst"] == "default" else str(ipaddress.ip_network(route["dst"]))
                  for route in json.loads(shown.stdout or "[]")
                  if route.get("protocol") != "kernel"}
    return found


def routes(node: Node, interface: str) -> set[str]:
    """Destinations, with their prefix lengths, to which what enters by the interface is sent back
    into it; but not those that the kernel makes for an address."""
    return _routes(node, interface, table(node, interface))


def host_routes(node: Node, interface: str) -> set[str]:
    """The same for everybody else's packets: the main table's."""
    return _routes(node, interface, "main")
