# SPDX-License-Identifier: Apache-2.0
"""A VPC of thousands: the first list, changes, and doing nothing cost what they should.

NEX_SCALE says how many devices, 65536 at most. The bounds are on memory and on how often somebody
wakes up; how much time something takes is measured by tools/bench/control, and shown with pytest -s.
"""

import os
from collections.abc import Iterator

import pytest

from lab.followed import Followed, Usage
from lab.strace import problem

MANY = int(os.environ.get("NEX_SCALE", "8000"))
CHANGES = 40
IDLE_S = 12
PROCESSES_KIB = 24 * 1024  # of node and source together, with nothing to do
DEVICE_KIB = 4


@pytest.fixture(scope="module")
def net() -> Iterator[Followed]:
    """A relay that has all devices."""
    with Followed(MANY) as network:
        print("first sync:", network.first_sync())
        yield network


def _rss_kib(usages: tuple[Usage, Usage]) -> int:
    return sum(usage.rss_kib for usage in usages)


def test_first_sync(net: Followed) -> None:
    first = net.first
    assert first["node_rss_kib"] + first["source_rss_kib"] < PROCESSES_KIB + MANY * DEVICE_KIB


def test_idle(net: Followed) -> None:
    """Whoever sleeps wakes up for a reason; what others change is heard, not looked for."""
    if problem():
        pytest.skip(problem())
    net.wait_saved()
    idle = net.idle(IDLE_S)
    print("idle:", idle)
    assert idle["source_occasions"] < IDLE_S
    assert idle["node_occasions"] < IDLE_S


def test_changes(net: Followed) -> None:
    """One device after the other changes: WireGuard and the maps are right, and no memory is
    wasted."""
    before = net.usage()
    changes = net.changes(CHANGES)
    after = net.usage()
    cpu_s = sum(new.cpu_s - old.cpu_s for old, new in zip(before, after)) / CHANGES
    print("ms of each:", sorted(round(change.own_s * 1000, 1) for change in changes),
          "of the processor:", round(cpu_s * 1000, 2), "KiB:", _rss_kib(after))
    assert all(change.in_maps for change in changes)
    assert _rss_kib(after) < PROCESSES_KIB + MANY * DEVICE_KIB


def test_half_goes(net: Followed) -> None:
    print("half deleted:", net.delete_half())
    assert not [line for line in net.daemon.messages() if "warning" in line]
