// SPDX-License-Identifier: Apache-2.0
/* wg_userspace.c - start wireguard-go, and make sure that it is there. */
#include "tunnel/wg_userspace.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "tunnel/link.h"
#include "tunnel/wg_uapi_socket.h"

#define SEARCH_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define START_MAX_MS 30000
#define END_MAX_MS 10000
#define STEP_MS 10
#define TUN_DEVICE "/dev/net/tun"

/* Is @name in a folder of SEARCH_PATH? */
static bool find_in_path(const char *name, char path[static PATH_MAX])
{
	char folders[] = SEARCH_PATH, *rest = folders;
	struct stat st;

	for (char *folder; (folder = strsep(&rest, ":"));) {
		snprintf(path, PATH_MAX, "%s/%s", folder, name);
		if (!stat(path, &st) && S_ISREG(st.st_mode) && !access(path, X_OK))
			return true;
	}
	return false;
}

bool wg_userspace_find(char path[static PATH_MAX])
{
	return find_in_path("wireguard-go", path) || find_in_path("nexd-wireguard-go", path);
}

/* Containers often lack it. The umask must not make it ours alone. */
static int make_tun_device(void)
{
	if (!access(TUN_DEVICE, F_OK))
		return 0;
	if (mkdir("/dev/net", 0755) && errno != EEXIST)
		return -errno;
	if (mknod(TUN_DEVICE, S_IFCHR | 0666, makedev(10, 200)))
		return errno == EEXIST ? 0 : -errno;
	return chmod(TUN_DEVICE, 0666) ? -errno : 0;
}

int wg_userspace_await_end(const char *name)
{
	const struct timespec step = { .tv_nsec = STEP_MS * 1000000 };
	const int64_t deadline = clock_ms() + END_MAX_MS;
	int err = wg_uapi_probe(name);

	/* A stopped process takes connections until its queue is full. */
	while ((!err || err == -ETIMEDOUT) && clock_ms() < deadline) {
		nanosleep(&step, NULL);
		err = wg_uapi_probe(name);
	}
	if (err == -ENODEV)
		return 0;
	return err && err != -ETIMEDOUT ? err : -EBUSY;
}

/*
 * Another process may have the socket, another interface the name. One whose interface was deleted
 * just now takes a moment to end.
 */
static int check_free(const char *name)
{
	struct link link;
	int err;

	/* An option to the program, and a pattern to the kernel's TUN driver. */
	if (!link_name_valid(name) || *name == '-' || strchr(name, '%'))
		return -EINVAL;
	err = link_get(name, &link);
	if (err != -ENODEV)
		return err ?: -EEXIST;
	err = wg_userspace_await_end(name);
	return err == -EBUSY ? -EEXIST : err;
}

/* In the child: only calls that are safe between fork and exec. */
static _Noreturn void become(const char *path, const char *name, pid_t parent)
{
	char path_variable[] = "PATH=" SEARCH_PATH;
	char *const argv[] = { (char *)path, (char *)name, NULL };
	char *const envp[] = { path_variable, NULL };
	sigset_t none;
	int null;

	/*
	 * Who is not there any more to see this process through cannot take back what it makes. Not
	 * for the process that it leaves behind, which has the interface by then.
	 */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != parent)
		_exit(1);
	(void)setsid(); /* Ctrl-C at our terminal is not meant for it */
	for (int number = 1; number < NSIG; number++)
		(void)signal(number, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	null = open("/dev/null", O_RDWR);
	if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0 || chdir("/") ||
	    syscall(SYS_close_range, 3, ~0U, 0))
		_exit(1);
	execve(path, argv, envp);
	_exit(1);
}

static int spawn(const char *path, const char *name, pid_t *ret_pid)
{
	pid_t self = getpid(), pid = fork();

	if (pid < 0)
		return -errno;
	if (!pid)
		become(path, name, self);
	*ret_pid = pid;
	return 0;
}

/* The first process ends well when the second one has the interface and the socket. */
static int await_exit(pid_t pid, int64_t deadline)
{
	auto_close int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	siginfo_t info = {};
	int n;

	if (fd < 0)
		return -errno;
	do {
		int64_t left = deadline - clock_ms();

		n = poll(&poll_fd, 1, left > 0 ? (int)left : 0);
	} while (n < 0 && errno == EINTR);
	if (n <= 0)
		return n ? -errno : -ETIMEDOUT;
	/* It stays a zombie for now, so that its number, which its group has, is nobody else's. */
	if (waitid(P_PID, pid, &info, WEXITED | WNOWAIT))
		return -errno;
	return info.si_code == CLD_EXITED && !info.si_status ? 0 : -ECHILD;
}

/* Interface and socket are there by now; the second process may take its time to answer. */
static int await_answer(const char *name, int64_t deadline)
{
	struct link link;
	int err;

	do {
		AUTO(wg_collect_done) struct wg_collect collect = {};

		err = link_get(name, &link) ?: wg_uapi_read(name, &collect);
	} while (err == -ETIMEDOUT && clock_ms() < deadline);
	return err == -ENODEV ? -ECHILD : err;
}

static void reap(pid_t pid)
{
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

int wg_userspace_start(const char *name)
{
	const int64_t deadline = clock_ms() + START_MAX_MS;
	char path[PATH_MAX];
	pid_t pid = 0;
	int err;

	err = check_free(name);
	if (err)
		return err;
	if (!wg_userspace_find(path))
		return -ENOENT;
	err = make_tun_device() ?: spawn(path, name, &pid);
	if (err)
		return err;
	err = await_exit(pid, deadline) ?: await_answer(name, deadline);
	if (err) {
		(void)kill(-pid, SIGKILL); /* both processes: they are a session and a group */
		(void)kill(pid, SIGKILL);
	}
	reap(pid);
	return err;
}
