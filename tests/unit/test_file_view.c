// SPDX-License-Identifier: Apache-2.0
/*
 * test_file_view.c - what the helper that talks to the network can read of this host, as nobody,
 * and as root where the user cannot be changed.
 *
 * In a mount namespace of the test's own, with /etc, /run and /var/lib of its own: that needs root.
 */
#include <cap-ng.h>
#include <errno.h>
#include <json-c/json.h>
#include <seccomp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <cmocka.h>

#include "check/list.h"
#include "netns.h"
#include "peers/file_view.h"
#include "peers/sandbox.h"

#define KEEP_FD 3
#define DONE 77

static bool is_private;

/* The address sanitizer maps terabytes. In place of the C library's. */
int setrlimit(__rlimit_resource_t resource, const struct rlimit *limit)
{
	return resource == RLIMIT_AS ? 0 : syscall(SYS_setrlimit, resource, limit);
}

/* clang-format off */
static const struct {
	const char *path;
	int err; /* with Landlock, whoever it is; 0: it can be read */
} files[] = {
	{ "/etc/resolv.conf",              0 },
	{ "/etc/hosts",                    0 },
	{ "/etc/nsswitch.conf",            0 },
	{ "/etc/ssl/certs/ours.pem",       0 },
	{ "/etc/nex-relay/nex-relay.conf", EACCES },
	{ "/etc/wireguard/wg0.conf",       EACCES },
	{ "/etc/ssl/private/ours.key",     EACCES },
	{ "/etc/shadow",                   EACCES },
	{ "/var/lib/nex-relay/private.key", EACCES },
	{ "/var/lib/nex-relay/registration.json", EACCES },
	{ "/run/nex-relay/wg0/tunnel",     EACCES },
	{ "/run/systemd/resolve/stub-resolv.conf", 0 },
	{ "/proc/1/environ",               EACCES },
};
/* clang-format on */

static int setup(void **state)
{
	(void)state;
	if (!is_private)
		return 0;
	netns_run("mount -t tmpfs none /mnt && mkdir /mnt/etc && cp -a /etc/. /mnt/etc && "
		  "mount --bind /mnt/etc /etc && mount -t tmpfs none /run && "
		  "mount -t tmpfs none /var/lib 2>&1");
	netns_run("rm -f /etc/resolv.conf && echo 'nameserver 127.0.0.1' >/etc/resolv.conf && "
		  "touch /etc/hosts /etc/nsswitch.conf");
	netns_run("mkdir -p /etc/ssl/certs /etc/ssl/private /etc/nex-relay /etc/wireguard "
		  "/var/lib/nex-relay /run/nex-relay/wg0 /run/systemd/resolve && "
		  "chmod 0700 /var/lib/nex-relay");
	for (size_t i = 3; i < sizeof(files) / sizeof(files[0]) - 1; i++)
		netns_run("echo x >%s && chmod %s %s", files[i].path,
			  files[i].err ? "0600" : "0644", files[i].path);
	return 0;
}

/* Under a unit that bounds capabilities root stays root. */
static void keep_user(bool is_root)
{
	if (!is_root)
		return;
	capng_get_caps_process();
	capng_updatev(CAPNG_DROP, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_SETUID, CAP_SETGID, -1);
	capng_apply(CAPNG_SELECT_CAPS);
}

static void in_sandbox(bool is_root, int (*act)(void))
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		keep_user(is_root);
		if (dup2(STDERR_FILENO, KEEP_FD) < 0 || sandbox_drop(KEEP_FD) ||
		    (!geteuid()) != is_root || sandbox_filter(SANDBOX_NETWORK))
			syscall(SYS_exit_group, 200);
		syscall(SYS_exit_group, act());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (status != DONE << 8)
		fail_msg("%s: status %x", is_root ? "root" : "nobody", status);
}

/* Return: DONE; else the number of the first file that is not as it should be. */
static int read_files(void)
{
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		int fd = open(files[i].path, O_RDONLY | O_CLOEXEC);

		if (files[i].err ? fd >= 0 || errno != files[i].err : fd < 0)
			return (int)i + 1;
		if (fd >= 0)
			close(fd);
	}
	return open("/var/lib", O_RDONLY | O_DIRECTORY) < 0 ? DONE : 100;
}

static void test_files(void **state)
{
	(void)state;
	if (!is_private || file_view_abi() < 0)
		skip();
	in_sandbox(false, read_files);
	in_sandbox(true, read_files);
}

/* In the sandbox it cannot be replaced: somebody else does. */
static int await_replaced(const char *path, ino_t before, bool *ret_readable)
{
	struct stat now;

	do {
		if (stat(path, &now))
			return 102;
	} while (now.st_ino == before);
	*ret_readable = open(path, O_RDONLY) >= 0;
	return 0;
}

static int notice(bool is_root)
{
	struct stat before;
	bool is_readable;
	int err;

	if (stat("/etc/resolv.conf", &before))
		return 101;
	if (file_view_is_stale())
		return 103;
	/* It has begun, and remembers the file of now. */
	if (write(KEEP_FD, "r", 1) != 1)
		return 104;
	err = await_replaced("/etc/resolv.conf", before.st_ino, &is_readable);
	if (err)
		return err;
	return is_readable == !is_root && file_view_is_stale() == is_root ? DONE : 105;
}

/* As nobody the new one is seen at once; as root it is noticed that it is not. */
static void test_file_is_replaced(void **state)
{
	(void)state;
	if (!is_private || file_view_abi() < 0)
		skip();
	for (int is_root = 0; is_root < 2; is_root++) {
		int ready[2], status;
		char byte;
		pid_t pid;

		assert_int_equal(pipe(ready), 0);
		pid = fork();
		if (!pid) {
			keep_user(is_root);
			if (dup2(ready[1], KEEP_FD) < 0 || sandbox_drop(KEEP_FD) ||
			    sandbox_filter(SANDBOX_NETWORK))
				syscall(SYS_exit_group, 200);
			syscall(SYS_exit_group, notice(is_root));
		}
		close(ready[1]);
		assert_int_equal(read(ready[0], &byte, 1), 1);
		netns_run("cp /etc/resolv.conf /etc/resolv.conf.new && "
			  "mv /etc/resolv.conf.new /etc/resolv.conf");
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (status != DONE << 8)
			fail_msg("%s: status %x", is_root ? "root" : "nobody", status);
		close(ready[0]);
	}
}

/* Services of root's would obey root. */
static int has_local_sockets(void)
{
	bool may = socket(AF_UNIX, SOCK_STREAM, 0) >= 0;

	return may == !!geteuid() ? DONE : 106;
}

static void test_local_sockets(void **state)
{
	(void)state;
	if (!is_private)
		skip();
	in_sandbox(false, has_local_sockets);
	in_sandbox(true, has_local_sockets);
}

static int check_says(const char *status)
{
	struct check_list list = { .json = json_object_new_array() };
	struct json_object *text = NULL;
	bool is_right;

	check_landlock(&list);
	(void)json_object_object_get_ex(json_object_array_get_idx(list.json, 0), "status", &text);
	is_right = text && !strcmp(json_object_get_string(text), status);
	json_object_put(list.json);
	return is_right ? DONE : 107;
}

/* `nex-relay check` has one line of it. */
static void test_check(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	if (file_view_abi() >= 0)
		assert_int_equal(check_says("OK"), DONE);
	pid = fork();
	if (!pid) {
		scmp_filter_ctx without = seccomp_init(SCMP_ACT_ALLOW);

		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
		    seccomp_rule_add(without, SCMP_ACT_ERRNO(EOPNOTSUPP),
				     SCMP_SYS(landlock_create_ruleset), 0) ||
		    seccomp_load(without))
			_exit(200);
		syscall(SYS_exit_group, check_says("WARN"));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, DONE << 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_file_is_replaced),
		cmocka_unit_test(test_local_sockets),
		cmocka_unit_test(test_check),
	};

	is_private = netns_may();
	return cmocka_run_group_tests(tests, setup, NULL);
}
