/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prefix.h - an IPv4 or IPv6 address with a prefix length: one type for hosts and CIDRs.
 */
#ifndef PREFIX_H
#define PREFIX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PREFIX_TEXT_MAX 64 /* bytes of the longest text form, NUL included */

enum prefix_family { PREFIX_IPV4 = 4, PREFIX_IPV6 = 6 };

struct prefix {
	uint8_t family;   /* enum prefix_family */
	uint8_t bits;     /* prefix length: 0..32 or 0..128 */
	uint8_t addr[16]; /* network order; IPv4 in the first 4 bytes, the rest zero */
};

/**
 * prefix_parse() - "10.0.0.1", "10.0.0.0/8", "200::1", "200::/64".
 * @text:       NUL-terminated. Nothing may follow; a missing length means a host.
 * @ret_prefix: set on success only.
 *
 * Return: 0; -EINVAL when it is no address; -ERANGE when the length is too large;
 *         -EADDRNOTAVAIL when bits are set beyond the prefix length (host bits).
 */
int prefix_parse(const char *text, struct prefix *ret_prefix);

/** prefix_parse_masked() - the same, but host bits are cleared: "10.0.0.1/8" is 10.0.0.0/8. */
int prefix_parse_masked(const char *text, struct prefix *ret_prefix);

/** prefix_check() - the same rules for a prefix from elsewhere. Return: as prefix_parse(). */
int prefix_check(const struct prefix *prefix);

/** prefix_mask() - clear the bits beyond the prefix length. */
void prefix_mask(struct prefix *prefix);

/**
 * prefix_format() - text form, host lengths (/32, /128) included.
 *
 * Return: @text.
 */
const char *prefix_format(const struct prefix *prefix, char text[static PREFIX_TEXT_MAX]);

/** prefix_format_addr() - the address alone, without the length. Return: @text. */
const char *prefix_format_addr(const struct prefix *prefix, char text[static PREFIX_TEXT_MAX]);

/** prefix_is_host() - the prefix is one address. */
bool prefix_is_host(const struct prefix *prefix);

/** prefix_compare() - total order: family, length, address. Return: as memcmp(). */
int prefix_compare(const struct prefix *a, const struct prefix *b);

/** prefix_covers() - every address of @inner is one of @outer. */
bool prefix_covers(const struct prefix *outer, const struct prefix *inner);

/**
 * prefix_sort() - bring @n items of @size bytes, each of which begins with a struct prefix, into
 * the order of prefix_compare(). Those of one prefix stay in the order that they have.
 *
 * Takes time in proportion to @n: prefixes of a VPC differ in few of their bytes.
 *
 * Return: 0; -ENOMEM.
 */
int prefix_sort(void *items, size_t n, size_t size);

#endif
