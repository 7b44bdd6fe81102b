// SPDX-License-Identifier: Apache-2.0
/*
 * test_sandbox.c - what the source process can no longer do.
 *
 * Each row runs in a process of its own. The address sanitizer maps terabytes and cannot live with
 * the bound on memory: it is noted here instead of being set.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
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

static rlim_t memory_max = RLIM_INFINITY;

/* In place of the C library's. */
int setrlimit(__rlimit_resource_t resource, const struct rlimit *limit)
{
	if (resource != RLIMIT_AS)
		return syscall(SYS_setrlimit, resource, limit);
	memory_max = limit->rlim_max;
	return 0;
}

/* Memory of @first, made @then. Return: 0 when it could be had. */
static int memory(int first, int then)
{
	long at = syscall(SYS_mmap, NULL, PAGE, first, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == -1)
		return 1;
	if (first & PROT_WRITE)
		*(volatile char *)at = 1;
	return syscall(SYS_mprotect, at, PAGE, then) || syscall(SYS_munmap, at, PAGE);
}

static int do_nothing(void)
{
	return 0;
}
static int do_memory(void)
{
	return memory(PROT_RW, PROT_READ);
}
static int do_time(void)
{
	struct timespec now;

	return syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
}
static int do_exec_later(void)
{
	return memory(PROT_RW, PROT_READ | PROT_EXEC);
}
static int do_exec_at_once(void)
{
	return memory(PROT_RW | PROT_EXEC, PROT_READ);
}
static int do_exec_only(void)
{
	return memory(PROT_EXEC, PROT_READ);
}
static int do_exec_readable(void)
{
	return memory(PROT_READ | PROT_EXEC, PROT_READ);
}
static int do_open(void)
{
	return syscall(SYS_openat, AT_FDCWD, "/dev/null", O_RDONLY) < 0;
}
static int do_socket(void)
{
	return syscall(SYS_socket, AF_UNIX, SOCK_STREAM, 0) < 0;
}
static int do_exec(void)
{
	return syscall(SYS_execve, "/bin/true", NULL, NULL);
}
static int do_fork(void)
{
	return syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) < 0;
}
static int do_kill(void)
{
	return syscall(SYS_kill, syscall(SYS_getppid), 0);
}
static int do_ptrace(void)
{
	return syscall(SYS_ptrace, PTRACE_TRACEME, 0, 0, 0) < 0;
}
/* What a terminal's user would have typed. */
static int do_type(void)
{
	return syscall(SYS_ioctl, STDERR_FILENO, TIOCSTI, "x") && 0;
}
static int do_dup(void)
{
	return syscall(SYS_dup, STDIN_FILENO) < 0;
}

/* clang-format off */
static const struct {
	const char *name;
	int (*act)(void); /* 0 when it could be done */
	int killed_by;
} cases[] = {
	{ "nothing",                       do_nothing,       0 },
	{ "memory to write to",            do_memory,        0 },
	{ "what time it is",               do_time,          0 },
	{ "written memory becomes code",   do_exec_later,    SIGSYS },
	{ "memory to write to and to run", do_exec_at_once,  SIGSYS },
	{ "memory to run",                 do_exec_only,     SIGSYS },
	{ "memory to read and to run",     do_exec_readable, SIGSYS },
	{ "open a file",                   do_open,          SIGSYS },
	{ "make a socket",                 do_socket,        SIGSYS },
	{ "run a program",                 do_exec,          SIGSYS },
	{ "fork",                          do_fork,          SIGSYS },
	{ "send a signal",                 do_kill,          SIGSYS },
	{ "trace",                         do_ptrace,        SIGSYS },
	{ "type into the terminal",        do_type,          SIGSYS },
	{ "duplicate a descriptor",        do_dup,           SIGSYS },
};
/* clang-format on */

/* Where _exit() is called the sanitizer makes a call of its own first, which the filter forbids. */
static void leave(int status)
{
	syscall(SYS_exit_group, status);
}

static int enter_and(int (*act)(void))
{
	if (dup2(STDERR_FILENO, KEEP_FD) < 0 || sandbox_drop(KEEP_FD) || sandbox_filter())
		return 100;
	return act();
}

static int wait_for(pid_t pid)
{
	int status;

	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void test_calls(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		int status;
		pid_t pid = fork();

		if (!pid)
			leave(enter_and(cases[i].act));
		status = wait_for(pid);
		if (cases[i].killed_by
			    ? !WIFSIGNALED(status) || WTERMSIG(status) != cases[i].killed_by
			    : status != 0)
			fail_msg("%s: status %x", cases[i].name, status);
	}
}

/* A source that would write to the node's terminal, or read what is typed there. */
static int be_curious(int terminal)
{
	char byte;

	if (dup2(terminal, STDERR_FILENO) < 0 || dup2(terminal, KEEP_FD) < 0 ||
	    sandbox_drop(KEEP_FD))
		return 100;
	if (write(STDERR_FILENO, "before", 6) != 6 || sandbox_filter())
		return 101;
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (write(fd, "after", 5) != 5 || read(fd, &byte, 1) != 0)
			return 102;
	for (int fd = KEEP_FD + 1; fd < 64; fd++)
		if (read(fd, &byte, 1) != -1 || errno != EBADF)
			return 103;
	return 0;
}

/* Until it stands the sandbox may say what is wrong with it; then nothing leads out any more. */
static void test_terminal(void **state)
{
	char said[64];
	int pair[2];
	pid_t pid;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(write(pair[0], "password", 8), 8);
	pid = fork();
	if (!pid)
		leave(be_curious(pair[1]));
	assert_int_equal(wait_for(pid), 0);
	assert_int_equal(recv(pair[0], said, sizeof(said), MSG_DONTWAIT), 6);
	assert_memory_equal(said, "before", 6);
	assert_int_equal(recv(pair[0], said, sizeof(said), MSG_DONTWAIT), -1);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(recv(pair[1], said, sizeof(said), MSG_DONTWAIT), 8); /* unread */
	close(pair[1]);
	close(pair[0]);
}

static bool is_null(int fd)
{
	struct stat st;

	return !fstat(fd, &st) && S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3);
}

static bool has_capabilities(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};

	if (syscall(SYS_capget, &header, data))
		return true;
	for (size_t i = 0; i < N(data); i++)
		if (data[i].effective || data[i].permitted || data[i].inheritable)
			return true;
	return false;
}

/* Return: number of the first thing that was not given up; 0 for none. */
static int check_drop(bool was_root)
{
	struct rlimit core, files;

	if (dup2(STDERR_FILENO, KEEP_FD) < 0 || dup2(STDERR_FILENO, 50) < 0 ||
	    sandbox_drop(KEEP_FD))
		return 1;
	if (!is_null(STDIN_FILENO) || !is_null(STDOUT_FILENO))
		return 2;
	for (int fd = KEEP_FD + 1; fd < 64; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			return 3;
	if (was_root && (getuid() != NOBODY || geteuid() != NOBODY || getgid() != NOBODY ||
			 getegid() != NOBODY || getgroups(0, NULL) != 0))
		return 4;
	if (has_capabilities())
		return 5;
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1 || prctl(PR_GET_DUMPABLE, 0, 0, 0, 0))
		return 6;
	if (getrlimit(RLIMIT_CORE, &core) || getrlimit(RLIMIT_NOFILE, &files) || core.rlim_max ||
	    files.rlim_max > 64 || memory_max > 1UL << 30)
		return 7;
	return 0;
}

static void test_drop(void **state)
{
	bool was_root = !geteuid();
	pid_t pid = fork();

	(void)state;
	if (!pid)
		leave(check_drop(was_root));
	assert_int_equal(wait_for(pid), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_calls),
		cmocka_unit_test(test_terminal),
		cmocka_unit_test(test_drop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
