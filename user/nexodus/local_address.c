// SPDX-License-Identifier: Apache-2.0
#include "nexodus/local_address.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/cleanup.h"

#define ANY_PORT 9             /* discard; it is never sent to */
#define LINK_LOCAL_NET 0xa9feU /* 169.254.0.0/16 (RFC 3927) */

/* Return: as local_address(), for what getsockname() has said. */
static int take_ipv4(struct in_addr addr, struct sockaddr_storage *ret)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr = addr };

	if (addr.s_addr == htonl(INADDR_ANY))
		return -EADDRNOTAVAIL;
	*ret = (struct sockaddr_storage){};
	memcpy(ret, &sin, sizeof(sin));
	return 0;
}

static int take_ipv6(const struct in6_addr *addr, struct sockaddr_storage *ret)
{
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6, .sin6_addr = *addr };
	struct in_addr mapped;

	if (IN6_IS_ADDR_V4MAPPED(addr)) {
		memcpy(&mapped, addr->s6_addr + 12, sizeof(mapped));
		return take_ipv4(mapped, ret);
	}
	if (IN6_IS_ADDR_UNSPECIFIED(addr) || IN6_IS_ADDR_LINKLOCAL(addr))
		return -EADDRNOTAVAIL;
	*ret = (struct sockaddr_storage){};
	memcpy(ret, &sin6, sizeof(sin6));
	return 0;
}

int local_address(const struct sockaddr_storage *towards, struct sockaddr_storage *ret)
{
	union {
		struct sockaddr any;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} at = {};
	socklen_t len;
	auto_close int fd = -1;

	switch (towards->ss_family) {
	case AF_INET:
		len = sizeof(at.in);
		memcpy(&at.in, towards, len);
		at.in.sin_port = htons(ANY_PORT);
		break;
	case AF_INET6:
		len = sizeof(at.in6);
		memcpy(&at.in6, towards, len);
		at.in6.sin6_port = htons(ANY_PORT);
		break;
	default:
		return -EAFNOSUPPORT;
	}
	fd = socket(towards->ss_family, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_UDP);
	if (fd < 0 || connect(fd, &at.any, len) < 0 || getsockname(fd, &at.any, &len) < 0)
		return -errno;
	return at.any.sa_family == AF_INET ? take_ipv4(at.in.sin_addr, ret)
					   : take_ipv6(&at.in6.sin6_addr, ret);
}

static bool is_for_others(const struct sockaddr_storage *at)
{
	const struct sockaddr_in6 *in6 = (const void *)at;
	struct sockaddr_in in;
	uint32_t ipv4;

	if (at->ss_family == AF_INET6)
		return !IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr);
	memcpy(&in, at, sizeof(in));
	ipv4 = ntohl(in.sin_addr.s_addr);
	return ipv4 >> 24 != IN_LOOPBACKNET && ipv4 >> 16 != LINK_LOCAL_NET;
}

/* Nobody has the addresses of these networks (RFC 5737, RFC 3849): they are behind the default
 * route, if anything is. */
static int default_address(sa_family_t family, struct sockaddr_storage *ret)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(0xcb007101) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6,
				    .sin6_addr.s6_addr = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 } };
	struct sockaddr_storage towards = {};

	if (family == AF_INET)
		memcpy(&towards, &in, sizeof(in));
	else
		memcpy(&towards, &in6, sizeof(in6));
	return local_address(&towards, ret);
}

static void of_default_routes(struct local_addresses *ret)
{
	if (default_address(AF_INET, &ret->ipv4) || !is_for_others(&ret->ipv4))
		ret->ipv4.ss_family = AF_UNSPEC;
	if (default_address(AF_INET6, &ret->ipv6) || !is_for_others(&ret->ipv6))
		ret->ipv6.ss_family = AF_UNSPEC;
}

void local_addresses(const struct sockaddr_storage *towards, size_t n, struct local_addresses *ret)
{
	struct sockaddr_storage last = {};

	*ret = (struct local_addresses){};
	if (!n)
		of_default_routes(ret);
	for (size_t i = 0; i < n; i++) {
		struct sockaddr_storage at = {};

		if (local_address(&towards[i], &at))
			continue;
		if (!is_for_others(&at)) {
			last = at;
			if (default_address(at.ss_family, &at) || !is_for_others(&at))
				continue;
		}
		if (at.ss_family == AF_INET && !ret->ipv4.ss_family)
			ret->ipv4 = at;
		else if (at.ss_family == AF_INET6 && !ret->ipv6.ss_family)
			ret->ipv6 = at;
	}
	if (ret->ipv4.ss_family || ret->ipv6.ss_family)
		return;
	if (last.ss_family == AF_INET)
		ret->ipv4 = last;
	else
		ret->ipv6 = last;
}
