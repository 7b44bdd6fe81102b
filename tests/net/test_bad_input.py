# SPDX-License-Identifier: Apache-2.0
"""Peers files that are no good: the last good state stays, and one message says what and where."""

import json
import os
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from lab import devices
from lab.mesh import Mesh
from lab.relay import Daemon, RelayCommands
from lab.traffic import ping
from lab.wait import wait_until
from lab.wireguard import make_key

Records = list[dict[str, Any]]
BIG = 200 << 20
POSITION = r"(line|byte|column|offset) \d+"


def _text(records: Records) -> bytes:
    return json.dumps(records, indent=1).encode()


def _sparse(path: str, text: bytes) -> None:
    with open(path, "wb") as file:
        file.write(text)
        file.truncate(BIG)


def _padded(path: str, text: bytes) -> None:
    with open(path, "wb") as file:
        blank = b" " * (1 << 20)
        for _ in range(BIG >> 20):
            file.write(blank)
        file.write(text)


# Name, content made from the good records, whether a position must be named, words of the reason.
WHOLE_FILE: list[tuple[str, Callable[[Records], bytes], bool, str]] = [
    ("empty", lambda good: b"", False, "empty|not a JSON array"),
    ("only white space", lambda good: b" \n\n ", True, "empty|not a JSON array"),
    ("no device, not even ours", lambda good: b"[]\n", False, "own|relay|key"),
    ("without our own device", lambda good: _text([record for record in good
                                                   if not record["relay"]]), False, "own|key"),
    ("cut in half", lambda good: _text(good)[:len(_text(good)) // 2], True, "cut|end|unexpected"),
    ("cut before the last bracket", lambda good: _text(good)[:-1], True, "cut|end"),
    ("not JSON", lambda good: b"peers: none\n", True, "JSON"),
    ("an object, not an array", lambda good: b'{"error": "not found"}\n', True, "array"),
    ("a number", lambda good: b"42\n", True, "array"),
    ("an array of strings", lambda good: b'["spoke1", "spoke2"]', True, "object"),
    ("an array of arrays", lambda good: b'[[], []]', True, "object"),
    ("a device between good ones is a number",
     lambda good: _text(good)[:-2] + b", 7]", True, "object"),
    ("two arrays", lambda good: _text(good) + b"[]", True, "follow|after|trailing"),
    ("a comma too many", lambda good: _text(good)[:-1] + b",]", True, "object|unexpected"),
    ("single quotes", lambda good: _text(good).replace(b'"', b"'"), True, "quote|expected|string"),
    ("nested 10,000 deep", lambda good: b"[" * 10000 + b"]" * 10000, True, "object|deep|nest"),
    ("nested 10,000 deep in a device",
     lambda good: _text(good)[:-2] + b', {"hostname": ' + b"[" * 10000 + b"]" * 10000 + b"}]",
     True, "deep|nest"),
    ("a NUL byte in a name",
     lambda good: _text(good).replace(b'"spoke1"', b'"spo\0ke1"'), True, "NUL"),
    ("NUL bytes after the end", lambda good: _text(good) + b"\0\0", True, "NUL"),
    ("no UTF-8", lambda good: _text(good).replace(b'"spoke1"', b'"\xff\xfe"'), True, "utf|UTF"),
    ("a member twice",
     lambda good: _text(good).replace(b'"relay": false',
                                      b'"symmetric_nat": true, "relay": false', 1), True, "twice"),
    ("a device of 2 MB",
     lambda good: _text(good)[:-2] + b', {"hostname": "' + b"x" * (2 << 20) + b'"}]', True,
     "larg|big|MiB"),
]

# Name, what is made beside the path and renamed over it, words of the reason.
PATH: list[tuple[str, Callable[[str, Records], None], str]] = [
    ("a link to a folder", lambda path, good: os.symlink("/run/lab", path), "director|regular"),
    ("a link to nowhere", lambda path, good: os.symlink("/run/nowhere", path), "No such file"),
    ("a link to itself", lambda path, good: os.symlink("peers.json", path), "symbolic links"),
    ("a pipe nobody writes to", lambda path, good: os.mkfifo(path), "regular"),
    ("200 MB, sparse", lambda path, good: _sparse(path, _text(good)), "NUL|larg|big|MiB"),
    ("200 MB of blanks", lambda path, good: _padded(path, _text(good)), "larg|big|MiB"),
]


@pytest.fixture(scope="module")
def running(mesh: Mesh) -> Iterator[tuple[RelayCommands, Daemon]]:
    """One relay for all rows, with the good list."""
    mesh.peers.replace(devices.records(mesh.devices()))
    commands = RelayCommands(mesh.relay)
    yield commands, commands.start("--peers", mesh.peers.path)
    commands.clean()


def _wait_good(mesh: Mesh, commands: RelayCommands, daemon: Daemon) -> None:
    """The good list is back, and applied: this one, not one that was there before."""
    said = len(daemon.messages())
    mesh.peers.replace(devices.records(mesh.devices()))
    wait_until(lambda: any(" devices, " in line for line in daemon.messages()[said:])
               and not commands.status()["list"]["error"], "good list again")
    daemon.new_messages()


def _check_refused(mesh: Mesh, running: tuple[RelayCommands, Daemon], break_it: Callable[[], None],
                   position: bool, reason: str) -> None:
    commands, daemon = running
    _wait_good(mesh, commands, daemon)
    before = commands.status()
    break_it()
    try:
        wait_until(lambda: len(daemon.messages()) > daemon.seen, "message about the file")
        assert ping(mesh["spoke1"].node, mesh["spoke2"].device.ipv4).complete
        assert ping(mesh["spoke1"].node, mesh["spoke2"].device.ipv6).complete
        after = commands.status()
        messages = daemon.new_messages()
        assert len(messages) == 1, messages
        assert mesh.peers.path in messages[0]
        assert re.search(reason, messages[0]), messages
        if position:
            assert re.search(POSITION, messages[0]), messages
        assert after["list"]["error"]
        for number in ("loaded", "devices", "skipped", "addresses", "cidrs", "applied_at"):
            assert after["list"][number] == before["list"][number]
        assert daemon.process.poll() is None
    finally:
        _wait_good(mesh, commands, daemon)


@pytest.mark.parametrize(("name", "content", "position", "reason"), WHOLE_FILE,
                         ids=[row[0] for row in WHOLE_FILE])
def test_a_bad_list_is_refused_whole(mesh: Mesh, running: tuple[RelayCommands, Daemon], name: str,
                                     content: Callable[[Records], bytes], position: bool,
                                     reason: str) -> None:
    text = content(devices.records(mesh.devices()))
    _check_refused(mesh, running, lambda: mesh.peers.replace(text), position, reason)


@pytest.mark.parametrize(("name", "make", "reason"), PATH, ids=[row[0] for row in PATH])
def test_a_bad_path_is_refused(mesh: Mesh, running: tuple[RelayCommands, Daemon], name: str,
                               make: Callable[[str, Records], None], reason: str) -> None:
    beside = mesh.peers.path + ".bad"
    make(beside, devices.records(mesh.devices()))
    _check_refused(mesh, running, lambda: os.rename(beside, mesh.peers.path), False, reason)


def test_a_missing_file_is_said(mesh: Mesh, running: tuple[RelayCommands, Daemon]) -> None:
    _check_refused(mesh, running, mesh.peers.remove, False, "No such file")


def test_a_file_that_is_back_is_read_once(mesh: Mesh,
                                          running: tuple[RelayCommands, Daemon]) -> None:
    """The relay looks again for a file that is missing, later and later; but not once it is there."""
    _, daemon = running
    _wait_good(mesh, *running)
    for _ in range(2):
        daemon.new_messages()
        mesh.peers.remove()
        wait_until(lambda: "No such file" in "".join(daemon.messages()[daemon.seen:]), "message")
        mesh.peers.replace(devices.records(mesh.devices()))
        wait_until(lambda: " devices, " in "".join(daemon.messages()[daemon.seen:]), "list")
        time.sleep(0.7)  # the first look again would be after 0.25 s, the next one after 0.5 s
        assert len(daemon.new_messages()) == 2, daemon.messages()


def _newcomer() -> dict[str, Any]:
    return devices.Device("newcomer", make_key().public, "100.64.7.7", "200::7:7",
                          advertises=["10.9.0.0/16", "fd00:9::/32"]).record()


# Name, edit of a good device, words of the reason; the device is left out.
SKIPPED_DEVICE: list[tuple[str, dict[str, Any], str]] = [
    ("a key that is too short", {"public_key": "AAAA"}, "key"),
    ("a key that is no base64", {"public_key": "!" * 44}, "key"),
    ("a key of a deleted device", {"public_key": ""}, "key"),
    ("a key that is null", {"public_key": None}, "key"),
    ("a key that is a number", {"public_key": 7}, "key"),
    ("a key of zeros", {"public_key": "A" * 43 + "="}, "key"),
    ("no address at all", {"allowed_ips": None, "ipv4_tunnel_ips": None, "ipv6_tunnel_ips": []},
     "address"),
    ("a bad IPv4 address", {"allowed_ips": ["100.64.7.256/32", "200::7:7/128"]}, "address"),
    ("a bad IPv6 address", {"allowed_ips": ["100.64.7.7/32", "200::7::7/128"]}, "address"),
    ("an IPv4 prefix of 33", {"allowed_ips": ["100.64.7.7/33", "200::7:7/128"]}, "address"),
    ("an IPv6 prefix of 129", {"allowed_ips": ["100.64.7.7/32", "200::7:7/129"]}, "address"),
    ("IPv6 in the IPv4 field", {"ipv4_tunnel_ips": [{"address": "200::7:7", "cidr": None}]},
     "address"),
    ("IPv4 in the IPv6 field", {"ipv6_tunnel_ips": [{"address": "100.64.7.7", "cidr": None}]},
     "address"),
    ("symmetric_nat is a text", {"symmetric_nat": "yes"}, "symmetric_nat"),
]

# Name, edit; only the CIDR is left out.
SKIPPED_CIDR: list[tuple[str, list[Any], str]] = [
    ("no CIDR", ["10.9.0.0/16", "everything"], "everything"),
    ("a number", ["10.9.0.0/16", 7], "7"),
    ("an IPv4 prefix of 33", ["10.9.0.0/33", "fd00:9::/32"], "10.9.0.0/33"),
    ("an IPv6 prefix of 129", ["10.9.0.0/16", "fd00:9::/129"], "fd00:9::/129"),
]

# Name, edit; the device is taken without a word.
TAKEN: list[tuple[str, dict[str, Any]]] = [
    ("lists that are null", {"advertise_cidrs": None, "endpoints": None,
                             "ipv4_tunnel_ips": None, "ipv6_tunnel_ips": None}),
    ("lists that are empty", {"advertise_cidrs": [], "endpoints": [], "ipv4_tunnel_ips": [],
                              "ipv6_tunnel_ips": []}),
    ("only tunnel addresses", {"allowed_ips": None}),
    ("flags and names that are null", {"relay": None, "symmetric_nat": None, "os": None,
                                       "online_at": None, "security_group_id": None}),
    ("unknown members", {"flavour": {"of": ["the", "month", 3.5, True, None]}}),
    ("addresses without prefix length", {"allowed_ips": ["100.64.7.7", "200::7:7"]}),
]


def _apply_with(mesh: Mesh, running: tuple[RelayCommands, Daemon],
                edit: dict[str, Any]) -> list[str]:
    """The good list with one more, edited, device; what was said about it."""
    commands, daemon = running
    _wait_good(mesh, commands, daemon)
    assert "newcomer" not in commands.peers()
    marker = devices.Device("marker", make_key().public, "100.64.7.8", "200::7:8").record()
    mesh.peers.replace([*devices.records(mesh.devices()), _newcomer() | edit, marker])
    wait_until(lambda: "marker" in commands.peers(), "list with the marker")
    wait_until(lambda: commands.status()["list"]["devices"] >= 5, "status of that list")
    return [line for line in daemon.new_messages() if "newcomer" in line]


@pytest.mark.parametrize(("name", "edit", "reason"), SKIPPED_DEVICE,
                         ids=[row[0] for row in SKIPPED_DEVICE])
def test_a_bad_device_is_skipped_by_name(mesh: Mesh, running: tuple[RelayCommands, Daemon],
                                         name: str, edit: dict[str, Any], reason: str) -> None:
    messages = _apply_with(mesh, running, edit)
    assert len(messages) == 1, messages
    assert re.search(reason, messages[0]) and re.search(POSITION, messages[0]), messages
    assert mesh.peers.path in messages[0], messages
    commands, _ = running
    assert "newcomer" not in commands.peers()
    status = commands.status()
    assert (status["list"]["devices"], status["list"]["skipped"]) == (5, 1)
    assert not status["list"]["error"]
    assert ping(mesh["spoke1"].node, mesh["spoke2"].device.ipv4, count=2).complete
    assert ping(mesh["spoke1"].node, mesh["spoke2"].device.ipv6, count=2).complete


@pytest.mark.parametrize(("name", "cidrs", "shown"), SKIPPED_CIDR,
                         ids=[row[0] for row in SKIPPED_CIDR])
def test_a_bad_cidr_is_skipped_alone(mesh: Mesh, running: tuple[RelayCommands, Daemon], name: str,
                                     cidrs: list[Any], shown: str) -> None:
    messages = _apply_with(mesh, running, {"advertise_cidrs": cidrs})
    assert len(messages) == 1 and shown in messages[0], messages
    assert re.search(POSITION, messages[0]), messages
    commands, _ = running
    good = [cidr for cidr in cidrs if str(cidr) != shown]
    assert commands.peers()["newcomer"]["cidrs"] == good
    assert commands.status()["list"]["skipped"] == 1


@pytest.mark.parametrize(("name", "edit"), TAKEN, ids=[row[0] for row in TAKEN])
def test_null_missing_and_unknown_are_tolerated(mesh: Mesh, running: tuple[RelayCommands, Daemon],
                                                name: str, edit: dict[str, Any]) -> None:
    assert _apply_with(mesh, running, edit) == []
    commands, _ = running
    shown = commands.peers()["newcomer"]["addresses"]
    assert {address.split("/")[0] for address in shown} == {"100.64.7.7", "200::7:7"}
    assert commands.status()["list"]["skipped"] == 0


def test_host_bits_of_a_cidr_are_cleared(mesh: Mesh,
                                         running: tuple[RelayCommands, Daemon]) -> None:
    """Without a word: they say nothing of the network."""
    sent = {"advertise_cidrs": ["10.9.0.1/16", "fd00:9::1/32"]}
    assert _apply_with(mesh, running, sent) == []
    commands, _ = running
    assert commands.peers()["newcomer"]["cidrs"] == ["10.9.0.0/16", "fd00:9::/32"]
    assert commands.status()["list"]["skipped"] == 0


def test_members_may_be_missing(mesh: Mesh, running: tuple[RelayCommands, Daemon]) -> None:
    """A key and the addresses are all that is needed."""
    commands, daemon = running
    _wait_good(mesh, commands, daemon)
    full = _newcomer()
    bare = {"public_key": full["public_key"], "hostname": "newcomer",
            "allowed_ips": full["allowed_ips"]}
    mesh.peers.replace([*devices.records(mesh.devices()), bare])
    wait_until(lambda: "newcomer" in commands.peers(), "device with three members")
    assert not [line for line in daemon.new_messages() if "newcomer" in line]


def test_a_name_cannot_write_to_the_terminal(mesh: Mesh,
                                             running: tuple[RelayCommands, Daemon]) -> None:
    """Control characters in a host name reach neither messages nor tables; nor does what turns the
    direction of what follows, or is not seen."""
    commands, daemon = running
    _wait_good(mesh, commands, daemon)
    record = _newcomer() | {"hostname": "evil\x1b[2J\r\nn\u202eame\u200b",
                            "advertise_cidrs": ["x\x1b[31m\u2066"]}
    mesh.peers.replace([*devices.records(mesh.devices()), record])
    wait_until(lambda: len(commands.peers()) == 5, "device with the name")
    shown = commands.call("peers").stdout + "\n".join(daemon.messages())
    assert not set(shown) & set("\x1b\r\u202e\u200b\u2066"), shown
    assert "evil" in shown
