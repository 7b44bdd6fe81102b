// SPDX-License-Identifier: Apache-2.0
#include "peers/sandbox.h"

#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/cleanup.h"

/* The user "nobody" of every Linux (kernel.overflowuid): owns nothing. */
#define NOBODY 65534
#define MEMORY_BYTES_MAX (512UL << 20)
#define DESCRIPTORS_MAX 32

/* Standard input and output go to /dev/null; everything above @keep_fd and below it is closed. */
static int close_descriptors(int keep_fd)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0)
		return -errno;
	if (keep_fd > STDERR_FILENO + 1 && close_range(STDERR_FILENO + 1, keep_fd - 1, 0))
		return -errno;
	return close_range(keep_fd + 1, ~0U, 0) ? -errno : 0;
}

/*
 * Under a unit that bounds capabilities the user cannot be changed; the filter, which allows no
 * call that takes a path, makes root without capabilities as harmless.
 */
static int leave_root(void)
{
	if (!capng_have_capability(CAPNG_EFFECTIVE, CAP_SETUID) ||
	    !capng_have_capability(CAPNG_EFFECTIVE, CAP_SETGID))
		return 0;
	if (setgroups(0, NULL) || setresgid(NOBODY, NOBODY, NOBODY) ||
	    setresuid(NOBODY, NOBODY, NOBODY))
		return -errno;
	return 0;
}

static int drop_capabilities(void)
{
	/* The bounding set can only be lowered by who has CAP_SETPCAP; without privileges to gain
	 * (no_new_privs) it does not matter when it cannot. */
	capng_clear(CAPNG_SELECT_ALL);
	if (capng_apply(CAPNG_SELECT_CAPS))
		return -EPERM;
	capng_get_caps_process();
	return capng_have_capabilities(CAPNG_SELECT_CAPS) == CAPNG_NONE ? 0 : -EPERM;
}

static int limit_resources(void)
{
	static const struct {
		int resource;
		rlim_t max;
	} limits[] = {
		{ RLIMIT_CORE, 0 },
		{ RLIMIT_AS, MEMORY_BYTES_MAX },
		{ RLIMIT_NOFILE, DESCRIPTORS_MAX },
	};

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		struct rlimit limit = { limits[i].max, limits[i].max };

		if (setrlimit(limits[i].resource, &limit))
			return -errno;
	}
	return 0;
}

int sandbox_drop(int keep_fd)
{
	int err;

	err = close_descriptors(keep_fd);
	if (!err)
		err = leave_root();
	if (!err)
		err = drop_capabilities();
	if (!err)
		err = limit_resources();
	if (err)
		return err;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) ||
	    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0))
		return -errno;
	return 0;
}

/*
 * Standard error is the node's, and may be its terminal: the last descriptor that leads out. It is
 * given up before anything is read, but not before somebody was told that the filter did not load.
 */
static int load_and_be_silent(scmp_filter_ctx filter)
{
	int kept = dup(STDERR_FILENO); /* -1 when there never was one */
	int err;

	if (dup2(STDIN_FILENO, STDERR_FILENO) < 0)
		err = -errno;
	else
		err = seccomp_load(filter);
	if (err && kept >= 0)
		(void)dup2(kept, STDERR_FILENO); /* else the caller says it to nobody */
	if (kept >= 0)
		close(kept);
	return err;
}

int sandbox_filter(void)
{
	static const int allowed[] = {
		SCMP_SYS(read),
		SCMP_SYS(write),
		SCMP_SYS(close),
		SCMP_SYS(sendmsg),
		SCMP_SYS(recvmsg),
		SCMP_SYS(epoll_wait),
		SCMP_SYS(epoll_pwait),
		SCMP_SYS(epoll_ctl),
		SCMP_SYS(poll),
		SCMP_SYS(ppoll),
		SCMP_SYS(brk),
		SCMP_SYS(munmap),
		SCMP_SYS(mremap),
		SCMP_SYS(madvise),
		SCMP_SYS(futex),
		SCMP_SYS(rt_sigreturn),
		SCMP_SYS(rt_sigprocmask),
		SCMP_SYS(rt_sigaction),
		SCMP_SYS(clock_gettime),
		SCMP_SYS(gettimeofday),
		SCMP_SYS(getrandom),
		SCMP_SYS(exit),
		SCMP_SYS(exit_group),
		SCMP_SYS(restart_syscall),
	};
	/* No memory becomes code: neither new memory nor what was written to. */
	static const int without_exec[] = { SCMP_SYS(mmap), SCMP_SYS(mprotect) };
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int err = filter ? 0 : -ENOMEM;

	for (size_t i = 0; !err && i < sizeof(allowed) / sizeof(allowed[0]); i++)
		err = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
	for (size_t i = 0; !err && i < sizeof(without_exec) / sizeof(without_exec[0]); i++)
		err = seccomp_rule_add(filter, SCMP_ACT_ALLOW, without_exec[i], 1,
				       SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	if (!err)
		err = load_and_be_silent(filter);
	seccomp_release(filter);
	return err;
}
