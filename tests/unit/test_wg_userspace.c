// SPDX-License-Identifier: Apache-2.0
/*
 * test_wg_userspace.c - starting wireguard-go: what it gets of us, and what may be in its way.
 *
 * Needs root, in a world of its own (tools/lab/world), where programs can be put over others.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tunnel/link.h"
#include "tunnel/wg_device.h"
#include "tunnel/wg_userspace.h"
#include "wg_live.h"

#define FIRST_FOLDER "/usr/local/sbin" /* where programs are looked for first */
#define SOCKET "/var/run/wireguard/wga.sock"

/* Put a shell script in wireguard-go's place; see uncover(). */
static void cover(const char *name, const char *script)
{
	run("mount -t tmpfs tmpfs " FIRST_FOLDER);
	run("cat >" FIRST_FOLDER "/%s <<'END'\n#!/bin/sh\n%s\nEND\n", name, script);
	run("chmod 755 " FIRST_FOLDER "/%s", name);
}

static void uncover(void)
{
	run("umount " FIRST_FOLDER);
}

static int clear(void **state)
{
	(void)state;
	(void)!system("ip link delete wga 2>/dev/null; umount " FIRST_FOLDER " 2>/dev/null;"
		      "umount /usr/bin/wireguard-go 2>/dev/null; rm -f " SOCKET);
	return 0;
}

static void check_no_child(void)
{
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

/* It serves the interface, and is gone with it. */
static void check_served(void)
{
	struct wg_device device;
	struct link link;

	check_no_child();
	assert_int_equal(link_get("wga", &link), 0);
	assert_int_equal(wg_device_read("wga", &device), 0);
	assert_false(device.kernel);
	wg_device_done(&device);
	run("ip link delete wga");
	run("timeout 10 sh -c 'while test -e " SOCKET "; do sleep 0.05; done'");
}

static void test_start(void **state)
{
	(void)state;
	assert_int_equal(wg_userspace_start("wga"), 0);
	assert_int_equal(wg_userspace_start("wga"), -EEXIST);
	check_served();
	/* Its name is free again. */
	assert_int_equal(wg_userspace_start("wga"), 0);
	check_served();
}

static void test_names(void **state)
{
	static const char *const names[] = { "",        "-f",   "--version",       "wg%d",
					     "wg/../x", "wg a", "sixteen-letters!" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (wg_userspace_start(names[i]) != -EINVAL)
			fail_msg("a name: '%s'", names[i]);
	assert_int_equal(wg_userspace_start("lo"), -EEXIST);
}

static int listen_there(void)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX, .sun_path = SOCKET };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(fd, 1), 0);
	return fd;
}

/* Somebody's, of another network namespace perhaps; then one that a killed process has left. */
static void test_socket_is_there(void **state)
{
	struct link link;
	int fd = listen_there();

	(void)state;
	assert_int_equal(wg_userspace_start("wga"), -EEXIST);
	assert_int_equal(link_get("wga", &link), -ENODEV);
	close(fd);
	assert_int_equal(access(SOCKET, F_OK), 0);
	assert_int_equal(wg_userspace_start("wga"), 0);
	check_served();
}

/* Return: what a program has got that it should not have; NULL when it is all right. */
static const char *find_fault(int argc)
{
	struct sigaction action;
	char folder[2] = "";
	sigset_t blocked;

	sigprocmask(SIG_BLOCK, NULL, &blocked);
	for (int i = 1; i < 32; i++) {
		if (sigismember(&blocked, i))
			return "a blocked signal";
		if (!sigaction(i, NULL, &action) && action.sa_handler == SIG_IGN)
			return "an ignored signal";
	}
	for (int fd = 3; fd < 1024; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			return "a descriptor";
	if (argc != 2)
		return "another number of arguments";
	if (!environ[0] || strncmp(environ[0], "PATH=", 5) != 0 || environ[1])
		return "an environment";
	if (getsid(0) != getpid())
		return "a session";
	return getcwd(folder, sizeof(folder)) ? NULL : "a folder";
}

/* This file as wireguard-go: looks at what it has got before it becomes the real one. */
static _Noreturn void be_program(int argc, char **argv)
{
	const char *fault = find_fault(argc);
	FILE *out;

	puts("noise");
	fprintf(stderr, "noise");
	fflush(NULL);
	if (!fault)
		execv("/usr/bin/wireguard-go", argv);
	out = fopen("/run/fault", "w");
	if (out)
		fprintf(out, "it got %s\n", fault);
	exit(1);
}

/* Whatever we have open, blocked or ignored: it gets none, and we get none of its noise. */
static void test_what_it_gets(void **state)
{
	sigset_t blocked, before;
	int out[2], saved[2], err;
	char noise;

	(void)state;
	run("mount -t tmpfs tmpfs " FIRST_FOLDER);
	run("cp /proc/%d/exe " FIRST_FOLDER "/wireguard-go", getpid());
	sigfillset(&blocked);
	assert_int_equal(sigprocmask(SIG_BLOCK, &blocked, &before), 0);
	assert_true(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
	assert_int_equal(pipe(out), 0); /* not close-on-exec */
	assert_int_equal(fcntl(out[0], F_SETFL, O_NONBLOCK), 0);
	fflush(NULL);
	for (int i = 0; i < 2; i++) {
		saved[i] = dup(i + 1);
		(void)dup2(out[1], i + 1);
	}
	err = wg_userspace_start("wga");
	for (int i = 0; i < 2; i++) {
		(void)dup2(saved[i], i + 1);
		close(saved[i]);
	}
	assert_int_equal(sigprocmask(SIG_SETMASK, &before, NULL), 0);
	signal(SIGPIPE, SIG_DFL);
	if (err)
		(void)!system("cat /run/fault >&2");
	assert_int_equal(err, 0);
	assert_int_equal(read(out[0], &noise, 1), -1);
	close(out[0]);
	close(out[1]);
	uncover();
	check_served();
}

static void test_program(void **state)
{
	struct link link;

	(void)state;
	cover("wireguard-go", "exit 1");
	assert_int_equal(wg_userspace_start("wga"), -ECHILD);
	check_no_child();
	uncover();
	cover("wireguard-go", "kill -9 $$");
	assert_int_equal(wg_userspace_start("wga"), -ECHILD);
	uncover();
	/* Fine, it says, but nothing is there. */
	cover("wireguard-go", "(sleep 1000 & echo $! >/run/left); exit 0");
	assert_int_equal(wg_userspace_start("wga"), -ECHILD);
	check_no_child();
	run("timeout 10 sh -c 'while kill -0 $(cat /run/left) 2>/dev/null; do sleep 0.05; done'");
	uncover();
	/* Not in PATH, but in one of ours alone. */
	assert_int_equal(setenv("PATH", "/usr/sbin:/usr/bin:/tmp", 1), 0);
	run("mount --bind /dev/null /usr/bin/wireguard-go");
	assert_int_equal(wg_userspace_start("wga"), -ENOENT);
	cover("nexd-wireguard-go", "exit 3");
	assert_int_equal(wg_userspace_start("wga"), -ECHILD);
	uncover();
	run("umount /usr/bin/wireguard-go");
	assert_int_equal(link_get("wga", &link), -ENODEV);
}

/* Containers without it; the umask has no say. */
static void test_tun_device(void **state)
{
	struct stat st;
	mode_t before;
	int err;

	(void)state;
	run("mount -t tmpfs -o mode=755 tmpfs /dev && mknod -m 666 /dev/null c 1 3");
	before = umask(0077);
	err = wg_userspace_start("wga");
	umask(before);
	if (!err)
		err = stat("/dev/net/tun", &st) ? -errno : 0;
	run("umount -l /dev"); /* wireguard-go is in there */
	assert_int_equal(err, 0);
	assert_int_equal(st.st_mode, S_IFCHR | 0666);
	assert_int_equal(st.st_rdev, makedev(10, 200));
	check_served();
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_start, clear),
		cmocka_unit_test_setup(test_names, clear),
		cmocka_unit_test_setup(test_socket_is_there, clear),
		cmocka_unit_test_setup(test_what_it_gets, clear),
		cmocka_unit_test_setup(test_program, clear),
		cmocka_unit_test_setup(test_tun_device, clear),
	};

	if (!strcmp(program_invocation_short_name, "wireguard-go"))
		be_program(argc, argv);
	if (geteuid() || !getenv("NEX_LAB_WORLD")) {
		puts("1..0 # SKIP needs root, and a world of its own (tools/lab/world)");
		return 0;
	}
	if (access("/usr/bin/wireguard-go", X_OK)) {
		puts("1..0 # SKIP no /usr/bin/wireguard-go");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
