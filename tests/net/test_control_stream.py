# SPDX-License-Identifier: Apache-2.0
"""The relay follows the event stream: peers, maps and routes are what the server says,
however the stream ends; and not one packet of others is lost meanwhile."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from following import (await_followed, await_state, await_told, begin_anew, daemon, event, flowing,
                       hurry_up, inject, inject_until, new_device, new_id, news, nothing_more,
                       said, state, undisturbed, wait_some, wanted)

from lab.controlled import Controlled
from lab.steady import Steady
from lab.wait import wait_until
from lab.wireguard import make_key

EVENTS = "/api/events"
LIST = "/api/vpcs/[^/]+/devices"
HURRY = 200  # a stream that is silent is opened anew after 0.6 s
LOOKS_S = 4  # after a change what is new is asked for twice again: what is slow would be slower
CIDRS = ["10.77.0.0/16", "fd00:77::/48"]


@pytest.fixture(scope="module")
def network() -> Iterator[tuple[Controlled, Steady]]:
    with flowing(HURRY) as both:
        yield both


@pytest.fixture
def net(network: tuple[Controlled, Steady]) -> Iterator[Controlled]:
    before = network[0].api.set()
    with undisturbed(network) as running:
        yield running
        running.api.set(**before)


def test_device_comes_changes_and_goes(net: Controlled) -> None:
    new_device(net, "web")
    await_followed(net)
    for values in ({"advertise_cidrs": CIDRS}, {"advertise_cidrs": CIDRS[1:]},
                   {"advertise_cidrs": CIDRS[:1]}, {"advertise_cidrs": []},
                   {"addresses": ["100.64.9.9", "200::9:9"]},
                   {"public_key": make_key().public}):
        net.api.update_device("web", **values)
        await_followed(net)
    gone = net.api.devices()["web"]["public_key"]
    net.api.delete_device("web")
    await_followed(net)
    assert gone not in state(net)["peers"]


def test_cidr_moves_from_one_device_to_another(net: Controlled) -> None:
    """Never is it nobody's longer than it takes, and it is the new one's in the end."""
    for name in ("one", "other"):
        new_device(net, name)
    net.api.update_device("one", advertise_cidrs=CIDRS)
    await_followed(net)
    net.api.update_device("one", advertise_cidrs=[])
    net.api.update_device("other", advertise_cidrs=CIDRS)
    await_followed(net)


def test_cidr_with_host_bits(net: Controlled) -> None:
    """The server keeps it as it was sent. It is the network's; to send that later changes nothing."""
    device = new_device(net, "web", any_cidrs=["192.168.50.1/24", "fd00:50::1/64"])
    await_followed(net)
    assert {"192.168.50.0/24", "fd00:50::/64"} < state(net)["peers"][device["public_key"]]
    net.api.update_device("web", any_cidrs=["192.168.50.0/24", "fd00:50::/64"])
    new_device(net, "last")
    await_followed(net)
    assert not said(net, "skipping it")


def test_deletion_is_by_id_alone(net: Controlled) -> None:
    """Whatever else it says: the server's have no public key, this one has a neighbour's."""
    device, right = new_device(net, "web"), wanted(net)
    await_state(net, right)
    inject(net, record=event(device, "delete", public_key=net["spoke1"].device.public_key,
                             allowed_ips=[f"{net['spoke1'].device.ipv4}/32"]))
    del right[device["public_key"]]
    await_state(net, right)


@pytest.mark.parametrize("new_first", [False, True], ids=["old goes first", "new comes first"])
def test_key_under_another_id(net: Controlled, new_first: bool) -> None:
    old = new_device(net, "web")
    await_followed(net)
    new = event(old, id=new_id(), allowed_ips=["100.64.7.7/32", "200::7:7/128"],
                ipv4_tunnel_ips=[{"address": "100.64.7.7", "cidr": "100.64.0.0/10"}],
                ipv6_tunnel_ips=[{"address": "200::7:7", "cidr": "200::/64"}])
    gone = event(old, "delete", public_key="")
    right = wanted(net) | {old["public_key"]: {"100.64.7.7/32", "200::7:7/128"}}
    for record in (new, gone) if new_first else (gone, new):
        inject(net, record=record)
    await_state(net, right)


def test_other_tenants(net: Controlled) -> None:
    """The watch for metadata hears of every VPC's; a device that says it is of another VPC is not
    ours, and leaves when it was."""
    user = net.api.ask("user_add", username="other@example.net")
    stranger = new_device(net, "stranger", vpc=user["id"], owner=user["id"])
    net.api.ask("metadata_put", device=stranger["id"], value={"type": "wireguard"})
    mover = new_device(net, "mover")
    await_followed(net)
    right = wanted(net)
    assert stranger["public_key"] not in right
    inject(net, record=event(stranger))
    inject(net, record=event(mover, vpc_id=user["id"]))
    del right[mover["public_key"]]
    await_state(net, right)


def _watches(request: dict[str, Any]) -> list[tuple[str, bool, bool]]:
    return [(item["kind"], item.get("gt_revision", 0) > 0, item.get("at_tail", False))
            for item in request["body"]]


def _nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = {"a": value}
    return value


@pytest.mark.parametrize("value", [_nested(17), "x" * 1_200_000], ids=["deep", "large"])
def test_metadata_of_others(net: Controlled, value: Any) -> None:
    """Whatever a stranger writes there: ours are followed, from the beginning as well."""
    user = net.api.ask("user_add", username=f"{new_id()}@example.net")
    other = net.api.ask("device_add", public_key=make_key().public, hostname="stranger",
                        vpc=user["id"], owner=user["id"])
    net.api.ask("metadata_put", device=other["id"], value=value)
    try:
        new_device(net, "ours")
        await_followed(net)
        begin_anew(net)
        new_device(net, "ours too")
        await_followed(net)
        assert not said(net, "MiB") and not said(net, "deeply")
    finally:
        net.api.ask("device_delete", device=other["id"])
        net.api.ask("purge")


def test_device_of_a_mebibyte(net: Controlled) -> None:
    """It is named, and has no peer; the others are followed."""
    device = new_device(net, "greedy")
    await_followed(net)
    large = event(device, hostname="greedy", os="x" * 1_100_000)
    inject_until(net, lambda: said(net, "'greedy'", "larger than 1 MiB, skipping it"), record=large)
    wait_until(lambda: device["public_key"] not in state(net)["peers"], "end of it")
    new_device(net, "ours")
    inject_until(net, lambda: device["public_key"] in state(net)["peers"], record=event(device))
    await_followed(net)


@pytest.mark.parametrize("how, mid_record", [
    *((how, mid_record) for how in ("rst", "fin", "close") for mid_record in (False, True)),
    ("final", False)])
def test_resumes_at_once(net: Controlled, how: str, mid_record: bool) -> None:
    """Behind what it has seen, of every kind; and what came and went meanwhile is made up for."""
    gone = new_device(net, "gone")
    await_followed(net)
    after = net.api.last_request()
    net.api.wait_idle_stream()
    nothing_more(net)
    net.api.cut_streams(how, mid_record)
    net.api.delete_device(gone["id"])
    new_device(net, "come")
    await_followed(net)
    resumed = net.api.wait_request(EVENTS, after=after)
    assert [at_tail for _, _, at_tail in _watches(resumed)] == [True] * 3
    if ("device", False, True) in _watches(resumed):  # the first look back asks for everything
        net.api.wait_idle_stream()
        net.api.cut_streams(how, mid_record)
        resumed = net.api.wait_request(EVENTS, after=resumed["number"])
    assert ("device", True, True) in _watches(resumed) and len(_watches(resumed)) == 3
    assert news(net) == []


@pytest.mark.parametrize("mode", ["silent", "servfail"])
def test_name_servers_are_gone(net: Controlled, mode: str) -> None:
    """It relays by the list that it has, says why, and follows again when one answers."""
    begin_anew(net)
    net.wait_state("watching", daemon(net))
    right = wanted(net)
    try:
        net.api.ask("dns", mode=mode)
        net.api.wait_idle_stream()
        net.api.cut_streams("rst")
        new_device(net, f"while-{mode}")
        net.wait_state("retrying", daemon(net))
        assert state(net)["peers"] == right
        assert "connect to api.nexodus.test:443" in net.control()["message"]
    finally:
        net.api.ask("dns", mode="ok")
    await_followed(net)


def test_begins_anew_when_cut_before_the_tail(net: Controlled) -> None:
    """And nothing is taken away before all is known."""
    right = wanted(net)
    net.api.network("refuse")  # or the source of before may have opened its stream once more
    begin_anew(net)
    after = net.api.last_request()
    net.api.set_fault(path=EVENTS, end_after=2, how="fin", count=3)
    net.api.network("ok")
    for _ in range(4):
        request = net.api.wait_request(EVENTS, after=after)
        assert state(net)["peers"] == right
        assert _watches(request) == [(kind, False, False) for kind, _, _ in _watches(request)]
        after = request["number"]
    net.api.wait_idle_stream()
    await_followed(net)
    assert not said(net, "gone from the VPC")


def test_forgets_what_was_not_whole(net: Controlled) -> None:
    """What goes between two tries is in neither's deletions."""
    gone = new_device(net, "gone")
    await_followed(net)
    before = max(stream["number"] for stream in net.api.ask("streams"))
    net.api.set_fault(path=EVENTS, no_tail=True)
    begin_anew(net)
    net.api.wait_idle_stream(before)
    net.api.network("refuse", drop=True)
    net.api.delete_device(gone["id"])
    net.api.ask("purge")
    net.api.clear_faults()
    await_followed(net)


def test_one_connection_at_a_time(net: Controlled) -> None:
    for _ in range(5):
        hurry_up(net)
        net.api.cut_streams("fin")
    net.wait_state("watching")
    wait_until(lambda: net.api.ask("network_state")["open"] == 1 and
               len(net.api.ask("streams")) == 1, "one stream, and nothing else")
    await_followed(net)


def test_what_cuts_every_stream(net: Controlled) -> None:
    """The api-server writes nothing after 10 s, its proxy cuts after 30 s: here much sooner, and in
    between every change is followed."""
    net.api.set(write_deadline_s=1, route_timeout_s=2.5)
    after = net.api.last_request()
    net.api.cut_streams()
    for number in range(5):
        net.api.wait_idle_stream()
        new_device(net, f"web{number}", advertise_cidrs=[f"10.77.{number}.0/24"])
        await_followed(net)
    wait_until(lambda: len(net.api.requests(EVENTS, after=after)) > 3, "more streams")
    assert not any("retrying" in line for line in daemon(net).messages())


@pytest.mark.parametrize("values", [{"generate": "html"}, {"body": '{"a":1}'}, {"body": ""}],
                         ids=["page", "object", "nothing"])
def test_page_is_no_stream(net: Controlled, values: dict[str, Any]) -> None:
    """That somebody says 200 is not that we follow again: it is told once."""
    number = net.api.set_fault(path=EVENTS, status=200, **values)
    net.api.cut_streams("rst")
    wait_until(lambda: net.api.fault_hits(number) > 1, "page")  # not only a stream that was cut
    await_told(net, "retrying", "the event stream")
    nothing_more(net)
    since, hits = net.control()["since"], net.api.fault_hits(number)
    wait_until(lambda: net.api.fault_hits(number) >= hits + 2, "tries")
    assert net.control()["state"] == "retrying" and net.control()["since"] == since
    assert news(net) == []


def test_silent_stream_is_opened_again(net: Controlled) -> None:
    """There is no heartbeat: a server that is gone without a word looks the same."""
    after = net.api.last_request()
    wait_until(lambda: [request for request in net.api.requests(EVENTS, after=after)
                        if ("device", True, True) in _watches(request)], "another stream")
    net.wait_state("watching")


@pytest.mark.parametrize("values", [{"no_tail": True, "hide": ["*"]},
                                    {"no_tail": True, "end_after": 3}, {"rate": 400}],
                         ids=["no tail", "cut before it", "slow"])
def test_list_that_is_never_whole(net: Controlled, values: dict[str, Any]) -> None:
    """What was there stays; it is said that it is out of date."""
    right = wanted(net)
    net.api.set_fault(path=EVENTS, **values)
    begin_anew(net)
    await_told(net, "retrying", "not complete")
    await_state(net, right, 0)


@pytest.mark.parametrize("values", [{"end_after": 9, "how": "close"}, {"rate": 2000},
                                    {"no_tail": True}], ids=["cut", "slow", "no tail"])
def test_whole_list_does_not_come_again(net: Controlled, values: dict[str, Any]) -> None:
    """What is followed is asked for as a whole now and then. Where that does not come to its end
    the changes are followed as before, and it is tried again."""
    net.api.add_many(30)
    await_followed(net)
    wait_some(LOOKS_S)
    number, words = net.api.set_fault(path=EVENTS, **values), "does not come to its end"
    after, before = net.api.last_request(), said(net, words)
    for count in range(2):
        hurry_up(net)
        new_device(net, f"web{count}")
        await_followed(net)
        net.api.delete_device(f"web{count}")
        await_followed(net)
    net.wait_state("watching")
    asked = [request["number"] for request in net.api.requests(EVENTS, after=after)
             if not any(at_tail for _, _, at_tail in _watches(request))]
    assert asked
    wait_until(lambda: said(net, words) == before + 1, "word of it")
    net.api.ask("fault_clear", number=number)
    wait_until(lambda: [request for request in net.api.requests(EVENTS, after=asked[-1])
                        if not request["fault"] and
                        not any(at_tail for _, _, at_tail in _watches(request))], "whole list")
    await_followed(net)


@pytest.mark.parametrize("status", [404, 405, 501])
def test_stream_is_missing_for_a_moment(net: Controlled, status: int) -> None:
    """A proxy that has just been started: no reason to ask for lists from then on."""
    net.api.set_fault(path=EVENTS, status=status, count=2)
    after = net.api.last_request()
    net.api.cut_streams()
    new_device(net, "web")
    await_followed(net)
    assert net.api.requests(LIST, after=after) == []
    net.wait_state("watching")


def test_groups_are_switched_off(net: Controlled) -> None:
    """The server refuses a request that names them; the others have a stream as before."""
    net.api.set(security_groups_enabled=False)
    after = net.api.last_request()
    net.api.cut_streams()
    for name in ("web", "net"):
        new_device(net, name)
        await_followed(net)
    assert net.api.requests(LIST, after=after) == []
    kinds = [sorted(kind for kind, _, _ in _watches(request))
             for request in net.api.requests(EVENTS, after=after)]
    assert len(kinds[0]) == 3
    assert kinds[1:] == [["device", "device-metadata"]] * len(kinds[1:])
    begin_anew(net)
    new_device(net, "third")
    await_followed(net)
    assert net.api.requests(LIST, after=after) == []


def _own(net: Controlled) -> dict[str, Any]:
    return net.api.devices()[net.device.name]


def test_own_device_makes_no_sense(net: Controlled) -> None:
    """What the server says of us in a way that we do not understand is not that we are gone: the
    others are followed with what we were. A whole list without us has to wait."""
    own = _own(net)
    inject(net, record=event(own, symmetric_nat="false"))
    new_device(net, "web")
    await_followed(net)
    net.wait_state("watching")
    assert not said(net, "gone from the VPC")
    right = wanted(net)
    net.api.set_fault(path=EVENTS, hide=[own["id"]], inject_at="start",
                      inject=[event(own, symmetric_nat="false")])
    begin_anew(net)
    await_told(net, "retrying", "makes no sense")
    await_state(net, right, 0)
    assert not said(net, "gone from the VPC")


def test_own_device_makes_no_sense_in_a_list(net: Controlled) -> None:
    """Where there is no stream it is the same: nothing is taken back."""
    net.api.set_fault(path=EVENTS, status=404, body="404 page not found")
    hurry_up(net)
    await_told(net, "watching", "asking every 15 s")
    right, own = wanted(net), _own(net)
    devices = [*net.api.devices().values(), own | {"symmetric_nat": "false"}]
    devices = [device for device in devices if device["id"] != own["id"] or device is devices[-1]]
    number = net.api.set_fault(path=LIST, status=200, body=json.dumps(devices),
                               content_type="application/json")
    await_told(net, "retrying", "makes no sense")
    await_state(net, right, 0)
    assert not said(net, "gone from the VPC")
    net.api.ask("fault_clear", number=number)
    await_told(net, "watching", "asking every 15 s")


def test_own_device_goes_among_others(net: Controlled) -> None:
    """What comes before is not told when we are not in it: the node would not know what to make of
    that. It is said once, and all stays."""
    for number in range(3):
        new_device(net, f"web{number}")
    await_followed(net)
    right, own = wanted(net), _own(net)
    records = [event(net.api.devices()["web0"], "delete"), event(own, "delete"),
               event(net.api.devices()["web1"], "delete")]
    for record in records:
        inject(net, record=record)
    await_told(net, "revoked", "gone from the VPC")
    assert state(net)["peers"].keys() >= right.keys() - {records[0]["value"]["public_key"]}
    assert not said(net, "broke the protocol") and not said(net, "own device")
    hurry_up(net)
    await_told(net, "watching")
    await_followed(net)


def test_revision_goes_backwards(net: Controlled) -> None:
    """It is nothing that the server would do: what is older is not taken."""
    device = new_device(net, "web")
    await_followed(net)
    record = event(device, advertise_cidrs=CIDRS)
    record["value"]["revision"] = 1
    inject(net, record=record)
    new_device(net, "later")
    await_followed(net)


@pytest.mark.parametrize("status", [404, 405])
def test_list_where_there_is_no_stream(net: Controlled, status: int) -> None:
    """As old servers have it; the stream is asked for again by itself."""
    number = net.api.set_fault(path=EVENTS, status=status, body="404 page not found",
                               content_type="text/plain")
    after = net.api.last_request()
    hurry_up(net)
    net.api.wait_request(LIST, "GET", after)
    await_told(net, "watching", "asking every 15 s")
    new_device(net, "web", advertise_cidrs=CIDRS)
    await_followed(net)
    nothing_more(net)
    lists, streams = (len(net.api.requests(*of, after)) for of in ((LIST, "GET"), (EVENTS, "POST")))
    wait_until(lambda: len(net.api.requests(LIST, "GET", after)) > lists + 4, "more lists")
    # The same list is no news, but where the stream was asked for meanwhile.
    assert len(news(net)) <= len(net.api.requests(EVENTS, "POST", after)) - streams
    net.api.delete_device("web")
    await_followed(net)
    net.api.ask("fault_clear", number=number)
    after = net.api.last_request()
    net.api.wait_idle_stream()
    assert net.api.requests(EVENTS, "POST", after)
    new_device(net, "web")
    await_followed(net)
    assert net.control()["message"] == "following the VPC's devices"


def test_polled_list_is_newer(net: Controlled) -> None:
    """The stream is back, and cut each time before its end: what was polled meanwhile stays, and
    what was followed before does not come back."""
    gone = new_device(net, "gone")
    await_followed(net)
    net.api.set_fault(path=EVENTS, status=404, body="404 page not found")
    net.api.cut_streams()
    await_told(net, "watching", "asking every 15 s")
    net.api.delete_device(gone["id"])
    new_device(net, "polled")
    await_followed(net)
    right = wanted(net)
    net.api.clear_faults()
    cut = net.api.set_fault(path=EVENTS, cut_after=20)
    wait_until(lambda: net.api.fault_hits(cut) >= 4, "streams that are cut")
    await_state(net, right, 0)
    net.api.clear_faults()
    hurry_up(net)
    await_followed(net)


@pytest.mark.parametrize(("rate", "words"), [(4000, ("watching", "asking every 15 s")),
                                             (20, ("retrying", "timed out"))])
def test_polled_list_over_a_slow_line(net: Controlled, rate: int, words: tuple[str, ...]) -> None:
    """It takes longer than other answers may, as long as it goes on."""
    net.api.add_many(60)
    await_followed(net)
    net.api.set_fault(path=EVENTS, status=404, body="404 page not found")
    slow = net.api.set_fault(path=LIST, rate=rate)
    net.api.cut_streams()
    wait_until(lambda: net.api.fault_hits(slow), "list that is asked for")
    await_told(net, *words)
    net.api.clear_faults()
    hurry_up(net)
    await_told(net, "watching")
    await_followed(net)
