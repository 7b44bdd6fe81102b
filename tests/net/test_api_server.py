# SPDX-License-Identifier: Apache-2.0
"""The stand-in api-server says what the real one says. Its faults: test_api_server_faults.py."""

import importlib
import json
import uuid
from typing import Any

import pytest
from api_client import Client
from api_fixtures import RELAY_METADATA, Tenant, new_public_key, server, tenant  # noqa: F401

from lab.api_server import ApiServer
from lab.devices import Device, Vpc
from lab.node import Node
from lab.underlay import Underlay

# What a device looks like: members in order, as the api-server writes them.
SAMPLE = {
    "id": "9f4c8c99-fabe-45c5-abd9-6e8963eeb766", "owner_id": "", "vpc_id": "",
    "public_key": "c3Q+18KtS5FQ0CegG9QBWhptyNgMo/Ws+SyogNaZy14=",
    "allowed_ips": ["100.64.0.3/32", "200::3/128"],
    "ipv4_tunnel_ips": [{"address": "100.64.0.3", "cidr": "100.64.0.0/10"}],
    "ipv6_tunnel_ips": [{"address": "200::3", "cidr": "200::/64"}],
    "advertise_cidrs": ["172.24.100.0/24", "fd00:24:100::/64"], "relay": False,
    "symmetric_nat": True, "hostname": "edge-lte-3", "os": "linux",
    "endpoints": [{"source": "local", "address": "10.133.5.9:38711"},
                  {"source": "stun:", "address": "invalid AddrPort"}],
    "revision": 1, "security_group_id": "", "online": False, "online_at": None}
# The private key, the ephemeral secret, the text, and how it is sealed.
VECTORS = [
    ("AAIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eH2A=",
     "2122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f40", "hello world",
     "djE=:WGmv9FBUlzLLqu1eXfmzCm2jHLDldCutWtShp2jxpns=:ZMJd6Wj_aFx8mQp_PGzeNuDM2Mk9peVv4dpt"),
    ("cHd3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3c=", None,
     "DT:AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=",
     "djE=:EyxEK-AQ-9V-cmAzKKp25x_MwVA6riGTJ9FNnJmT9HI=:lO9_Yy37WGgrhdHLjqNwDLJUZ1gyqFtqJRuSPw__"
     "oVDDs03EBtpQ6oGC90XoyEcI2jqh6oYjKUxlvOGVmvks"),
]
PRIVATE = VECTORS[1][0]
PUBLIC = "HPV5q6RaELodHvBtkfyiqp7QoRUFFWUxVUBdCxjLmmc="


def registration(tenant: Tenant, **values: Any) -> dict[str, Any]:
    """What a relay POSTs."""
    return {"vpc_id": tenant.id, "public_key": new_public_key(), "hostname": "relay-fra1",
            "os": "linux", "relay": True, "symmetric_nat": False,
            "endpoints": [{"source": "local", "address": "10.20.0.4:51820"},
                          {"source": "stun:", "address": "203.0.113.10:51820"}]} | values


@pytest.fixture
def sealed() -> Any:
    """The module; where no test of it runs (tests/vm), there is no cryptography to import."""
    return importlib.import_module("api.sealed")


@pytest.mark.parametrize(("private", "secret", "text", "box"), VECTORS)
def test_sealing(sealed: Any, private: str, secret: str | None, text: str, box: str) -> None:
    assert sealed.unseal(private, box) == text
    if secret:
        public = "B6N8vBQgk8i3VdwbEOhstCY3StFqqFPtC9/AsrhtHHw="
        assert sealed.seal(public, text, secret=bytes.fromhex(secret)) == box
    with pytest.raises(ValueError, match="tag"):
        sealed.unseal(private, box, "chacha")
    for wrong in (box + ":", box[5:], "djI=" + box[4:], box.replace("_", "/")):
        with pytest.raises(ValueError):
            sealed.unseal(private, wrong)


def test_registration_of_a_relay(sealed: Any, server: ApiServer, tenant: Tenant) -> None:
    """POST, 409, PATCH, PUT, then the device's own token."""
    server.ask("requests_clear")
    key = tenant.rk("GET", "/api/reg-keys/me").json()
    assert key == {name: tenant.key[name] for name in key}
    assert list(key) == ["id", "owner_id", "vpc_id", "bearer_token", "security_group_id",
                         "settings"]
    vpc = tenant.rk("GET", f"/api/vpcs/{tenant.id}").json()
    assert (vpc["ipv4_cidr"], vpc["ipv6_cidr"]) == ("100.64.0.0/10", "200::/64")

    request = registration(tenant, public_key=PUBLIC, security_group_id=str(uuid.uuid4()))
    made = tenant.rk("POST", "/api/devices", request)
    assert made.status == 201
    device = made.json()
    assert list(device) == [*SAMPLE, "bearer_token"]
    assert device["security_group_id"] == tenant.id
    assert device["allowed_ips"] == [device["ipv4_tunnel_ips"][0]["address"],
                                     device["ipv6_tunnel_ips"][0]["address"]]
    token = sealed.unseal(PRIVATE, device["bearer_token"])
    assert token.startswith("DT:") and len(token) == 47 and len(device["bearer_token"]) == 134

    again = tenant.rk("POST", "/api/devices", request)
    assert again.status == 409
    assert again.body.decode() == f'{{"id":"{device["id"]}","error":"resource already exists"}}'
    path = f"/api/devices/{device['id']}"
    patched = tenant.rk("PATCH", path, {"hostname": "", "endpoints": [], "symmetric_nat": True,
                                        "revision": 3})
    assert patched.status == 200
    assert patched.json()["hostname"] == "relay-fra1" and patched.json()["symmetric_nat"]
    assert patched.json()["endpoints"] == request["endpoints"]
    assert patched.json()["revision"] > device["revision"]
    assert sealed.unseal(PRIVATE, patched.json()["bearer_token"]) == token

    put = tenant.rk("PUT", f"{path}/metadata/relay", RELAY_METADATA)
    assert put.json() == {"device_id": device["id"], "key": "relay", "value": RELAY_METADATA,
                          "revision": put.json()["revision"]}
    own = Client(server, token)
    assert own("PATCH", path, {"endpoints": [{"source": "local", "address": "1.2.3.4:5"}]}
               ).json()["endpoints"] == [{"source": "local", "address": "1.2.3.4:5"}]
    assert [row["id"] for row in own("GET", f"/api/vpcs/{tenant.id}/devices").json()] == [
        device["id"]]
    assert server.violations() == []


def test_shape_of_a_device(server: ApiServer, tenant: Tenant) -> None:
    vpc = server.ask("vpc_add", owner=tenant.id, private_cidr=True)
    server.ask("device_add", owner=tenant.id, vpc=vpc["id"], device_id=SAMPLE["id"],
               addresses=["100.64.0.3", "200::3"],
               **{name: SAMPLE[name] for name in ("public_key", "hostname", "os", "endpoints",
                                                  "symmetric_nat", "advertise_cidrs")})
    shown = tenant.rk("GET", f"/api/vpcs/{vpc['id']}/devices").json()[0]
    assert shown.pop("bearer_token").startswith("djE=:")
    wanted = SAMPLE | {"owner_id": tenant.id, "vpc_id": vpc["id"], "security_group_id": vpc["id"],
                       "revision": shown["revision"]}
    assert json.dumps(shown) == json.dumps(wanted)


def test_another_vpc(server: ApiServer, tenant: Tenant) -> None:
    """relay:true alone leaves allowed_ips; a move makes them anew, as for what it was before."""
    made = tenant.rk("POST", "/api/devices", registration(tenant, relay=False)).json()
    path = f"/api/devices/{made['id']}"
    promoted = tenant.rk("PATCH", path, {"relay": True}).json()
    assert promoted["relay"] and promoted["allowed_ips"] == made["allowed_ips"]
    vpc = server.ask("vpc_add", owner=tenant.id, private_cidr=True, ipv4_cidr="10.88.0.0/16",
                     ipv6_cidr="200:88::/64")["id"]
    moved = tenant.user("PATCH", path, {"vpc_id": vpc, "relay": False}).json()
    assert moved["allowed_ips"] == ["10.88.0.1", "200:88::1"]
    assert moved["ipv4_tunnel_ips"] == [{"address": "10.88.0.1", "cidr": "10.88.0.0/16"}]
    for bare in (False, True):  # what it is when the request comes
        again = tenant.rk("PATCH", path, {"vpc_id": vpc, "relay": True}).json()
        assert again["allowed_ips"] == (["10.88.0.1", "200:88::1"] if bare
                                        else ["10.88.0.1/32", "200:88::1/128"])
    for member in ("vpc_id", "security_group_id"):
        reply = tenant.rk("PATCH", path, {member: str(uuid.uuid4())})
        assert (reply.status, reply.json()["resource"]) == (404, member)


def test_in_another_node() -> None:
    """Where a relay's test has it: behind a link."""
    relay, node = Node("relay", first=True), Node("api")
    link = Underlay(relay, node, 200)
    with ApiServer(node, [link.address(4), link.address(6)], Vpc("10.7.0.0/16")) as other:
        key = other.make_reg_key()
        for address in other.addresses:
            reply = Client(other, key["bearer_token"])("GET", f"/api/vpcs/{key['vpc_id']}",
                                                       address=address)
            assert reply.json()["ipv4_cidr"] == "10.7.0.0/16"
        other.add_device(Device("spoke1", new_public_key(), "10.7.0.9", "200::9",
                                advertises=["10.188.0.0/24"]))
        assert other.devices()["spoke1"]["allowed_ips"] == ["10.7.0.9/32", "200::9/128"]
    link.remove()
    node.remove()


@pytest.mark.parametrize(("change", "status", "body"), [
    ({"vpc_id": None}, 400, '{"error":"required","field":"vpc_id"}'),
    ({"vpc_id": ""}, 400, '{"error":"request json is invalid: invalid UUID length: 0"}'),
    ({"vpc_id": str(uuid.uuid4())}, 404, '{"error":"not found","resource":"vpc"}'),
    ({"public_key": ""}, 400, '{"error":"required","field":"public_key"}'),
    ({"security_group_id": ""}, 400, "request json is invalid: "),
    ({"relay": "yes"}, 400, "request json is invalid: "),
    ({"endpoints": {}}, 400, "request json is invalid: "),
    ({"advertise_cidrs": ["100.64.0.0/16"]}, 500, '"trace_id"'),
    ({"advertise_cidrs": ["nonsense"]}, 400, '"field":"advertise_cidrs"'),
    ({"unknown": 1, "advertise_cidrs": ["0.0.0.0/0", "::/0"]}, 201, "djE=:"),
])
def test_registration_refused(tenant: Tenant, change: dict[str, Any], status: int,
                              body: str) -> None:
    reply = tenant.rk("POST", "/api/devices", registration(tenant, **change))
    assert reply.status == status
    assert body in reply.body.decode()
    assert reply.headers["Cache-Control"] == "no-cache, no-store, max-age=0, must-revalidate"
    assert reply.headers["Content-Type"] == "application/json; charset=utf-8"


def test_permissions(server: ApiServer, tenant: Tenant) -> None:
    """Row by row: what a user, a registration key and a device may."""
    mine = tenant.add("mine")
    device, other = Client(server, mine["token"]), tenant.add("other")
    path, vpc = f"/api/devices/{mine['id']}", f"/api/vpcs/{tenant.id}"
    rows: list[tuple[str, str, Any, int, int, int]] = [
        ("GET", "/api/users/me", None, 200, 403, 403),
        ("GET", "/api/reg-keys/me", None, 403, 200, 403),
        ("GET", vpc, None, 200, 200, 200),
        ("GET", f"{vpc}/devices", None, 200, 200, 200),
        ("GET", f"{vpc}/metadata", None, 200, 200, 200),
        ("GET", f"{vpc}/security-groups", None, 200, 200, 200),
        ("GET", "/api/devices", None, 200, 200, 200),
        ("GET", f"/api/devices/{uuid.uuid4()}", None, 404, 404, 404),
        ("PATCH", path, {}, 200, 403, 200),
        ("PATCH", f"/api/devices/{other['id']}", {}, 200, 403, 403),
        ("PATCH", f"/api/devices/{uuid.uuid4()}", {}, 404, 404, 404),
        ("PATCH", "/api/devices/x", {}, 400, 400, 400),
        ("PUT", f"{path}/metadata/relay", RELAY_METADATA, 200, 200, 403),
        ("POST", "/api/devices", {}, 400, 400, 403),
        ("DELETE", f"{path}/metadata/relay", None, 204, 403, 403),
        ("GET", "/api/security-groups", None, 200, 403, 403),
        ("POST", "/api/events", {}, 400, 403, 400),
        ("POST", f"{vpc}/events", {}, 400, 403, 400),
        ("GET", "/api/fflags", None, 200, 403, 403),
        ("DELETE", f"/api/devices/{other['id']}", None, 200, 403, 403),
    ]
    for method, target, body, *wanted in rows:
        for client, status in reversed(list(zip((tenant.user, tenant.rk, device), wanted))):
            reply = client(method, target, body)
            assert reply.status == status, (method, target, client.token[:3], reply.body)
            own = b'{"error":"reg key does not have access"}' if method == "PATCH" else b""
            assert status != 403 or reply.body == own


def test_bearers_that_are_not_good(server: ApiServer, tenant: Tenant) -> None:
    path = f"/api/vpcs/{tenant.id}"
    for token, body in (("", b""), ("RK:x", b'{"error":"invalid reg key"}'),
                        ("DT:x", b'{"error":"invalid device token"}'), ("x", b"Jwt verification")):
        reply = Client(server, token)("GET", path)
        assert reply.status == 401 and reply.body.startswith(body)
        assert token or not reply.body
    server.ask("key_expire", key=tenant.key["id"])
    assert tenant.rk("GET", path).status == 401
    server.ask("key_expire", key=tenant.key["id"], in_s=None)
    assert tenant.rk("GET", path).status == 200
    server.revoke_key(tenant.key)
    assert tenant.rk("GET", path).body == b'{"error":"invalid reg key"}'
    made = tenant.add("gone")
    server.revoke_device_token(made["id"])
    assert Client(server, made["token"])("GET", path).body == b'{"error":"invalid device token"}'


def test_single_use_key(server: ApiServer, tenant: Tenant) -> None:
    key = server.make_reg_key(owner=tenant.id, vpc=tenant.id, single_use=True)
    client = Client(server, key["bearer_token"])
    assert client("GET", "/api/reg-keys/me").json()["device_id"] == key["device_id"]
    first = registration(tenant)
    assert client("POST", "/api/devices", first).json()["id"] == key["device_id"]
    assert client("POST", "/api/devices", first).status == 409
    reply = client("POST", "/api/devices", registration(tenant))
    assert (reply.status, reply.body) == (400, b'{"error":"single use reg key exhausted"}')


def test_lists(tenant: Tenant) -> None:
    for name in ("c", "a", "b"):
        tenant.add(name, relay=name == "a")
    path = f"/api/vpcs/{tenant.id}/devices"

    def names(query: str) -> list[str]:
        reply = tenant.rk("GET", path + query)
        rows = reply.json()
        assert reply.headers["X-Total-Count"] == str(len(rows))
        return [row["hostname"] for row in rows]

    assert names("") == ["a", "b", "c"]
    assert names("?gt_revision=99999999&sort=%5B") == ["a", "b", "c"]
    assert names("?sort=%5B%22revision%22,%22ASC%22%5D") == ["c", "a", "b"]
    assert names("?range=%5B1,1%5D") == ["b"]
    assert names("?filter=%7B%22relay%22:true%7D") == ["a"]


def test_soft_delete(tenant: Tenant) -> None:
    """The key can come again, and the addresses are free."""
    made = tenant.add("gone", advertise_cidrs=["10.9.0.0/24"])
    reply = tenant.user("DELETE", f"/api/devices/{made['id']}")
    assert (reply.status, reply.json()["public_key"]) == (200, "")
    assert tenant.user("GET", f"/api/devices/{made['id']}").status == 404
    request = registration(tenant, public_key=made["public_key"], advertise_cidrs=["10.9.0.0/24"])
    again = tenant.rk("POST", "/api/devices", request)
    assert again.status == 201 and again.json()["id"] != made["id"]
    assert again.json()["ipv4_tunnel_ips"] == made["ipv4_tunnel_ips"]
    assert again.json()["ipv6_tunnel_ips"] == made["ipv6_tunnel_ips"]


def test_rate_limit(server: ApiServer, tenant: Tenant) -> None:
    """All bearers of one owner share it."""
    other = tenant.device()
    server.set(rate_limit=2)
    path = f"/api/vpcs/{tenant.id}"
    assert [client("GET", path).status for client in (tenant.rk, other, tenant.user)] == [
        200, 200, 429]
    reply = tenant.rk("GET", path)
    assert int(reply.headers["Retry-After"]) >= 1 and reply.headers["x-ratelimit-remaining"] == "0"


def test_login(server: ApiServer, tenant: Tenant) -> None:
    """Device flow, refresh, an expired token, the password grant."""
    server.set(poll_interval_s=1)
    start = Client(server)("POST", "/device/login/start").json()
    assert list(start) == ["device_authorization_endpoint", "issuer", "client_id", "server_time"]
    issuer = start["issuer"].partition("nexodus.test")[2]
    found = Client(server)("GET", f"{issuer}/.well-known/openid-configuration", host="auth").json()
    assert found["issuer"] == start["issuer"]

    def post(endpoint: str, **form: str) -> Any:
        path = endpoint.partition("nexodus.test")[2]
        body = "&".join(f"{name}={value}" for name, value in form.items())
        return Client(server)("POST", path, f"{body}&client_id=nexodus-cli", host="auth",
                              **{"Content-Type": "application/x-www-form-urlencoded"}).json()

    code = post(start["device_authorization_endpoint"], scope="openid+read:users")
    grant = {"grant_type": "urn:ietf:params:oauth:grant-type:device_code",
             "device_code": code["device_code"]}
    token = found["token_endpoint"]
    assert post(token, **grant)["error"] == "authorization_pending"
    assert post(token, **grant)["error"] == "slow_down"
    server.ask("approve", user_code=code["user_code"], username=tenant.username)
    login = post(token, **grant)
    me = Client(server, login["access_token"])
    assert me("GET", "/api/users/me").json()["username"] == tenant.username
    assert me("GET", "/api/devices").status == 403  # not in its scope
    server.set(clock_offset_s=700)
    assert me("GET", "/api/users/me").body == b"Jwt is expired"
    refresh = {"grant_type": "refresh_token", "refresh_token": login["refresh_token"]}
    assert Client(server, post(token, **refresh)["access_token"])("GET", "/api/users/me"
                                                                  ).status == 200
    server.ask("sessions_revoke")
    assert post(token, **refresh)["error"] == "invalid_grant"
    password = {"grant_type": "password", "username": tenant.username, "scope": "openid"}
    assert post(token, **password, password="wrong")["error"] == "invalid_grant"
    assert post(token, **password, password="secret")["expires_in"] == 600


def test_keep_alive(tenant: Tenant) -> None:
    """A connection serves several requests, errors among them."""
    connection, response = tenant.rk.open("GET", "/api/reg-keys/me")
    response.read()
    for path, status in (("/api/users/me", 403), ("/nothing", 404),
                         (f"/api/vpcs/{tenant.id}", 200)):
        connection.request("GET", path, headers={"Authorization": f"Bearer {tenant.rk.token}"})
        response = connection.getresponse()
        assert (response.status, response.read() == b"") == (status, status == 403)
    connection.close()
    number = tenant.server.requests()[-1]["connection"]
    assert [request["connection"] for request in tenant.server.requests()[-4:]] == [number] * 4
