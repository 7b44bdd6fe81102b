// SPDX-License-Identifier: Apache-2.0
/*
 * test_instance.c - names and paths, one node at a time, and who is the last.
 *
 * Locks are taken in a mount namespace of the test's own, with an empty /run: that needs root.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "node/instance.h"

#define N(array) (sizeof(array) / sizeof(*(array)))

/* clang-format off */
static const struct {
	const char *ifname;
	int err;
	const char *name; /* without the suffix of the namespace */
} names[] = {
	{ "wg0",              0,       "wg0" },
	{ "w",                0,       "w" },
	{ "wg0.1",            0,       "wg0:1" },
	{ "...",              0,       ":::" },
	{ "a.b.c.d",          0,       "a:b:c:d" },
	{ "fifteen-letters",  0,       "fifteen-letters" },
	{ "caf\303\251",      0,       "caf\303\251" },
	{ "",                 -EINVAL, NULL },
	{ ".",                -EINVAL, NULL },
	{ "..",               -EINVAL, NULL },
	{ "sixteen-letters!", -EINVAL, NULL },
	{ "a-name-that-is-much-too-long-for-any-interface-of-this-kernel-and-the-next", -EINVAL, NULL },
	{ "wg/0",             -EINVAL, NULL },
	{ "../etc",           -EINVAL, NULL },
	{ "/",                -EINVAL, NULL },
	{ "wg:0",             -EINVAL, NULL },
	{ "wg 0",             -EINVAL, NULL },
	{ "wg0\n",            -EINVAL, NULL },
	{ "\twg0",            -EINVAL, NULL },
};

/* Folders of instances, and whether the one in question is the last of its network namespace. */
static const struct {
	const char *name, *instance, *suffix;
	const char *running; /* folders below INSTANCE_RUN_ROOT, with blanks between */
	const char *pinned;  /* below PINS_ROOT */
	bool last;
} lasts[] = {
	{ "nothing is there",             "wg0",   "",   "",              "",         true },
	{ "only itself",                  "wg0",   "",   "wg0",           "wg0",      true },
	{ "another one",                  "wg0",   "",   "wg0 wg1",       "wg0 wg1",  false },
	{ "another one, itself is gone",  "wg0",   "",   "wg1",           "wg1",      false },
	{ "name is longer",               "wg0",   "",   "wg0 wg01",      "",         false },
	{ "same name elsewhere",          "wg0",   "",   "wg0 wg0@5",     "",         true },
	{ "another name elsewhere",       "wg0",   "",   "wg1@5 wg0@51",  "",         true },
	{ "elsewhere and here",           "wg0",   "",   "wg1@5 wg2",     "",         false },
	{ "only itself, in a namespace",  "wg0@5", "@5", "wg0@5",         "wg0@5",    true },
	{ "same name outside",            "wg0@5", "@5", "wg0@5 wg0",     "",         true },
	{ "another one in it",            "wg0@5", "@5", "wg0@5 wg1@5",   "",         false },
	{ "cookie begins the same",       "wg0@5", "@5", "wg0@5 wg0@55 wg1@57", "",   true },
	{ "cookie ends the same",         "wg0@5", "@5", "wg0@5 wg0@15",  "",         true },
	{ "another one has pins, but no node", "wg0", "", "wg0",          "wg0 wg1",  false },
	{ "pins in it, but no node",      "wg0@5", "@5", "wg0@5",         "wg1@5",    false },
	{ "pins elsewhere",               "wg0",   "",   "wg0",           "wg1@5",    true },
};
/* clang-format on */

static bool is_private; /* /run is ours */

/* An empty /run of @inodes files (0: no limit), and no pins. */
static void empty_run(int inodes)
{
	char options[64];

	if (!is_private)
		skip();
	(void)umount2("/run", MNT_DETACH); /* of the test before */
	(void)umount2("/sys/fs/bpf", MNT_DETACH);
	snprintf(options, sizeof(options), "size=1m,nr_inodes=%d", inodes);
	assert_int_equal(mount("run", "/run", "tmpfs", 0, options), 0);
	assert_int_equal(mount("pins", PINS_BPFFS, "tmpfs", 0, "size=1m"), 0);
}

static struct instance make_instance(const char *ifname)
{
	struct instance instance;

	assert_int_equal(instance_init(&instance, ifname), 0);
	return instance;
}

static bool is_there(const char *path)
{
	struct stat st;

	return !lstat(path, &st);
}

/* In another process: instance_lock(), and hold it until @go can be read. Return: its pid. */
static pid_t lock_elsewhere(struct instance *instance, int *ret_go)
{
	int go[2], ready[2];
	char byte = 'x';
	pid_t pid, holder;

	assert_int_equal(pipe2(go, O_CLOEXEC) + pipe2(ready, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		close(go[1]);
		byte = instance_lock(instance, &holder) ? 'e' : 'y';
		if (write(ready[1], &byte, 1) != 1 || read(go[0], &byte, 1) < 0)
			_exit(1);
		_exit(0);
	}
	close(go[0]);
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	assert_int_equal(byte, 'y');
	*ret_go = go[1];
	return pid;
}

static void end_process(pid_t pid, int go, int sig)
{
	if (sig)
		assert_int_equal(kill(pid, sig), 0);
	close(go);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void test_names(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(names); i++) {
		struct instance instance, before;
		char want[256];
		int err;

		memset(&instance, 0xa5, sizeof(instance));
		before = instance;
		err = instance_init(&instance, names[i].ifname);
		if (err != names[i].err)
			fail_msg("'%s': %d", names[i].ifname, err);
		if (err) {
			assert_memory_equal(&instance, &before, sizeof(instance));
			continue;
		}
		snprintf(want, sizeof(want), "%s%s", names[i].name, instance.namespace_suffix);
		assert_string_equal(instance.name, want);
		assert_string_equal(instance.ifname, names[i].ifname);
		assert_int_equal(instance.lock_fd, -1);
		snprintf(want, sizeof(want), PINS_ROOT "/%s", instance.name);
		assert_string_equal(instance.pin_dir, want);
		snprintf(want, sizeof(want), INSTANCE_RUN_ROOT "/%s", instance.name);
		assert_string_equal(instance.run_dir, want);
		snprintf(want, sizeof(want), INSTANCE_RUN_ROOT "/%s/lock", instance.name);
		assert_string_equal(instance.lock_path, want);
		snprintf(want, sizeof(want), INSTANCE_RUN_ROOT "/%s/status.json", instance.name);
		assert_string_equal(instance.status_path, want);
		snprintf(want, sizeof(want), INSTANCE_RUN_ROOT "/sysctls%s",
			 instance.namespace_suffix);
		assert_string_equal(instance.sysctl_path, want);
		snprintf(want, sizeof(want), INSTANCE_RUN_ROOT "/host%s.lock",
			 instance.namespace_suffix);
		assert_string_equal(instance.host_lock_path, want);
	}
}

/* Who may not look at PID 1 cannot tell its namespace from others. */
static bool is_init_visible(void)
{
	struct stat st;

	return !stat("/proc/1/ns/net", &st);
}

/* Outside of PID 1's network namespace the cookie is in the name; two namespaces have two. */
static void test_namespaces(void **state)
{
	struct instance first, second;
	uint64_t cookie;
	char end;

	(void)state;
	if (!is_private || !is_init_visible())
		skip();
	assert_int_equal(unshare(CLONE_NEWNET), 0);
	first = make_instance("fifteen.letters");
	assert_int_equal(sscanf(first.name, "fifteen:letters@%lu%c", &cookie, &end), 1);
	assert_int_equal(unshare(CLONE_NEWNET), 0);
	second = make_instance("fifteen.letters");
	assert_string_not_equal(first.name, second.name);
	assert_string_not_equal(first.sysctl_path, second.sysctl_path);
}

static void test_one_at_a_time(void **state)
{
	struct instance instance = make_instance("wg0"), other = make_instance("wg1");
	pid_t holder = -1, pid;
	int go;

	(void)state;
	empty_run(0);
	assert_int_equal(instance_holder(&instance), 0);
	pid = lock_elsewhere(&instance, &go);
	assert_int_equal(instance_holder(&instance), pid);
	assert_int_equal(instance_lock(&instance, &holder), -EBUSY);
	assert_int_equal(holder, pid);
	assert_int_equal(instance.lock_fd, -1);
	assert_true(is_there(instance.run_dir));
	assert_int_equal(instance_lock(&other, &holder), 0); /* another interface does not care */
	instance_unlock(&other, false);
	end_process(pid, go, 0);
	assert_int_equal(instance_holder(&instance), 0);
	assert_int_equal(instance_lock(&instance, &holder), 0);
	assert_int_equal(holder, 0);
	assert_true(instance.lock_fd >= 0);
	assert_int_equal(fcntl(instance.lock_fd, F_GETFD), FD_CLOEXEC);
	instance_unlock(&instance, false);
	assert_int_equal(instance.lock_fd, -1);
	pid = lock_elsewhere(&instance, &go);
	end_process(pid, go, SIGKILL);
	assert_int_equal(instance_holder(&instance), 0); /* the file is there, nobody holds it */
	assert_true(is_there(instance.lock_path));
	assert_int_equal(instance_lock(&instance, &holder), 0);
	instance_unlock(&instance, true);
}

static void test_forget(void **state)
{
	struct instance instance = make_instance("wg0"), other = make_instance("wg1");
	pid_t holder;

	(void)state;
	empty_run(0);
	assert_int_equal(instance_lock(&instance, &holder), 0);
	assert_int_equal(instance_lock(&other, &holder), 0);
	close(open(instance.status_path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	assert_true(is_there(instance.status_path));
	instance_unlock(&instance, true);
	assert_false(is_there(instance.run_dir));
	assert_true(is_there(other.lock_path));
	instance_unlock(&other, false);
	assert_true(is_there(other.lock_path));
	instance_unlock(&other, true); /* not held: somebody else may hold it */
	assert_true(is_there(other.lock_path));
	assert_int_equal(instance_lock(&other, &holder), 0);
	instance_unlock(&other, true);
	assert_false(is_there(INSTANCE_RUN_ROOT));
}

/* Room for nothing, for the root folder, for the instance's folder as well: nothing stays. */
static void test_no_room(void **state)
{
	struct instance instance = make_instance("wg0");
	pid_t holder = -1;

	(void)state;
	for (int inodes = 1; inodes <= 3; inodes++) {
		int err;

		empty_run(inodes);
		err = instance_lock(&instance, &holder);
		if (err != -ENOSPC || instance.lock_fd != -1)
			fail_msg("room for %d: %d", inodes, err);
		if (is_there(INSTANCE_RUN_ROOT))
			fail_msg("room for %d: something stays", inodes);
	}
	empty_run(4);
	assert_int_equal(instance_lock(&instance, &holder), 0);
	instance_unlock(&instance, true);
}

/* Whoever may write below /run does not make us write elsewhere. */
static void test_lock_is_a_symlink(void **state)
{
	struct instance instance = make_instance("wg0");
	pid_t holder;

	(void)state;
	empty_run(0);
	assert_int_equal(mkdir(INSTANCE_RUN_ROOT, 0755) + mkdir(instance.run_dir, 0755), 0);
	assert_int_equal(symlink("/run/victim", instance.lock_path), 0);
	assert_int_equal(instance_lock(&instance, &holder), -ELOOP);
	assert_int_equal(instance_holder(&instance), -ELOOP);
	assert_false(is_there("/run/victim"));
}

/* As instance_lock() leaves it. Return: the permissions of the lock file, or negative errno. */
static int lock_once(struct instance *instance)
{
	struct stat st;
	pid_t holder;
	int err = instance_lock(instance, &holder);

	if (err)
		return err;
	assert_int_equal(stat(instance->lock_path, &st), 0);
	instance_unlock(instance, false);
	return st.st_mode & 07777;
}

/* Who may read the file may lock it, and keep every node from starting. */
static void test_lock_is_private(void **state)
{
	struct instance instance = make_instance("wg0");
	mode_t before;
	int fd;

	(void)state;
	empty_run(0);
	before = umask(0);
	assert_int_equal(lock_once(&instance), 0600);
	assert_int_equal(chmod(instance.lock_path, 0644), 0);
	assert_int_equal(lock_once(&instance), 0600);
	fd = instance_host_lock(&instance);
	assert_true(fd >= 0);
	assert_int_equal(fchmod(fd, 0666), 0);
	instance_host_unlock(&instance, fd, false);
	fd = instance_host_lock(&instance);
	assert_int_equal(chmod(instance.host_lock_path, 0600), 0);
	instance_host_unlock(&instance, fd, true);
	assert_int_equal(chown(instance.lock_path, 65534, 0), 0);
	assert_int_equal(lock_once(&instance), -EPERM);
	assert_int_equal(unlink(instance.lock_path), 0);
	assert_int_equal(mkfifo(instance.lock_path, 0600), 0);
	assert_int_equal(lock_once(&instance), -EPERM);
	umask(before);
}

/* As seen from a new PID namespace. Return: what instance_lock() and instance_holder() say. */
static void ask_from_inside(struct instance *instance, int ret[static 3])
{
	int *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid;

	assert_true(shared != MAP_FAILED);
	shared[0] = 1;
	pid = fork();
	if (!pid) {
		if (unshare(CLONE_NEWPID))
			_exit(1);
		pid = fork();
		if (!pid) {
			shared[0] = instance_lock(instance, &shared[1]);
			shared[2] = instance_holder(instance);
			_exit(0);
		}
		_exit(waitpid(pid, NULL, 0) != pid);
	}
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	memcpy(ret, shared, 3 * sizeof(*ret));
	munmap(shared, 4096);
}

/* A process of another PID namespace, or a lock that belongs to no process: held all the same. */
static void test_unknown_holder(void **state)
{
	struct instance instance = make_instance("wg0");
	static const short types[] = { F_RDLCK, F_WRLCK };
	pid_t holder = 0, pid;
	int said[3], fd, go;

	(void)state;
	for (size_t i = 0; i < N(types); i++) {
		struct flock lock = { .l_type = types[i], .l_whence = SEEK_SET };

		empty_run(0);
		assert_int_equal(lock_once(&instance), 0600);
		fd = open(instance.lock_path, O_RDWR | O_CLOEXEC);
		assert_int_equal(fcntl(fd, F_OFD_SETLK, &lock), 0);
		assert_int_equal(instance_lock(&instance, &holder), -EBUSY);
		assert_int_equal(holder, INSTANCE_HOLDER_UNKNOWN);
		assert_int_equal(instance_holder(&instance), -EBUSY);
		close(fd);
		assert_int_equal(instance_holder(&instance), 0);
	}
	pid = lock_elsewhere(&instance, &go);
	ask_from_inside(&instance, said);
	end_process(pid, go, 0);
	assert_int_equal(said[0], -EBUSY);
	assert_int_equal(said[1], INSTANCE_HOLDER_UNKNOWN);
	assert_int_equal(said[2], -EBUSY);
}

/* Somebody has emptied /run while we ran, and another node has started: its files are not ours. */
static void test_run_was_emptied(void **state)
{
	struct instance first = make_instance("wg0"), second = make_instance("wg0");
	pid_t holder;
	int host[2];

	(void)state;
	empty_run(0);
	host[0] = instance_host_lock(&first);
	assert_int_equal(instance_lock(&first, &holder), 0);
	assert_int_equal(unlink(first.lock_path) + unlink(first.host_lock_path), 0);
	host[1] = instance_host_lock(&second);
	assert_true(host[0] >= 0 && host[1] >= 0);
	assert_int_equal(instance_lock(&second, &holder), 0);
	instance_unlock(&first, true);
	assert_true(is_there(second.lock_path));
	instance_host_unlock(&first, host[0], true);
	assert_true(is_there(second.host_lock_path));
	instance_unlock(&second, true);
	instance_host_unlock(&second, host[1], true);
	assert_false(is_there(INSTANCE_RUN_ROOT));
	instance_host_unlock(&second, -1, true);
}

static void make_folders(const char *root, const char *words)
{
	char copy[128], path[256], *rest = copy;

	assert_int_equal(mkdir(root, 0755), 0);
	snprintf(copy, sizeof(copy), "%s", words);
	for (char *word; (word = strsep(&rest, " "));) {
		snprintf(path, sizeof(path), "%s/%s", root, word);
		if (*word)
			assert_int_equal(mkdir(path, 0755), 0);
	}
}

static void test_is_last(void **state)
{
	struct instance instance = {};

	(void)state;
	for (size_t i = 0; i < N(lasts); i++) {
		empty_run(0);
		make_folders(INSTANCE_RUN_ROOT, lasts[i].running);
		make_folders(PINS_ROOT, lasts[i].pinned);
		close(open(INSTANCE_RUN_ROOT "/sysctls", O_CREAT | O_CLOEXEC, 0600));
		close(open(INSTANCE_RUN_ROOT "/sysctls@5", O_CREAT | O_CLOEXEC, 0600));
		snprintf(instance.name, sizeof(instance.name), "%s", lasts[i].instance);
		snprintf(instance.namespace_suffix, sizeof(instance.namespace_suffix), "%s",
			 lasts[i].suffix);
		if (instance_is_last(&instance) != lasts[i].last)
			fail_msg("%s: not %d", lasts[i].name, lasts[i].last);
	}
	empty_run(0);
	assert_true(instance_is_last(&instance)); /* no folders at all */
}

static bool make_private(void)
{
	return !geteuid() && !unshare(CLONE_NEWNS) &&
	       !mount("", "/", "", MS_REC | MS_PRIVATE, NULL);
}

/* clang-format off */
#define NEEDS_ROOT(test) { #test " (needs root, to mount a /run of its own)", test, NULL, NULL, NULL }
/* clang-format on */

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		NEEDS_ROOT(test_one_at_a_time),
		NEEDS_ROOT(test_forget),
		NEEDS_ROOT(test_no_room),
		NEEDS_ROOT(test_lock_is_a_symlink),
		NEEDS_ROOT(test_lock_is_private),
		NEEDS_ROOT(test_unknown_holder),
		NEEDS_ROOT(test_run_was_emptied),
		NEEDS_ROOT(test_is_last),
		/* The last: it leaves the network. */
		{ "test_namespaces (needs root, and a PID 1 that may be looked at)",
		  test_namespaces, NULL, NULL, NULL },
	};

	is_private = make_private();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
