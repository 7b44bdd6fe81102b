// SPDX-License-Identifier: Apache-2.0
/*
 * test_kept_file.c - whatever somebody does to a file of ours is noticed, and what they may do with
 * it is not; nothing that is put in its place is waited for.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "node/kept_file.h"

#define TEXT "what was kept"
#define N(array) (sizeof(array) / sizeof(*(array)))

static char folder[] = "/tmp/nex-kept-XXXXXX";
static char path[64], other[64];

static void put(const char *name, const char *text)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

/* As an atomic file does: it was another one a moment ago. */
static void put_in_place(const char *text)
{
	put(other, text);
	assert_int_equal(rename(other, path), 0);
}

/* The clock of a file is a coarse one. */
static void alter(void)
{
	const struct timespec pause = { .tv_nsec = 20000000 };

	nanosleep(&pause, NULL);
	put(path, "WHAT WAS KEPT");
}

static void empty(void)
{
	assert_int_equal(truncate(path, 0), 0);
}

static void make_huge(void)
{
	assert_int_equal(truncate(path, 1LL << 40), 0);
}

static void open_it_to_others(void)
{
	assert_int_equal(chmod(path, 0640), 0);
}

static void put_the_same_there(void)
{
	put_in_place(TEXT);
}

static void put_a_fifo_there(void)
{
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
}

static void put_a_folder_there(void)
{
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
}

static void put_a_link_to_it_there(void)
{
	assert_int_equal(rename(path, other), 0);
	assert_int_equal(symlink(other, path), 0);
}

static void put_a_link_to_nothing_there(void)
{
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("/nowhere", path), 0);
}

static void remove_it(void)
{
	assert_int_equal(unlink(path), 0);
}

static void read_it(void)
{
	char text[sizeof(TEXT)];
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	assert_int_equal(read(fd, text, sizeof(text)), strlen(TEXT));
	close(fd);
}

static void link_it_elsewhere(void)
{
	assert_int_equal(link(path, other), 0);
}

/* clang-format off */
static const struct {
	const char *name;
	void (*act)(void);
	enum kept_is is;
} cases[] = {
	{ "altered, of the same size", alter,                       KEPT_CHANGED },
	{ "emptied",                   empty,                       KEPT_CHANGED },
	{ "huge, and full of holes",   make_huge,                   KEPT_CHANGED },
	{ "others may read it",        open_it_to_others,           KEPT_CHANGED },
	{ "a copy",                    put_the_same_there,          KEPT_CHANGED },
	{ "a FIFO",                    put_a_fifo_there,            KEPT_CHANGED },
	{ "a folder",                  put_a_folder_there,          KEPT_CHANGED },
	{ "a link to the file itself", put_a_link_to_it_there,      KEPT_CHANGED },
	{ "a link to nothing",         put_a_link_to_nothing_there, KEPT_CHANGED },
	{ "removed",                   remove_it,                   KEPT_GONE },
	{ "read",                      read_it,                     KEPT_WELL },
	{ "has another name, too",     link_it_elsewhere,           KEPT_WELL },
};
/* clang-format on */

static void clear(void)
{
	if (unlink(path) && errno == EISDIR)
		(void)rmdir(path);
	(void)unlink(other);
}

static void test_changes(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		struct kept_file file = {};

		put_in_place(TEXT);
		kept_file_written(&file, path);
		assert_int_equal(kept_file_look(&file, path), KEPT_WELL);
		cases[i].act();
		if (kept_file_look(&file, path) != cases[i].is || file.was != KEPT_WELL)
			fail_msg("%s: %d", cases[i].name, file.is);
		clear();
		put_in_place(TEXT);
		kept_file_written(&file, path);
		assert_int_equal(file.is, KEPT_WELL);
		assert_int_equal(kept_file_look(&file, path), KEPT_WELL);
		clear();
	}
}

static void test_it_was_never_there(void **state)
{
	struct kept_file file = {};

	(void)state;
	assert_int_equal(kept_file_look(&file, path), KEPT_WELL);
	put(path, TEXT);
	assert_int_equal(kept_file_look(&file, path), KEPT_WELL);
	clear();
}

static void test_an_earlier_run_has_written_it(void **state)
{
	struct kept_file file = {};
	struct stat st;

	(void)state;
	put(path, TEXT);
	assert_int_equal(stat(path, &st), 0);
	kept_file_read(&file, &st);
	assert_int_equal(kept_file_look(&file, path), KEPT_WELL);
	empty();
	assert_int_equal(kept_file_look(&file, path), KEPT_CHANGED);
	assert_int_equal(kept_file_look(&file, path), KEPT_CHANGED);
	assert_int_equal(file.was, KEPT_CHANGED);
	clear();
}

/* Nobody can say what is there: it is not written on suspicion. */
static void test_it_cannot_be_looked_at(void **state)
{
	struct kept_file file = {};

	(void)state;
	put(path, TEXT);
	kept_file_written(&file, path);
	assert_int_equal(kept_file_look(&file, "/dev/null/kept"), KEPT_WELL);
	clear();
}

static void test_what_is_news(void **state)
{
	struct kept_file file = {};

	(void)state;
	assert_true(kept_file_is_news(&file, 100));
	for (int64_t now_s = 110; now_s < 100000; now_s += 10)
		assert_false(kept_file_is_news(&file, now_s));
	assert_true(kept_file_is_news(&file, 200000));
	assert_false(kept_file_is_news(&file, 200010));
}

static int set_up(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/kept", folder);
	snprintf(other, sizeof(other), "%s/other", folder);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	clear();
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_changes),
		cmocka_unit_test(test_it_was_never_there),
		cmocka_unit_test(test_an_earlier_run_has_written_it),
		cmocka_unit_test(test_it_cannot_be_looked_at),
		cmocka_unit_test(test_what_is_news),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
