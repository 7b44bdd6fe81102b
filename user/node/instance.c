// SPDX-License-Identifier: Apache-2.0
#include "node/instance.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "tunnel/link.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71 /* kernel 5.14 */
#endif

#define LOCK_ATTEMPTS 100 /* each that fails had another one leave in the same moment */
#define HOST_LOCK_TIMEOUT_MS 10000
#define HOST_LOCK_PAUSE_MS 10

_Static_assert(sizeof(((struct instance *)0)->ifname) == IFNAMSIZ, "an interface's name fits");

static bool in_namespace_of_init(void)
{
	struct stat own, init;

	/* Where it cannot be told (no /proc, hidepid) there is no namespace to tell apart. */
	if (stat("/proc/self/ns/net", &own) || stat("/proc/1/ns/net", &init))
		return true;
	return own.st_ino == init.st_ino && own.st_dev == init.st_dev;
}

/* The cookie, unlike the namespace's inode, is never given out twice. */
static int name_namespace(struct instance *instance)
{
	auto_close int sock = -1;
	socklen_t len = sizeof(uint64_t);
	uint64_t cookie;

	instance->namespace_suffix[0] = '\0';
	if (in_namespace_of_init())
		return 0;
	sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (sock < 0 || getsockopt(sock, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &len))
		return -errno;
	snprintf(instance->namespace_suffix, sizeof(instance->namespace_suffix), "@%" PRIu64,
		 cookie);
	return 0;
}

int instance_init(struct instance *instance, const char *ifname)
{
	int err;

	if (!link_name_valid(ifname))
		return -EINVAL;
	*instance = (struct instance){ .lock_fd = -1 };
	snprintf(instance->ifname, sizeof(instance->ifname), "%s", ifname);
	err = name_namespace(instance);
	if (err)
		return err;
	snprintf(instance->name, sizeof(instance->name), "%s%s", ifname,
		 instance->namespace_suffix);
	/* bpffs takes no dots, and no interface name has a colon. */
	for (char *c = instance->name; *c; c++)
		if (*c == '.')
			*c = ':';
	snprintf(instance->pin_dir, sizeof(instance->pin_dir), "%s/%s", PINS_ROOT, instance->name);
	snprintf(instance->run_dir, sizeof(instance->run_dir), "%s/%s", INSTANCE_RUN_ROOT,
		 instance->name);
	snprintf(instance->lock_path, sizeof(instance->lock_path), "%s/%s/lock", INSTANCE_RUN_ROOT,
		 instance->name);
	snprintf(instance->status_path, sizeof(instance->status_path), "%s/%s/status.json",
		 INSTANCE_RUN_ROOT, instance->name);
	snprintf(instance->tunnel_path, sizeof(instance->tunnel_path), "%s/%s/tunnel",
		 INSTANCE_RUN_ROOT, instance->name);
	snprintf(instance->host_lock_path, sizeof(instance->host_lock_path), "%s/host%s.lock",
		 INSTANCE_RUN_ROOT, instance->namespace_suffix);
	snprintf(instance->sysctl_path, sizeof(instance->sysctl_path), "%s/sysctls%s",
		 INSTANCE_RUN_ROOT, instance->namespace_suffix);
	return 0;
}

static int make_dir(const char *path)
{
	return mkdir(path, 0755) && errno != EEXIST ? -errno : 0;
}

/* Both locks may vanish with their folder between two steps, when who held them leaves. */
static int make_run_dir(const struct instance *instance)
{
	int err = make_dir(INSTANCE_RUN_ROOT);

	return err ?: make_dir(instance->run_dir);
}

/* What nobody else can open: else they could lock it as well. Return: 0, or negative errno. */
static int make_private(int fd)
{
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid())
		return -EPERM;
	/* An older version's is open to all. */
	return (st.st_mode & 07777) != 0600 && fchmod(fd, 0600) ? -errno : 0;
}

static int open_lock(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	int err;

	if (fd < 0)
		return -errno;
	err = make_private(fd);
	if (err)
		close(fd);
	return err ?: fd;
}

/* @ret_holder: 0 for nobody. Return: 0, or negative errno. */
static int find_holder(int fd, pid_t *ret_holder)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	if (fcntl(fd, F_GETLK, &lock))
		return -errno;
	if (lock.l_type == F_UNLCK)
		*ret_holder = 0;
	else
		*ret_holder = lock.l_pid > 0 ? lock.l_pid : INSTANCE_HOLDER_UNKNOWN;
	return 0;
}

/* Is @fd still what @path names? Another one may have removed it meanwhile. */
static bool is_current(int fd, const char *path)
{
	struct stat held, named;

	if (fstat(fd, &held) || lstat(path, &named))
		return false;
	return held.st_ino == named.st_ino && held.st_dev == named.st_dev;
}

/* Return: descriptor of the locked file; -EAGAIN to try again; negative errno. */
static int try_lock(const char *path, pid_t *ret_holder)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd = open_lock(path);
	int err;

	if (fd < 0)
		return fd;
	if (!fcntl(fd, F_SETLK, &lock)) {
		if (is_current(fd, path))
			return fd;
		err = -EAGAIN;
	} else if (errno != EAGAIN && errno != EACCES) {
		err = -errno;
	} else {
		err = find_holder(fd, ret_holder) ?: *ret_holder ? -EBUSY : -EAGAIN;
	}
	close(fd);
	return err;
}

int instance_lock(struct instance *instance, pid_t *ret_holder)
{
	int fd;

	*ret_holder = 0;
	for (int attempt = 0; attempt < LOCK_ATTEMPTS; attempt++) {
		fd = make_run_dir(instance) ?: try_lock(instance->lock_path, ret_holder);
		if (fd != -EAGAIN && fd != -ENOENT)
			break;
	}
	if (fd < 0) {
		if (fd != -EBUSY) {
			(void)rmdir(instance->run_dir); /* they stay when they are in use */
			(void)rmdir(INSTANCE_RUN_ROOT);
		}
		return fd;
	}
	instance->lock_fd = fd;
	return 0;
}

int instance_lock_again(struct instance *instance, pid_t *ret_holder)
{
	int old = instance->lock_fd, err;

	*ret_holder = 0;
	if (is_current(old, instance->lock_path))
		return 0;
	err = instance_lock(instance, ret_holder);
	if (err)
		return err;
	close(old);
	return 1;
}

bool instance_lost_lock(const struct instance *instance)
{
	/* Who is killed leaves it. */
	return !access(instance->pin_dir, F_OK) && access(instance->lock_path, F_OK) &&
	       errno == ENOENT;
}

pid_t instance_holder(const struct instance *instance)
{
	auto_close int fd = open(instance->lock_path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	pid_t holder = 0;
	int err;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	err = find_holder(fd, &holder);
	if (err)
		return err;
	return holder == INSTANCE_HOLDER_UNKNOWN ? -EBUSY : holder;
}

/* What a run that was killed has not renamed any more. */
static void unlink_new(const char *path)
{
	char new[PATH_MAX];

	if ((size_t)snprintf(new, sizeof(new), "%s.new", path) < sizeof(new))
		(void)unlink(new);
}

void instance_unlock(struct instance *instance, bool forget)
{
	if (instance->lock_fd < 0)
		return;
	/* Where somebody has emptied /run, what is there now may be another node's. */
	if (forget && is_current(instance->lock_fd, instance->lock_path)) {
		unlink_new(instance->status_path);
		(void)unlink(instance->status_path);
		(void)unlink(instance->lock_path);
		(void)rmdir(instance->run_dir);
		(void)rmdir(INSTANCE_RUN_ROOT); /* stays when another instance needs it */
	}
	close(instance->lock_fd);
	instance->lock_fd = -1;
}

/* Return: descriptor of the locked file; -EAGAIN to try again; negative errno. */
static int try_host_lock(const char *path)
{
	int fd = open_lock(path);
	int err;

	if (fd < 0)
		return fd == -ENOENT ? -EAGAIN : fd;
	if (flock(fd, LOCK_EX | LOCK_NB))
		err = errno == EWOULDBLOCK ? -EAGAIN : -errno;
	else
		err = is_current(fd, path) ? 0 : -EAGAIN;
	if (err)
		close(fd);
	return err ?: fd;
}

int instance_host_lock(const struct instance *instance)
{
	static const struct timespec pause = { .tv_nsec = HOST_LOCK_PAUSE_MS * 1000000L };
	int fd;

	/* flock() can wait, but only a signal ends that: a wait with an end is made of pauses. */
	for (int ms = 0; ms < HOST_LOCK_TIMEOUT_MS; ms += HOST_LOCK_PAUSE_MS) {
		fd = make_dir(INSTANCE_RUN_ROOT) ?: try_host_lock(instance->host_lock_path);
		if (fd != -EAGAIN)
			break;
		(void)nanosleep(&pause, NULL);
	}
	if (fd < 0)
		(void)rmdir(INSTANCE_RUN_ROOT); /* stays when it is in use */
	return fd == -EAGAIN ? -EBUSY : fd;
}

int instance_host_lock_to_leave(const struct instance *instance)
{
	int fd = instance_host_lock(instance);

	return fd == -ENOSPC || fd == -EDQUOT || fd == -EROFS ? INSTANCE_NOT_LOCKED : fd;
}

void instance_host_unlock(const struct instance *instance, int fd, bool forget)
{
	if (forget && fd >= 0 && is_current(fd, instance->host_lock_path))
		(void)unlink(instance->host_lock_path);
	if (forget)
		(void)rmdir(INSTANCE_RUN_ROOT); /* stays when an instance needs it */
	if (fd < 0)
		return;
	(void)flock(fd, LOCK_UN); /* also for a copy that a child may have */
	close(fd);
}

/* Is there a folder of another instance of the same network namespace in @root? */
static bool has_others(const struct instance *instance, const char *root)
{
	size_t suffix = strlen(instance->namespace_suffix);
	DIR *dir = opendir(root);
	struct dirent *entry;
	bool others = false;

	while (dir && !others && (entry = readdir(dir))) {
		const char *at = strchr(entry->d_name, '@') ?: "";

		if (entry->d_type != DT_DIR || entry->d_name[0] == '.' ||
		    !strcmp(entry->d_name, instance->name))
			continue;
		others = suffix ? !strcmp(at, instance->namespace_suffix) : !*at;
	}
	if (dir)
		closedir(dir);
	return others;
}

bool instance_is_last(const struct instance *instance)
{
	return !has_others(instance, INSTANCE_RUN_ROOT) && !has_others(instance, PINS_ROOT);
}
