/* SPDX-License-Identifier: Apache-2.0 */
/*
 * key_folder.h - a state folder for private_key_get(), and what came of it.
 *
 * Each test has an empty folder of its own and, as root, an empty /var/lib.
 */
#ifndef TESTS_KEY_FOLDER_H
#define TESTS_KEY_FOLDER_H

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tunnel/private_key.h"

#define N(array) (sizeof(array) / sizeof(*(array)))
#define KEY "GGFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE="       /* clamped */
#define OTHER_KEY "iIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiEg=" /* clamped */
#define UNCLAMPED "YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYeE="
#define CLAMPED "YGFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE=" /* the same one */
#define ZEROS "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define NEW_IDENTITY "move it away to start with a new identity"

static bool is_private; /* /var/lib is ours */
static bool may_start;  /* there is no state of a real nexd's */
static char root[64];   /* this test's folder */
static char dir[80];    /* the state folder in it, not made yet */

/* In place of the C library's: the address sanitizer cannot live with the bound on memory. */
int setrlimit(__rlimit_resource_t resource, const struct rlimit *limit)
{
	return resource == RLIMIT_AS ? 0 : syscall(SYS_setrlimit, resource, limit);
}

/* What private_key_get() gave. */
struct got {
	int err;
	uint8_t key[WG_KEY_BYTES];
	char text[WG_KEY_TEXT];
	enum private_key_origin origin;
	char from[PATH_MAX];
	struct private_key_error why;
};

static inline struct got get_from(const char *state_dir)
{
	static const char *const keys[] = { KEY, UNCLAMPED, CLAMPED };
	struct got got, before;

	memset(&got, 0xa5, sizeof(got));
	before = got;
	alarm(30); /* instead of waiting for ever */
	got.err = private_key_get(state_dir, got.key, &got.origin, got.from, &got.why);
	alarm(0);
	wg_key_format(got.key, got.text);
	if (!got.err) {
		assert_memory_equal(&got.why, &before.why, sizeof(got.why));
		return got;
	}
	/* Nothing but the reason is touched, and no key is in that. */
	assert_memory_equal(got.key, before.key, sizeof(got.key));
	assert_memory_equal(got.from, before.from, sizeof(got.from));
	assert_int_equal(got.origin, before.origin);
	assert_in_range(got.err, -200, -1);
	assert_true(*got.why.path && *got.why.why);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		assert_null(strstr(got.why.why, keys[i]));
	return got;
}

static inline const char *in(const char *folder, const char *name)
{
	static char path[2][256];
	static int at;

	at = !at;
	snprintf(path[at], sizeof(path[at]), "%s/%s", folder, name);
	return path[at];
}

static inline void put_bytes(const char *path, const char *bytes, size_t n, mode_t mode)
{
	int fd;

	(void)unlink(path); /* it may be one that cannot be written */
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		fail_msg("%s: %s", path, strerror(errno));
	assert_int_equal(write(fd, bytes, n), n);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static inline void put(const char *folder, const char *name, const char *text, mode_t mode)
{
	if (mkdir(folder, 0700))
		assert_int_equal(errno, EEXIST);
	put_bytes(in(folder, name), text, strlen(text), mode);
}

static inline bool is_there(const char *path)
{
	struct stat st;

	return !lstat(path, &st);
}

static inline void check_file(const char *want)
{
	char text[64] = "";
	struct stat st;
	int fd = open(in(dir, "private.key"), O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(read(fd, text, sizeof(text)), WG_KEY_TEXT);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0600);
	assert_int_equal(st.st_uid, geteuid());
	close(fd);
	assert_int_equal(text[WG_KEY_TEXT - 1], '\n');
	text[WG_KEY_TEXT - 1] = '\0';
	assert_string_equal(text, want);
	assert_false(is_there(in(dir, "private.key.new")));
}

/* The error that @got must be, of @path. */
static inline void check_error(const char *name, const struct got *got, int err, const char *path,
			       const char *why)
{
	if (got->err != err || strcmp(got->why.path, path) != 0 || !strstr(got->why.why, why))
		fail_msg("%s: %d, %s: %s", name, got->err, got->err ? got->why.path : "",
			 got->err ? got->why.why : "");
}

static inline int set_up(void **state)
{
	(void)state;
	if (is_private) {
		(void)umount2("/var/lib", MNT_DETACH); /* of the test before */
		assert_int_equal(mount("lib", "/var/lib", "tmpfs", 0, "size=4m"), 0);
	}
	snprintf(root, sizeof(root), "/tmp/nex-relay-test-XXXXXX");
	assert_non_null(mkdtemp(root));
	snprintf(dir, sizeof(dir), "%s/state", root);
	return 0;
}

static inline int tear_down(void **state)
{
	char command[128];

	(void)state;
	(void)umount2(dir, MNT_DETACH);
	snprintf(command, sizeof(command), "rm -rf '%s'", root);
	return system(command); /* NOLINT: a path of our own making */
}

static inline void needs_start(void)
{
	if (!may_start)
		skip();
}

static inline void needs_root(void)
{
	if (!is_private)
		skip();
}

/* Once, before the first test. */
static inline void key_folder_init(void)
{
	is_private = !geteuid() && !unshare(CLONE_NEWNS) &&
		     !mount("", "/", "", MS_REC | MS_PRIVATE, NULL);
	may_start = is_private || !is_there(PRIVATE_KEY_NEXD_STATE);
}

/* clang-format off */
/* A test, with what it needs in its name: it is skipped otherwise. */
#define KEY_TEST(test, needs) { #test needs, test, set_up, tear_down, NULL }
#define NEEDS_START " (needs root, or no " PRIVATE_KEY_NEXD_STATE ")"
#define HALF_NEEDS_START " (half of it needs root, or no " PRIVATE_KEY_NEXD_STATE ")"
/* clang-format on */

#endif
