// SPDX-License-Identifier: Apache-2.0
#include "tunnel/napi.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "tunnel/link.h"

#define NUMBER_BYTES 32

/* The entry itself is a symlink, and has to be followed; nothing below it is one. */
static int open_folder(const char *name)
{
	char path[sizeof("/sys/class/net/") + IFNAMSIZ];
	int fd;

	snprintf(path, sizeof(path), "/sys/class/net/%s", name);
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ENODEV : -errno;
	return fd;
}

static int read_number(int folder, const char *name, uint32_t *ret_value)
{
	auto_close int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	char text[NUMBER_BYTES], *end;
	unsigned long value;
	ssize_t len;

	if (fd < 0)
		return -errno;
	len = read(fd, text, sizeof(text) - 1);
	if (len < 0)
		return -errno;
	text[len] = '\0';
	value = strtoul(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || (*end && *end != '\n') || value > INT_MAX)
		return -EPROTO;
	*ret_value = value;
	return 0;
}

int napi_threaded_set(const char *name, uint32_t ifindex, bool on)
{
	auto_close int folder = link_name_valid(name) ? open_folder(name) : -EINVAL;
	auto_close int fd = -1;
	uint32_t number = 0;
	int err;

	if (folder < 0)
		return folder;
	/* What is opened below @folder is of one and the same interface, even if that is renamed.
	 */
	err = read_number(folder, "ifindex", &number);
	if (err == -ENOENT || (!err && number != ifindex))
		return -ENODEV;
	if (!err)
		err = read_number(folder, "threaded", &number);
	if (err || !number == !on)
		return err;
	fd = openat(folder, "threaded", O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return write(fd, on ? "1" : "0", 1) == 1 ? 0 : -errno;
}
