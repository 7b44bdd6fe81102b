/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stun_probe.h - which address and port the Internet sees of WireGuard's port.
 *
 * Kernel WireGuard holds the port, so requests leave through a raw socket with that source port,
 * and answers are read from the same socket, which gets a copy of what matches its filter: UDP to
 * that port with STUN's magic cookie. WireGuard gets the original and drops it. The node makes the
 * socket (stun_socket.h): the source process has no capability. Calls the system for sendmsg(),
 * recvmsg(), getrandom(), clock_gettime() and what libevent needs, and nothing else.
 */
#ifndef NEXODUS_STUN_PROBE_H
#define NEXODUS_STUN_PROBE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/loop.h"
#include "nexodus/resolve.h"

#define STUN_SERVERS_MAX 8
#define STUN_SERVER_MAX 256 /* bytes of "host:port", NUL included */

struct stun_probe;

/**
 * stun_probe_done - one round is over. The probe may be started again, or freed, from within.
 * @err:    0; -ETIMEDOUT when no server answered; when none could even be asked, why the last one
 *          could not (-ENOENT, -EAGAIN: its name; -EINVAL: no "host:port"; -EAFNOSUPPORT: no IPv4
 *          address; -ENETUNREACH and the like), or what its answer was worth (stun_response()).
 * @mapped: as the first server that answered says; NULL with an error.
 * @server: "host:port" of that one; borrowed from the probe; NULL with an error.
 * @is_symmetric: two servers have answered, differently.
 */
typedef void stun_probe_done(void *arg, int err, const struct sockaddr_in *mapped,
			     const char *server, bool is_symmetric);

/**
 * stun_probe_new() - for @port, with @n servers "host:port" (1 to STUN_SERVERS_MAX), which are
 * copied. The first round begins with a random one.
 * @fd: the raw socket, non-blocking; taken over on success.
 *
 * Return: the probe, or NULL without memory, or when there are too many servers, or none.
 */
struct stun_probe *stun_probe_new(struct loop *loop, int fd, uint16_t port,
				  const char *const *servers, size_t n);

/** stun_probe_free() - closes the socket; a round that is going on is given up. Safe on NULL. */
void stun_probe_free(struct stun_probe *probe);

/**
 * stun_probe_start() - ask: two of the servers at once, others when those do not answer, each time
 * beginning with another one. Retransmits after 500 ms, doubling (RFC 8489, 6.2.1), until @limit_ms
 * have passed. A round that is going on is given up without a call.
 * @done: called once, from the loop, never before this returns: as soon as two have answered (one,
 *        when there are not two), or nobody is left who could, or after @limit_ms.
 *
 * A server that has not answered in its share of the time (@limit_ms by the number of servers, but
 * between 500 and 1500 ms) lets another one be asked, and may still answer. The socket is read
 * during a round only. Names are resolved anew for each round.
 *
 * Return: 0; -ENOMEM.
 */
int stun_probe_start(struct stun_probe *probe, uint32_t limit_ms, stun_probe_done *done, void *arg);

#endif
