/* SPDX-License-Identifier: Apache-2.0 */
/*
 * border_addresses.h - whom the source talks to: api-server, login server, name servers, STUN
 * servers. The node keeps their addresses out of the tunnel, whoever advertises them.
 *
 * A set is told as a whole, sorted, in ADDRESSES records one after the other. The source waits for
 * SPARED before it talks to an address that is new.
 */
#ifndef PEERS_BORDER_ADDRESSES_H
#define PEERS_BORDER_ADDRESSES_H

#include <stdbool.h>

#include "peers/border.h"
#include "peers/border_batch.h"

struct border_addresses {
	struct prefix at[BORDER_ADDRESSES_MAX]; /* hosts, sorted by prefix_compare(), each once */
	size_t n;
};

/* A set that is on its way. */
struct border_addresses_coming {
	uint32_t number, total;
	struct border_addresses set;
};

/**
 * border_address_is_good() - is it an address of one other host, anywhere? No prefix, and not
 * unspecified, loopback, multicast, broadcast, IPv4-mapped, nor of one link (fe80::/10). The IPv4
 * link-local ones are good: clouds have name servers there, behind the default gateway.
 */
bool border_address_is_good(const struct prefix *address);

/** border_addresses_send() - as set @number. Return: 0, or batch->err. */
int border_addresses_send(struct border_batch *batch, const struct border_addresses *set,
			  uint32_t number);

/**
 * border_addresses_add() - the node's side: check the next ADDRESSES record and take it over.
 *
 * Return: 1 when coming->set is whole; 0 to go on; -EPROTO when the record breaks a rule, after
 *         which the source is not to be listened to any more.
 */
int border_addresses_add(struct border_addresses_coming *coming,
			 const struct border_record *record);

#endif
