// SPDX-License-Identifier: Apache-2.0
/*
 * test_file_watch.c - which events in a folder mean that the watched file is to be read again.
 *
 * Steps are words: "write:f:text", "open:f" (created or emptied, not closed), "close", "move:g:f",
 * "delete:f", "link:f:target", "folder:d". "=1" or "=0" behind a step is what the watch says of
 * everything since it was asked last; steps before "watch" come before it looks. inotify events are
 * queued before the call that causes them returns: nothing has to be waited for.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "node/file_watch.h"

#define N(array) (sizeof(array) / sizeof(*(array)))
#define STEPS_MAX 512

/* clang-format off */
static const struct {
	const char *name, *path; /* below a new folder */
	const char *steps;
} cases[] = {
	{ "nothing happens",         "f", "write:f:a watch =0 =0" },
	{ "rewritten in place",      "f", "write:f:a watch write:f:b=1 =0 write:f:c=1 =0" },
	{ "rewritten with the same", "f", "write:f:a watch write:f:a=1 =0" },
	{ "rewritten many times",    "f", "write:f:a watch write:f:b write:f:c write:f:d=1 =0" },
	{ "replaced by rename",      "f", "write:f:a watch write:g:b=0 move:g:f=1 =0" },
	{ "replaced by the same",    "f", "write:f:a watch write:g:a move:g:f=1 =0" },
	{ "deleted and created again", "f", "write:f:a watch delete:f=1 =0 write:f:a=1 =0" },
	{ "created later",           "f", "watch =0 write:f:a=1 =0" },
	{ "moved here later",        "f", "write:g:a watch move:g:f=1 =0" },
	{ "moved away",              "f", "write:f:a watch move:f:g=1 =0 move:g:f=1 =0" },
	{ "moved away and back",     "f", "write:f:a watch move:f:g move:g:f=0" },
	{ "moved away, changed there, and back", "f",
	  "write:f:a watch move:f:g write:g:bb move:g:f=1 =0" },
	{ "created, not yet written", "f", "watch open:f=0 close=1 =0" },
	{ "emptied, not yet written", "f", "write:f:a watch open:f=0 write:g:x=0 close=1 =0" },

	{ "another file is written", "f", "write:f:a watch write:g:b=0 write:g:c=0" },
	{ "another file comes and goes", "f", "write:f:a watch write:g:b delete:g=0" },
	{ "others change names",     "f", "write:f:a write:g:b watch move:g:h=0" },
	{ "name is longer",          "f", "write:f:a watch write:ff:b move:ff:fg=0" },
	{ "name is shorter",         "ff", "write:ff:a watch write:f:b=0" },
	{ "folder beside it",        "f", "write:f:a watch folder:d=0 write:d/f:b=0" },
	{ "nothing is there, others change", "f", "watch write:g:a=0 delete:g=0" },

	{ "symlink is turned",       "f", "write:v1:a write:v2:b link:f:v1 watch link:t:v2=0 move:t:f=1 =0" },
	{ "symlink to a symlink is turned, as Kubernetes does", "f",
	  "folder:..v1 write:..v1/f:a link:..data:..v1 link:f:..data/f watch "
	  "folder:..v2 write:..v2/f:b link:..tmp:..v2=0 move:..tmp:..data=1 delete:..v1/f=0 write:..v3:x=0" },
	{ "symlink to another folder, rewritten there", "f",
	  "folder:d write:d/v:a link:f:d/v watch write:d/w:x=0 write:d/v:b=1 =0 write:g:c=0" },
	{ "symlink to another folder, replaced there", "f",
	  "folder:d write:d/v:a link:f:d/v watch write:d/w:b=0 move:d/w:d/v=1 =0 write:d/v:c=1" },
	{ "symlink leads nowhere",   "f", "link:f:v1 watch =0 write:v1:a=1 =0" },
	{ "target of a symlink is replaced", "f", "write:v1:a link:f:v1 watch write:t:b=0 move:t:v1=1 =0" },

	{ "in a folder below",       "d/f", "folder:d write:d/f:a watch write:d/g:b=0 write:d/f:b=1 write:f:c=0" },
	{ "two slashes",             "d//f", "folder:d write:d/f:a watch write:d/f:b=1 write:d/g:b=0" },
};
/* clang-format on */

static char folder[] = "/tmp/test_file_watch.XXXXXX";
static char kept_folder[] = "/tmp/test_file_watch.XXXXXX";
static int open_fd = -1;

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static int enter_folder(void **state)
{
	(void)state;
	memcpy(folder, kept_folder, sizeof(folder));
	return !mkdtemp(folder) || chdir(folder);
}

static int leave_folder(void **state)
{
	(void)state;
	return chdir("/") || nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void put(const char *name, const char *text, bool keep_open)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	if (keep_open)
		open_fd = fd;
	else
		close(fd);
}

static void do_step(char *step)
{
	const char *what = strsep(&step, ":"), *first = strsep(&step, ":"), *second = step;

	if (!strcmp(what, "write"))
		put(first, second, false);
	else if (!strcmp(what, "open"))
		put(first, "", true);
	else if (!strcmp(what, "close"))
		assert_int_equal(write(open_fd, "x", 1) + close(open_fd), 1);
	else if (!strcmp(what, "move"))
		assert_int_equal(rename(first, second), 0);
	else if (!strcmp(what, "delete"))
		assert_int_equal(unlink(first), 0);
	else if (!strcmp(what, "link"))
		assert_int_equal(symlink(second, first), 0);
	else if (!strcmp(what, "folder"))
		assert_int_equal(mkdir(first, 0700), 0);
	else
		assert_string_equal(what, "");
}

/* What the watch says; the node only asks when the descriptor can be read. */
static int ask(struct file_watch *watch)
{
	struct pollfd pollfd = { .fd = watch->fd, .events = POLLIN };
	int readable = poll(&pollfd, 1, 0), changed;

	changed = file_watch_changed(watch);
	assert_true(readable || !changed);
	assert_int_equal(poll(&pollfd, 1, 0), 0); /* all events were taken */
	return changed;
}

static void run_case(size_t i)
{
	char steps[STEPS_MAX], path[PATH_MAX], *rest = steps;
	struct file_watch watch = { .fd = -1 };

	assert_int_equal(enter_folder(NULL), 0);
	snprintf(path, sizeof(path), "%s/%s", folder, cases[i].path);
	snprintf(steps, sizeof(steps), "%s", cases[i].steps);
	for (char *step; (step = strsep(&rest, " "));) {
		char *want = strchr(step, '=');

		if (!strcmp(step, "watch")) {
			assert_int_equal(file_watch_open(&watch, path), 0);
			continue;
		}
		if (want)
			*want++ = '\0';
		do_step(step);
		if (want && ask(&watch) != atoi(want))
			fail_msg("%s: not %s after the step before '%s'", cases[i].name, want,
				 rest ?: "the end");
	}
	file_watch_close(&watch);
	assert_int_equal(leave_folder(NULL), 0);
}

static void test_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(cases); i++)
		run_case(i);
}

/* The path may be relative, and then the folder is the current one. */
static void test_relative_path(void **state)
{
	struct file_watch watch;

	(void)state;
	put("f", "a", false);
	assert_int_equal(file_watch_open(&watch, "f"), 0);
	put("g", "b", false);
	assert_int_equal(ask(&watch), 0);
	put("f", "b", false);
	assert_int_equal(ask(&watch), 1);
	file_watch_close(&watch);
}

static void test_folder_goes(void **state)
{
	struct file_watch watch;

	(void)state;
	for (int moved = 0; moved < 2; moved++) {
		assert_int_equal(mkdir("d", 0700), 0);
		put("d/f", "a", false);
		assert_int_equal(file_watch_open(&watch, "d/f"), 0);
		if (moved)
			assert_int_equal(rename("d", "e"), 0);
		else
			assert_int_equal(unlink("d/f") + rmdir("d"), 0);
		assert_int_equal(ask(&watch), -ENOENT);
		file_watch_close(&watch);
		assert_int_equal(file_watch_open(&watch, "d/f"), -ENOENT);
		file_watch_close(&watch);
	}
}

static void test_not_to_be_watched(void **state)
{
	static char long_path[PATH_MAX + 1];
	static const struct {
		const char *path;
		int err;
	} paths[] = {
		{ "d/f", -ENOENT }, { "f/g", -ENOTDIR }, { "d/", -EISDIR },
		{ "", -EISDIR },    { "/", -EISDIR },    { long_path, -ENAMETOOLONG },
	};
	struct file_watch watch;

	(void)state;
	memset(long_path, 'x', PATH_MAX);
	put("f", "a", false);
	for (size_t i = 0; i < N(paths); i++) {
		int err = file_watch_open(&watch, paths[i].path);

		if (err != paths[i].err)
			fail_msg("'%.20s': %d", paths[i].path, err);
		file_watch_close(&watch); /* safe on a failed one */
	}
}

/* A file in the root folder: nothing is written there, but the folder is the right one. */
static void test_root_folder(void **state)
{
	struct file_watch watch;

	(void)state;
	assert_int_equal(file_watch_open(&watch, "/no-such-file"), 0);
	assert_string_equal(watch.dir, "/");
	assert_string_equal(watch.name, "no-such-file");
	file_watch_close(&watch);
}

/* More events than the kernel keeps: some may have been ours. */
static void test_overflow(void **state)
{
	FILE *sysctl = fopen("/proc/sys/fs/inotify/max_queued_events", "r");
	struct file_watch watch;
	int max = 0;

	(void)state;
	assert_non_null(sysctl);
	assert_int_equal(fscanf(sysctl, "%d", &max), 1);
	fclose(sysctl);
	put("f", "a", false);
	assert_int_equal(file_watch_open(&watch, "f"), 0);
	for (int i = 0; i <= max / 2; i++)
		assert_int_equal(link("f", "g") + unlink("g"), 0); /* two events */
	assert_int_equal(ask(&watch), 1);
	assert_int_equal(ask(&watch), 0);
	file_watch_close(&watch);
}

/* Zeroed is not open: descriptor 0 is somebody else's. */
static void test_close_is_safe(void **state)
{
	static struct file_watch zeroed;
	int keep = dup(STDIN_FILENO);

	(void)state;
	assert_true(keep >= 0);
	file_watch_close(&zeroed);
	if (fcntl(STDIN_FILENO, F_GETFD) < 0) {
		assert_int_equal(dup2(keep, STDIN_FILENO), STDIN_FILENO);
		fail_msg("standard input was closed");
	}
	close(keep);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test_setup_teardown(test_relative_path, enter_folder, leave_folder),
		cmocka_unit_test_setup_teardown(test_folder_goes, enter_folder, leave_folder),
		cmocka_unit_test_setup_teardown(test_not_to_be_watched, enter_folder, leave_folder),
		cmocka_unit_test(test_root_folder),
		cmocka_unit_test_setup_teardown(test_overflow, enter_folder, leave_folder),
		cmocka_unit_test(test_close_is_safe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
