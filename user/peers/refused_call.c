// SPDX-License-Identifier: Apache-2.0
#include "peers/refused_call.h"

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "peers/border.h"

#ifndef SYS_SECCOMP
#define SYS_SECCOMP 1 /* si_code, of <asm-generic/siginfo.h> */
#endif

static int border;

/* Only calls that are safe in a signal handler, and allowed by both profiles. */
static void on_refused(int signal_number, siginfo_t *info, void *context)
{
	struct border_record record = { .kind = BORDER_REFUSED, .call = info->si_syscall };
	struct iovec iov = { &record, sizeof(record) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	(void)context;
	if (info->si_code == SYS_SECCOMP) /* else somebody has sent it */
		(void)sendmsg(border, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	/* SA_RESETHAND has made it deadly again; it comes as soon as this returns. */
	(void)raise(signal_number);
}

int refused_call_tell(int sock)
{
	struct sigaction action = { .sa_sigaction = on_refused,
				    .sa_flags = (int)(SA_SIGINFO | SA_RESETHAND) };

	border = sock;
	return sigaction(SIGSYS, &action, NULL) ? -errno : 0;
}
