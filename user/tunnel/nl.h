/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nl.h - one netlink question and its answer.
 *
 * Each call opens a socket of its own, so an interrupted answer never mixes with the next one.
 * Blocking, but only on the kernel's own answer, and not for ever (NL_TIMEOUT_S).
 */
#ifndef TUNNEL_NL_H
#define TUNNEL_NL_H

#include <linux/netlink.h>

struct mnl_socket;

#define NL_TIMEOUT_S 30      /* for each message of an answer */
#define NL_REQUEST_BYTES 512 /* room for any question asked here */

/**
 * nl_take - take one message of an answer; @msg is only valid during the call.
 *
 * Return: 0 to go on; negative errno, which ends the answer and is what the caller gets.
 */
typedef int (*nl_take)(const struct nlmsghdr *msg, void *data);

/** nl_restart - forget what nl_take collected: the answer starts again. */
typedef void (*nl_restart)(void *data);

/**
 * nl_ask() - send @request and take what comes until the kernel acknowledges it.
 * @bus:     NETLINK_ROUTE, NETLINK_GENERIC, ...
 * @request: with type, payload and any flags beyond NLM_F_REQUEST | NLM_F_ACK; sequence number
 *           and those flags are set here.
 * @take:    may be NULL when no message is expected.
 *
 * Return: 0; -ETIMEDOUT; the negative errno of the kernel, of the socket or of @take.
 */
int nl_ask(int bus, struct nlmsghdr *request, nl_take take, void *data);

/**
 * nl_dump() - the same for a dump, which ends with NLMSG_DONE and the error code in it.
 * @restart: called before an answer that a change interrupted (NLM_F_DUMP_INTR) is asked for
 *           again; that happens a limited number of times.
 *
 * Return: as nl_ask(); -EAGAIN when there was no end of interruptions.
 */
int nl_dump(int bus, struct nlmsghdr *request, nl_take take, nl_restart restart, void *data);

/**
 * nl_dump_strict() - a dump that the kernel filters by what @request says.
 *
 * With NETLINK_GET_STRICT_CHK, which also refuses header fields that the dump does not know. Where
 * a kernel does not have it everything comes: look at each message all the same.
 *
 * Return: as nl_dump().
 */
int nl_dump_strict(int bus, struct nlmsghdr *request, nl_take take, nl_restart restart, void *data);

/**
 * nl_open() - a bound socket with the time limit above, for other shapes of conversation.
 * @ret_socket: set on success only; closed with mnl_socket_close().
 *
 * Return: 0 or negative errno.
 */
int nl_open(int bus, struct mnl_socket **ret_socket);

#endif
