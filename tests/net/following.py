# SPDX-License-Identifier: Apache-2.0
"""A relay that follows an api-server, for the tests of what can go wrong between the two."""

import ipaddress
import os
import shutil
import signal
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from lab import wgshow
from lab.controlled import Controlled
from lab.owner import INTERFACE, STATE
from lab.relay import Daemon
from lab.steady import Steady
from lab.wait import LIMIT_S, wait_quiet, wait_until
from lab.wireguard import make_key

HURRY = "NEX_RELAY_TEST_HURRY"  # what the relay waits for takes so many times less
LATE_SERVERS = ("no name server answers", "no STUN server answers", "timed out",
                "as it should be again", "is so again", "does not come to its end")
QUIET_S = 0.3
LAN = ["10.188.100.0/24", "fd00:188:100::/64"]


@contextmanager
def hurried(times: int) -> Iterator[None]:
    """Relays that are started in the block are in a hurry."""
    os.environ[HURRY] = str(times)
    try:
        yield
    finally:
        del os.environ[HURRY]


@contextmanager
def following(times: int, kind: type[Controlled] = Controlled,
              over: tuple[int, int] = (4, 6)) -> Iterator[Controlled]:
    """A network whose relay follows its VPC. The two spokes' tunnels run over these families."""
    shutil.rmtree(STATE, ignore_errors=True)  # what another test's relay has kept
    with kind() as net, hurried(times):
        net.add("spoke1", relay_only=True, over=over[0])
        net.add("spoke2", advertises=LAN, over=over[1])
        net.start()
        await_followed(net)
        yield net


@contextmanager
def flowing(times: int, packets_per_s: int = 200) -> Iterator[tuple[Controlled, Steady]]:
    """The same, with flows between the two spokes."""
    with following(times) as net, Steady(net, packets_per_s) as steady:
        yield net, steady


@contextmanager
def undisturbed(network: tuple[Controlled, Steady], keep: bool = False) -> Iterator[Controlled]:
    """One test on a network with flows: afterwards the relay follows again, only the spokes are
    there (or, with keep, what is), no packet was lost, and nothing asked for that should not be."""
    net, steady = network
    net.api.ask("requests_clear")
    nothing_more(net)
    yield net
    net.api.clear_faults()
    if not keep:
        net.api.ask("bulk_delete", count=1000)
        for name in net.api.devices().keys() - {"spoke1", "spoke2", net.device.name}:
            net.api.delete_device(name)
    mend(net)
    steady.check()
    assert net.api.violations() == []


def daemon(net: Controlled) -> Daemon:
    """The relay that runs."""
    return net.commands.daemons[-1]


def hurry_up(net: Controlled) -> None:
    """Try at once, and from the beginning."""
    daemon(net).signal(signal.SIGHUP)


def begin_anew(net: Controlled) -> None:
    """From nothing: the source that knows what was followed dies, and another begins."""
    source = wait_until(daemon(net).source, "source")
    os.kill(source, signal.SIGKILL)
    wait_until(lambda: daemon(net).source() not in (None, source), "another source")


def wanted(net: Controlled) -> dict[str, set[str]]:
    """AllowedIPs of every device of the server's but the relay, by public key."""
    found = {}
    for device in net.api.devices().values():
        addresses = [item["address"] for name in ("ipv4_tunnel_ips", "ipv6_tunnel_ips")
                     for item in device[name]]
        found[device["public_key"]] = {str(ipaddress.ip_network(text, strict=False)) for text in
                                       (*addresses, *(device["advertise_cidrs"] or ()))}
    found.pop(net.device.public_key, None)
    return found


def state(net: Controlled) -> dict[str, dict[str, set[str]]]:
    """What the relay has made of it: peers, maps and routes."""
    maps = net.commands.entries()
    maps.pop(net.device.public_key, None)
    peers = wgshow.allowed_ips(net.relay, INTERFACE)
    return {"peers": peers, "maps": maps, "routes": {"all": wgshow.routes(net.relay, INTERFACE)}}


def state_of(devices: dict[str, set[str]]) -> dict[str, dict[str, set[str]]]:
    """What it should make of these."""
    every = {cidr for cidrs in devices.values() for cidr in cidrs}
    return {"peers": devices, "maps": devices, "routes": {"all": every}}


def await_state(net: Controlled, devices: dict[str, set[str]], seconds: float = LIMIT_S) -> None:
    """Wait until the relay has these devices and no others; with 0 seconds it has them now."""
    right = state_of(devices)
    try:
        wait_until(lambda: state(net) == right, "right state", seconds)
    except TimeoutError as err:
        there = state(net)
        for part, keys in right.items():
            for key in keys.keys() | there[part].keys():
                if keys.get(key) != there[part].get(key):
                    print(part, key, "wanted", keys.get(key), "has", there[part].get(key))
        raise AssertionError(f"{err}: {net.control()} {daemon(net).messages()[-10:]}") from None


def await_followed(net: Controlled) -> None:
    """Wait until the relay has what the server has."""
    await_state(net, wanted(net))


def await_told(net: Controlled, *words: str) -> dict[str, Any]:
    """Wait until status says so of the control plane."""
    def told() -> dict[str, Any] | None:
        control = net.control()
        text = f"{control.get('state')}: {control.get('message')}"
        return control if all(word in text for word in words) else None
    return wait_until(told, lambda: f"{words}: {net.control()} {daemon(net).messages()}")


def new_device(net: Controlled, hostname: str, **values: Any) -> dict[str, Any]:
    """Somebody registers one more device."""
    return net.api.ask("device_add", public_key=make_key().public, hostname=hostname, **values)


def event(device: dict[str, Any], kind_type: str = "change", **values: Any) -> dict[str, Any]:
    """An event of a device, without a revision: the server's own go on after it."""
    value = {name: device[name] for name in device if name not in ("revision", "token")} | values
    return {"kind": "device", "type": kind_type, "value": value}


def inject(net: Controlled, **what: Any) -> None:
    """Send this on the open stream; repeat it if the relay has just opened a new stream."""
    for _ in range(3):
        net.api.wait_idle_stream()
        before = _streams(net)
        net.api.ask("inject", **what)
        net.api.wait_idle_stream()
        if before == _streams(net):
            return


def _streams(net: Controlled) -> list[int]:
    return [stream["number"] for stream in net.api.ask("streams")]


def inject_until(net: Controlled, condition: Callable[[], object], **what: Any) -> None:
    """Send this on the open stream until the relay has done what it does then. A stream that opens
    anew has not heard of it, and what the server repeats there is newer: then once more."""
    def is_so() -> object:
        inject(net, **what)
        there = _streams(net)
        wait_until(lambda: condition() or _streams(net) != there, "effect of an event")
        return condition()
    wait_until(is_so, "effect of an event")


def new_id() -> str:
    """One that nobody has."""
    return str(uuid.uuid4())


def mend(net: Controlled) -> None:
    """Everything works again, and the relay follows."""
    net.api.clear_faults()
    hurry_up(net)
    net.wait_state("watching")
    await_followed(net)


def restart(net: Controlled, *options: str) -> Daemon:
    """Another relay takes over."""
    for running in net.commands.daemons:
        running.stop()
    return net.begin(*net.credentials(), *options)


def nothing_more(net: Controlled) -> None:
    """What went on is over, and new_messages() begins here: the relay says a line after it has done
    what it is about."""
    wait_quiet(lambda: len(daemon(net).messages()), QUIET_S)
    daemon(net).new_messages()


def news(net: Controlled) -> list[str]:
    """What the relay has said since new_messages() was last asked. That a server which is there has
    not answered in time is the busy machine's, and no news of the relay's."""
    return [line for line in daemon(net).new_messages() if not any(
        words in line for words in LATE_SERVERS)]


def said(net: Controlled, *words: str) -> int:
    """How often the relay that runs has said so."""
    return sum(all(word in line for word in words) for line in daemon(net).messages())


def rates(net: Controlled, after: int, path: str = ".*", window_s: float = 1) -> int:
    """The most requests that began within such a time."""
    began = sorted(request["began"] for request in net.api.requests(path, after=after))
    return max((sum(first <= other < first + window_s for other in began) for first in began),
               default=0)


def wait_some(seconds: float) -> None:
    """Nothing is to happen meanwhile, so there is nothing to wait for."""
    time.sleep(seconds)
