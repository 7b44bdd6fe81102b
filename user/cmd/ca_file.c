// SPDX-License-Identifier: Apache-2.0
#include "cmd/ca_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "nexodus/http.h"
#include "peers/sandbox.h"

#define FD_MIN 3       /* the sandbox gives the standard descriptors away */
#define NOT_CONFINED 1 /* exit status that is no errno: -EPERM is never what is found */

/* In the child, whose memory goes with it. */
static _Noreturn void be_child(int fd)
{
	int n;

	if (http_ca_begin() || sandbox_drop(fd) || sandbox_filter(SANDBOX_NETWORK))
		_exit(NOT_CONFINED);
	n = http_ca_count(fd);
	_exit(n < 0 ? -n : 0);
}

static int ask_child(int fd, const char **ret_why)
{
	int status = 0, err;
	pid_t pid = fork();

	if (!pid)
		be_child(fd);
	if (pid < 0) {
		err = -errno;
		*ret_why = strerror(-err);
		return err;
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!WIFEXITED(status) || WEXITSTATUS(status) == NOT_CONFINED) {
		*ret_why = "the process that reads it failed, or could not be confined";
		return -ECHILD;
	}
	err = -WEXITSTATUS(status);
	if (err)
		*ret_why = http_ca_why(err);
	return err;
}

int ca_file_check(const char *path, const char **ret_why)
{
	/* Not waiting for the other end of a FIFO. */
	auto_close int file = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	auto_close int fd = file < 0 ? -1 : fcntl(file, F_DUPFD_CLOEXEC, FD_MIN);
	struct stat st;

	if (fd < 0 || fstat(fd, &st)) {
		int err = -errno;

		*ret_why = strerror(-err);
		return err;
	}
	if (!S_ISREG(st.st_mode)) {
		*ret_why = "is no regular file";
		return -EBADMSG;
	}
	return ask_child(fd, ret_why);
}
