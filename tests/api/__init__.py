# SPDX-License-Identifier: Apache-2.0
"""A stand-in for the Nexodus api-server, for tests and the demo. It is not the api-server: it
speaks the part of its HTTP interface that a relay uses, keeps everything in memory, and can
misbehave on command.

    server        what is started: `tests/api/server --state-dir DIR --listen ADDR:PORT`
    ctl, client   its control socket, from a shell and from Python
    control       the commands of that socket, with bulk (many devices) and trouble (faults)

    listener      accepts, and does what faults of the network ask for
    wire          TLS and HTTP/1.1: requests in, answers out, cut as a test wants
    certificates  a CA of its own, a good certificate and bad ones
    journal       every request, and what is wrong with it
    routes        path to handler; who may do what
    tokens        the three kinds of bearer
    devices       handlers of /api/devices
    reading       handlers that only read: keys, users, VPCs, groups
    lists         filter, sort, range
    answers       bodies as the api-server writes them
    members       members of a request body, with their types
    model         what the service knows, and what can happen to it
    rows          users, VPCs, keys, devices, metadata, security groups
    tables        rows with revisions, and the order of their changes
    addresses     which addresses are free
    stream        the watch
    auth          OIDC: device flow, password, refresh
    sealed        the sealed device token
    faults        what goes wrong for which request
    settings      times, limits and switches
    names, stun   a DNS and a STUN server
"""
