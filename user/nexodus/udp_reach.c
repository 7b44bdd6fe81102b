// SPDX-License-Identifier: Apache-2.0
#include "nexodus/udp_reach.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <unistd.h>

static int try(int fd, const struct sockaddr_storage *at)
{
	bool is_v4 = at->ss_family == AF_INET;
	int on = 1;

	/* Else only a port that is closed is told of, and no router that knows no way. */
	if (is_v4 ? setsockopt(fd, IPPROTO_IP, IP_RECVERR, &on, sizeof(on))
		  : setsockopt(fd, IPPROTO_IPV6, IPV6_RECVERR, &on, sizeof(on)))
		return -errno;
	if (connect(fd, (const struct sockaddr *)at,
		    is_v4 ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6)))
		return -errno;
	if (send(fd, "", 0, 0) < 0 && errno != EAGAIN && errno != ENOBUFS)
		return -errno;
	return 0;
}

int udp_reach_open(const struct sockaddr_storage *at)
{
	int fd = socket(at->ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int err = fd < 0 ? -errno : try(fd, at);

	if (!err)
		return fd;
	if (fd >= 0)
		close(fd);
	return err;
}

int udp_reach_error(int fd)
{
	char byte;

	if (recv(fd, &byte, sizeof(byte), MSG_DONTWAIT) >= 0 || errno == EAGAIN || errno == EINTR)
		return 0;
	return -errno;
}
