# SPDX-License-Identifier: Apache-2.0
"""Handlers that only read: keys, users, VPCs, groups, lists."""

from typing import Any

from api import answers, members
from api.answers import Answer, ok
from api.lists import listed
from api.model import Store
from api.rows import Vpc
from api.tokens import Caller
from api.wire import Request


def reg_key(_: Store, __: Request, caller: Caller, key_id: str) -> Answer:
    """GET /api/reg-keys/me"""
    assert caller.reg_key
    if key_id not in ("me", caller.reg_key.id):
        members.path_id(key_id)
        raise answers.not_found("reg key")
    return ok(caller.reg_key.shown())


def user(_: Store, __: Request, caller: Caller, user_id: str) -> Answer:
    """GET /api/users/me"""
    if user_id not in ("me", caller.user.id):
        members.path_id(user_id)
        raise answers.not_found("user")
    return ok(caller.user.shown())


def fflags(store: Store, _: Request, __: Caller) -> Answer:
    """GET /api/fflags"""
    return ok({"devices": store.settings.devices_enabled, "multi-organization": True,
               "security-groups": store.settings.security_groups_enabled, "sites": False})


def find_vpc(store: Store, caller: Caller, vpc_id: str) -> Vpc:
    """The VPC of a path."""
    return store.vpc_of(caller.user, members.path_id(vpc_id, "vpc"))


def vpcs(store: Store, request: Request, caller: Caller) -> Answer:
    """GET /api/vpcs"""
    return listed(request, [vpc.shown() for vpc in store.vpcs.live()
                            if caller.user.id in vpc.members], "description")


def vpc(store: Store, _: Request, caller: Caller, vpc_id: str) -> Answer:
    """GET /api/vpcs/{id}"""
    return ok(find_vpc(store, caller, vpc_id).shown())


def vpc_devices(store: Store, request: Request, caller: Caller, vpc_id: str) -> Answer:
    """GET /api/vpcs/{id}/devices"""
    if not store.settings.devices_enabled:
        raise answers.not_allowed("devices support is disabled")
    network = find_vpc(store, caller, vpc_id)
    aead = store.settings.seal
    return listed(request, [device.shown_to(caller.sees_token_of(device), aead)
                            for device in store.devices.live() if device.vpc is network],
                  "hostname")


def vpc_metadata(store: Store, request: Request, caller: Caller, vpc_id: str) -> Answer:
    """GET /api/vpcs/{id}/metadata"""
    network = find_vpc(store, caller, vpc_id)
    key, prefix = request.query.get("key"), request.query.get("prefix", "")
    return listed(request, [item.shown() for item in store.metadata.live()
                            if item.device.vpc is network and key in (None, item.key)
                            and item.key.startswith(prefix)], "key")


def vpc_groups(store: Store, request: Request, caller: Caller, vpc_id: str) -> Answer:
    """GET /api/vpcs/{id}/security-groups: of all organizations with a device in the VPC."""
    _need_groups(store)
    network = find_vpc(store, caller, vpc_id)
    owners = {device.owner_id for device in store.devices.live() if device.vpc is network}
    return listed(request, [group.shown() for group in store.groups.live()
                            if group.vpc.members & owners], "description")


def _need_groups(store: Store) -> None:
    if not store.settings.security_groups_enabled:
        raise answers.not_allowed("security-groups support is disabled")


def _groups_of(store: Store, caller: Caller) -> list[Any]:
    _need_groups(store)
    return [group for group in store.groups.live() if caller.user.id in group.vpc.members]


def groups(store: Store, request: Request, caller: Caller) -> Answer:
    """GET /api/security-groups"""
    return listed(request, [group.shown() for group in _groups_of(store, caller)], "description")


def group(store: Store, _: Request, caller: Caller, group_id: str) -> Answer:
    """GET /api/security-groups/{id}"""
    wanted = members.path_id(group_id)
    for row in _groups_of(store, caller):
        if row.id == wanted:
            return ok(row.shown())
    raise answers.bare(404)
