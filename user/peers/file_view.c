// SPDX-License-Identifier: Apache-2.0
#include "peers/file_view.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"

#define N(array) (sizeof(array) / sizeof(*(array)))
#define FILE_RIGHTS LANDLOCK_ACCESS_FS_READ_FILE
#define FOLDER_RIGHTS (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)

/*
 * A rule is for a file or a folder that is there now, whatever its name becomes. A file that is
 * replaced is another one: folders are better, where nothing in them is secret. None has to exist.
 */
static const char *const paths[] = {
	/* libraries that are loaded while it runs, and their data */
	"/lib",
	"/lib64",
	"/usr/lib",
	"/usr/lib64",
	"/usr/share",
	"/usr/local/lib",
	"/usr/local/share/ca-certificates",
	"/nix/store",
	"/etc/ld.so.cache",
	"/etc/localtime",
	/* names */
	"/etc/resolv.conf",
	"/etc/hosts",
	"/etc/nsswitch.conf",
	"/etc/host.conf",
	"/etc/gai.conf",
	"/etc/services",
	"/etc/hostname",
	"/etc/mdns.allow",
	"/run/systemd/resolve",
	"/run/resolvconf",
	"/run/connman",
	"/run/netconfig",
	"/run/NetworkManager/resolv.conf",
	"/run/NetworkManager/no-stub-resolv.conf",
	/* certificates; private keys are in the folders beside them */
	"/etc/ssl/certs",
	"/etc/ssl/openssl.cnf",
	"/etc/ssl/cert.pem",
	"/etc/ssl/ca-bundle.pem",
	"/etc/pki/tls/certs",
	"/etc/pki/tls/openssl.cnf",
	"/etc/pki/ca-trust/extracted",
	"/etc/ca-certificates",
	"/etc/crypto-policies",
	"/var/lib/ca-certificates",
	"/dev/null",
	"/dev/urandom",
};

/* With these names begin; each of them may be replaced. */
static const char *const first_files[] = { "/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf" };
static bool was_readable[N(first_files)];

int file_view_abi(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	return abi < 0 ? -errno : (int)abi;
}

/* All that the kernel can refuse: what is not allowed below. Newer rights are not about files. */
static uint64_t handled_rights(int abi)
{
	int n_rights = abi == 1 ? 13 : abi == 2 ? 14 : abi < 5 ? 15 : 16;

	return (1ULL << n_rights) - 1;
}

static bool is_same(int fd, const struct stat *other)
{
	struct stat st;

	return !fstat(fd, &st) && st.st_dev == other->st_dev && st.st_ino == other->st_ino;
}

/* As Landlock does it: from folder to folder, up to the root. */
static bool is_below(int fd, const struct stat *folder)
{
	int at = fcntl(fd, F_DUPFD_CLOEXEC, 0), parent;
	struct stat st;
	bool is = false;

	while (at >= 0 && !is) {
		is = is_same(at, folder);
		parent = is ? -1 : openat(at, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (parent >= 0 && !fstat(at, &st) && is_same(parent, &st)) {
			close(parent);
			parent = -1;
		}
		close(at);
		at = parent;
	}
	return is;
}

const char *file_view_shows(int fd)
{
	struct stat st;

	for (size_t i = 0; i < N(paths); i++)
		if (!stat(paths[i], &st) && S_ISDIR(st.st_mode) && is_below(fd, &st))
			return paths[i];
	return NULL;
}

static int add_path(int ruleset, const char *path)
{
	auto_close int fd = open(path, O_PATH | O_CLOEXEC);
	struct landlock_path_beneath_attr rule = { .parent_fd = fd };
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		return 0; /* not on this host, or not for everybody */
	rule.allowed_access = S_ISDIR(st.st_mode) ? FOLDER_RIGHTS : FILE_RIGHTS;
	return syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0)
		       ? -errno
		       : 0;
}

static bool is_readable(const char *path)
{
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	return fd >= 0 || errno != EACCES;
}

int file_view_restrict(void)
{
	int abi = file_view_abi(), err = 0;
	struct landlock_ruleset_attr attr = {};
	auto_close int ruleset = -1;

	if (abi < 0)
		return 0;
	attr.handled_access_fs = handled_rights(abi);
	ruleset = syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
	if (ruleset < 0)
		return -errno;
	for (size_t i = 0; !err && i < N(paths); i++)
		err = add_path(ruleset, paths[i]);
	/* All that everybody may read, and that comes and goes as it likes. Root may read more. */
	if (!err && geteuid())
		err = add_path(ruleset, "/etc");
	if (!err && syscall(SYS_landlock_restrict_self, ruleset, 0))
		err = -errno;
	for (size_t i = 0; !err && i < N(first_files); i++)
		was_readable[i] = is_readable(first_files[i]);
	return err;
}

bool file_view_is_stale(void)
{
	for (size_t i = 0; i < N(first_files); i++)
		if (was_readable[i] && !is_readable(first_files[i]))
			return true;
	return false;
}
