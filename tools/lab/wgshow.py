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


def routes(node: Node, interface: str) -> set[str]:
    """Destinations of the main table's routes into the interface, with their prefix lengths; but
    not those that the kernel makes for an address."""
    found = set()
    for family in ("-4", "-6"):
        listed = json.loads(node.run("ip", "-j", family, "route", "show", "dev", interface) or "[]")
        found |= {str(ipaddress.ip_network(route["dst"])) for route in listed
                  if route.get("protocol") != "kernel" and route["dst"] != "default"}
    return found
