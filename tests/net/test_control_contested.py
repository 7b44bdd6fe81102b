# SPDX-License-Identifier: Apache-2.0
"""Two devices claim one address or network: which of them has it, and that `status` names the other."""

import base64
from collections.abc import Iterator
from typing import Any

import pytest
from following import (await_followed, await_state, daemon, event, flowing, inject, new_id, restart,
                       undisturbed, wanted)

from lab.controlled import Controlled
from lab.steady import Steady
from lab.wait import wait_until
from lab.wireguard import make_key

HURRY = 30
CIDRS = ["10.77.0.0/16", "fd00:77::/48"]
OWN = {"addresses": ["100.64.7.7", "200::7:7"]}


@pytest.fixture(scope="module")
def network() -> Iterator[tuple[Controlled, Steady]]:
    with flowing(HURRY) as both:
        yield both


@pytest.fixture
def net(network: tuple[Controlled, Steady]) -> Iterator[Controlled]:
    with undisturbed(network) as running:
        yield running


def _keys() -> list[str]:
    """Two, of which the first one sorts first."""
    return sorted((make_key().public for _ in range(2)), key=base64.b64decode)


def _add(net: Controlled, key: str, hostname: str, **values: Any) -> dict[str, Any]:
    return net.api.ask("device_add", public_key=key, hostname=hostname, **values)


def _without(net: Controlled, key: str, *prefixes: str) -> dict[str, set[str]]:
    """The list of the server, less the prefixes that another device holds in place of this one."""
    right = wanted(net)
    right[key] -= set(prefixes)
    return right


def _await_contested(net: Controlled, *rows: tuple[str, str, str, str]) -> None:
    """Prefix, who has it, who has it not, and a word of the reason."""
    def shown() -> list[tuple[str, str, str]]:
        return [(item["prefix"], item["device"], item["loser"])
                for item in net.commands.written_status()["list"]["contested"]]
    wait_until(lambda: shown() == [row[:3] for row in rows],
               lambda: f"{rows}: {net.commands.written_status()['list']}")
    why = [item["why"] for item in net.commands.written_status()["list"]["contested"]]
    assert all(row[3] in text for row, text in zip(rows, why)), why
    assert net.commands.written_status()["list"]["conflicts"] == len(rows)


@pytest.mark.parametrize("first", [0, 1], ids=["smaller key first", "larger key first"])
def test_cidr_stays_with_who_has_it(net: Controlled, first: int) -> None:
    """Whatever is changed of the two, and over a restart; it moves when that one gives it up."""
    keys = _keys()
    one, other = keys[first], keys[1 - first]
    _add(net, one, "one", any_cidrs=CIDRS)
    await_followed(net)
    _add(net, other, "other", any_cidrs=CIDRS)
    await_state(net, _without(net, other, *CIDRS))
    for name in ("one", "other", "one"):
        net.api.update_device(name, any_cidrs=[*CIDRS, "10.78.0.0/16"] if name == "one" else CIDRS,
                              symmetric_nat=name == "other")
        await_state(net, _without(net, other, *CIDRS))
    net.api.update_device("one", any_cidrs=CIDRS)
    await_state(net, _without(net, other, *CIDRS))
    _await_contested(net, *((cidr, "one", "other", "had it before") for cidr in CIDRS))
    text = net.commands.call("status", "--interface", net.commands.interface).stdout
    assert f"{CIDRS[0]} of 'one' is claimed by 'other', too" in text
    daemon(net).stop()
    restart(net)
    net.wait_state("watching")
    await_state(net, _without(net, other, *CIDRS))
    net.api.update_device("one", any_cidrs=[])
    await_followed(net)
    _await_contested(net)
    net.api.update_device("one", any_cidrs=CIDRS)
    await_state(net, _without(net, one, *CIDRS))


def test_address_beats_a_cidr(net: Controlled) -> None:
    """That somebody else has advertised before, with a higher revision or not."""
    small, large = _keys()
    _add(net, small, "one", any_cidrs=["100.64.7.7/32", "200::7:7/128"])
    await_followed(net)
    _add(net, large, "other", **OWN)
    right = _without(net, small, "100.64.7.7/32", "200::7:7/128")
    await_state(net, right)
    net.api.update_device("one", hostname="first")
    _await_contested(net, ("100.64.7.7/32", "other", "first", "tunnel address"),
                     ("200::7:7/128", "other", "first", "tunnel address"))
    await_state(net, right)


def test_address_is_the_newer_one_s(net: Controlled) -> None:
    """The deletion of who had it has not come yet, and its key sorts first."""
    small, large = _keys()
    old = _add(net, small, "old", **OWN)
    await_followed(net)
    number = net.api.set_fault(path="/api/events", hide=[old["id"]])
    net.api.cut_streams()
    net.api.wait_idle_stream()
    net.api.delete_device("old")
    _add(net, large, "new", **OWN)
    await_state(net, wanted(net) | {small: set()})
    _await_contested(net, ("100.64.7.7/32", "new", "old", "revision"),
                     ("200::7:7/128", "new", "old", "revision"))
    net.api.ask("fault_clear", number=number)


def test_revision_that_was_raised_before(net: Controlled) -> None:
    """The device that has the address was changed last, though in nothing that a relay needs: another
    one that comes with a lower revision does not get it."""
    keys = _keys()
    one = _add(net, keys[1], "one", **OWN)
    await_followed(net)
    inject(net, record=event(one, revision=one["revision"] + 1000))
    inject(net, record=event({**one, "id": new_id(), "public_key": keys[0], "hostname": "other"},
                             revision=one["revision"] + 500))
    _await_contested(net, *((f"{address}/{bits}", "one", "other", "revision is higher")
                            for address, bits in zip(OWN["addresses"], (32, 128))))
