// SPDX-License-Identifier: Apache-2.0
#include "node/instance.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "tunnel/link.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71 /* kernel 5.14 */
#endif

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
	snprintf(instance->sysctl_path, sizeof(instance->sysctl_path), "%s/sysctls%s",
		 INSTANCE_RUN_ROOT, instance->namespace_suffix);
	return 0;
}

static int make_dir(const char *path)
{
	return mkdir(path, 0755) && errno != EEXIST ? -errno : 0;
}

/* Return: pid of who holds the lock, 0 for nobody, negative errno. */
static pid_t lock_holder(int fd)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	if (fcntl(fd, F_GETLK, &lock))
		return -errno;
	return lock.l_type == F_UNLCK ? 0 : lock.l_pid;
}

/* Return: 1 when @fd is still what @path names: another node may have removed it meanwhile. */
static int is_current(int fd, const char *path)
{
	struct stat held, named;

	if (fstat(fd, &held) || stat(path, &named))
		return 0;
	return held.st_ino == named.st_ino && held.st_dev == named.st_dev;
}

/* Return: descriptor of the locked file; -EAGAIN to try again; negative errno. */
static int try_lock(const char *path, pid_t *ret_holder)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	int err;

	if (fd < 0)
		return -errno;
	if (!fcntl(fd, F_SETLK, &lock) && is_current(fd, path))
		return fd;
	*ret_holder = lock_holder(fd);
	err = *ret_holder > 0 ? -EBUSY : -EAGAIN;
	close(fd);
	return err;
}

int instance_lock(struct instance *instance, pid_t *ret_holder)
{
	int fd, err;

	*ret_holder = 0;
	err = make_dir(INSTANCE_RUN_ROOT);
	if (!err)
		err = make_dir(instance->run_dir);
	if (err) {
		(void)rmdir(INSTANCE_RUN_ROOT); /* stays when it is in use */
		return err;
	}
	for (int attempt = 0; attempt < 10; attempt++) {
		fd = try_lock(instance->lock_path, ret_holder);
		if (fd != -EAGAIN)
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

pid_t instance_holder(const struct instance *instance)
{
	auto_close int fd = open(instance->lock_path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	return lock_holder(fd);
}

void instance_unlock(struct instance *instance, bool forget)
{
	if (forget) {
		(void)unlink(instance->status_path);
		(void)unlink(instance->lock_path);
		(void)rmdir(instance->run_dir);
		(void)rmdir(INSTANCE_RUN_ROOT); /* stays when another instance needs it */
	}
	if (instance->lock_fd >= 0)
		close(instance->lock_fd);
	instance->lock_fd = -1;
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
