# SPDX-License-Identifier: Apache-2.0
"""The process that talks to the api-server hangs: it is noticed though it has nothing to say, and
another one takes its place; no packet is lost."""

import os
import signal
from collections.abc import Iterator

import pytest
from following import await_followed, daemon, following, hurry_up, new_device, said, wait_some

from lab.controlled import Controlled
from lab.steady import Steady
from lab.wait import wait_until

HURRY = 30  # it is asked after two seconds whether it is there, and has fifteen to answer
HUNG = "does not answer"


@pytest.fixture(scope="module")
def net() -> Iterator[Controlled]:
    with following(HURRY) as network:
        yield network


def _stop_source(net: Controlled) -> int:
    source = wait_until(daemon(net).source, "source")
    os.kill(source, signal.SIGSTOP)
    return source


@pytest.mark.parametrize("border", ["empty", "full"])
def test_source_hangs(net: Controlled, border: str) -> None:
    """Also where the border takes no question any more."""
    before = said(net, HUNG)
    with Steady(net) as steady:
        source = _stop_source(net)
        if border == "full":
            for _ in range(400):
                hurry_up(net)
                wait_some(0.001)  # signals that come at once are one
        new_device(net, f"while-it-hangs-{border}")
        wait_until(lambda: daemon(net).source() not in (None, source), "another source")
        await_followed(net)
        steady.check()
    assert said(net, HUNG) == before + 1
    net.wait_state("watching")


def test_source_that_is_idle(net: Controlled) -> None:
    """Is asked, answers, and stays."""
    source, before = daemon(net).source(), len(daemon(net).messages())
    wait_some(8)
    assert daemon(net).source() == source
    # The signals of the test before were more than the log takes.
    assert [line for line in daemon(net).messages()[before:] if " suppressed, " not in line] == []
