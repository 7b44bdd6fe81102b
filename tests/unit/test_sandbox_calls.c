// SPDX-License-Identifier: Apache-2.0
/*
 * test_sandbox_calls.c - which system calls the helper can make; which it is refused, and lives on;
 * and which it dies of. Each row runs in a process of its own.
 */
#include "in_sandbox.h"

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
/* The file was opened before. */
static int do_exec_file(void)
{
	return syscall(SYS_mmap, NULL, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE, KEEP_FD, 0) == -1;
}
static int do_open(void)
{
	return syscall(SYS_openat, AT_FDCWD, "/etc/hosts", O_RDONLY) < 0;
}
static int do_open_to_write(void)
{
	return syscall(SYS_openat, AT_FDCWD, "/dev/null", O_RDWR) < 0;
}
static int do_create(void)
{
	return syscall(SYS_openat, AT_FDCWD, "/tmp/nex-no-such-file", O_RDONLY | O_CREAT, 0600) < 0;
}
static int do_socket(void)
{
	return syscall(SYS_socket, AF_INET6, SOCK_STREAM, 0) < 0;
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
static int do_tgkill(void)
{
	return syscall(SYS_tgkill, 1, 1, 0);
}
static int do_abort(void)
{
	return syscall(SYS_tgkill, syscall(SYS_getpid), syscall(SYS_gettid), SIGABRT);
}
static int do_limit(void)
{
	struct rlimit limit = { 10, 10 };

	return syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, &limit, NULL);
}
static int do_ptrace(void)
{
	return syscall(SYS_ptrace, PTRACE_TRACEME, 0, 0, 0) < 0;
}
/* What a terminal's user would have typed. */
static int do_type(void)
{
	return syscall(SYS_ioctl, STDERR_FILENO, TIOCSTI, "x");
}
static int do_unknown(void)
{
	return syscall(9999);
}
static int do_clone3(void)
{
	return syscall(SYS_clone3, NULL, 0);
}
static int do_ring(void)
{
	return syscall(SYS_io_uring_setup, 1, NULL);
}
static int do_bpf(void)
{
	return syscall(SYS_bpf, 0, NULL, 0);
}
static int do_mount(void)
{
	return syscall(SYS_mount, "none", "/tmp", "tmpfs", 0, NULL);
}
static int do_unshare(void)
{
	return syscall(SYS_unshare, CLONE_NEWUSER);
}
static int do_keyctl(void)
{
	return syscall(SYS_keyctl, 0, 0);
}

/* clang-format off */
static const struct {
	const char *name;
	int (*act)(void);      /* 0 when it could be done */
	int files, network;    /* 0: it can be done; errno; a signal of which it dies is negative */
} cases[] = {
	{ "nothing",                       do_nothing,       0, 0 },
	{ "memory to write to",            do_memory,        0, 0 },
	{ "what time it is",               do_time,          0, 0 },
	{ "an end as abort()'s",            do_abort,         -SIGABRT, -SIGABRT },
	{ "written memory becomes code",   do_exec_later,    EPERM, EPERM },
	{ "memory to write to and to run", do_exec_at_once,  EPERM, EPERM },
	{ "memory to run",                 do_exec_only,     EPERM, EPERM },
	{ "memory to read and to run",     do_exec_readable, EPERM, EPERM },
	{ "code of a library",             do_exec_file,     EPERM, 0 },
	{ "open a file",                   do_open,          ENOSYS, 0 },
	{ "open a file to write",          do_open_to_write, ENOSYS, EPERM },
	{ "make a file",                   do_create,        ENOSYS, EPERM },
	{ "make a socket",                 do_socket,        ENOSYS, 0 },
	{ "start a process",               do_fork,          ENOSYS, EPERM },
	{ "send a signal",                 do_kill,          ENOSYS, ENOSYS },
	{ "send a signal to a thread",     do_tgkill,        ENOSYS, ENOSYS },
	{ "other limits",                  do_limit,         ENOSYS, EPERM },
	{ "type into the terminal",        do_type,          ENOSYS, ENOSYS },
	{ "a call of next year's kernel",  do_unknown,       ENOSYS, ENOSYS },
	{ "a thread, in the new way",      do_clone3,        ENOSYS, ENOSYS },
	{ "a ring",                        do_ring,          ENOSYS, ENOSYS },
	{ "run a program",                 do_exec,          -SIGSYS, -SIGSYS },
	{ "trace",                         do_ptrace,        -SIGSYS, -SIGSYS },
	{ "load a BPF program",            do_bpf,           -SIGSYS, -SIGSYS },
	{ "mount",                         do_mount,         -SIGSYS, -SIGSYS },
	{ "another namespace",             do_unshare,       -SIGSYS, -SIGSYS },
	{ "a keyring",                     do_keyctl,        -SIGSYS, -SIGSYS },
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
	{ "a local socket",           SOCKET(AF_UNIX, SOCK_STREAM, 0), true },
	{ "a local datagram socket",  SOCKET(AF_UNIX, SOCK_DGRAM, 0), true },
	{ "netlink",                  SOCKET(AF_NETLINK, SOCK_RAW, 0), true },
	{ "netlink of IPsec",         SOCKET(AF_NETLINK, SOCK_RAW, NETLINK_XFRM), false },
	{ "netlink of netfilter",     SOCKET(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER), false },
	{ "netlink datagrams",        SOCKET(AF_NETLINK, SOCK_DGRAM, 0), true },
	{ "packets",                  SOCKET(AF_PACKET, SOCK_DGRAM, 0), false },
	{ "the kernel's ciphers",     SOCKET(AF_ALG, SOCK_SEQPACKET, 0), false },
	{ "the host of a VM",         SOCKET(AF_VSOCK, SOCK_STREAM, 0), false },
	{ "a pair of sockets",        SYS_socketpair, { AF_UNIX, SOCK_STREAM }, true },
	{ "bind",                     SYS_bind, { KEEP_FD }, true },
	{ "listen",                   SYS_listen, { KEEP_FD }, false },
	{ "accept",                   SYS_accept, { KEEP_FD }, false },
	{ "accept4",                  SYS_accept4, { KEEP_FD }, false },
	{ "connect",                  SYS_connect, { KEEP_FD }, true },
	{ "own address",              SYS_getsockname, { KEEP_FD }, true },
	{ "the peer's address",       SYS_getpeername, { KEEP_FD }, true },
	{ "send",                     SYS_sendto, { KEEP_FD }, true },
	{ "receive",                  SYS_recvfrom, { KEEP_FD }, true },
	{ "send many",                SYS_sendmmsg, { KEEP_FD }, true },
	{ "receive many",             SYS_recvmmsg, { KEEP_FD }, true },
	{ "keepalive",                OPTION(SOL_SOCKET, SO_KEEPALIVE), true },
	{ "no delay",                 OPTION(IPPROTO_TCP, TCP_NODELAY), true },
	{ "first keepalive",          OPTION(IPPROTO_TCP, TCP_KEEPIDLE), true },
	{ "how many keepalives",      OPTION(IPPROTO_TCP, TCP_KEEPCNT), true },
	{ "an option of next year's libcurl", OPTION(IPPROTO_TCP, 250), true },
	{ "an option of whatever else", OPTION(SOL_ALG, 1), false },
	{ "next keepalive",           OPTION(IPPROTO_TCP, TCP_KEEPINTVL), true },
	{ "user time-out",            OPTION(IPPROTO_TCP, TCP_USER_TIMEOUT), true },
	{ "errors of the way, IPv4",  OPTION(IPPROTO_IP, IP_RECVERR), true },
	{ "errors of the way, IPv6",  OPTION(IPPROTO_IPV6, IPV6_RECVERR), true },
	{ "the same number of a socket", OPTION(SOL_SOCKET, TCP_USER_TIMEOUT), true },
	{ "the same number of IP",    OPTION(IPPROTO_IP, TCP_NODELAY), true },
	{ "a packet filter",          OPTION(SOL_SOCKET, SO_ATTACH_FILTER), false },
	{ "a BPF program",            OPTION(SOL_SOCKET, SO_ATTACH_BPF), false },
	{ "a packet filter for several", OPTION(SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF), false },
	{ "a BPF program for several", OPTION(SOL_SOCKET, SO_ATTACH_REUSEPORT_EBPF), false },
	{ "a packet filter, in disguise", SYS_setsockopt,
	  { KEEP_FD, SOL_SOCKET, SO_ATTACH_FILTER | 1L << 32 }, false },
	{ "an interface",             OPTION(SOL_SOCKET, SO_BINDTODEVICE), true },
	{ "a mark",                   OPTION(SOL_SOCKET, SO_MARK), true },
	{ "buffers",                  OPTION(SOL_SOCKET, SO_RCVBUF), true },
	{ "another address",          OPTION(IPPROTO_IP, IP_TRANSPARENT), true },
	{ "IPv6 options",             OPTION(IPPROTO_IPV6, IPV6_HDRINCL), true },
	{ "kernel TLS",               OPTION(IPPROTO_TCP, TCP_ULP), false },
	{ "its error",                GET_OPTION(SOL_SOCKET, SO_ERROR), true },
	{ "who the peer is",          GET_OPTION(SOL_SOCKET, SO_PEERCRED), true },
	{ "TCP's state",              GET_OPTION(IPPROTO_TCP, TCP_INFO), true },
	{ "flags",                    SYS_fcntl, { KEEP_FD, F_GETFL }, true },
	{ "not to wait",              SYS_fcntl, { KEEP_FD, F_SETFL, O_NONBLOCK }, true },
	{ "duplicate",                SYS_fcntl, { KEEP_FD, F_DUPFD, 10 }, true },
	{ "to be inherited",          SYS_fcntl, { KEEP_FD, F_SETFD }, true },
	{ "signals to others",        SYS_fcntl, { KEEP_FD, F_SETOWN, 1 }, false },
	{ "not to wait, in another way", SYS_ioctl, { KEEP_FD, FIONBIO }, true },
	{ "the number of an interface", SYS_ioctl, { KEEP_FD, SIOCGIFINDEX }, true },
	{ "an interface's address",   SYS_ioctl, { KEEP_FD, SIOCSIFADDR }, false },
	{ "read anywhere",            SYS_pread64, { KEEP_FD }, true },
	{ "write anywhere",           SYS_pwrite64, { KEEP_FD }, false },
	{ "a pipe",                   SYS_pipe2, {}, true },
	{ "an event",                 SYS_eventfd2, {}, true },
	{ "a file",                   SYS_openat, { AT_FDCWD, (long)"/dev/null" }, true },
	{ "a file's state",           SYS_newfstatat, { AT_FDCWD, (long)"/dev/null" }, true },
	{ "a file, to be watched",    SYS_inotify_init1, {}, false },
};
/* clang-format on */

/* What the profile says, whoever asks. */
static void test_calls(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2 * N(cases); i++) {
		int want = i % 2 ? cases[i / 2].network : cases[i / 2].files, got;
		pid_t pid = fork();

		if (!pid) {
			if (enter(i % 2 ? SANDBOX_NETWORK : SANDBOX_FILES))
				leave(200);
			leave(cases[i / 2].act() ? errno : 0);
		}
		got = how_it_ended(wait_for(pid));
		if (got != want)
			fail_msg("%s, %s: %d, not %d", cases[i / 2].name,
				 i % 2 ? "network" : "files", got, want);
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
				leave(200);
			errno = 0;
			syscall(one->call, one->args[0], one->args[1], one->args[2], one->args[3],
				one->args[4], one->args[5]);
			leave(errno == ENOSYS || errno == EPERM);
		}
		if (how_it_ended(wait_for(pid)) != !(is_network && one->is_allowed))
			fail_msg("%s, %s", one->name, is_network ? "network" : "files");
	}
}

/* As a container's manager does it: @call gets @error. */
static int refuse(int call, int error)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int err = seccomp_rule_add(filter, SCMP_ACT_ERRNO(error), call, 0) ?: seccomp_load(filter);

	seccomp_release(filter);
	return err;
}

/* Without Landlock it does its work all the same; without seccomp it does none. */
static void test_host_refuses(void **state)
{
	static const struct {
		int call, error;
		enum sandbox_profile profile;
		bool is_confined;
	} hosts[] = {
		{ SCMP_SYS(landlock_create_ruleset), ENOSYS, SANDBOX_NETWORK, true },
		{ SCMP_SYS(landlock_create_ruleset), EOPNOTSUPP, SANDBOX_NETWORK, true },
		{ SCMP_SYS(landlock_create_ruleset), EPERM, SANDBOX_NETWORK, true },
		{ SCMP_SYS(landlock_create_ruleset), EPERM, SANDBOX_FILES, true },
		{ SCMP_SYS(seccomp), EPERM, SANDBOX_NETWORK, false },
		{ SCMP_SYS(seccomp), EPERM, SANDBOX_FILES, false },
	};

	(void)state;
	for (size_t i = 0; i < N(hosts); i++) {
		pid_t pid = fork();
		int got;

		if (!pid) {
			if (dup2(STDERR_FILENO, KEEP_FD) < 0 || sandbox_drop(KEEP_FD) ||
			    refuse(hosts[i].call, hosts[i].error))
				leave(200);
			got = sandbox_filter(hosts[i].profile);
			leave(got ? 1 : do_open() ? 2 : 3);
		}
		got = how_it_ended(wait_for(pid));
		if (got != (!hosts[i].is_confined ? 1 : hosts[i].profile == SANDBOX_FILES ? 2 : 3))
			fail_msg("%zu: %d", i, got);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_calls),
		cmocka_unit_test(test_network_calls),
		cmocka_unit_test(test_host_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
