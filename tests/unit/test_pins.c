// SPDX-License-Identifier: Apache-2.0
/*
 * test_pins.c - whose folders are trusted with pins, and what `nex-relay check` says of bpffs.
 *
 * In a mount namespace of the test's own, with a bpffs of its own: that needs root.
 */
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
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

#include "check/list.h"
#include "datapath/pins.h"

#define N(array) (sizeof(array) / sizeof(*(array)))
#define DIR_OF_PINS PINS_ROOT "/wg0"
#define MARK "made"
#define STRANGER 65534

/* Which of the two folders is made how, before ours would be. */
/* clang-format off */
static const struct {
	const char *name, *path;
	mode_t mode;        /* 0: a symlink to a folder of root's */
	uid_t uid;
	int err;
} cases[] = {
	{ "as we make the root",          PINS_ROOT,   0700, 0,        0 },
	{ "as we make the folder",        DIR_OF_PINS, 0700, 0,        0 },
	{ "root that all may read",       PINS_ROOT,   0755, 0,        0 },
	{ "root of a stranger's",         PINS_ROOT,   0700, STRANGER, -EUCLEAN },
	{ "root for the group",           PINS_ROOT,   0720, 0,        -EUCLEAN },
	{ "root for all",                 PINS_ROOT,   0702, 0,        -EUCLEAN },
	{ "root for all, but sticky",     PINS_ROOT,   01777, 0,       -EUCLEAN },
	{ "root leads elsewhere",         PINS_ROOT,   0,    0,        -EUCLEAN },
	{ "folder of a stranger's",       DIR_OF_PINS, 0700, STRANGER, -EUCLEAN },
	{ "folder for all",               DIR_OF_PINS, 0702, 0,        -EUCLEAN },
	{ "folder leads elsewhere",       DIR_OF_PINS, 0,    0,        -EUCLEAN },
};

static const struct {
	const char *name, *options; /* NULL: nothing is mounted */
	const char *status, *remedy;
} checks[] = {
	{ "root's",           "mode=0700", "OK",   NULL },
	{ "readable",         "mode=0755", "OK",   NULL },
	{ "for all to write", "",          "WARN", "chmod 0700 /sys/fs/bpf" },
	{ "for the group",    "mode=0770", "WARN", "chmod 0700 /sys/fs/bpf" },
	{ "not there",        NULL,        "FAIL", "mount -t bpf -o mode=0700 bpf /sys/fs/bpf" },
};
/* clang-format on */

static bool is_private; /* /sys is ours */

static void mount_bpffs(const char *options)
{
	if (!is_private)
		skip();
	(void)umount2(PINS_BPFFS, MNT_DETACH); /* of the test before */
	if (options)
		assert_int_equal(mount("bpf", PINS_BPFFS, "bpf", 0, options), 0);
}

static bool is_there(const char *path)
{
	struct stat st;

	return !lstat(path, &st);
}

/* A folder elsewhere, with something in it that nobody may touch. */
static void make_victim(void)
{
	assert_int_equal(mkdir(PINS_BPFFS "/victim", 0700), 0);
	assert_int_equal(mkdir(PINS_BPFFS "/victim/" MARK, 0700), 0);
	assert_int_equal(mkdir(PINS_BPFFS "/victim/wg0", 0700), 0);
	assert_int_equal(mkdir(PINS_BPFFS "/victim/wg0/" MARK, 0700), 0);
}

static void make_before(const char *path, mode_t mode, uid_t uid)
{
	if (!mode) {
		assert_int_equal(symlink(PINS_BPFFS "/victim", path), 0);
		return;
	}
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(chmod(path, mode) + lchown(path, uid, uid), 0);
}

/* In all functions the same: used, or refused before anything is read, made or removed. */
static void test_whose_folders(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		int err, open_err;

		mount_bpffs("");
		make_victim();
		if (strcmp(cases[i].path, PINS_ROOT) != 0)
			assert_int_equal(mkdir(PINS_ROOT, 0700), 0);
		make_before(cases[i].path, cases[i].mode, cases[i].uid);
		err = pins_make_dir(DIR_OF_PINS);
		open_err = pins_open(DIR_OF_PINS, "nex_addr4");
		if (err != cases[i].err || open_err != (err ?: -ENOENT))
			fail_msg("%s: %d, %d", cases[i].name, err, open_err);
		if (!err)
			assert_int_equal(pins_mark(DIR_OF_PINS, MARK), 0);
		if (pins_is_marked(DIR_OF_PINS, MARK) != !err)
			fail_msg("%s: marked %d", cases[i].name, err);
		if (pins_remove_dir(DIR_OF_PINS) != err)
			fail_msg("%s: not removed as made", cases[i].name);
		if (!err && is_there(PINS_ROOT))
			fail_msg("%s: something stays", cases[i].name);
		if (!is_there(PINS_BPFFS "/victim/" MARK) ||
		    !is_there(PINS_BPFFS "/victim/wg0/" MARK))
			fail_msg("%s: another's things were removed", cases[i].name);
	}
}

/* A start that failed half way, or a second `down`: the root goes, unless it is in use. */
static void test_root_is_removed(void **state)
{
	(void)state;
	mount_bpffs("mode=0700");
	assert_int_equal(pins_remove_dir(DIR_OF_PINS), 0);
	assert_int_equal(mkdir(PINS_ROOT, 0700), 0);
	assert_int_equal(pins_remove_dir(DIR_OF_PINS), 0);
	assert_false(is_there(PINS_ROOT));
	assert_int_equal(pins_make_dir(PINS_ROOT "/wg1"), 0);
	assert_int_equal(pins_remove_dir(DIR_OF_PINS), 0);
	assert_true(is_there(PINS_ROOT "/wg1"));
}

static const char *text_of(struct json_object *answer, const char *key)
{
	return json_object_get_string(json_object_object_get(answer, key));
}

static void test_check(void **state)
{
	(void)state;
	if (!is_private)
		skip();
	for (size_t i = 0; i < N(checks); i++) {
		struct check_list list = { .json = json_object_new_array() };
		const char *status, *remedy;

		mount_bpffs(checks[i].options);
		check_bpffs(&list);
		status = text_of(json_object_array_get_idx(list.json, 0), "status");
		remedy = text_of(json_object_array_get_idx(list.json, 0), "remedy");
		if (!status || strcmp(status, checks[i].status) != 0 ||
		    strcmp(remedy ?: "", checks[i].remedy ?: "") != 0)
			fail_msg("%s: %s, %s", checks[i].name, status, remedy);
		json_object_put(list.json);
	}
}

static bool make_private(void)
{
	return !geteuid() && !unshare(CLONE_NEWNS) &&
	       !mount("", "/", "", MS_REC | MS_PRIVATE, NULL);
}

/* clang-format off */
#define NEEDS_ROOT(test) { #test " (needs root, to mount a bpffs of its own)", test, NULL, NULL, NULL }
/* clang-format on */

int main(void)
{
	const struct CMUnitTest tests[] = {
		NEEDS_ROOT(test_whose_folders),
		NEEDS_ROOT(test_root_is_removed),
		NEEDS_ROOT(test_check),
	};

	is_private = make_private();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
