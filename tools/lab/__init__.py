# SPDX-License-Identifier: Apache-2.0
"""The lab: a relay host and its spokes in network namespaces of one private world.

    world      a mount, PID and network namespace of its own, gone when its process is gone
    node       one network namespace: run a command there, make a socket there
    wireguard  a WireGuard interface in a node: kernel, else wireguard-go
    devices    the api-server's device list, and the file that --peers reads
    firewall   the relay host's FORWARD chains: a policy and a counter
    underlay   a spoke's way to the relay host, of both families, maybe through a router with NAT
    lan        a host behind a spoke
    mesh       the network that most tests share, with a wg0 that the lab makes
    topology   networks as a test wants them, with a wg0 of the lab's or of the relay's own
    owner      who makes wg0, and what the lab does for it
    wgshow     what an interface's WireGuard and its routes say, whoever made it
    traffic    ping, counted UDP flows, TCP transfers with a checksum
    packets    packets of every kind, to be sent raw
    capture    what comes in by an interface, byte for byte
    churn      lists that change again and again
    steady     flows between the spokes that must not lose a packet
    relay      the nex-relay binary: start, stop, ask
    api_server the stand-in api-server of tests/api in a node
    bpf        BPF objects by number: does it exist, what is attached where
    footprint  everything on the host that nex-relay could leave behind
    networkd, network_manager
               the real ones, on the relay host; udev: what they want to know of it
    wait       wait for a condition, with a deadline
    debian     packages of Debian's archive, unpacked into a cache, for what may not be installed

tools/demo and tests/net are made of these. Nothing but the last works outside a world, and nothing
in a world can be seen outside.
"""
