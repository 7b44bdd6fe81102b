// SPDX-License-Identifier: Apache-2.0
#include "peers/border_addresses.h"

#include <errno.h>
#include <string.h>

bool border_address_is_good(const struct prefix *address)
{
	static const struct prefix never[] = {
		{ PREFIX_IPV4, 8, {} },
		{ PREFIX_IPV4, 8, { 127 } },
		{ PREFIX_IPV4, 4, { 224 } },
		{ PREFIX_IPV4, 32, { 255, 255, 255, 255 } },
		{ PREFIX_IPV6, 128, {} },
		{ PREFIX_IPV6, 128, { [15] = 1 } },
		{ PREFIX_IPV6, 96, { [10] = 0xff, 0xff } },
		{ PREFIX_IPV6, 10, { 0xfe, 0x80 } },
		{ PREFIX_IPV6, 8, { 0xff } },
	};

	if (prefix_check(address) || !prefix_is_host(address))
		return false;
	for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++)
		if (prefix_covers(&never[i], address))
			return false;
	return true;
}

int border_addresses_send(struct border_batch *batch, const struct border_addresses *set,
			  uint32_t number)
{
	size_t at = 0;

	do {
		struct border_record *record = border_batch_next(batch, BORDER_ADDRESSES);

		if (!record)
			break;
		record->addresses.number = number;
		record->addresses.total = set->n;
		record->addresses.offset = at;
		while (at < set->n && record->addresses.n < BORDER_PREFIXES)
			record->addresses.at[record->addresses.n++] = set->at[at++];
	} while (at < set->n);
	return border_batch_flush(batch);
}

/* Return: whether it is the record that has to come next. */
static bool is_next(const struct border_addresses_coming *coming,
		    const struct border_record *record)
{
	uint32_t n = record->addresses.n;

	return record->addresses.number == coming->number &&
	       record->addresses.total == coming->total && coming->total <= BORDER_ADDRESSES_MAX &&
	       record->addresses.offset == coming->set.n && n <= BORDER_PREFIXES &&
	       n <= coming->total - coming->set.n && (n || !coming->total);
}

int border_addresses_add(struct border_addresses_coming *coming, const struct border_record *record)
{
	struct border_addresses *set = &coming->set;

	if (!record->addresses.offset) {
		coming->number = record->addresses.number;
		coming->total = record->addresses.total;
		set->n = 0;
	}
	if (!is_next(coming, record))
		return -EPROTO;
	for (uint32_t i = 0; i < record->addresses.n; i++) {
		const struct prefix *address = &record->addresses.at[i];

		if (!border_address_is_good(address) ||
		    (set->n && prefix_compare(&set->at[set->n - 1], address) >= 0))
			return -EPROTO;
		set->at[set->n++] = *address;
	}
	return set->n == coming->total;
}
