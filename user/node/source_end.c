// SPDX-License-Identifier: Apache-2.0
#include "node/source_end.h"

#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "peers/sandbox.h"
#include "peers/source.h"

static const char *of_call(int call, char ret[static SOURCE_END_MAX])
{
	auto_free char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, call);

	if (name)
		snprintf(ret, SOURCE_END_MAX, "was killed by SIGSYS: system call %s is refused",
			 name);
	else
		snprintf(ret, SOURCE_END_MAX, "was killed by SIGSYS: system call %d is refused",
			 call);
	return ret;
}

static const char *of_signal(int number, int call, char ret[static SOURCE_END_MAX])
{
	const char *name = sigabbrev_np(number);

	if (number == SIGSYS && call >= 0)
		return of_call(call, ret);
	snprintf(ret, SOURCE_END_MAX, "was killed by SIG%s%s", name ?: "?",
		 number == SIGKILL ? " (by hand, or because the host has no memory left)" : "");
	return ret;
}

const char *source_end_text(int status, int call, char ret[static SOURCE_END_MAX])
{
	if (WIFSIGNALED(status))
		return of_signal(WTERMSIG(status), call, ret);
	if (WEXITSTATUS(status) == SOURCE_EXIT_MEMORY)
		snprintf(ret, SOURCE_END_MAX, "has reached its memory limit of %lu MiB",
			 SANDBOX_MEMORY_MAX >> 20);
	else if (WEXITSTATUS(status) == SOURCE_EXIT_STALE)
		snprintf(ret, SOURCE_END_MAX, "has ended because a file of /etc was replaced");
	else if (WEXITSTATUS(status) == SOURCE_EXIT_SANDBOX)
		snprintf(ret, SOURCE_END_MAX,
			 "could not enter its sandbox (seccomp, rlimits): see the line before");
	else
		snprintf(ret, SOURCE_END_MAX, "has ended with exit status %d", WEXITSTATUS(status));
	return ret;
}
