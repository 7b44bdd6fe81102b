// SPDX-License-Identifier: Apache-2.0
/* link_watch.c - hear of changes to interfaces and addresses. Implements part of link.h. */
#include "tunnel/link.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"

#define MESSAGE_BYTES 32768
/* Datagrams for one call: a storm of changes must not keep the caller from its other work. */
#define READS_MAX 1024

int link_watch_open(void)
{
	const struct sockaddr_nl groups = {
		.nl_family = AF_NETLINK,
		.nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR,
	};
	int err, fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);

	if (fd < 0)
		return -errno;
	if (bind(fd, (const struct sockaddr *)&groups, sizeof(groups))) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

static int changes_in(const struct nlmsghdr *msg, ssize_t len)
{
	int changes = 0;

	for (; NLMSG_OK(msg, len); msg = NLMSG_NEXT(msg, len)) {
		switch (msg->nlmsg_type) {
		case RTM_NEWLINK:
		case RTM_DELLINK:
			changes |= LINK_CHANGED;
			break;
		case RTM_NEWADDR:
		case RTM_DELADDR:
			changes |= ADDR_CHANGED;
			break;
		}
	}
	return changes;
}

int link_watch_read(int fd)
{
	auto_free char *bytes = malloc(MESSAGE_BYTES);
	struct sockaddr_nl from;
	struct iovec iov = { .iov_base = bytes, .iov_len = MESSAGE_BYTES };
	int changes = 0;

	if (!bytes)
		return -ENOMEM;
	for (int i = 0; i < READS_MAX; i++) {
		struct msghdr head = {
			.msg_name = &from,
			.msg_namelen = sizeof(from),
			.msg_iov = &iov,
			.msg_iovlen = 1,
		};
		ssize_t len = recvmsg(fd, &head, 0);

		if (len < 0 && errno == EAGAIN)
			break;
		if (len < 0 && errno == ENOBUFS)
			changes |= LINK_OVERRUN;
		else if (len < 0 && errno != EINTR)
			return -errno;
		/* Only the kernel (port 0) knows; a process may send to anybody's socket. */
		if (len < 0 || head.msg_namelen != sizeof(from) || from.nl_pid != 0)
			continue;
		if (head.msg_flags & MSG_TRUNC)
			changes |= LINK_OVERRUN;
		changes |= changes_in((const struct nlmsghdr *)bytes, len);
	}
	return changes;
}
