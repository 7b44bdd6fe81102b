/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nl_batch.h - many netlink requests that change something, many to one send, each acknowledged.
 */
#ifndef TUNNEL_NL_BATCH_H
#define TUNNEL_NL_BATCH_H

#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>

#include "tunnel/nl.h"

/**
 * nl_fill - write request @i.
 * @msg: an empty header with room for NL_REQUEST_BYTES in all; type, payload and flags are to be
 *       set, NLM_F_REQUEST, NLM_F_ACK and the sequence number are set here.
 *
 * Return: false when there is nothing to be asked for @i.
 */
typedef bool (*nl_fill)(struct nlmsghdr *msg, size_t i, void *data);

/** nl_result - hear how request @i went: 0 or negative errno. */
typedef void (*nl_result)(size_t i, int err, void *data);

/**
 * nl_batch() - make @n requests, in order.
 *
 * One that fails does not keep those after it from being made. Acknowledgements are told apart by
 * sequence number; each request that was sent is heard of exactly once, unless the conversation
 * itself breaks.
 *
 * Return: 0 when every request was answered, however; -ETIMEDOUT; -ENOBUFS when answers were lost;
 *         another negative errno of the socket. On failure, requests that nl_result has not heard
 *         of may have been made or not.
 */
int nl_batch(int bus, size_t n, nl_fill fill, nl_result result, void *data);

#endif
