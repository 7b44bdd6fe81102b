// SPDX-License-Identifier: Apache-2.0
#include "nexodus/address_book.h"

#include <netinet/in.h>
#include <string.h>

#define MAPPED_BYTES 12 /* of ::ffff:0:0/96, before the IPv4 address */

bool address_book_prefix(const struct sockaddr_storage *address, struct prefix *ret_prefix)
{
	const struct sockaddr_in *v4 = (const void *)address;
	const struct sockaddr_in6 *v6 = (const void *)address;
	struct prefix prefix = { .family = PREFIX_IPV6, .bits = 128 };

	if (address->ss_family == AF_INET) {
		prefix = (struct prefix){ .family = PREFIX_IPV4, .bits = 32 };
		memcpy(prefix.addr, &v4->sin_addr, sizeof(v4->sin_addr));
	} else if (address->ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
		prefix = (struct prefix){ .family = PREFIX_IPV4, .bits = 32 };
		memcpy(prefix.addr, v6->sin6_addr.s6_addr + MAPPED_BYTES, sizeof(v4->sin_addr));
	} else if (address->ss_family == AF_INET6) {
		memcpy(prefix.addr, &v6->sin6_addr, sizeof(v6->sin6_addr));
	}
	if (!border_address_is_good(&prefix))
		return false;
	*ret_prefix = prefix;
	return true;
}

void address_book_note(struct address_book *book, const struct prefix *address, int64_t now)
{
	size_t oldest = 0, i;

	for (i = 0; i < book->n && prefix_compare(&book->entries[i].at, address) != 0; i++)
		if (book->entries[i].seen < book->entries[oldest].seen)
			oldest = i;
	if (i == ADDRESS_BOOK_MAX)
		i = oldest;
	else if (i == book->n)
		book->n++;
	book->entries[i].at = *address;
	book->entries[i].seen = now;
}

void address_book_forget(struct address_book *book, int64_t before)
{
	size_t kept = 0;

	for (size_t i = 0; i < book->n; i++)
		if (book->entries[i].seen >= before)
			book->entries[kept++] = book->entries[i];
	book->n = kept;
}

void address_book_add(struct border_addresses *set, const struct prefix *address)
{
	size_t at = set->n;

	while (at && prefix_compare(&set->at[at - 1], address) > 0)
		at--;
	if (set->n == BORDER_ADDRESSES_MAX || (at && !prefix_compare(&set->at[at - 1], address)))
		return;
	memmove(&set->at[at + 1], &set->at[at], (set->n - at) * sizeof(set->at[0]));
	set->at[at] = *address;
	set->n++;
}
