# SPDX-License-Identifier: Apache-2.0
"""What README.md has for other programs of a relay host: tested as it stands there."""

import os
import re

from conftest import ROOT


def file_for(program: str) -> tuple[str, str]:
    """Path and text of the file that has it leave wg0 alone: they stand side by side, each under
    its path."""
    with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as file:
        blocks = re.findall(r"\n```\w*\n(.*?)\n```\n", file.read(), re.DOTALL)
    head, *lines = next(block for block in blocks if f"# /etc/{program}/" in block).splitlines()
    start = head.index(f"# /etc/{program}/")
    end = head.index("#", start + 1) if "#" in head[start + 1:] else None
    path = head[start:end].split()[1]
    return path, "".join(line[start:end].rstrip() + "\n" for line in lines).rstrip() + "\n"
