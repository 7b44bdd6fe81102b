# SPDX-License-Identifier: Apache-2.0
"""Handlers of /api/devices and of the metadata of devices."""

import json
from typing import Any

from api import answers, members
from api.addresses import NoAddress
from api.answers import Answer, ok
from api.lists import listed
from api.model import Store
from api.rows import Device, new_id
from api.tokens import Caller
from api.wire import Request


def show(store: Store, caller: Caller, device: Device, status: int = 200) -> Answer:
    """A device for this caller."""
    return ok(device.shown_to(caller.sees_token_of(device), store.settings.seal), status)


def _need_devices(store: Store) -> None:
    if not store.settings.devices_enabled:
        raise answers.not_allowed("devices support is disabled")


def find(store: Store, caller: Caller, device_id: str) -> Device | None:
    """A device of the acting user that is not deleted."""
    device = store.devices.rows.get(members.path_id(device_id))
    return device if device and not device.deleted and device.owner_id == caller.user.id else None


def list_devices(store: Store, request: Request, caller: Caller) -> Answer:
    """GET /api/devices: the acting user's own."""
    _need_devices(store)
    rows = [device for device in store.devices.live() if device.owner_id == caller.user.id]
    return listed(request, [device.shown_to(caller.sees_token_of(device), store.settings.seal)
                            for device in rows], "hostname")


def get(store: Store, _: Request, caller: Caller, device_id: str) -> Answer:
    """GET /api/devices/{id}"""
    _need_devices(store)
    device = find(store, caller, device_id)
    if not device:
        raise answers.bare(404)
    return show(store, caller, device)


def create(store: Store, request: Request, caller: Caller) -> Answer:
    """POST /api/devices"""
    _need_devices(store)
    revision = store.begin()
    record = members.load(request.body)
    vpc_id = members.identifier(record, "vpc_id")
    members.identifier(record, "security_group_id")  # has to be one, and is ignored
    if not vpc_id:
        raise answers.invalid("required", "vpc_id")
    key = members.public_key(record)
    plain = _plain(record)
    wanted = members.wanted_addresses(record)
    advertise = members.cidrs(record, "advertise_cidrs")
    vpc = store.vpc_of(caller.user, vpc_id)
    if key in store.by_key:
        raise answers.conflict(store.by_key[key].id)
    reg_key = caller.reg_key
    if reg_key and reg_key.device_id and reg_key.device_id in store.devices.rows:
        raise answers.base(400, "single use reg key exhausted")
    if reg_key and reg_key.vpc is not vpc:
        raise answers.invalid("reg key is for another vpc", "vpc_id")
    device = Device((reg_key.device_id if reg_key else None) or new_id(), caller.user.id, vpc, key)
    for name, value in plain.items():
        setattr(device, name, value)
    device.os = members.text(record, "os") or ""
    device.reg_key_id = reg_key.id if reg_key else None
    try:
        store.add_device(device, wanted, advertise, revision=revision)
    except NoAddress as err:
        raise answers.internal() from err
    store.wake()
    return show(store, caller, device, 201)


def _plain(record: dict[str, Any]) -> dict[str, Any]:
    """Members that POST and PATCH have in common; what is absent, null or empty is left out."""
    plain = {"hostname": members.text(record, "hostname") or None,
             "endpoints": members.endpoints(record) or None,
             "relay": members.flag(record, "relay"),
             "symmetric_nat": members.flag(record, "symmetric_nat")}
    return {name: value for name, value in plain.items() if value is not None}


def update(store: Store, request: Request, caller: Caller, device_id: str) -> Answer:
    """PATCH /api/devices/{id}"""
    _need_devices(store)
    revision = store.begin()
    row_id = members.path_id(device_id)
    record = members.load(request.body)
    plain = _plain(record)
    vpc_id = members.identifier(record, "vpc_id")
    group_id = members.identifier(record, "security_group_id")
    advertise = members.cidrs(record, "advertise_cidrs")
    members.number(record, "revision")
    device = find(store, caller, row_id)
    if not device:
        raise answers.not_found("device")
    if caller.kind == "RK" and device.reg_key_id != (caller.reg_key and caller.reg_key.id):
        raise answers.base(403, "reg key does not have access")
    if caller.kind == "DT" and device is not caller.device:
        raise answers.base(403, "reg key does not have access")
    vpc = store.vpcs.rows.get(vpc_id) if vpc_id else None
    if vpc_id and (not vpc or vpc.deleted or caller.user.id not in vpc.members):
        raise answers.not_found("vpc_id")
    if group_id:
        group = store.groups.rows.get(group_id)
        if not group or group.deleted or caller.user.id not in group.vpc.members:
            raise answers.not_found("security_group_id")
    relay = device.relay
    try:
        change(store, device, plain, vpc, group_id, advertise, revision)
    except NoAddress as err:
        raise answers.internal() from err
    if vpc and vpc.id != vpc.organization_id:
        device.set_allowed(relay)  # as it was before
        device.changed()
    store.wake()
    return show(store, caller, device)


def change(store: Store, device: Device, plain: dict[str, Any], vpc: Any = None,
           group_id: str | None = None, advertise: list[str] | None = None,
           revision: int = 0) -> None:
    """Update the row; another VPC means other addresses."""
    if vpc and vpc is not device.vpc:
        store.release(device)
        cidrs, device.advertise_cidrs = device.advertise_cidrs, None
        device.vpc, device.security_group_id = vpc, vpc.id
        store.assign(device)
        store.advertise(device, cidrs)
    if advertise is not None:
        store.advertise(device, advertise)
    for name, value in plain.items():
        setattr(device, name, value)
    if group_id:
        device.security_group_id = group_id
    store.devices.put(device, revision)


def delete(store: Store, _: Request, caller: Caller, device_id: str) -> Answer:
    """DELETE /api/devices/{id}: 200 with what is left of it, though the documents say 204."""
    _need_devices(store)
    revision = store.begin()
    device = find(store, caller, device_id)
    if not device:
        raise answers.not_found("device")
    store.delete_device(device, revision)
    return ok(device.shown_to(False))


def _metadata(store: Store, caller: Caller, device_id: str) -> list[Any]:
    device = find(store, caller, device_id)
    if not device:
        raise answers.bare(404)
    return [item for item in store.metadata.live() if item.device is device]


def list_metadata(store: Store, request: Request, caller: Caller, device_id: str) -> Answer:
    """GET /api/devices/{id}/metadata"""
    prefix = request.query.get("prefix", "")
    return listed(request, [item.shown() for item in _metadata(store, caller, device_id)
                            if item.key.startswith(prefix)], "key")


def get_metadata(store: Store, _: Request, caller: Caller, device_id: str, key: str) -> Answer:
    """GET /api/devices/{id}/metadata/{key}"""
    for item in _metadata(store, caller, device_id):
        if item.key == key:
            return ok(item.shown())
    raise answers.bare(404)


def put_metadata(store: Store, request: Request, caller: Caller, device_id: str,
                 key: str) -> Answer:
    """PUT /api/devices/{id}/metadata/{key}"""
    value = members.load_any(request.body)
    device = find(store, caller, device_id)
    if not device:
        raise answers.bare(404)
    return ok(store.put_metadata(device, key, value).shown())


def delete_metadata(store: Store, _: Request, caller: Caller, device_id: str,
                    key: str = "") -> Answer:
    """DELETE /api/devices/{id}/metadata[/{key}]"""
    found = [item for item in _metadata(store, caller, device_id) if key in ("", item.key)]
    if key and not found:
        raise answers.bare(404)
    for item in found:
        item.deleted = True
        store.metadata.put(item)
    store.wake()
    return Answer(204)


def as_dict(device: Device) -> dict[str, Any]:
    """For the control socket: with what no answer shows."""
    return json.loads(answers.dumps(device.shown_to(False))) | {"token": device.token,
                                                                "deleted": device.deleted}
