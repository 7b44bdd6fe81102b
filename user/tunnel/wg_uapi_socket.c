// SPDX-License-Identifier: Apache-2.0
/*
 * wg_uapi_socket.c - ask a userspace WireGuard over its socket. Implements wg_uapi_read().
 *
 * The other end is another program: its answer is limited in time and in size.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "tunnel/wg_uapi.h"

#define SILENCE_MAX_S 1
#define ANSWER_MAX_S 2
#define ANSWER_MAX_BYTES (1ull << 30) /* 2^20 peers of 1 KiB */
#define CHUNK_BYTES 16384

static int uapi_connect(const char *name, int *ret_fd)
{
	const struct timeval limit = { .tv_sec = SILENCE_MAX_S };
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd, err = 0;

	snprintf(at.sun_path, sizeof(at.sun_path), "/var/run/wireguard/%s.sock", name);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) ||
	    connect(fd, (struct sockaddr *)&at, sizeof(at)))
		err = -errno;
	if (!err) {
		*ret_fd = fd;
		return 0;
	}
	close(fd);
	/* The socket file of a process that died answers ECONNREFUSED. */
	if (err == -ENOENT || err == -ENOTDIR || err == -ECONNREFUSED)
		return -ENODEV;
	if (err == -EACCES)
		return -EPERM;
	return err == -EAGAIN ? -ETIMEDOUT : err;
}

static time_t now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

static int uapi_receive(int fd, struct wg_uapi *uapi)
{
	const time_t start = now_s();
	unsigned long long total = 0;
	char bytes[CHUNK_BYTES];
	ssize_t n;
	int ret;

	do {
		n = recv(fd, bytes, sizeof(bytes), 0);
		if (n < 0 && errno != EINTR)
			ret = errno == EAGAIN ? -ETIMEDOUT : -errno;
		else if (n == 0)
			ret = -EPROTO;
		else
			ret = n < 0 ? 0 : wg_uapi_feed(uapi, bytes, n);
		total += n > 0 ? n : 0;
		if (!ret && total > ANSWER_MAX_BYTES)
			ret = -E2BIG;
		if (!ret && now_s() - start > ANSWER_MAX_S)
			ret = -ETIMEDOUT;
	} while (!ret);
	explicit_bzero(bytes, sizeof(bytes)); /* private and preshared keys */
	return ret < 0 ? ret : 0;
}

int wg_uapi_read(const char *name, struct wg_collect *collect)
{
	static const char question[] = "get=1\n\n";
	AUTO(wg_uapi_done) struct wg_uapi uapi = {};
	auto_close int fd = -1;
	int err;

	err = uapi_connect(name, &fd);
	if (err)
		return err;
	if (send(fd, question, sizeof(question) - 1, MSG_NOSIGNAL) != sizeof(question) - 1)
		return -EPROTO;
	err = uapi_receive(fd, &uapi);
	if (err)
		return err;
	*collect = uapi.collect;
	uapi.collect = (struct wg_collect){};
	return 0;
}
