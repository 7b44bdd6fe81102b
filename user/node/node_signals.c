// SPDX-License-Identifier: Apache-2.0
#include "node/node_signals.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <sys/signalfd.h>
#include <unistd.h>

static void fill(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGHUP);
}

void node_signals_block(void)
{
	sigset_t set;

	fill(&set);
	(void)sigprocmask(SIG_BLOCK, &set, NULL); /* fails for no set of this kind */
}

int node_signals_open(void)
{
	sigset_t set;
	int fd;

	fill(&set);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

int node_signals_next(int fd)
{
	struct signalfd_siginfo info;

	return read(fd, &info, sizeof(info)) == sizeof(info) ? (int)info.ssi_signo : 0;
}
