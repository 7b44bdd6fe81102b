/* SPDX-License-Identifier: Apache-2.0 */
/*
 * name_order.h - which name server to ask first.
 *
 * That is the first of resolv.conf: who has a server for names of its own puts it there. One that
 * let a question time out is asked last for a minute, about that name: a server may be slow with
 * the names of others, and must be asked for its own nevertheless. Nothing else is remembered: to
 * be refused takes no time.
 *
 * Pure computation: the caller tells the time.
 */
#ifndef NEXODUS_NAME_ORDER_H
#define NEXODUS_NAME_ORDER_H

#include <stdint.h>

#include "nexodus/names_text.h"

#define NAME_ORDER_HOSTS 16 /* a relay asks for those of the service and of STUN */
#define NAME_ORDER_AVOID_MS 60000

struct name_order {
	struct {
		char host[HOST_NAME_ROOM];
		int64_t silent_at[NAME_SERVERS_MAX]; /* ms; 0: it was not */
	} hosts[NAME_ORDER_HOSTS];
	size_t next; /* to be forgotten for another */
};

/**
 * name_order_choose() - the order of servers 0 to @n - 1 for a question about @host.
 * @now_ms: above 0, as everywhere here.
 *
 * When the time of a silent one is over, one question tries it; until that has been answered others
 * go on to ask it last.
 */
void name_order_choose(struct name_order *order, const char *host, size_t n, int64_t now_ms,
		       uint8_t ret_servers[static NAME_SERVERS_MAX]);

/** name_order_silent() - @server has not answered in time. */
void name_order_silent(struct name_order *order, const char *host, size_t server, int64_t now_ms);

/** name_order_heard() - it has, whatever it said. */
void name_order_heard(struct name_order *order, const char *host, size_t server);

#endif
