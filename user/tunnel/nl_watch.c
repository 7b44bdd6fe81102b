// SPDX-License-Identifier: Apache-2.0
#include "tunnel/nl_watch.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"

#define MESSAGE_BYTES 32768
#define READS_MAX 1024 /* datagrams for one call */

int nl_watch_open(uint32_t groups, int receive_bytes)
{
	const struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = groups };
	int err, fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);

	if (fd < 0)
		return -errno;
	if (receive_bytes &&
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &receive_bytes, sizeof(receive_bytes)))
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof(receive_bytes));
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address))) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

static void take_all(const void *bytes, ssize_t len, nl_watch_take take, void *data)
{
	const struct nlmsghdr *msg = bytes;

	for (; NLMSG_OK(msg, len); msg = NLMSG_NEXT(msg, len))
		take(msg, data);
}

int nl_watch_read(int fd, nl_watch_take take, void *data)
{
	auto_free char *bytes = malloc(MESSAGE_BYTES);
	struct iovec iov = { .iov_base = bytes, .iov_len = MESSAGE_BYTES };
	struct sockaddr_nl from;
	int lost = 0;

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
			lost = 1;
		else if (len < 0 && errno != EINTR)
			return -errno;
		/* Only the kernel (port 0) knows. */
		if (len < 0 || head.msg_namelen != sizeof(from) || from.nl_pid != 0)
			continue;
		if (head.msg_flags & MSG_TRUNC)
			lost = 1;
		take_all(bytes, len, take, data);
	}
	return lost;
}
