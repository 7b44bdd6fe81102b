// SPDX-License-Identifier: Apache-2.0
#include "peers/border.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/printable.h"

int border_send(int sock, const struct border_record *records, size_t n, int fd)
{
	struct iovec iov = { .iov_base = (void *)records, .iov_len = n * sizeof(*records) };
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {};
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *cmsg;
	ssize_t sent;

	if (fd >= 0) {
		msg.msg_control = control.bytes;
		msg.msg_controllen = sizeof(control.bytes);
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(cmsg), &fd, sizeof(int));
	}
	do
		sent = sendmsg(sock, &msg, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : 0;
}

/* Descriptors that came with @msg: the first for the caller, every other one closed. */
static int take_fd(struct msghdr *msg)
{
	int fd = -1, got;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t at = 0; CMSG_LEN(at + sizeof(int)) <= c->cmsg_len; at += sizeof(int)) {
			memcpy(&got, CMSG_DATA(c) + at, sizeof(int));
			if (fd < 0)
				fd = got;
			else
				close(got);
		}
	}
	return fd;
}

ssize_t border_receive(int sock, struct border_record *records, int *ret_fd)
{
	struct iovec iov = { .iov_base = records, .iov_len = BORDER_BATCH_MAX * sizeof(*records) };
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control.bytes,
			      .msg_controllen = sizeof(control.bytes) };
	ssize_t len;
	int fd;

	do
		len = recvmsg(sock, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (len < 0 && errno == EINTR);
	if (len < 0)
		return -errno;

	fd = take_fd(&msg);
	if (fd >= 0 && (!ret_fd || len % sizeof(*records) || (msg.msg_flags & MSG_TRUNC))) {
		close(fd);
		fd = -1;
	}
	if (ret_fd)
		*ret_fd = fd;
	if (len % sizeof(*records) || (msg.msg_flags & MSG_TRUNC))
		return -EPROTO;
	return len / sizeof(*records);
}

void border_text(char ret[static BORDER_TEXT_MAX], const char *text, size_t size)
{
	char whole[BORDER_TEXT_MAX] = "";

	if (size >= sizeof(whole))
		size = sizeof(whole) - 1;
	memcpy(whole, text, size);
	printable_copy(ret, BORDER_TEXT_MAX, whole);
}

bool border_control_is_good(const struct border_record *record)
{
	return record->control.state < CONTROL_STATES &&
	       record->control.retry_s <= BORDER_RETRY_MAX_S;
}
