# SPDX-License-Identifier: Apache-2.0
"""A pytest plugin for the guest: what to run there, and every result as TAP at once.

The lines go to the file that NEX_TAP names: on a machine that may be switched off at any time, a
report at the end would tell nothing of what went before.
"""

import os

import pytest

# Emulated, a test takes 10 to 30 times as long. What depends on the kernel is run; what depends on
# a list of peers or a command line alone is not, but for NEX_NET=all. Beginnings of names:
SELECTED = (
    # what the programs do with packets
    "test_nothing_is_forwarded_without_a_relay",
    "test_status_tells_hook_and_attachment",
    "test_spokes_reach_each_other",
    "test_the_hop_limit_is_lowered_once",
    "test_an_advertised_cidr_is_reached",
    "test_a_transfer_arrives_intact",
    "test_counters_are_exact",
    "test_fragments_pass",
    # what they leave to the kernel
    "test_both_forwarding_sysctls_are_set",
    "test_the_relay_itself_answers",
    "test_an_unknown_destination_is_left_to_the_kernel",
    "test_a_used_up_hop_limit_is_answered_by_the_relay",
    "test_a_packet_larger_than_the_mtu_is_answered_by_the_relay",
    # how they are attached, pinned and taken away
    "test_exactly_one_program_is_attached",
    "test_all_maps_are_pinned_and_readable",
    "test_nothing_is_lost_when_the_daemon_is_killed",
    "test_the_hook_can_be_changed_by_a_restart",
    "test_the_interface_may_go_and_come_back",
    "test_down_leaves_nothing",
    "test_down_leaves_others_filters",
)
# Of these, what says nothing new.
LEFT_OUT = ("test_down_leaves_nothing[tc-tcx-running]",
            "test_down_leaves_nothing[tc-clsact-running]",
            "test_down_leaves_nothing[xdp-running]")


class Tap:
    """Numbers and writes the results of one run."""

    def __init__(self, path: str) -> None:
        self.file = open(path, "w", encoding="utf-8", buffering=1)
        self.number = 0
        self.seconds = 0.0

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """One line when a test has passed, or when any of its phases went another way."""
        name = report.nodeid.removeprefix("tests/net/").replace("#", "")
        self.seconds += report.duration
        if report.failed:
            part = "" if report.when == "call" else f" ({report.when})"
            self._line("not ok", f"{name}{part}")
            for line in report.longreprtext.splitlines()[-40:]:
                print(f"# {line}", file=self.file)
        elif report.skipped:
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else ""
            self._line("ok", f"{name} # SKIP {reason.removeprefix('Skipped: ')}")
        elif report.when == "call":
            self._line("ok", f"{name} # {self.seconds:.1f} s")
            self.seconds = 0.0

    def pytest_sessionfinish(self) -> None:
        """The plan: how many there were."""
        print(f"1..{self.number}", file=self.file)

    def _line(self, result: str, text: str) -> None:
        self.number += 1
        print(f"{result} {self.number} - {text}", file=self.file)


def pytest_configure(config: pytest.Config) -> None:
    """conftest.py starts pytest anew in a world before anything is collected: one run reports."""
    if "NEX_TAP" in os.environ:
        config.pluginmanager.register(Tap(os.environ["NEX_TAP"]))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what a kernel has no say in."""
    if os.environ.get("NEX_NET") == "all":
        return
    keep = [item for item in items
            if item.name.startswith(SELECTED) and item.name not in LEFT_OUT]
    config.hook.pytest_deselected(items=[item for item in items if item not in keep])
    items[:] = keep
