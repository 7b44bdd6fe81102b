// SPDX-License-Identifier: Apache-2.0
#include "node/ca_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file_text.h"
#include "nexodus/http.h"

static const char begin[] = "-----BEGIN CERTIFICATE-----";
static const char end[] = "-----END CERTIFICATE-----";

/* Return: what is wrong with it, or NULL. */
static const char *why_not(const char *text)
{
	const char *last = NULL;

	for (const char *at = text; (at = strstr(at, begin)); at += strlen(begin))
		last = at;
	if (!last)
		return "there is no certificate in it (PEM: -----BEGIN CERTIFICATE-----)";
	return strstr(last, end) ? NULL : "a certificate in it is damaged";
}

static int check(int fd, const char **ret_why)
{
	auto_free char *text = NULL;
	struct stat st;
	int err = fstat(fd, &st) ? -errno : 0;

	if (!err && !S_ISREG(st.st_mode)) {
		*ret_why = "is no regular file";
		return -EBADMSG;
	}
	if (!err)
		err = file_text_read(fd, HTTP_CA_BYTES_MAX, &text);
	if (err) {
		*ret_why = err == -EFBIG ? "it is larger than 4 MiB" : strerror(-err);
		return err;
	}
	*ret_why = why_not(text);
	return *ret_why ? -EBADMSG : 0;
}

int ca_file_open(const char *path, const char **ret_why)
{
	/* Not waiting for the other end of a FIFO. */
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC), err;

	if (fd < 0) {
		err = -errno;
		*ret_why = strerror(-err);
		return err;
	}
	err = check(fd, ret_why);
	if (!err)
		return fd;
	close(fd);
	return err;
}
