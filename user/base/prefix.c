// SPDX-License-Identifier: Apache-2.0
#include "base/prefix.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
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

int prefix_parse(const char *text, struct prefix *ret_prefix)
{
	const char *slash = strchr(text, '/');
	size_t len = slash ? (size_t)(slash - text) : strlen(text);
	char addr[INET6_ADDRSTRLEN];
	struct prefix prefix = {};
	int bits, err;

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

	err = prefix_check(&prefix);
	if (err)
		return err;
	*ret_prefix = prefix;
	return 0;
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

int prefix_compare(const struct prefix *a, const struct prefix *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	if (a->bits != b->bits)
		return a->bits < b->bits ? -1 : 1;
	return memcmp(a->addr, b->addr, sizeof(a->addr));
}
