/* SPDX-License-Identifier: Apache-2.0 */
/*
 * endpoint_finder.h - where devices reach this relay: its own address on the way to the api-server,
 * and what STUN servers see of WireGuard's port. Both are looked for again and again.
 */
#ifndef NEXODUS_ENDPOINT_FINDER_H
#define NEXODUS_ENDPOINT_FINDER_H

#include <json-c/json.h>
#include <netinet/in.h>
#include <stdbool.h>

#include "base/loop.h"
#include "nexodus/account.h"
#include "nexodus/local_address.h"
#include "nexodus/resolve.h"
#include "nexodus/stun_probe.h"

#define ENDPOINT_FINDER_LOOK_MS 20000 /* as often as nexd */

struct endpoint_finder_events {
	/* Both addresses are known, or cannot be had soon: after each look. */
	void (*on_known)(void *arg);
	/* By which family was the server reached last? 0: not at all. */
	sa_family_t (*server_family)(void *arg);
	void (*on_warning)(void *arg, const char *text);
	void *arg;
};

struct endpoint_finder {
	struct endpoint_finder_events events;
	const struct account *account;
	struct loop *loop;
	int stun_fd; /* without STUN servers; -1 */
	struct stun_probe *stun;
	struct resolve *local_request;
	struct timer look, first_look;
	struct local_addresses local;
	struct sockaddr_in mapped;
	char mapped_by[STUN_SERVER_MAX];
	struct json_object *list;
	sa_family_t way;          /* by which the server was reached, as it is in the list; 0 */
	unsigned int n_other_way; /* looks in a row that have seen another one */
	bool has_mapped;
	bool is_local_known, is_mapped_known; /* tried, whatever came of it */
	bool has_warned_none, has_warned_symmetric;
};

/**
 * endpoint_finder_start() - look for the first time.
 * @account: outlives the finder.
 * @stun_fd: raw socket of WireGuard's port (stun_probe.h), taken over; -1: no STUN.
 *
 * Return: 0; -ENOMEM.
 */
int endpoint_finder_start(struct endpoint_finder *finder, struct loop *loop,
			  const struct account *account, int stun_fd,
			  const struct endpoint_finder_events *events);

/** endpoint_finder_is_done() - both addresses are known, or cannot be had soon. */
bool endpoint_finder_is_done(const struct endpoint_finder *finder);

/**
 * endpoint_finder_list() - the endpoints as the api-server has them (endpoint_list.h), of what is
 * known by now. Borrowed until the next call; NULL: nothing is known yet.
 */
struct json_object *endpoint_finder_list(struct endpoint_finder *finder);

/** endpoint_finder_again() - the server has answered, so there is a way to it: if no address is
 * known, there may be one now. */
void endpoint_finder_again(struct endpoint_finder *finder);

/** endpoint_finder_stop() - safe when it never started. */
void endpoint_finder_stop(struct endpoint_finder *finder);

#endif
