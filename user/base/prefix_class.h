/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prefix_class.h - what an address is for, as the registries of special-purpose addresses say
 * (RFC 6890 and its updates).
 */
#ifndef BASE_PREFIX_CLASS_H
#define BASE_PREFIX_CLASS_H

#include "base/prefix.h"

enum prefix_class {
	PREFIX_GLOBAL,      /* anything else */
	PREFIX_PRIVATE,     /* RFC 1918, 100.64.0.0/10 (RFC 6598), fc00::/7 (RFC 4193), 200::/7 */
	PREFIX_UNSPECIFIED, /* 0.0.0.0/8, :: */
	PREFIX_LOOPBACK,    /* 127.0.0.0/8, ::1 */
	PREFIX_LINK_LOCAL,  /* 169.254.0.0/16, fe80::/10 */
	PREFIX_MULTICAST,   /* 224.0.0.0/4, ff00::/8 */
	PREFIX_BROADCAST,   /* 255.255.255.255 */
	PREFIX_MAPPED,      /* ::ffff:0:0/96, IPv4-mapped */
};

/**
 * prefix_class() - the class that all addresses of @prefix are in.
 *
 * A prefix that is wider than any class, 0.0.0.0/0 for instance, is PREFIX_GLOBAL.
 */
enum prefix_class prefix_class(const struct prefix *prefix);

/** prefix_is_special() - no host that others reach has an address there: neither global nor
 * private. */
bool prefix_is_special(const struct prefix *prefix);

#endif
