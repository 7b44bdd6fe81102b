// SPDX-License-Identifier: Apache-2.0
/*
 * wg_uapi_socket.c - ask a userspace WireGuard on its socket, bounded in time and in size.
 */
#include "tunnel/wg_uapi_socket.h"

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
#include "base/clock.h"

#define ANSWER_MAX_BYTES (1ull << 30) /* 2^20 peers of 1 KiB */
#define CHUNK_BYTES 16384

/* On a host that is busy it may be long before wireguard-go is scheduled. */
static const struct wg_uapi_limits read_limits = { .silence_s = 4, .total_s = 30 };

static int uapi_connect(const char *name, int silence_s, int *ret_fd)
{
	const struct timeval limit = { .tv_sec = silence_s };
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

static int uapi_send(int fd, const char *bytes, size_t len, time_t deadline)
{
	ssize_t n;

	while (len) {
		n = send(fd, bytes, len, MSG_NOSIGNAL);
		if (n < 0 && errno != EINTR)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		if (clock_s() > deadline)
			return -ETIMEDOUT;
		bytes += n > 0 ? n : 0;
		len -= n > 0 ? n : 0;
	}
	return 0;
}

static int uapi_receive(int fd, struct wg_uapi *uapi, time_t deadline)
{
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
		if (!ret && clock_s() > deadline)
			ret = -ETIMEDOUT;
	} while (!ret);
	explicit_bzero(bytes, sizeof(bytes)); /* private and preshared keys */
	return ret < 0 ? ret : 0;
}

int wg_uapi_ask(const char *name, const char *question, size_t len,
		const struct wg_uapi_limits *limits, struct wg_uapi *uapi)
{
	const time_t deadline = clock_s() + limits->total_s;
	auto_close int fd = -1;
	int err;

	err = uapi_connect(name, limits->silence_s, &fd);
	if (err)
		return err;
	err = uapi_send(fd, question, len, deadline);
	/* Who refuses a line may answer and hang up before it has taken all of them. */
	if (err && err != -EPIPE && err != -ECONNRESET)
		return err;
	return uapi_receive(fd, uapi, deadline);
}

int wg_uapi_probe(const char *name)
{
	auto_close int fd = -1;

	return uapi_connect(name, read_limits.silence_s, &fd);
}

int wg_uapi_read(const char *name, struct wg_collect *collect)
{
	static const char question[] = "get=1\n\n";
	AUTO(wg_uapi_done) struct wg_uapi uapi = {};
	int err = wg_uapi_ask(name, question, sizeof(question) - 1, &read_limits, &uapi);

	if (err)
		return err;
	*collect = uapi.collect;
	uapi.collect = (struct wg_collect){};
	return 0;
}
