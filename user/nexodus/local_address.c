// SPDX-License-Identifier: Apache-2.0
#include "nexodus/local_address.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "base/cleanup.h"

#define ANY_PORT 9 /* discard; it is never sent to */

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

int local_address_first(const struct sockaddr_storage *towards, size_t n,
			struct sockaddr_storage *ret)
{
	static const sa_family_t families[] = { AF_INET, AF_INET6 };
	int err = -ENODATA;

	for (size_t f = 0; f < sizeof(families) / sizeof(*families); f++) {
		for (size_t i = 0; i < n; i++) {
			if (towards[i].ss_family != families[f])
				continue;
			err = local_address(&towards[i], ret);
			if (!err)
				return 0;
		}
	}
	return err;
}
