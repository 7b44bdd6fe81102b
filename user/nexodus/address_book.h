/* SPDX-License-Identifier: Apache-2.0 */
/*
 * address_book.h - the addresses that this relay has talked to lately, or is about to.
 *
 * Pure computation: the caller has the clock.
 */
#ifndef NEXODUS_ADDRESS_BOOK_H
#define NEXODUS_ADDRESS_BOOK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "nexodus/names_text.h"
#include "peers/border_addresses.h"

/* So many that there is room for the name servers beside them, of this host and behind it. */
#define ADDRESS_BOOK_MAX (BORDER_ADDRESSES_MAX - 2 * NAME_SERVERS_MAX)

struct address_book {
	struct {
		struct prefix at;
		int64_t seen;
	} entries[ADDRESS_BOOK_MAX];
	size_t n;
};

/**
 * address_book_prefix() - an IPv4-mapped address is the IPv4 one that the packets go to.
 *
 * Return: whether it is one that has to be told to the node (border_address_is_good()).
 */
bool address_book_prefix(const struct sockaddr_storage *address, struct prefix *ret_prefix);

/** address_book_note() - seen at @now. When there is no room, the one that was not seen for the
 * longest time makes it. */
void address_book_note(struct address_book *book, const struct prefix *address, int64_t now);

/** address_book_forget() - those that were not seen since @before. */
void address_book_forget(struct address_book *book, int64_t before);

/** address_book_add() - put an address into a set: sorted, once. One more than it takes is left
 * out. */
void address_book_add(struct border_addresses *set, const struct prefix *address);

#endif
