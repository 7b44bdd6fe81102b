// SPDX-License-Identifier: Apache-2.0
/* sysctl.c - single numbers below /proc/sys. */
#include "tunnel/sysctl.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"

#define PATH_BYTES 160
#define NUMBER_BYTES 32

static int sysctl_open(const char *path, int flags)
{
	char full[PATH_BYTES];
	int len, fd;

	len = snprintf(full, sizeof(full), "/proc/sys/%s", path);
	if (len < 0 || (size_t)len >= sizeof(full))
		return -ENAMETOOLONG;
	fd = open(full, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int sysctl_read(const char *path, int *ret_value)
{
	auto_close int fd = sysctl_open(path, O_RDONLY);
	char text[NUMBER_BYTES], *end;
	ssize_t len;
	long value;

	if (fd < 0)
		return fd;
	len = read(fd, text, sizeof(text) - 1);
	if (len < 0)
		return -errno;
	text[len] = '\0';
	errno = 0;
	value = strtol(text, &end, 10);
	if (end == text || (*end && *end != '\n') || errno || value < INT_MIN || value > INT_MAX)
		return -EPROTO;
	*ret_value = value;
	return 0;
}

int sysctl_check(const char *path)
{
	auto_close int fd = sysctl_open(path, O_WRONLY);

	return fd < 0 ? fd : 0;
}

int sysctl_write(const char *path, int value)
{
	auto_close int fd = sysctl_open(path, O_WRONLY);
	char text[NUMBER_BYTES];
	int len;

	if (fd < 0)
		return fd;
	len = snprintf(text, sizeof(text), "%d\n", value);
	/* Some kernels answer 1 when forwarding of IPv6 has changed, whatever was written. */
	return write(fd, text, len) < 0 ? -errno : 0;
}
