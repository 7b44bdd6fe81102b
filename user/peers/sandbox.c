// SPDX-License-Identifier: Apache-2.0
#include "peers/sandbox.h"

#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"

/* The user "nobody" of every Linux (kernel.overflowuid): owns nothing. */
#define NOBODY 65534
#define MEMORY_BYTES_MAX (512UL << 20)
#define DESCRIPTORS_MAX 64
#define DESCRIPTORS_OF_FILES_MAX 32
#define N(array) (sizeof(array) / sizeof(*(array)))

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

	for (size_t i = 0; i < N(limits); i++) {
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

/* Who only parses has no sockets. */
static int limit_descriptors(void)
{
	struct rlimit limit = { DESCRIPTORS_OF_FILES_MAX, DESCRIPTORS_OF_FILES_MAX };

	return setrlimit(RLIMIT_NOFILE, &limit) ? -errno : 0;
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

static int allow(scmp_filter_ctx filter, const int *calls, size_t n)
{
	int err = 0;

	for (size_t i = 0; !err && i < n; i++)
		err = seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 0);
	return err;
}

static int allow_parsing(scmp_filter_ctx filter)
{
	static const int calls[] = {
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
	int err = allow(filter, calls, N(calls));

	for (size_t i = 0; !err && i < N(without_exec); i++)
		err = seccomp_rule_add(filter, SCMP_ACT_ALLOW, without_exec[i], 1,
				       SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	return err;
}

/* A client of TCP and UDP; no raw packets, no local sockets, no netlink. */
static int allow_sockets(scmp_filter_ctx filter)
{
	static const int families[] = { AF_INET, AF_INET6 };
	static const struct {
		int type, protocol;
	} kinds[] = {
		{ SOCK_STREAM, 0 },
		{ SOCK_STREAM, IPPROTO_TCP },
		{ SOCK_DGRAM, 0 },
		{ SOCK_DGRAM, IPPROTO_UDP },
	};
	const scmp_datum_t type_bits = ~(scmp_datum_t)(SOCK_CLOEXEC | SOCK_NONBLOCK);
	int err = 0;

	for (size_t i = 0; !err && i < N(families) * N(kinds); i++) {
		const struct scmp_arg_cmp args[] = {
			{ 0, SCMP_CMP_EQ, families[i / N(kinds)], 0 },
			{ 1, SCMP_CMP_MASKED_EQ, type_bits, kinds[i % N(kinds)].type },
			{ 2, SCMP_CMP_EQ, kinds[i % N(kinds)].protocol, 0 },
		};

		err = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), N(args),
					     args);
	}
	return err;
}

/* Among the others are some that load programs, or reach code that is seldom looked at. */
static int allow_socket_options(scmp_filter_ctx filter)
{
	static const struct {
		int call, level, option;
	} options[] = {
		{ SCMP_SYS(getsockopt), SOL_SOCKET, SO_ERROR },
		{ SCMP_SYS(setsockopt), SOL_SOCKET, SO_KEEPALIVE },
		{ SCMP_SYS(setsockopt), IPPROTO_TCP, TCP_NODELAY },
		{ SCMP_SYS(setsockopt), IPPROTO_TCP, TCP_KEEPIDLE },
		{ SCMP_SYS(setsockopt), IPPROTO_TCP, TCP_KEEPINTVL },
		{ SCMP_SYS(setsockopt), IPPROTO_TCP, TCP_USER_TIMEOUT },
		{ SCMP_SYS(setsockopt), IPPROTO_IP, IP_RECVERR },
		{ SCMP_SYS(setsockopt), IPPROTO_IPV6, IPV6_RECVERR },
	};
	int err = 0;

	for (size_t i = 0; !err && i < N(options); i++) {
		const struct scmp_arg_cmp args[] = {
			{ 1, SCMP_CMP_EQ, options[i].level, 0 },
			{ 2, SCMP_CMP_EQ, options[i].option, 0 },
		};

		err = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, options[i].call, N(args),
					     args);
	}
	return err;
}

/* The second argument says what these do. */
static int allow_commands(scmp_filter_ctx filter)
{
	static const struct {
		int call;
		unsigned int command;
	} commands[] = {
		{ SCMP_SYS(fcntl), F_GETFL },
		{ SCMP_SYS(fcntl), F_SETFL },
		{ SCMP_SYS(ioctl), FIONBIO },
		{ SCMP_SYS(ioctl), SIOCGIFINDEX }, /* a name server's zone */
	};
	int err = 0;

	for (size_t i = 0; !err && i < N(commands); i++) {
		const struct scmp_arg_cmp arg = { 1, SCMP_CMP_EQ, commands[i].command, 0 };

		err = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, commands[i].call, 1, &arg);
	}
	return err;
}

static int allow_network(scmp_filter_ctx filter)
{
	static const int calls[] = {
		SCMP_SYS(connect),  SCMP_SYS(getsockname), SCMP_SYS(getpeername), SCMP_SYS(sendto),
		SCMP_SYS(recvfrom), SCMP_SYS(pread64), /* files that are handed over more than once
							*/
		SCMP_SYS(getpid),  /* OpenSSL's random numbers: has the process forked? */
		SCMP_SYS(sysinfo), /* qsort(), of more than a page or so, when it is first used */
	};
	int err;

	err = allow(filter, calls, N(calls));
	if (!err)
		err = allow_sockets(filter);
	if (!err)
		err = allow_socket_options(filter);
	return err ? err : allow_commands(filter);
}

int sandbox_filter(enum sandbox_profile profile)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int err;

	err = filter ? allow_parsing(filter) : -ENOMEM;
	if (!err)
		err = profile == SANDBOX_NETWORK ? allow_network(filter) : limit_descriptors();
	if (!err)
		err = load_and_be_silent(filter);
	seccomp_release(filter);
	return err;
}
