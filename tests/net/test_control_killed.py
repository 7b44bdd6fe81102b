# SPDX-License-Identifier: Apache-2.0
"""The process that talks to the api-server is killed, again and again, at any moment: no packet is
lost, no peer goes, and what the server says is followed in the end.

For a minute, or NEX_KILL_S seconds; NEX_SEED=NUMBER for another sequence.
"""

import os
import random
import signal
import time
from contextlib import suppress

from following import await_followed, daemon, following, new_device, wanted

from lab.steady import Steady
from lab.wait import wait_until

SECONDS = float(os.environ.get("NEX_KILL_S", "60"))
SEED = int(os.environ.get("NEX_SEED", "1"))
LINES_PER_KILL = 5
HURRY = 30  # pauses before another source is started are shorter


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def test_source_is_killed_at_random() -> None:
    chance = random.Random(SEED)
    with following(HURRY) as net, Steady(net) as steady:
        stays = set(wanted(net))
        end, kills = time.monotonic() + SECONDS, 0
        while time.monotonic() < end:
            source = wait_until(daemon(net).source, "source")
            time.sleep(chance.random() * 0.3)  # anywhere between its start and the end of its list
            if chance.random() < 0.5:
                new_device(net, f"web{kills}")
            elif kills and f"web{kills - 1}" in net.api.devices():
                net.api.delete_device(f"web{kills - 1}")
            _kill(source)
            kills += 1
            wait_until(lambda: source not in daemon(net).children(), "end of the source")
            assert stays <= set(net.commands.entries())
        assert kills
        await_followed(net)
        net.wait_state("watching")
        assert len(daemon(net).messages()) < LINES_PER_KILL * kills + 10
        steady.check()
