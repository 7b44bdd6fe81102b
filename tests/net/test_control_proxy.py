# SPDX-License-Identifier: Apache-2.0
"""The api-server is behind a proxy, which the environment of `run` names as it does for every other
program: HTTPS_PROXY, NO_PROXY."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from registering import Registering, lab_of_module, net

from lab.proxy import Proxy
from lab.relay import Daemon
from lab.wait import wait_until

__all__ = ["lab_of_module", "net"]  # fixtures
PASSWORD = "s3same-of-the-proxy"
VARIABLES = ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY")


@contextmanager
def _environment(**values: str) -> Iterator[None]:
    os.environ.update(values)
    try:
        yield
    finally:
        for name in VARIABLES:
            os.environ.pop(name, None)


@pytest.fixture
def proxy(net: Registering) -> Iterator[Proxy]:
    with Proxy(net.host, [net.way.address(4), net.way.address(6)]) as running:
        yield running


def _check_secret(net: Registering, daemon: Daemon) -> None:
    """The password is in the environment alone."""
    texts = ["\n".join(daemon.messages()), json.dumps(net.commands.written_status())]
    for pid in (daemon.pid, daemon.source()):
        with open(f"/proc/{pid}/cmdline", encoding="ascii", errors="replace") as file:
            texts.append(file.read())
    assert not any(PASSWORD in text for text in texts), texts


@pytest.mark.parametrize("variable", ["https_proxy", "HTTPS_PROXY", "ALL_PROXY"])
@pytest.mark.parametrize("family", [4, 6])
def test_by_a_proxy(net: Registering, proxy: Proxy, family: int, variable: str) -> None:
    """Everything that is asked of the server goes by it; it sees no token of ours."""
    with _environment(**{variable: proxy.url(family, f"user:{PASSWORD}")}):
        daemon = net.registers()
    asked = proxy.asked()
    assert {one["line"] for one in asked} == {"CONNECT api.nexodus.test:443 HTTP/1.1"}
    assert {(":" in one["from"]) for one in asked} == {family == 6}
    assert all("Proxy-Authorization: Basic" in one["headers"] for one in asked)
    assert not any("Bearer" in one["headers"] for one in asked)
    _check_secret(net, daemon)


def test_not_by_a_proxy(net: Registering, proxy: Proxy) -> None:
    with _environment(HTTPS_PROXY=proxy.url(4), NO_PROXY="example.net,.nexodus.test"):
        net.registers()
    assert proxy.asked() == []


@pytest.mark.parametrize("mode, words", [
    ("hang", "timed out"), ("html", "connect to api.nexodus.test:443|agree on TLS"),
    ("forbidden", "403"), ("refuse", "connect to api.nexodus.test:443")])
def test_proxy_is_no_good(net: Registering, proxy: Proxy, mode: str, words: str) -> None:
    """That is said, with where the proxy is; once it is mended, all is well."""
    proxy.mode(mode)
    os.environ["NEX_RELAY_TEST_HURRY"] = "30"
    try:
        with _environment(HTTPS_PROXY=proxy.url(4, f"user:{PASSWORD}")):
            daemon = net.begin("--verbose", *net.credentials())
            said = net.wait_message(words, "retrying", daemon)
            assert f"by way of {net.way.address(4)}:3128" in said
            _check_secret(net, daemon)
            proxy.mode("ok")
            net.wait_message("following the VPC's devices", "watching", daemon)
    finally:
        del os.environ["NEX_RELAY_TEST_HURRY"]


@pytest.mark.parametrize("url", [f"http://user:{PASSWORD}@no such proxy:3128",
                                 f"gopher://user:{PASSWORD}@192.0.2.1:3128",
                                 f"http://user:{PASSWORD}@proxy.example.invalid:3128"])
def test_proxy_makes_no_sense(net: Registering, url: str) -> None:
    """The password is not in what is said of it."""
    with _environment(HTTPS_PROXY=url):
        daemon = net.begin("--verbose", *net.credentials())
        wait_until(lambda: net.control().get("state") == "retrying", "retrying")
        _check_secret(net, daemon)
