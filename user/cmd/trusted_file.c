// SPDX-License-Identifier: Apache-2.0
#include "cmd/trusted_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"

static int say(char ret_why[static TRUSTED_FILE_WHY_MAX], int err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static int say(char ret_why[static TRUSTED_FILE_WHY_MAX], int err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(ret_why, TRUSTED_FILE_WHY_MAX, format, args);
	va_end(args);
	return err;
}

int trusted_file_check_mode(const char *path, mode_t mode, mode_t forbidden,
			    char ret_why[static TRUSTED_FILE_WHY_MAX])
{
	mode_t wrong = mode & forbidden;

	if (!wrong)
		return 0;
	return say(ret_why, -EPERM, "mode %04o: others can %s it; run `chmod 0600 %s`",
		   mode & 07777,
		   wrong & TRUSTED_FILE_OTHERS_READ    ? "read"
		   : wrong & TRUSTED_FILE_OTHERS_WRITE ? "change"
						       : "run",
		   path);
}

static int check(int fd, const char *path, mode_t forbidden, size_t max, struct stat *ret_st,
		 char ret_why[static TRUSTED_FILE_WHY_MAX])
{
	int err;

	if (fstat(fd, ret_st)) {
		err = -errno;
		return say(ret_why, err, "cannot open it: %s", strerror(-err));
	}
	if (!S_ISREG(ret_st->st_mode))
		return say(ret_why, -EBADMSG, "is no regular file");
	if (ret_st->st_uid != 0 && ret_st->st_uid != geteuid())
		return say(ret_why, -EPERM,
			   "owned by user %u, and must be by root; if it is to be trusted, run "
			   "`chown 0 %s`",
			   ret_st->st_uid, path);
	err = trusted_file_check_mode(path, ret_st->st_mode, forbidden, ret_why);
	if (!err && ret_st->st_size > (off_t)max)
		err = say(ret_why, -EFBIG, "is larger than %zu bytes", max);
	return err;
}

/* It may grow meanwhile: what is beyond @size is an error all the same. */
static int read_all(int fd, char *text, size_t size, size_t *ret_len)
{
	size_t len = 0;
	ssize_t n;

	do {
		n = read(fd, text + len, size - len);
		if (n > 0)
			len += n;
	} while ((n > 0 && len < size) || (n < 0 && errno == EINTR));
	if (n < 0)
		return -errno;
	*ret_len = len;
	return len < size ? 0 : -EFBIG;
}

int trusted_file_read(const char *path, mode_t forbidden, size_t max, struct trusted_file *ret,
		      char ret_why[static TRUSTED_FILE_WHY_MAX])
{
	struct trusted_file file = {};
	/* Not waiting for the other end of a FIFO. */
	auto_close int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;
	int err = fd < 0 ? -errno : 0;

	if (err == -ENXIO) /* a socket, or a device that is not there */
		return say(ret_why, -EBADMSG, "is no regular file");
	if (err)
		return say(ret_why, err, "cannot open it: %s", strerror(-err));
	err = check(fd, path, forbidden, max, &st, ret_why);
	if (err)
		return err;
	file.text = calloc(1, max + 1);
	if (!file.text)
		return say(ret_why, -ENOMEM, "%s", strerror(ENOMEM));
	file.len = max + 1; /* to be wiped */
	file.mode = st.st_mode;
	err = read_all(fd, file.text, max + 1, &file.len);
	if (err) {
		trusted_file_done(&file);
		return say(ret_why, err, "cannot read it: %s", strerror(-err));
	}
	*ret = file;
	return 0;
}

void trusted_file_done(struct trusted_file *file)
{
	if (file->text)
		explicit_bzero(file->text, file->len);
	free(file->text);
	*file = (struct trusted_file){};
}
