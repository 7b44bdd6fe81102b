/* SPDX-License-Identifier: Apache-2.0 */
/*
 * peer_watch.h - hear that somebody has changed a WireGuard interface of the kernel's.
 *
 * A probe in the WireGuard module (bpf/nex_peer_watch.bpf.c): any interface, in any network
 * namespace, and not what changed. It is not pinned and ends with the process.
 */
#ifndef DATAPATH_PEER_WATCH_H
#define DATAPATH_PEER_WATCH_H

#include <stdint.h>

struct peer_watch;

/**
 * peer_watch_open() - attach the probe. The module has to be loaded.
 *
 * Needs CAP_BPF and CAP_PERFMON; once open, it needs neither.
 *
 * Return: 0; -ENOENT when this kernel has no such probes, or no WireGuard that we know; -EPERM;
 *         another negative errno.
 */
int peer_watch_open(struct peer_watch **ret_watch);

/** peer_watch_fd() - can be read when there is news. */
int peer_watch_fd(const struct peer_watch *watch);

/** peer_watch_drain() - what has come so far is news no more. */
void peer_watch_drain(struct peer_watch *watch);

/**
 * peer_watch_own_changes() - how often this process itself has changed an interface since the watch
 * was opened. A change that does not count shows that the probe is dead: it goes with the module.
 */
uint64_t peer_watch_own_changes(const struct peer_watch *watch);

/** peer_watch_close() - safe on NULL. */
void peer_watch_close(struct peer_watch *watch);

#endif
