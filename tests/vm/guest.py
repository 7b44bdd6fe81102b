# SPDX-License-Identifier: Apache-2.0
"""A pytest plugin for the guest: every result as TAP at once.

The lines go to the file that NEX_TAP names: on a machine that may be switched off at any time, a
report at the end would tell nothing of what went before.
"""

import os

import pytest


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
    """Who has made wg0 is no matter of the kernel: where a test runs for both, once is enough."""
    if not config.getoption("markexpr"):
        return  # everything was asked for
    keep = [item for item in items if not _is_twin(item)]
    config.hook.pytest_deselected(items=[item for item in items if item not in keep])
    items[:] = keep


def _is_twin(item: pytest.Item) -> bool:
    """Does a test with an owner run on a wg0 that the relay has not made?"""
    return isinstance(item, pytest.Function) and hasattr(item, "callspec") and \
        item.callspec.params.get("owner") == "adopted"
