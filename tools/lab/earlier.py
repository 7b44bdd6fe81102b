# SPDX-License-Identifier: Apache-2.0
"""The last version that routed every AllowedIP in the main table, built from this repository's own
history: what an upgrade begins with."""

import os
import shutil
import subprocess

from lab.relay import REPOSITORY

REVISION = "b4f768d45"  # 2026-11-25
FOLDER = os.path.join(REPOSITORY, "build", "earlier")
BINARY = os.path.join(FOLDER, "build", "nex-relay")


class NoEarlierVersion(Exception):
    """It cannot be had here; the text says why."""


def build() -> str:
    """Path of its binary, which is built once."""
    if os.access(BINARY, os.X_OK):
        return BINARY
    if not shutil.which("git"):
        raise NoEarlierVersion("no git")
    has = subprocess.run(["git", "-C", REPOSITORY, "cat-file", "-e", f"{REVISION}^{{commit}}"],
                         capture_output=True, check=False)
    if has.returncode:
        raise NoEarlierVersion("no history here: clone the whole repository")
    os.makedirs(FOLDER, exist_ok=True)
    archive = subprocess.run(["git", "-C", REPOSITORY, "archive", REVISION], capture_output=True,
                             check=True)
    subprocess.run(["tar", "-x", "-C", FOLDER], input=archive.stdout, check=True)
    made = subprocess.run(["make", "-C", FOLDER, f"-j{os.cpu_count()}", "all"], check=False,
                          capture_output=True, text=True)
    if made.returncode:
        raise NoEarlierVersion(f"it does not build here: {made.stderr[-500:]}")
    return BINARY
