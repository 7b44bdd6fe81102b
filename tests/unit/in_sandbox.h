/* SPDX-License-Identifier: Apache-2.0 */
/*
 * in_sandbox.h - a process of the test's own that enters the helper's sandbox.
 *
 * The address sanitizer maps terabytes and cannot live with the bound on memory: it is noted here
 * instead of being set.
 */
#ifndef TESTS_IN_SANDBOX_H
#define TESTS_IN_SANDBOX_H

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <seccomp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "peers/sandbox.h"

#define N(array) (sizeof(array) / sizeof(*(array)))
#define KEEP_FD 3
#define NOBODY 65534
#define PAGE 4096
#define PROT_RW (PROT_READ | PROT_WRITE)

static rlim_t memory_max = RLIM_INFINITY, files_max = RLIM_INFINITY;

/* In place of the C library's. */
int setrlimit(__rlimit_resource_t resource, const struct rlimit *limit)
{
	if (resource == RLIMIT_NOFILE)
		files_max = limit->rlim_max;
	if (resource != RLIMIT_AS)
		return syscall(SYS_setrlimit, resource, limit);
	memory_max = limit->rlim_max;
	return 0;
}

/* Where _exit() is called the sanitizer makes a call of its own first, which the filter forbids. */
static inline void leave(int status)
{
	syscall(SYS_exit_group, status);
}

static inline int enter(enum sandbox_profile profile)
{
	int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	signal(SIGSYS, SIG_DFL); /* cmocka has a handler */
	return dup2(file, KEEP_FD) < 0 || sandbox_drop(KEEP_FD) || sandbox_filter(profile);
}

static inline int wait_for(pid_t pid)
{
	int status;

	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

/* What it dies of is negative. */
static inline int how_it_ended(int status)
{
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

#endif
