/* SPDX-License-Identifier: Apache-2.0 */
/*
 * peer_watch.h - hear that somebody has changed a WireGuard interface.
 *
 * A probe in the kernel (bpf/nex_peer_watch.bpf.c), which does not tell what has changed: that of
 * kernel WireGuard is in its module and hears of every interface in every network namespace; that
 * of a userspace one is at its unix socket, and hears of whoever reads it too. Neither is pinned;
 * they end with the process.
 */
#ifndef DATAPATH_PEER_WATCH_H
#define DATAPATH_PEER_WATCH_H

#include <stdint.h>

struct peer_watch;

/**
 * peer_watch_open_kernel() - attach the probe to kernel WireGuard. The module has to be loaded.
 *
 * Needs CAP_BPF and CAP_PERFMON, and the kernel's BTF; once open, it needs neither.
 *
 * Return: 0; -ENOENT when this kernel has no such probes, or no WireGuard that we know; -EPERM;
 *         another negative errno.
 */
int peer_watch_open_kernel(struct peer_watch **ret_watch);

/**
 * peer_watch_open_userspace() - the same for a userspace one, served at .../@ifname.sock.
 *
 * News comes of the one that this process has asked last (tunnel/wg_uapi_socket.h).
 *
 * Takes BPF trampolines, or the tracepoint sock_send_length (Linux 6.3).
 * @ifname: at most IFNAMSIZ - 1 bytes.
 *
 * Return: as above.
 */
int peer_watch_open_userspace(const char *ifname, struct peer_watch **ret_watch);

/** peer_watch_fd() - can be read when there is news. */
int peer_watch_fd(const struct peer_watch *watch);

/** peer_watch_drain() - what has come so far is news no more. */
void peer_watch_drain(struct peer_watch *watch);

/**
 * peer_watch_own_changes() - how often this process itself has changed an interface (or has asked
 * a userspace WireGuard) since the watch was opened. A change that does not count shows that the
 * probe is dead: it goes with the module.
 */
uint64_t peer_watch_own_changes(const struct peer_watch *watch);

/** peer_watch_close() - safe on NULL. */
void peer_watch_close(struct peer_watch *watch);

#endif
