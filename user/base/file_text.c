// SPDX-License-Identifier: Apache-2.0
#include "base/file_text.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"

#define FIRST_BYTES 4096

static int grow(char **text, size_t *room, size_t max)
{
	size_t more = *room ? *room * 2 : FIRST_BYTES;
	char *new;

	if (more > max + 1)
		more = max + 1; /* one byte longer than allowed is seen */
	if (more <= *room)
		return -EFBIG;
	new = realloc(*text, more + 1);
	if (!new)
		return -ENOMEM;
	*text = new;
	*room = more;
	return 0;
}

int file_text_read(int fd, size_t max, char **ret_text)
{
	auto_free char *text = NULL;
	size_t room = 0, len = 0;

	for (;;) {
		int err = len == room ? grow(&text, &room, max) : 0;
		ssize_t n;

		if (err)
			return err;
		n = pread(fd, text + len, room - len, len);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0)
			break;
		len += n > 0 ? n : 0;
	}
	for (size_t i = 0; i < len; i++)
		if (!text[i])
			text[i] = ' ';
	text[len] = '\0';
	*ret_text = text;
	text = NULL;
	return 0;
}
