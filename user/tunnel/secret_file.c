// SPDX-License-Identifier: Apache-2.0
#include "tunnel/secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OTHERS_READ 0044
#define OTHERS_WRITE 0022
#define OTHERS 0077

int secret_error(struct private_key_error *ret_err, int err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(ret_err->why, sizeof(ret_err->why), format, args);
	va_end(args);
	return err;
}

int secret_error_path(struct private_key_error *ret_err, const char *dir_path, const char *name)
{
	int len = snprintf(ret_err->path, sizeof(ret_err->path), "%s%s%s", dir_path,
			   *name ? "/" : "", name);

	if ((size_t)len < sizeof(ret_err->path))
		return 0;
	return secret_error(ret_err, -ENAMETOOLONG, "the path is too long");
}

/* @forbidden: bits of the mode that make it a secret no more. @wanted: the mode to have. */
static int check_access(const struct stat *st, mode_t forbidden, mode_t wanted,
			struct private_key_error *ret_err)
{
	mode_t wrong = st->st_mode & forbidden;

	if (st->st_uid != geteuid())
		return secret_error(ret_err, -EACCES,
				    "owned by user %u, and must be by user %u; if it is to be "
				    "trusted, run `chown %u %s`",
				    st->st_uid, geteuid(), geteuid(), ret_err->path);
	if (wrong)
		return secret_error(ret_err, -EACCES,
				    "mode %04o: others can %s it; run `chmod %04o %s`",
				    st->st_mode & 07777,
				    wrong & OTHERS_READ    ? "read"
				    : wrong & OTHERS_WRITE ? "change"
				    : S_ISDIR(st->st_mode) ? "enter"
							   : "run",
				    wanted, ret_err->path);
	return 0;
}

/* Hand @fd over, or close it. */
static int hand_over(int fd, int err, int *ret_fd)
{
	if (!err)
		*ret_fd = fd;
	else if (fd >= 0)
		close(fd);
	return err;
}

static int check_dir(int fd, bool private, struct private_key_error *ret_err)
{
	struct stat st;
	int err;

	if (fd >= 0 && !fstat(fd, &st))
		return check_access(&st, private ? OTHERS : OTHERS_WRITE, 0700, ret_err);
	err = -errno;
	return secret_error(ret_err, err, "cannot open the folder: %s", strerror(-err));
}

int secret_dir_open(const char *path, bool private, int *ret_fd, struct private_key_error *ret_err)
{
	int err = secret_error_path(ret_err, path, ""), fd;

	if (err)
		return err;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return hand_over(fd, check_dir(fd, private, ret_err), ret_fd);
}

static int check_file(int fd, struct private_key_error *ret_err)
{
	struct stat st = {};
	int err = 0;

	if (fd < 0 && errno == ELOOP)
		return secret_error(ret_err, -EBADMSG,
				    "is a symbolic link; put the file itself in its place");
	if (fd < 0 && errno != ENXIO) /* ENXIO: a socket, or a device that is not there */
		err = -errno;
	if (fd >= 0 && fstat(fd, &st))
		err = -errno;
	if (err)
		return secret_error(ret_err, err, "cannot open it: %s", strerror(-err));
	if (!S_ISREG(st.st_mode))
		return secret_error(ret_err, -EBADMSG, "is no regular file; move it away");
	return check_access(&st, OTHERS, 0600, ret_err);
}

int secret_file_open(int dir, const char *dir_path, const char *name, int *ret_fd,
		     struct private_key_error *ret_err)
{
	int err = secret_error_path(ret_err, dir_path, name), fd;

	if (err)
		return err;
	fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	return hand_over(fd, check_file(fd, ret_err), ret_fd);
}
