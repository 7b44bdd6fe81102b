// SPDX-License-Identifier: Apache-2.0
#include "node/source_child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "peers/border.h"

/* A node that does not read for so long is stuck; the source gives up and is started again. */
#define SOURCE_SEND_TIMEOUT_S 30
/* Its descriptors are closed a moment before its end can be seen. */
#define SOURCE_END_MS 1000
#define PROXIES_MAX 6 /* variables */

static int make_border(int sock[static 2])
{
	struct timeval timeout = { .tv_sec = SOURCE_SEND_TIMEOUT_S };

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sock))
		return -errno;
	if (fcntl(sock[0], F_SETFL, O_NONBLOCK) ||
	    setsockopt(sock[1], SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout))) {
		int err = -errno;

		close(sock[0]);
		close(sock[1]);
		return err;
	}
	return 0;
}

/* Of the environment the child gets what libcurl finds proxies by, which may hold a password. */
static void take_proxies(char **envp, size_t max)
{
	static const char *const names[] = { "https_proxy=", "HTTPS_PROXY=", "all_proxy=",
					     "ALL_PROXY=",   "no_proxy=",    "NO_PROXY=" };
	size_t n = 0;

	for (char **one = environ; one && *one && n < max; one++)
		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
			if (!strncmp(*one, names[i], strlen(names[i])) && n < max)
				envp[n++] = *one;
	envp[n] = NULL;
}

/* In the child: only calls that are safe between fork and exec. */
static _Noreturn void become_source(int sock, bool network)
{
	char name[] = "nex-relay", command[] = "source", with[] = "network";
	char *const argv[] = { name, command, network ? with : NULL, NULL };
	char *envp[PROXIES_MAX + 1] = { NULL };
	static const int for_the_node[] = { SIGHUP, SIGINT, SIGTERM };
	sigset_t none;

	/*
	 * A terminal sends them to all of its processes, systemd to all of a unit. This one ends
	 * when the node closes the border, or dies.
	 */
	for (size_t i = 0; i < sizeof(for_the_node) / sizeof(for_the_node[0]); i++)
		(void)signal(for_the_node[i], SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* dup2() to itself would leave close-on-exec set. */
	if (sock == BORDER_SOURCE_FD ? fcntl(sock, F_SETFD, 0) : dup2(sock, BORDER_SOURCE_FD) < 0)
		_exit(1);
	if (network)
		take_proxies(envp, PROXIES_MAX);
	execve("/proc/self/exe", argv, envp);
	_exit(1);
}

int source_child_start(struct source_child *child, bool network)
{
	int sock[2], err;
	pid_t pid;

	err = make_border(sock);
	if (err)
		return err;
	pid = fork();
	if (pid == 0)
		become_source(sock[1], network);
	err = pid < 0 ? -errno : 0;
	close(sock[1]);
	if (err) {
		close(sock[0]);
		return err;
	}
	*child = (struct source_child){ .pid = pid, .sock = sock[0] };
	return 0;
}

bool source_child_ended(struct source_child *child, int *ret_status)
{
	auto_close int fd = pidfd_open(child->pid, 0);
	struct pollfd end = { .fd = fd, .events = POLLIN };

	(void)poll(&end, fd >= 0, fd >= 0 ? SOURCE_END_MS : 0);
	if (waitpid(child->pid, ret_status, WNOHANG) != child->pid)
		return false;
	child->pid = 0;
	return true;
}

void source_child_stop(struct source_child *child)
{
	if (child->sock >= 0)
		close(child->sock);
	if (child->pid > 0) {
		(void)kill(child->pid, SIGKILL); /* EPERM without CAP_KILL: it ends by itself */
		(void)waitpid(child->pid, NULL, 0);
	}
	*child = (struct source_child){ .sock = -1 };
}
