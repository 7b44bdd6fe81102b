// SPDX-License-Identifier: Apache-2.0
/*
 * test_atomic_file.c - a file is the old one or the new one, whatever is in the way; and of what
 * was in the way nothing is left, and nothing was followed.
 *
 * As root, with a small filesystem of its own for what becomes full or read-only.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/atomic_file.h"

#define ROOM (256 << 10) /* of the small filesystem, bytes */

static char root[] = "/tmp/nex-atomic-XXXXXX";
static char path[64], fresh[72], other[64];
static bool is_private;

static void put(const char *name, const char *text)
{
	FILE *file = fopen(name, "we");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void check(const char *name, const char *want)
{
	char text[64] = "";
	int fd = open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		fail_msg("%s: %s", name, strerror(errno));
	assert_true(read(fd, text, sizeof(text) - 1) >= 0);
	close(fd);
	assert_string_equal(text, want);
}

static bool is_there(const char *name)
{
	struct stat st;

	return !lstat(name, &st);
}

static int write_new(bool durable)
{
	return atomic_file_write(path, 0600, "new", 3, durable);
}

static void test_write(void **state)
{
	static const mode_t modes[] = { 0600, 0644, 0400 };
	struct stat st;

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(modes) / sizeof(modes[0]); i++) {
		mode_t mode = modes[i / 2], before = umask(i % 2 ? 0777 : 0);

		assert_int_equal(atomic_file_write(path, mode, "new", 3, i % 2), 0);
		umask(before);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode, S_IFREG | mode);
		assert_false(is_there(fresh));
		assert_int_equal(st.st_size, 3);
		(void)unlink(path);
	}
	assert_int_equal(atomic_file_write(path, 0600, "", 0, true), 0);
	check(path, "");
}

/* A secret that replaces a file that others may read is not in that file. */
static void test_other_file(void **state)
{
	struct stat before, after;

	(void)state;
	put(path, "old");
	assert_int_equal(chmod(path, 0666), 0);
	assert_int_equal(link(path, other), 0);
	assert_int_equal(stat(path, &before), 0);
	assert_int_equal(write_new(true), 0);
	assert_int_equal(stat(path, &after), 0);
	assert_int_equal(after.st_mode & 07777, 0600);
	assert_true(before.st_ino != after.st_ino);
	check(other, "old");
}

static void test_not_committed(void **state)
{
	struct atomic_file file;

	(void)state;
	put(path, "old");
	assert_int_equal(atomic_file_open(&file, path, 0600), 0);
	assert_int_equal(fcntl(file.fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(write(file.fd, "new", 3), 3);
	check(path, "old");
	atomic_file_abandon(&file);
	check(path, "old");
	assert_false(is_there(fresh));
	atomic_file_abandon(&file); /* once more is no harm */
	assert_int_equal(atomic_file_open(&file, path, 0600), 0);
	assert_int_equal(write(file.fd, "new", 3), 3);
	assert_int_equal(atomic_file_commit(&file, true), 0);
	check(path, "new");
}

/* What a crash has left of an earlier one, with any mode. */
static void test_leftover(void **state)
{
	(void)state;
	put(fresh, "half");
	assert_int_equal(chmod(fresh, 0), 0);
	assert_int_equal(write_new(true), 0);
	check(path, "new");
	assert_false(is_there(fresh));
}

/* Of what is in the way of the new file: a link is not followed. */
static void test_symlink_in_the_way(void **state)
{
	(void)state;
	put(other, "other");
	assert_int_equal(symlink(other, fresh), 0);
	assert_int_equal(write_new(true), 0);
	check(other, "other");
	check(path, "new");
	/* And one in the place of the old file is replaced. */
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink(other, path), 0);
	assert_int_equal(write_new(true), 0);
	check(other, "other");
	check(path, "new");
}

static void test_folder_in_the_way(void **state)
{
	(void)state;
	put(path, "old");
	assert_int_equal(mkdir(fresh, 0700), 0);
	assert_int_equal(write_new(true), -EISDIR);
	check(path, "old");
	assert_int_equal(rmdir(fresh), 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(write_new(true), -EISDIR);
	assert_false(is_there(fresh));
	assert_int_equal(rmdir(path), 0);
}

static void test_names(void **state)
{
	char long_path[PATH_MAX + 10];

	(void)state;
	memset(long_path, 'a', sizeof(long_path) - 1);
	long_path[0] = '/';
	long_path[PATH_MAX - 1] = '\0';
	assert_int_equal(atomic_file_write(long_path, 0600, "", 0, true), -ENAMETOOLONG);
	assert_int_equal(atomic_file_remove(long_path) < 0, true);
	assert_int_equal(atomic_file_write("/nowhere/a", 0600, "", 0, true), -ENOENT);
	assert_int_equal(atomic_file_write("/dev/null/a", 0600, "", 0, true), -ENOTDIR);
}

static void test_remove(void **state)
{
	(void)state;
	assert_int_equal(atomic_file_remove(path), 0);
	put(path, "old");
	put(fresh, "half");
	assert_int_equal(atomic_file_remove(path), 0);
	assert_false(is_there(path) || is_there(fresh));
	put(fresh, "half");
	assert_int_equal(atomic_file_remove(path), 0);
	assert_false(is_there(fresh));
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(atomic_file_remove(path), -EISDIR);
	assert_int_equal(rmdir(path), 0);
}

static void needs_root(void)
{
	if (!is_private)
		skip();
}

static void test_full_disk(void **state)
{
	static char much[2 * ROOM];
	struct atomic_file file;

	(void)state;
	needs_root();
	put(path, "old");
	/* Some of it still fits: the new file is cut, and so is none. */
	assert_int_equal(atomic_file_write(path, 0600, much, sizeof(much), true), -ENOSPC);
	check(path, "old");
	assert_false(is_there(fresh));
	/* There is room again: nothing of the first try takes it. */
	assert_int_equal(atomic_file_write(path, 0600, much, ROOM / 2, true), 0);
	assert_int_equal(atomic_file_open(&file, path, 0600), 0);
	assert_true(write(file.fd, much, sizeof(much)) < (ssize_t)sizeof(much));
	atomic_file_abandon(&file);
	assert_false(is_there(fresh));
	assert_int_equal(write_new(true), 0);
	check(path, "new");
}

static void test_read_only(void **state)
{
	(void)state;
	needs_root();
	put(path, "old");
	assert_int_equal(mount("", root, "", MS_REMOUNT | MS_RDONLY, NULL), 0);
	assert_int_equal(write_new(true), -EROFS);
	assert_int_equal(atomic_file_remove(path), -EROFS);
	check(path, "old");
	assert_int_equal(mount("", root, "", MS_REMOUNT, NULL), 0);
	assert_int_equal(write_new(true), 0);
	check(path, "new");
}

static int set_up(void **state)
{
	char size[32];

	(void)state;
	snprintf(size, sizeof(size), "size=%d", ROOM);
	return is_private && mount("small", root, "tmpfs", 0, size);
}

static int tear_down(void **state)
{
	(void)state;
	if (is_private)
		return umount(root);
	(void)unlink(path), (void)unlink(fresh), (void)unlink(other);
	return 0;
}

static int make_root(void **state)
{
	(void)state;
	is_private = !geteuid() && !unshare(CLONE_NEWNS) &&
		     !mount("", "/", "", MS_REC | MS_PRIVATE, NULL);
	if (!mkdtemp(root))
		return -1;
	snprintf(path, sizeof(path), "%s/file", root);
	snprintf(fresh, sizeof(fresh), "%s.new", path);
	snprintf(other, sizeof(other), "%s/other", root);
	return 0;
}

static int remove_root(void **state)
{
	(void)state;
	return rmdir(root);
}

/* clang-format off */
#define TEST(test) { #test, test, set_up, tear_down, NULL }
#define ROOT_TEST(test) { #test " (needs root)", test, set_up, tear_down, NULL }
/* clang-format on */

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_write),
		TEST(test_other_file),
		TEST(test_not_committed),
		TEST(test_leftover),
		TEST(test_symlink_in_the_way),
		TEST(test_folder_in_the_way),
		TEST(test_names),
		TEST(test_remove),
		ROOT_TEST(test_full_disk),
		ROOT_TEST(test_read_only),
	};

	return cmocka_run_group_tests(tests, make_root, remove_root);
}
