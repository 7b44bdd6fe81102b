# SPDX-License-Identifier: Apache-2.0
"""ECN and DSCP of the inner packet, end to end: a congestion mark or a class must not be lost, nor
made up, on the way."""

import itertools
import socket
from collections.abc import Iterator

import pytest

from lab.owner import LabOwned
from lab.topology import Topology
from lab.wait import LIMIT_S

pytestmark = pytest.mark.kernel

ECN = {"Not-ECT": 0, "ECT(1)": 1, "ECT(0)": 2, "CE": 3}
DSCP = {"CS0": 0, "LE": 1, "AF41": 34, "EF": 46, "all bits": 63}


@pytest.fixture(scope="module")
def net() -> Iterator[Topology]:
    """Two spokes with different underlays."""
    with Topology(LabOwned()) as network:
        network.add("spoke1", over=4)
        network.add("spoke2", relay_only=True, over=6)
        network.start()
        yield network


def _receiver(net: Topology, family: int) -> socket.socket:
    """Bound to a port of spoke2, with the traffic class of each packet beside it."""
    kind = socket.AF_INET if family == 4 else socket.AF_INET6
    into = net["spoke2"].node.socket(kind, socket.SOCK_DGRAM)
    if family == 4:
        into.setsockopt(socket.IPPROTO_IP, socket.IP_RECVTOS, 1)
    else:
        into.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVTCLASS, 1)
    into.bind((net["spoke2"].address(family), 0))
    into.settimeout(LIMIT_S)
    return into


def _set_class(out: socket.socket, family: int, value: int) -> None:
    if family == 4:
        out.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, value)
    else:
        out.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, value)


def _class_of(into: socket.socket) -> int:
    """Of the next packet."""
    _, beside, _, _ = into.recvmsg(100, socket.CMSG_SPACE(4))
    assert len(beside) == 1
    return int.from_bytes(beside[0][2], "little")


def test_ecn_and_dscp_arrive_as_they_were_sent(net: Topology, hook: tuple[str, ...],
                                               family: int) -> None:
    net.rerun(*hook)
    forwarded = net.commands.packets("forwarded", family)
    kind = socket.AF_INET if family == 4 else socket.AF_INET6
    seen = {}
    with net["spoke1"].node.socket(kind, socket.SOCK_DGRAM) as out, _receiver(net, family) as into:
        for dscp, ecn in itertools.product(DSCP, ECN):
            _set_class(out, family, DSCP[dscp] << 2 | ECN[ecn])
            out.sendto(b"class", (net["spoke2"].address(family), into.getsockname()[1]))
            seen[dscp, ecn] = _class_of(into)
    assert seen == {(dscp, ecn): DSCP[dscp] << 2 | ECN[ecn]
                    for dscp, ecn in itertools.product(DSCP, ECN)}
    assert net.commands.packets("forwarded", family) == forwarded + len(seen)
