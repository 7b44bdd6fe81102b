// SPDX-License-Identifier: Apache-2.0
#include "base/prefix.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int family_bits(uint8_t family)
{
	return family == PREFIX_IPV4 ? 32 : 128;
}

/* "0".."128" without sign, blanks or leading zeros; anything else is -EINVAL. */
static int parse_bits(const char *text, unsigned int max)
{
	unsigned int bits = 0;

	if (!*text || (text[0] == '0' && text[1]) || strlen(text) > 3)
		return -EINVAL;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -EINVAL;
		bits = bits * 10 + (*text - '0');
	}
	return bits <= max ? (int)bits : -ERANGE;
}

/* Bits beyond the prefix length may be set. */
static int parse_any(const char *text, struct prefix *ret_prefix)
{
	const char *slash = strchr(text, '/');
	size_t len = slash ? (size_t)(slash - text) : strlen(text);
	char addr[INET6_ADDRSTRLEN];
	struct prefix prefix = {};
	int bits;

	if (!len || len >= sizeof(addr))
		return -EINVAL;
	memcpy(addr, text, len);
	addr[len] = '\0';
	prefix.family = memchr(addr, ':', len) ? PREFIX_IPV6 : PREFIX_IPV4;
	if (inet_pton(prefix.family == PREFIX_IPV4 ? AF_INET : AF_INET6, addr, prefix.addr) != 1)
		return -EINVAL;

	bits = family_bits(prefix.family);
	if (slash)
		bits = parse_bits(slash + 1, bits);
	if (bits < 0)
		return bits;
	prefix.bits = bits;
	*ret_prefix = prefix;
	return 0;
}

int prefix_parse(const char *text, struct prefix *ret_prefix)
{
	struct prefix prefix;
	int err = parse_any(text, &prefix);

	if (!err)
		err = prefix_check(&prefix);
	if (!err)
		*ret_prefix = prefix;
	return err;
}

int prefix_parse_masked(const char *text, struct prefix *ret_prefix)
{
	int err = parse_any(text, ret_prefix);

	if (!err)
		prefix_mask(ret_prefix);
	return err;
}

int prefix_check(const struct prefix *prefix)
{
	struct prefix masked = *prefix;

	if (prefix->family != PREFIX_IPV4 && prefix->family != PREFIX_IPV6)
		return -EINVAL;
	if (prefix->bits > family_bits(prefix->family))
		return -ERANGE;
	prefix_mask(&masked);
	return memcmp(masked.addr, prefix->addr, sizeof(masked.addr)) ? -EADDRNOTAVAIL : 0;
}

void prefix_mask(struct prefix *prefix)
{
	unsigned int byte = prefix->bits / 8;

	if (byte >= sizeof(prefix->addr))
		return;
	prefix->addr[byte] &= 0xff00 >> (prefix->bits % 8);
	memset(prefix->addr + byte + 1, 0, sizeof(prefix->addr) - byte - 1);
}

const char *prefix_format_addr(const struct prefix *prefix, char text[static PREFIX_TEXT_MAX])
{
	int family = prefix->family == PREFIX_IPV4 ? AF_INET : AF_INET6;

	if (!inet_ntop(family, prefix->addr, text, PREFIX_TEXT_MAX))
		snprintf(text, PREFIX_TEXT_MAX, "?");
	return text;
}

const char *prefix_format(const struct prefix *prefix, char text[static PREFIX_TEXT_MAX])
{
	size_t len = strlen(prefix_format_addr(prefix, text));

	snprintf(text + len, PREFIX_TEXT_MAX - len, "/%u", prefix->bits);
	return text;
}

bool prefix_is_host(const struct prefix *prefix)
{
	return prefix->bits == family_bits(prefix->family);
}

_Static_assert(sizeof(struct prefix) == 18, "compared and sorted as bytes");

int prefix_compare(const struct prefix *a, const struct prefix *b)
{
	return memcmp(a, b, sizeof(*a));
}

bool prefix_covers(const struct prefix *outer, const struct prefix *inner)
{
	unsigned int bytes = outer->bits / 8, rest = outer->bits % 8;

	if (outer->family != inner->family || outer->bits > inner->bits)
		return false;
	/* Mostly that is enough, and it is asked of every prefix there is. */
	if (bytes && outer->addr[0] != inner->addr[0])
		return false;
	if (memcmp(outer->addr, inner->addr, bytes) != 0)
		return false;
	return !rest || !((outer->addr[bytes] ^ inner->addr[bytes]) >> (8 - rest));
}

/* Bit by bit: in which bytes of their prefixes do the items differ? */
static void find_differences(const uint8_t *items, size_t n, size_t size,
			     uint8_t ret_differs[static sizeof(struct prefix)])
{
	uint8_t differs[sizeof(struct prefix)] = {};

	for (size_t i = 1; i < n; i++)
		for (size_t b = 0; b < sizeof(differs); b++)
			differs[b] |= items[b] ^ items[i * size + b];
	memcpy(ret_differs, differs, sizeof(differs));
}

/* Stable, by the byte at @at alone. */
static void sort_by_byte(const uint8_t *from, uint8_t *to, size_t n, size_t size, size_t at)
{
	size_t place[256] = {}, begin = 0;

	for (size_t i = 0; i < n; i++)
		place[from[i * size + at]]++;
	for (size_t value = 0; value < 256; value++) {
		size_t count = place[value];

		place[value] = begin;
		begin += count;
	}
	for (size_t i = 0; i < n; i++)
		memcpy(to + place[from[i * size + at]]++ * size, from + i * size, size);
}

int prefix_sort(void *items, size_t n, size_t size)
{
	uint8_t differs[sizeof(struct prefix)], *from = items, *to;
	uint8_t *spare = reallocarray(NULL, n ?: 1, size);

	if (!spare)
		return -ENOMEM;
	to = spare;
	find_differences(items, n, size, differs);
	for (size_t at = sizeof(differs); at--;) {
		uint8_t *sorted = to;

		if (!differs[at])
			continue;
		sort_by_byte(from, to, n, size, at);
		to = from;
		from = sorted;
	}
	if (from == spare && n)
		memcpy(items, spare, n * size);
	free(spare);
	return 0;
}
