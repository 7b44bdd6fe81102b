# SPDX-License-Identifier: Apache-2.0
"""From the guests' lines of TAP to one TAP of the host's.

A guest marks what it begins and finishes, so that what it did not come to cannot pass for done:

    # begin bpf
    ok 1 - ...
    1..1
    # finished bpf with status 0 after 3.10 s
    # end
"""

import re
from dataclasses import dataclass, field

from machine import Boot

_RESULT = re.compile(r"(not )?ok\b\s*\d*\s*-?\s*(.*)$")
_PLAN = re.compile(r"1\.\.(\d+)\s*(?:#\s*skip\b\s*(.*))?$", re.IGNORECASE)
_SKIP = re.compile(r"\s*# SKIP\s*(.*)$", re.IGNORECASE)
_BEGIN = re.compile(r"# begin (\w+)$")
_FINISHED = re.compile(r"# finished (\w+) with status (\d+)")
_CONSOLE_LINES = 40


@dataclass
class _Level:
    """What a guest has said about one level so far."""

    name: str
    planned: int | None = None
    seen: int = 0
    failed: int = 0
    status: int | None = None
    skipped: dict[str, list[str]] = field(default_factory=dict)  # reason to tests


class Results:
    """Prints and counts the tests of all kernels."""

    def __init__(self) -> None:
        self._kernel = ""  # whose results are being taken
        self._number = 0
        self._failed = 0
        self._passed = 0  # of this kernel
        self._no_kernel: list[str] = []

    def say(self, text: str, kernel: str = "") -> None:
        """A diagnostic line."""
        kernel = kernel or self._kernel
        print(f"# {f'vm/{kernel}: ' if kernel else ''}{text}", flush=True)

    def skip_kernel(self, kernel: str, reason: str) -> None:
        """This kernel cannot be had."""
        self._no_kernel.append(f"{kernel}: {reason}")

    def take(self, kernel: str, boot: Boot, tests: list[str]) -> None:
        """Everything that one boot said."""
        self._kernel, self._passed, failed_before = kernel, 0, self._failed
        levels: dict[str, _Level] = {}
        level = _Level("boot")
        for line in boot.results.splitlines():
            if match := _BEGIN.match(line):
                level = levels[match[1]] = _Level(match[1])
            elif match := _FINISHED.match(line):
                level.status = int(match[2])
                self.say(line.removeprefix("# "))
            else:
                self._take_line(level, line)
        for name in [*tests, "kernel"]:
            self._hold_to_plan(levels.get(name, _Level(name)))
        ended = boot.finished and boot.results.endswith("# end\n")
        self._test(ended, "the machine ran to its end")
        if not ended or any(level.status for level in levels.values()):
            for line in boot.console.splitlines()[-_CONSOLE_LINES:]:
                self.say(f"console: {line}")
        skipped = sum(len(names) for level in levels.values() for names in level.skipped.values())
        print(f"# total vm/{kernel}: {self._passed} passed, {self._failed - failed_before} failed, "
              f"{skipped} skipped in {boot.seconds:.0f} s", flush=True)

    def finish(self) -> int:
        """The plan, and the exit status."""
        if not self._number:
            print(f"1..0 # SKIP {'; '.join(self._no_kernel) or 'no kernel was asked for'}")
            return 0
        for reason in self._no_kernel:
            self._number += 1
            print(f"ok {self._number} - vm/{reason.replace(': ', ' # SKIP ', 1)}")
        print(f"1..{self._number}")
        return 1 if self._failed else 0

    def _test(self, good: bool, text: str) -> None:
        self._number += 1
        self._failed += not good
        self._passed += good and "# SKIP" not in text
        print(f"{'ok' if good else 'not ok'} {self._number} - vm/{self._kernel}: {text}",
              flush=True)

    def _take_line(self, level: _Level, line: str) -> None:
        if match := _PLAN.match(line):
            level.planned = (level.planned or 0) + int(match[1])
            if match[2] is not None:
                level.skipped.setdefault(match[2], []).append("all")
        elif match := _RESULT.match(line):
            level.seen += 1
            level.failed += bool(match[1])
            skip = _SKIP.search(match[2])
            if skip:
                level.skipped.setdefault(skip[1], []).append(match[2][:skip.start()])
            else:
                self._test(not match[1], f"{level.name}: {match[2]}")
        elif line and line != "# end":
            self.say(line.removeprefix("# "))

    def _hold_to_plan(self, level: _Level) -> None:
        """One line for each reason to skip, and one when a level did less than it announced."""
        for reason, names in level.skipped.items():
            what = names[0] if len(names) == 1 else f"{len(names)} tests"
            self._test(True, f"{level.name}: {what} # SKIP {reason}")
        if level.status is None:
            self._test(False, f"{level.name}: did not finish")
        elif level.planned != level.seen:
            self._test(False, f"{level.name}: {level.seen} results, but {level.planned} were "
                       "announced")
        elif level.status and not level.failed:
            self._test(False, f"{level.name}: exit status {level.status}")
