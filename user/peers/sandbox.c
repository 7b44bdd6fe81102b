// SPDX-License-Identifier: Apache-2.0
#include "peers/sandbox.h"

#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <malloc.h>
#include <net/if.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
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
#include "peers/file_view.h"

/* The user "nobody" of every Linux (kernel.overflowuid): owns nothing. */
#define NOBODY 65534
#define DESCRIPTORS_MAX 64
#define DESCRIPTORS_OF_FILES_MAX 32
#define STACK_BYTES (1UL << 20) /* of a thread */
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
 * Under a unit that bounds capabilities the user cannot be changed. Root without capabilities still
 * owns root's files and is believed by root's services: the filter gives it no local sockets, and
 * Landlock no file that is not named (file_view.h).
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
		{ RLIMIT_AS, SANDBOX_MEMORY_MAX },
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
 * given up before anything is read, but not before somebody was told that a filter did not load.
 */
static int load_and_be_silent(scmp_filter_ctx arguments, scmp_filter_ctx calls)
{
	int kept = dup(STDERR_FILENO); /* -1 when there never was one */
	int err;

	if (dup2(STDIN_FILENO, STDERR_FILENO) < 0)
		err = -errno;
	else
		err = seccomp_load(arguments) ?: seccomp_load(calls);
	if (err && kept >= 0)
		(void)dup2(kept, STDERR_FILENO); /* else the caller says it to nobody */
	if (kept >= 0)
		close(kept);
	return err;
}

static int add_calls(scmp_filter_ctx filter, uint32_t action, const int *calls, size_t n)
{
	int err = 0;

	for (size_t i = 0; !err && i < n; i++)
		err = seccomp_rule_add(filter, action, calls[i], 0);
	return err;
}

/* clang-format off */
static const int parsing_calls[] = {
	SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(close), SCMP_SYS(sendmsg), SCMP_SYS(recvmsg),
	SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait), SCMP_SYS(epoll_ctl), SCMP_SYS(poll),
	SCMP_SYS(ppoll), SCMP_SYS(brk), SCMP_SYS(mmap), SCMP_SYS(munmap), SCMP_SYS(mremap),
	SCMP_SYS(mprotect), SCMP_SYS(madvise), SCMP_SYS(futex), SCMP_SYS(rt_sigreturn),
	SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(clock_gettime),
	SCMP_SYS(gettimeofday), SCMP_SYS(getrandom), SCMP_SYS(getpid), SCMP_SYS(gettid),
	SCMP_SYS(sysinfo), /* qsort(), of more than a page or so, when it is first used */
	SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(restart_syscall),
};

/* libcurl's and OpenSSL's, the C library's resolver's, and those of the host's nss modules. */
static const int network_calls[] = {
	/* sockets */
	SCMP_SYS(connect), SCMP_SYS(bind), SCMP_SYS(socketpair), SCMP_SYS(getsockname),
	SCMP_SYS(getpeername), SCMP_SYS(getsockopt), SCMP_SYS(sendto), SCMP_SYS(recvfrom),
	SCMP_SYS(sendmmsg), SCMP_SYS(recvmmsg), SCMP_SYS(shutdown), SCMP_SYS(readv),
	SCMP_SYS(writev), SCMP_SYS(select), SCMP_SYS(pselect6), SCMP_SYS(epoll_create1),
	SCMP_SYS(eventfd2), SCMP_SYS(pipe), SCMP_SYS(pipe2), SCMP_SYS(dup),
	/* files, to be read */
	SCMP_SYS(openat), SCMP_SYS(stat), SCMP_SYS(lstat), SCMP_SYS(fstat), SCMP_SYS(newfstatat),
	SCMP_SYS(statx), SCMP_SYS(fstatfs), SCMP_SYS(access), SCMP_SYS(faccessat),
	SCMP_SYS(faccessat2), SCMP_SYS(readlink), SCMP_SYS(readlinkat), SCMP_SYS(getdents64),
	SCMP_SYS(lseek), SCMP_SYS(pread64), SCMP_SYS(fadvise64), SCMP_SYS(getcwd),
	/* threads */
	SCMP_SYS(clone), SCMP_SYS(set_robust_list), SCMP_SYS(rseq), SCMP_SYS(sched_yield),
	SCMP_SYS(sched_getaffinity), SCMP_SYS(sigaltstack), SCMP_SYS(nanosleep),
	SCMP_SYS(clock_nanosleep), SCMP_SYS(clock_getres),
	/* what am I, and where? */
	SCMP_SYS(getppid), SCMP_SYS(getuid), SCMP_SYS(geteuid), SCMP_SYS(getgid),
	SCMP_SYS(getegid), SCMP_SYS(uname), SCMP_SYS(time), SCMP_SYS(getrlimit),
	SCMP_SYS(prlimit64), SCMP_SYS(getrusage), SCMP_SYS(getcpu),
};

/* What no library makes that this process is ever linked with: somebody else is at the wheel. */
static const int hostile_calls[] = {
	SCMP_SYS(execve), SCMP_SYS(execveat), SCMP_SYS(ptrace), SCMP_SYS(process_vm_readv),
	SCMP_SYS(process_vm_writev), SCMP_SYS(bpf), SCMP_SYS(perf_event_open),
	SCMP_SYS(userfaultfd), SCMP_SYS(open_by_handle_at), SCMP_SYS(mount), SCMP_SYS(umount2),
	SCMP_SYS(mount_setattr), SCMP_SYS(move_mount), SCMP_SYS(open_tree), SCMP_SYS(fsopen),
	SCMP_SYS(fsconfig), SCMP_SYS(fsmount), SCMP_SYS(fspick), SCMP_SYS(pivot_root),
	SCMP_SYS(chroot), SCMP_SYS(setns), SCMP_SYS(unshare), SCMP_SYS(add_key),
	SCMP_SYS(request_key), SCMP_SYS(keyctl), SCMP_SYS(init_module), SCMP_SYS(finit_module),
	SCMP_SYS(delete_module), SCMP_SYS(kexec_load), SCMP_SYS(kexec_file_load),
	SCMP_SYS(reboot), SCMP_SYS(swapon), SCMP_SYS(swapoff),
};

/* The second argument of these says what they do: the level of an option, or a command. */
static const struct {
	int call;
	unsigned int second;
} commands[] = {
	{ SCMP_SYS(setsockopt), SOL_SOCKET },   { SCMP_SYS(setsockopt), IPPROTO_IP },
	{ SCMP_SYS(setsockopt), IPPROTO_IPV6 }, { SCMP_SYS(setsockopt), IPPROTO_TCP },
	{ SCMP_SYS(setsockopt), IPPROTO_UDP },  { SCMP_SYS(setsockopt), SOL_NETLINK },
	{ SCMP_SYS(fcntl), F_GETFD },           { SCMP_SYS(fcntl), F_SETFD },
	{ SCMP_SYS(fcntl), F_GETFL },           { SCMP_SYS(fcntl), F_SETFL },
	{ SCMP_SYS(fcntl), F_DUPFD },           { SCMP_SYS(fcntl), F_DUPFD_CLOEXEC },
	{ SCMP_SYS(ioctl), FIONBIO },           { SCMP_SYS(ioctl), FIONREAD },
	{ SCMP_SYS(ioctl), SIOCGIFINDEX },      { SCMP_SYS(ioctl), SIOCGIFNAME },
};

/* A client of TCP and UDP; the kernel's addresses and routes, by which getaddrinfo() sorts. */
static const struct socket_kind {
	int family, type, protocol;
} internet_sockets[] = {
	{ AF_INET, SOCK_STREAM, 0 },            { AF_INET6, SOCK_STREAM, 0 },
	{ AF_INET, SOCK_STREAM, IPPROTO_TCP },  { AF_INET6, SOCK_STREAM, IPPROTO_TCP },
	{ AF_INET, SOCK_DGRAM, 0 },             { AF_INET6, SOCK_DGRAM, 0 },
	{ AF_INET, SOCK_DGRAM, IPPROTO_UDP },   { AF_INET6, SOCK_DGRAM, IPPROTO_UDP },
	{ AF_NETLINK, SOCK_RAW, NETLINK_ROUTE }, { AF_NETLINK, SOCK_DGRAM, NETLINK_ROUTE },
}, local_sockets[] = {
	{ AF_UNIX, SOCK_STREAM, 0 },            { AF_UNIX, SOCK_DGRAM, 0 },
};

#define HAS(arg, bits) { arg, SCMP_CMP_MASKED_EQ, bits, bits }
#define HAS_NOT(arg, bits) { arg, SCMP_CMP_MASKED_EQ, bits, 0 }
#define IS(arg, value) { arg, SCMP_CMP_MASKED_EQ, UINT32_MAX, value } /* as the kernel reads an int */

/* Of the calls that are allowed, how they are not. */
static const struct refused {
	int call;
	unsigned int n;
	struct scmp_arg_cmp args[2];
} refused[] = {
	/* No memory becomes code: neither new memory nor what was written to. */
	{ SCMP_SYS(mprotect), 1, { HAS(2, PROT_EXEC) } },
	{ SCMP_SYS(mmap), 1, { HAS(2, PROT_EXEC | PROT_WRITE) } },
	{ SCMP_SYS(mmap), 2, { HAS(2, PROT_EXEC), HAS(3, MAP_ANONYMOUS) } },
	/* A thread, but no process. */
	{ SCMP_SYS(clone), 1, { HAS_NOT(0, CLONE_THREAD) } },
	{ SCMP_SYS(prlimit64), 1, { { 2, SCMP_CMP_NE, 0, 0 } } },
	{ SCMP_SYS(openat), 1, { HAS(2, O_WRONLY) } },
	{ SCMP_SYS(openat), 1, { HAS(2, O_RDWR) } },
	{ SCMP_SYS(openat), 1, { HAS(2, O_CREAT) } },
	{ SCMP_SYS(openat), 1, { HAS(2, O_TRUNC) } },
	{ SCMP_SYS(socketpair), 1, { { 0, SCMP_CMP_NE, AF_UNIX, 0 } } },
	/* Options that load programs, or put code on the way that is seldom looked at. */
	{ SCMP_SYS(setsockopt), 2, { IS(1, SOL_SOCKET), IS(2, SO_ATTACH_FILTER) } },
	{ SCMP_SYS(setsockopt), 2, { IS(1, SOL_SOCKET), IS(2, SO_ATTACH_BPF) } },
	{ SCMP_SYS(setsockopt), 2, { IS(1, SOL_SOCKET), IS(2, SO_ATTACH_REUSEPORT_CBPF) } },
	{ SCMP_SYS(setsockopt), 2, { IS(1, SOL_SOCKET), IS(2, SO_ATTACH_REUSEPORT_EBPF) } },
	{ SCMP_SYS(setsockopt), 2, { IS(1, IPPROTO_TCP), IS(2, TCP_ULP) } },
};
/* clang-format on */

static int refuse_arguments(scmp_filter_ctx filter, enum sandbox_profile profile)
{
	const struct scmp_arg_cmp code = HAS(2, PROT_EXEC);
	int err = 0;

	for (size_t i = 0; !err && i < N(refused); i++)
		err = seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(EPERM), refused[i].call,
					     refused[i].n, refused[i].args);
	/* Libraries that are loaded while it runs are for the network's nss modules. */
	if (!err && profile == SANDBOX_FILES)
		err = seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(mmap), 1,
					     &code);
	return err;
}

static int allow_commands(scmp_filter_ctx filter)
{
	int err = 0;

	for (size_t i = 0; !err && i < N(commands); i++) {
		const struct scmp_arg_cmp arg = { 1, SCMP_CMP_EQ, commands[i].second, 0 };

		err = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, commands[i].call, 1, &arg);
	}
	return err;
}

static int allow_sockets(scmp_filter_ctx filter, const struct socket_kind *kinds, size_t n)
{
	const scmp_datum_t type_bits = ~(scmp_datum_t)(SOCK_CLOEXEC | SOCK_NONBLOCK);
	int err = 0;

	for (size_t i = 0; !err && i < n; i++) {
		const struct scmp_arg_cmp args[] = {
			{ 0, SCMP_CMP_EQ, kinds[i].family, 0 },
			{ 1, SCMP_CMP_MASKED_EQ, type_bits, kinds[i].type },
			{ 2, SCMP_CMP_EQ, kinds[i].protocol, 0 },
		};

		err = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), N(args),
					     args);
	}
	return err;
}

static int allow_network(scmp_filter_ctx filter)
{
	int err;

	err = add_calls(filter, SCMP_ACT_ALLOW, network_calls, N(network_calls));
	if (!err)
		err = allow_commands(filter);
	if (!err)
		err = allow_sockets(filter, internet_sockets, N(internet_sockets));
	/* Those of nscd and systemd-resolved, and of whoever else has one that is open to
	 * everybody: not for root, whom they would obey. */
	if (!err && geteuid())
		err = allow_sockets(filter, local_sockets, N(local_sockets));
	return err;
}

static int allow_calls(scmp_filter_ctx filter, enum sandbox_profile profile)
{
	/* abort() signals itself: the node hears of that signal, and nobody of another. */
	const struct scmp_arg_cmp itself = { 0, SCMP_CMP_EQ, getpid(), 0 };
	int err;

	err = add_calls(filter, SCMP_ACT_TRAP, hostile_calls, N(hostile_calls));
	if (!err)
		err = add_calls(filter, SCMP_ACT_ALLOW, parsing_calls, N(parsing_calls));
	if (!err)
		err = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, &itself);
	return err ?: profile == SANDBOX_NETWORK ? allow_network(filter) : 0;
}

/* Two, of which the stricter answer holds: how a call may not be made, and which may. */
static int filter_calls(enum sandbox_profile profile)
{
	scmp_filter_ctx arguments = seccomp_init(SCMP_ACT_ALLOW);
	/* ENOSYS is what libraries expect of a kernel that is older than they are. */
	scmp_filter_ctx calls = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
	int err = arguments && calls ? 0 : -ENOMEM;

	if (!err)
		err = refuse_arguments(arguments, profile);
	if (!err)
		err = allow_calls(calls, profile);
	if (!err)
		err = load_and_be_silent(arguments, calls);
	seccomp_release(calls);
	seccomp_release(arguments);
	return err;
}

/*
 * A thread's stack is as large as RLIMIT_STACK lets it be, which may be more than all the memory
 * that there is. The resolver's threads need little.
 */
static int limit_stacks(void)
{
	pthread_attr_t attr;
	int err = pthread_attr_init(&attr);

	if (err)
		return err;
	err = pthread_attr_setstacksize(&attr, STACK_BYTES) ?: pthread_setattr_default_np(&attr);
	pthread_attr_destroy(&attr);
	return err;
}

int sandbox_filter(enum sandbox_profile profile)
{
	int err;

	/* A thread's own arena would take 64 MiB of the memory that there is. */
	(void)mallopt(M_ARENA_MAX, 1);
	if (limit_stacks())
		return -ENOMEM;
	err = profile == SANDBOX_NETWORK ? file_view_restrict() : limit_descriptors();
	return err ?: filter_calls(profile);
}
