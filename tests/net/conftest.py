# SPDX-License-Identifier: Apache-2.0
"""Whole relays in a private world: real WireGuard, real programs, real traffic.

Started outside, pytest runs itself once more inside a world (tools/lab/world.py). Every module has
a mesh of its own; every test gets it with a complete peers file and no relay on it.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator

import pytest

sys.dont_write_bytecode = True
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tools"))

from lab import bpf, devices, footprint, network_manager  # noqa: E402 - the path comes first
from lab import newer_libraries  # noqa: E402
from lab import relay as relay_module, world  # noqa: E402
from lab.mesh import Mesh  # noqa: E402
from lab.owner import LabOwned, Owner, RelayOwned  # noqa: E402
from lab.relay import RelayCommands  # noqa: E402

# Every way to sit on the interface: what `run` is told, and what `status` says then.
HOOKS = {
    "tc-tcx": (("--hook", "tc", "--attach", "tcx"), "tc", "tcx"),
    "tc-clsact": (("--hook", "tc", "--attach", "clsact"), "tc", "clsact"),
    "xdp": (("--hook", "xdp"), "xdp", "xdp-generic"),
}

# Whose wg0 it is, for the tests that make a network of their own.
OWNERS: dict[str, type[Owner]] = {"adopted": LabOwned, "owned": RelayOwned}

# Tests of the tests' own instruments.
INSTRUMENTS = ("test_lab.py", "test_api_server.py", "test_api_server_stream.py",
               "test_api_server_faults.py")

# What has to be there before a world is entered, which has no network: for which tests.
FETCHED = {"test_network_manager": network_manager, "test_newer_libraries": newer_libraries}


def pytest_configure(config: pytest.Config) -> None:
    """Move into a world, before anything is collected."""
    if os.geteuid() != 0:
        return
    if world.inside():
        _keep_binary()
        return
    capture = config.pluginmanager.getplugin("capturemanager")
    if capture:
        capture.stop_global_capturing()
    for name, fetched in FETCHED.items():
        if any(os.path.isdir(arg) or name in arg for arg in config.args):
            fetched.fetch()
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    try:
        os._exit(world.run([sys.executable, *sys.orig_argv[1:]]))
    except world.WorldError as err:
        pytest.exit(str(err), 1)


def _keep_binary() -> None:
    """Test one and the same binary all the time, though the tree may be built anew meanwhile; and
    from a folder that an unprivileged user can reach."""
    if os.access(relay_module.BINARY, os.X_OK):
        relay_module.BINARY = shutil.copy(relay_module.BINARY, "/run/lab/nex-relay")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Say why nothing can run where nothing can run."""
    reason = ""
    if os.geteuid() != 0:
        reason = "network namespaces need root"
    elif not os.access(relay_module.BINARY, os.X_OK):
        reason = f"no {os.path.relpath(relay_module.BINARY)}: run make first"
    if reason:
        for item in items:
            if os.geteuid() == 0 and item.path.name in INSTRUMENTS:
                continue  # they need no relay
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="module")
def mesh() -> Iterator[Mesh]:
    """The network of a module. A test that changes it puts it back."""
    network = Mesh().build()
    yield network
    network.remove()


@pytest.fixture
def relay(mesh: Mesh) -> Iterator[RelayCommands]:
    """The nex-relay commands on the relay host; whatever a test started is taken down after it."""
    mesh.peers.replace(devices.records(mesh.devices()))
    commands = RelayCommands(mesh.relay)
    yield commands
    commands.clean()


@pytest.fixture(scope="module", params=OWNERS)
def owner(request: pytest.FixtureRequest) -> type[Owner]:
    """Who owns wg0, for a Topology."""
    return OWNERS[request.param]


@pytest.fixture(params=[4, 6], ids=["ipv4", "ipv6"])
def family(request: pytest.FixtureRequest) -> int:
    """4, then 6."""
    return request.param


@pytest.fixture(params=HOOKS)
def hook(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """Options of `run` for each way to sit on the interface."""
    if request.param == "tc-tcx" and not bpf.has_tcx():
        pytest.skip("this kernel has no tcx (it came with 6.6)")
    return HOOKS[request.param][0]


@pytest.fixture
def with_peers(mesh: Mesh) -> tuple[str, ...]:
    """Options of `run` that name the peers file."""
    return ("--peers", mesh.peers.path)


@pytest.fixture
def untouched(mesh: Mesh) -> Iterator[None]:
    """Nothing on the host is different afterwards."""
    before = footprint.take(mesh.relay)
    yield
    assert footprint.difference(before, footprint.take(mesh.relay)) == []


@pytest.fixture
def linked_peers(mesh: Mesh, relay: RelayCommands) -> Iterator[devices.PeersFile]:
    """The peers file is a symbolic link to this one, in a folder of its own. After relay, which
    writes the file."""
    folder = "/run/lab/elsewhere"
    os.makedirs(folder, exist_ok=True)
    real = f"{folder}/list.json"
    os.rename(mesh.peers.path, real)
    os.symlink(real, mesh.peers.path)
    yield devices.PeersFile(real)
    os.unlink(mesh.peers.path)


def fails(done: "subprocess.CompletedProcess[str]", *words: str) -> None:
    """A command that has failed: status 1, nothing on stdout, one line on stderr with the words."""
    assert done.returncode == 1, (done.returncode, done.stderr)
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert len(lines) == 1, lines
    for word in words:
        assert word in lines[0], lines


def foreign_program() -> str:
    """Object file with an XDP and a TC program that are not nex-relay's and let everything pass."""
    source = os.path.join(ROOT, "tests/net/pass.bpf.c")
    path = os.path.join(ROOT, "build/tests/net/pass.bpf.o")
    if os.path.exists(path) and os.path.getmtime(path) >= os.path.getmtime(source):
        return path
    if not shutil.which("clang"):
        pytest.skip("no clang to build a foreign program")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    # In a folder of its own first: the tests of other worlds may be at it as well.
    with tempfile.TemporaryDirectory(dir=os.path.dirname(path)) as folder:
        new = f"{folder}/pass.bpf.o"
        subprocess.run(["clang", "-O2", "--target=bpf", "-c", source, "-o", new], check=True)
        os.rename(new, path)
    return path
