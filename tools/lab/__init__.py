# SPDX-License-Identifier: Apache-2.0
"""The lab: a relay host and its spokes in network namespaces of one private world.

    world      a mount, PID and network namespace of its own, gone when its process is gone
    node       one network namespace: run a command there, make a socket there
    wireguard  a WireGuard interface in a node: kernel, else wireguard-go
    devices    the api-server's device list, and the file that --peers reads
    firewall   the relay host's FORWARD chains: a policy and a counter
    mesh       the whole topology
    traffic    ping, counted UDP flows, TCP transfers with a checksum
    steady     flows between the spokes that must not lose a packet
    relay      the nex-relay binary: start, stop, ask
    bpf        BPF objects by number: does it exist, what is attached where
    footprint  everything on the host that nex-relay could leave behind
    wait       wait for a condition, with a deadline

tools/demo and tests/net are both made of these. Nothing here works outside a world, and nothing in
a world can be seen outside.
"""
