// SPDX-License-Identifier: Apache-2.0
/*
 * test_instance_host.c - several instances of one network namespace come and go at once.
 *
 * In a mount namespace of the test's own, with an empty /run: that needs root.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "node/instance.h"

#define PROCESSES 4
#define ROUNDS 200
#define SOON_MS 200
#define LATE_MS 60000

/* What the processes of one test share. */
struct shared {
	int inside; /* how many hold the lock that only one may hold */
	int n_last; /* how many were the last to leave */
	int err;    /* the first that something gave */
};

static bool is_private; /* /run is ours */
static struct shared *shared;

static const char *vanishes; /* this file, when the next lock is asked for */

static void vanish(void)
{
	if (vanishes)
		assert_int_equal(unlink(vanishes), 0);
	vanishes = NULL;
}

/* In place of the C library's two: somebody forgets the lock between open() and the lock. */
int flock(int fd, int operation)
{
	vanish();
	return syscall(SYS_flock, fd, operation);
}

int fcntl(int fd, int command, ...)
{
	va_list args;
	void *arg;

	va_start(args, command);
	arg = va_arg(args, void *);
	va_end(args);
	if (command == F_SETLK)
		vanish();
	return syscall(SYS_fcntl, fd, command, arg);
}

static void empty_run(void **state)
{
	(void)state;
	if (!is_private)
		skip();
	(void)umount2("/run", MNT_DETACH); /* of the test before */
	(void)umount2(PINS_BPFFS, MNT_DETACH);
	assert_int_equal(mount("run", "/run", "tmpfs", 0, "size=1m"), 0);
	assert_int_equal(mount("pins", PINS_BPFFS, "tmpfs", 0, "size=1m"), 0);
	*shared = (struct shared){};
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

static void note(int err)
{
	if (err && !shared->err)
		shared->err = err;
}

/* Run @act(@number) in PROCESSES processes at once. */
static void at_once(void (*act)(int number))
{
	pid_t pid[PROCESSES];

	for (int i = 0; i < PROCESSES; i++) {
		pid[i] = fork();
		assert_true(pid[i] >= 0);
		if (!pid[i]) {
			act(i);
			_exit(0);
		}
	}
	for (int i = 0; i < PROCESSES; i++)
		assert_int_equal(waitpid(pid[i], NULL, 0), pid[i]);
}

/* In another process: take the lock, say so on the pipe, leave. Return: its end of the pipe. */
static int lock_elsewhere(const struct instance *instance, pid_t *ret_pid)
{
	int said[2];

	assert_int_equal(pipe2(said, O_CLOEXEC), 0);
	*ret_pid = fork();
	assert_true(*ret_pid >= 0);
	if (!*ret_pid) {
		int fd = instance_host_lock(instance);
		char byte = fd < 0 ? 'e' : is_there(instance->host_lock_path) ? 'y' : 'n';

		_exit(write(said[1], &byte, 1) != 1);
	}
	close(said[1]);
	return said[0];
}

/* Return: what the other one has said, 0 when it has said nothing within @ms. */
static char hear(int said, int ms)
{
	struct pollfd ready = { .fd = said, .events = POLLIN };
	char byte = 0;

	if (poll(&ready, 1, ms) == 1)
		assert_int_equal(read(said, &byte, 1), 1);
	return byte;
}

/* Another interface of the namespace waits; it gets a file that is still there, forgotten or not.
 */
static void test_one_at_a_time(void **state)
{
	struct instance instance = make_instance("wg0"), other = make_instance("wg1");
	pid_t pid;

	for (int forget = 0; forget <= 1; forget++) {
		int fd, said;

		empty_run(state);
		fd = instance_host_lock(&instance);
		assert_true(fd >= 0);
		assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
		said = lock_elsewhere(&other, &pid);
		assert_int_equal(hear(said, SOON_MS), 0);
		instance_host_unlock(&instance, fd, forget);
		assert_int_equal(hear(said, LATE_MS), 'y');
		close(said);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
		/* It has ended without a word, and so does not hold anything any more. */
		fd = instance_host_lock(&instance);
		assert_true(fd >= 0);
		instance_host_unlock(&instance, fd, true);
		assert_false(is_there(INSTANCE_RUN_ROOT));
	}
}

/* A lock on a file that is gone keeps nobody out. */
static void test_file_vanishes(void **state)
{
	struct instance instance = make_instance("wg0");
	pid_t holder;
	int fd;

	empty_run(state);
	vanishes = instance.host_lock_path;
	fd = instance_host_lock(&instance);
	assert_true(fd >= 0 && !vanishes);
	assert_true(is_there(instance.host_lock_path));
	instance_host_unlock(&instance, fd, true);
	vanishes = instance.lock_path;
	assert_int_equal(instance_lock(&instance, &holder), 0);
	assert_null(vanishes);
	assert_true(is_there(instance.lock_path));
	instance_unlock(&instance, true);
	assert_false(is_there(INSTANCE_RUN_ROOT));
}

/* Other namespaces have other sysctls. */
static void test_other_namespace(void **state)
{
	struct instance here = make_instance("wg0"), there = make_instance("wg0");
	int fd[2];

	empty_run(state);
	snprintf(there.host_lock_path, sizeof(there.host_lock_path),
		 INSTANCE_RUN_ROOT "/host@5.lock");
	fd[0] = instance_host_lock(&here);
	fd[1] = instance_host_lock(&there);
	assert_true(fd[0] >= 0 && fd[1] >= 0);
	instance_host_unlock(&here, fd[0], true);
	assert_true(is_there(there.host_lock_path));
	instance_host_unlock(&there, fd[1], true);
	assert_false(is_there(INSTANCE_RUN_ROOT));
}

static void come_and_go(int number)
{
	struct instance instance;
	pid_t holder;

	if (instance_init(&instance, number % 2 ? "wg1" : "wg0"))
		note(-EINVAL);
	for (int i = 0; i < ROUNDS; i++) {
		int err = instance_lock(&instance, &holder);

		if (err == -EBUSY)
			continue;
		note(err);
		instance_unlock(&instance, true);
	}
}

static void share(int number)
{
	struct instance instance;

	if (instance_init(&instance, number % 2 ? "wg1" : "wg0"))
		note(-EINVAL);
	for (int i = 0; i < ROUNDS; i++) {
		int fd = instance_host_lock(&instance);

		if (fd < 0) {
			note(fd);
			continue;
		}
		if (__atomic_add_fetch(&shared->inside, 1, __ATOMIC_SEQ_CST) != 1)
			note(-EALREADY);
		sched_yield();
		__atomic_sub_fetch(&shared->inside, 1, __ATOMIC_SEQ_CST);
		instance_host_unlock(&instance, fd, true);
	}
}

/* Folders vanish between any two steps of the others: nobody fails of that, nothing is left. */
static void test_come_and_go(void **state)
{
	empty_run(state);
	at_once(come_and_go);
	assert_int_equal(shared->err, 0);
	assert_false(is_there(INSTANCE_RUN_ROOT));
}

static void test_share(void **state)
{
	empty_run(state);
	at_once(share);
	assert_int_equal(shared->err, 0);
	assert_false(is_there(INSTANCE_RUN_ROOT));
}

/* As `nex-relay down` does it. */
static void take_back(int number)
{
	struct instance instance;
	char ifname[16];
	pid_t holder;
	int lock;

	snprintf(ifname, sizeof(ifname), "wg%d", number);
	if (instance_init(&instance, ifname) || instance_lock(&instance, &holder))
		note(-EINVAL);
	lock = instance_host_lock(&instance);
	note(lock < 0 ? lock : 0);
	(void)rmdir(instance.pin_dir);
	instance_unlock(&instance, true);
	if (instance_is_last(&instance))
		__atomic_add_fetch(&shared->n_last, 1, __ATOMIC_SEQ_CST);
	instance_host_unlock(&instance, lock, true);
}

/* Exactly one restores the sysctls, whoever leaves first. */
static void test_one_is_last(void **state)
{
	for (int round = 0; round < 20; round++) {
		empty_run(state);
		assert_int_equal(mkdir(PINS_ROOT, 0700), 0);
		for (int i = 0; i < PROCESSES; i++) {
			char ifname[16];
			struct instance instance;

			snprintf(ifname, sizeof(ifname), "wg%d", i);
			instance = make_instance(ifname);
			assert_int_equal(mkdir(instance.pin_dir, 0700), 0);
		}
		at_once(take_back);
		assert_int_equal(shared->err, 0);
		assert_int_equal(shared->n_last, 1);
		assert_false(is_there(INSTANCE_RUN_ROOT));
	}
}

static bool make_private(void)
{
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	return shared != MAP_FAILED && !geteuid() && !unshare(CLONE_NEWNS) &&
	       !mount("", "/", "", MS_REC | MS_PRIVATE, NULL);
}

/* clang-format off */
#define NEEDS_ROOT(test) { #test " (needs root, to mount a /run of its own)", test, NULL, NULL, NULL }
/* clang-format on */

int main(void)
{
	const struct CMUnitTest tests[] = {
		NEEDS_ROOT(test_one_at_a_time),   NEEDS_ROOT(test_file_vanishes),
		NEEDS_ROOT(test_other_namespace), NEEDS_ROOT(test_come_and_go),
		NEEDS_ROOT(test_share),           NEEDS_ROOT(test_one_is_last),
	};

	is_private = make_private();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
