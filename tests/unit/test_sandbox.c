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
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
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

#define SOCKET(family, type, protocol) SYS_socket, { family, type, protocol }
#define OPTION(level, option) SYS_setsockopt, { KEEP_FD, level, option }
#define GET_OPTION(level, option) SYS_getsockopt, { KEEP_FD, level, option }

/* Nothing of it is for who only parses. */
static const struct network_case {
	const char *name;
	long call, args[6];
	bool is_allowed; /* in the network */
} network_cases[] = {
	{ "TCP over IPv4",            SOCKET(AF_INET, SOCK_STREAM, 0), true },
	{ "TCP over IPv4, by number", SOCKET(AF_INET, SOCK_STREAM, IPPROTO_TCP), true },
	{ "TCP over IPv6",            SOCKET(AF_INET6, SOCK_STREAM, 0), true },
	{ "TCP over IPv6, by number", SOCKET(AF_INET6, SOCK_STREAM, IPPROTO_TCP), true },
	{ "UDP over IPv4",            SOCKET(AF_INET, SOCK_DGRAM, 0), true },
	{ "UDP over IPv4, by number", SOCKET(AF_INET, SOCK_DGRAM, IPPROTO_UDP), true },
	{ "UDP over IPv6",            SOCKET(AF_INET6, SOCK_DGRAM, 0), true },
	{ "UDP over IPv6, by number", SOCKET(AF_INET6, SOCK_DGRAM, IPPROTO_UDP), true },
	{ "not to wait and not to be inherited",
	  SOCKET(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), true },
	{ "another flag",             SOCKET(AF_INET, SOCK_STREAM | 0x100000, 0), false },
	{ "raw IPv4",                 SOCKET(AF_INET, SOCK_RAW, IPPROTO_UDP), false },
	{ "raw IPv6",                 SOCKET(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6), false },
	{ "ping over IPv4",           SOCKET(AF_INET, SOCK_DGRAM, IPPROTO_ICMP), false },
	{ "ping over IPv6",           SOCKET(AF_INET6, SOCK_DGRAM, IPPROTO_ICMPV6), false },
	{ "UDP-Lite",                 SOCKET(AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE), false },
	{ "MPTCP",                    SOCKET(AF_INET, SOCK_STREAM, IPPROTO_MPTCP), false },
	{ "SCTP",                     SOCKET(AF_INET6, SOCK_STREAM, IPPROTO_SCTP), false },
	{ "SCTP, packets",            SOCKET(AF_INET, SOCK_SEQPACKET, 0), false },
	{ "a local socket",           SOCKET(AF_UNIX, SOCK_STREAM, 0), false },
	{ "a local datagram socket",  SOCKET(AF_UNIX, SOCK_DGRAM, 0), false },
	{ "netlink",                  SOCKET(AF_NETLINK, SOCK_RAW, 0), false },
	{ "netlink datagrams",        SOCKET(AF_NETLINK, SOCK_DGRAM, 0), false },
	{ "packets",                  SOCKET(AF_PACKET, SOCK_DGRAM, 0), false },
	{ "the kernel's ciphers",     SOCKET(AF_ALG, SOCK_SEQPACKET, 0), false },
	{ "the host of a VM",         SOCKET(AF_VSOCK, SOCK_STREAM, 0), false },
	{ "a pair of sockets",        SYS_socketpair, { AF_UNIX, SOCK_STREAM }, false },
	{ "bind",                     SYS_bind, { KEEP_FD }, false },
	{ "listen",                   SYS_listen, { KEEP_FD }, false },
	{ "accept",                   SYS_accept, { KEEP_FD }, false },
	{ "accept4",                  SYS_accept4, { KEEP_FD }, false },
	{ "connect",                  SYS_connect, { KEEP_FD }, true },
	{ "own address",              SYS_getsockname, { KEEP_FD }, true },
	{ "the peer's address",       SYS_getpeername, { KEEP_FD }, true },
	{ "send",                     SYS_sendto, { KEEP_FD }, true },
	{ "receive",                  SYS_recvfrom, { KEEP_FD }, true },
	{ "send many",                SYS_sendmmsg, { KEEP_FD }, false },
	{ "receive many",             SYS_recvmmsg, { KEEP_FD }, false },
	{ "keepalive",                OPTION(SOL_SOCKET, SO_KEEPALIVE), true },
	{ "no delay",                 OPTION(IPPROTO_TCP, TCP_NODELAY), true },
	{ "first keepalive",          OPTION(IPPROTO_TCP, TCP_KEEPIDLE), true },
	{ "next keepalive",           OPTION(IPPROTO_TCP, TCP_KEEPINTVL), true },
	{ "user time-out",            OPTION(IPPROTO_TCP, TCP_USER_TIMEOUT), true },
	{ "errors of the way, IPv4",  OPTION(IPPROTO_IP, IP_RECVERR), true },
	{ "errors of the way, IPv6",  OPTION(IPPROTO_IPV6, IPV6_RECVERR), true },
	{ "the same number of a socket", OPTION(SOL_SOCKET, TCP_USER_TIMEOUT), false },
	{ "the same number of IP",    OPTION(IPPROTO_IP, TCP_NODELAY), false },
	{ "a packet filter",          OPTION(SOL_SOCKET, SO_ATTACH_FILTER), false },
	{ "a BPF program",            OPTION(SOL_SOCKET, SO_ATTACH_BPF), false },
	{ "an interface",             OPTION(SOL_SOCKET, SO_BINDTODEVICE), false },
	{ "a mark",                   OPTION(SOL_SOCKET, SO_MARK), false },
	{ "buffers",                  OPTION(SOL_SOCKET, SO_RCVBUF), false },
	{ "another address",          OPTION(IPPROTO_IP, IP_TRANSPARENT), false },
	{ "IPv6 options",             OPTION(IPPROTO_IPV6, IPV6_HDRINCL), false },
	{ "kernel TLS",               OPTION(IPPROTO_TCP, TCP_ULP), false },
	{ "its error",                GET_OPTION(SOL_SOCKET, SO_ERROR), true },
	{ "who the peer is",          GET_OPTION(SOL_SOCKET, SO_PEERCRED), false },
	{ "TCP's state",              GET_OPTION(IPPROTO_TCP, TCP_INFO), false },
	{ "flags",                    SYS_fcntl, { KEEP_FD, F_GETFL }, true },
	{ "not to wait",              SYS_fcntl, { KEEP_FD, F_SETFL, O_NONBLOCK }, true },
	{ "duplicate",                SYS_fcntl, { KEEP_FD, F_DUPFD, 10 }, false },
	{ "to be inherited",          SYS_fcntl, { KEEP_FD, F_SETFD }, false },
	{ "signals to others",        SYS_fcntl, { KEEP_FD, F_SETOWN, 1 }, false },
	{ "not to wait, in another way", SYS_ioctl, { KEEP_FD, FIONBIO }, true },
	{ "the number of an interface", SYS_ioctl, { KEEP_FD, SIOCGIFINDEX }, true },
	{ "an interface's address",   SYS_ioctl, { KEEP_FD, SIOCSIFADDR }, false },
	{ "read anywhere",            SYS_pread64, { KEEP_FD }, true },
	{ "write anywhere",           SYS_pwrite64, { KEEP_FD }, false },
	{ "its number",               SYS_getpid, {}, true },
	{ "how much memory there is", SYS_sysinfo, {}, true },
	{ "a pipe",                   SYS_pipe2, {}, false },
	{ "an event",                 SYS_eventfd2, {}, false },
	{ "a thread",                 SYS_clone3, {}, false },
	{ "a thread, as of old",      SYS_clone, { CLONE_VM | CLONE_THREAD | CLONE_SIGHAND }, false },
	{ "a file",                   SYS_openat, { AT_FDCWD, (long)"/dev/null" }, false },
	{ "a file's state",           SYS_newfstatat, { AT_FDCWD, (long)"/dev/null" }, false },
	{ "run code of a ring",       SYS_io_uring_setup, { 1 }, false },
};
/* clang-format on */

/* Where _exit() is called the sanitizer makes a call of its own first, which the filter forbids. */
static void leave(int status)
{
	syscall(SYS_exit_group, status);
}

static int enter(enum sandbox_profile profile)
{
	return dup2(STDERR_FILENO, KEEP_FD) < 0 || sandbox_drop(KEEP_FD) || sandbox_filter(profile);
}

static int wait_for(pid_t pid)
{
	int status;

	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void check_status(const char *name, int status, int killed_by)
{
	if (killed_by ? !WIFSIGNALED(status) || WTERMSIG(status) != killed_by : status != 0)
		fail_msg("%s: status %x", name, status);
}

/* Whatever the profile. */
static void test_calls(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2 * N(cases); i++) {
		pid_t pid = fork();

		if (!pid)
			leave(enter(i % 2 ? SANDBOX_NETWORK : SANDBOX_FILES) ? 100
									     : cases[i / 2].act());
		check_status(cases[i / 2].name, wait_for(pid), cases[i / 2].killed_by);
	}
}

/* An allowed call may fail, and mostly does: descriptor 3 is no socket, and nothing is at 0. */
static void test_network_calls(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2 * N(network_cases); i++) {
		const struct network_case *one = &network_cases[i / 2];
		bool is_network = i % 2;
		pid_t pid = fork();

		if (!pid) {
			if (enter(is_network ? SANDBOX_NETWORK : SANDBOX_FILES))
				leave(100);
			syscall(one->call, one->args[0], one->args[1], one->args[2], one->args[3],
				one->args[4], one->args[5]);
			leave(0);
		}
		check_status(one->name, wait_for(pid), is_network && one->is_allowed ? 0 : SIGSYS);
	}
}

/* Who only parses has no use for many. */
static void test_descriptors(void **state)
{
	static const int want[] = { [SANDBOX_FILES] = 32, [SANDBOX_NETWORK] = 64 };

	(void)state;
	for (size_t i = 0; i < N(want); i++) {
		pid_t pid = fork();

		if (!pid)
			leave(enter(i) ? 100 : files_max);
		assert_int_equal(wait_for(pid), want[i] << 8);
	}
}

/* Sockets of all kinds can be made, and as many as are needed. */
static int make_sockets(void)
{
	int n = 0;

	for (int i = 0; i < 40; i++)
		n += syscall(SYS_socket, i % 2 ? AF_INET : AF_INET6,
			     (i / 2 % 2 ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC | SOCK_NONBLOCK,
			     0) >= 0;
	return n;
}

static void test_sockets(void **state)
{
	pid_t pid = fork();

	(void)state;
	if (!pid)
		leave(enter(SANDBOX_NETWORK) ? 100 : make_sockets());
	assert_int_equal(wait_for(pid), 40 << 8);
}

/* A source that would write to the node's terminal, or read what is typed there. */
static int be_curious(int terminal)
{
	char byte;

	if (dup2(terminal, STDERR_FILENO) < 0 || dup2(terminal, KEEP_FD) < 0 ||
	    sandbox_drop(KEEP_FD))
		return 100;
	if (write(STDERR_FILENO, "before", 6) != 6 || sandbox_filter(SANDBOX_FILES))
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
		cmocka_unit_test(test_calls),    cmocka_unit_test(test_network_calls),
		cmocka_unit_test(test_sockets),  cmocka_unit_test(test_descriptors),
		cmocka_unit_test(test_terminal), cmocka_unit_test(test_drop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
