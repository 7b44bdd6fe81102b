// SPDX-License-Identifier: Apache-2.0
/* test_private_key_start.c - the first start: a key is made, or nexd's taken over, once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "key_folder.h"

static void test_first_start(void **state)
{
	mode_t mask = umask(0);
	struct got first, again, other;
	struct stat st;

	(void)state;
	umask(mask);
	needs_start();
	for (int i = 0; i < 3; i++) {
		static const mode_t masks[] = { 0, 0022, 0277 };

		snprintf(dir, sizeof(dir), "%s/state-%d", root, i);
		if (masks[i] & 0200) /* no folder could be made to write in */
			assert_int_equal(mkdir(dir, 0700), 0);
		umask(masks[i]);
		first = get_from(dir);
		umask(mask);
		assert_int_equal(first.err, 0);
		assert_int_equal(first.origin, PRIVATE_KEY_MADE);
		assert_string_equal(first.from, "");
		assert_int_equal(first.key[0] & 7, 0);
		assert_int_equal(first.key[31] >> 6, 1);
		check_file(first.text);
		assert_int_equal(stat(dir, &st), 0);
		assert_int_equal(st.st_mode, S_IFDIR | 0700);

		again = get_from(dir);
		assert_int_equal(again.err, 0);
		assert_int_equal(again.origin, PRIVATE_KEY_LOADED);
		assert_string_equal(again.from, "");
		assert_string_equal(again.text, first.text);
		if (i)
			assert_string_not_equal(other.text, first.text);
		other = first;
	}
}

/* clang-format off */
static const struct {
	const char *name;
	const char *here, *nexd; /* state.json of the state folder, and of nexd's */
	const char *key;         /* NULL: one is made; "": an error */
	int from;                /* 0: the state folder's */
} imports[] = {
	{ "of the state folder",   "{\"private-key\":\"" KEY "\"}", NULL,                             KEY, 0 },
	{ "of nexd",               NULL, "{\"private-key\":\"" KEY "\"}",                             KEY, 1 },
	{ "the state folder's first", "{\"private-key\":\"" KEY "\"}", "{\"private-key\":\"" OTHER_KEY "\"}", KEY, 0 },
	{ "nexd's if the first has none", "{}", "{\"private-key\":\"" KEY "\"}",                      KEY, 1 },
	{ "not clamped",           "{\"private-key\":\"" UNCLAMPED "\"}", NULL,                       CLAMPED, 0 },
	{ "not clamped, of nexd",  NULL, "{\"private-key\":\"" UNCLAMPED "\"}",                       CLAMPED, 1 },
	{ "none anywhere",         "{}", "{\"private-key\":\"\"}",                                    NULL, 0 },
	{ "malformed",             "{\"private-key\":\"" KEY, NULL,                                    "", 0 },
	{ "malformed, nexd's is good", "{\"private-key\":\"" KEY, "{\"private-key\":\"" KEY "\"}", "", 0 },
	{ "nexd's is malformed",   NULL, "{\"private-key\":\"" KEY "\"} x",                           "", 1 },
	{ "nexd's is no key",      "{}", "{\"private-key\":\"" ZEROS "\"}",                           "", 1 },
};
/* clang-format on */

/* A relay moves from nexd with its identity; what cannot be read is no reason to make another. */
static void test_import(void **state)
{
	(void)state;
	needs_root();
	for (size_t i = 0; i < N(imports); i++) {
		const char *const folders[] = { dir, PRIVATE_KEY_NEXD_STATE };
		const char *const texts[] = { imports[i].here, imports[i].nexd };
		enum private_key_origin origin =
			imports[i].key ? PRIVATE_KEY_IMPORTED : PRIVATE_KEY_MADE;
		char from[256];
		struct got got;

		snprintf(dir, sizeof(dir), "%s/state-%zu", root, i);
		snprintf(from, sizeof(from), "%s", in(folders[imports[i].from], "state.json"));
		(void)unlink(in(PRIVATE_KEY_NEXD_STATE, "state.json"));
		for (int f = 0; f < 2; f++)
			if (texts[f])
				put(folders[f], "state.json", texts[f], 0600);
		got = get_from(dir);
		if (imports[i].key && !*imports[i].key) {
			check_error(imports[i].name, &got, -EBADMSG, from, NEW_IDENTITY);
			assert_false(is_there(in(dir, "private.key")));
			assert_false(is_there(in(dir, "private.key.new")));
			continue;
		}
		if (got.err || got.origin != origin ||
		    strcmp(got.from, imports[i].key ? from : "") != 0 ||
		    (imports[i].key && strcmp(got.text, imports[i].key) != 0))
			fail_msg("%s: %d, %d, from %s", imports[i].name, got.err, got.origin,
				 got.err ? got.why.why : got.from);
		check_file(got.text);
		/* From now on it is ours. */
		put(dir, "state.json", "{\"private-key\":\"" OTHER_KEY "\"}", 0600);
		got = get_from(dir);
		assert_int_equal(got.origin, PRIVATE_KEY_LOADED);
		check_file(got.text);
	}
}

static struct {
	uint8_t key[WG_KEY_BYTES];
	enum private_key_origin origin;
	char from[PATH_MAX];
	struct private_key_error why;
} quiet;

/* Variables lie on the stack and nowhere else, whatever the sanitizer's default is. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_stack_use_after_return=0";
}

/* Is @n bytes of @wanted, each the complement of what is meant, in the unused part of the stack? */
__attribute__((no_sanitize("address"), noinline)) static bool is_on_stack(const uint8_t *wanted,
									  size_t n)
{
	const volatile uint8_t *here = __builtin_frame_address(0);
	const volatile uint8_t *at = here - (256 << 10);
	uint8_t byte;
	size_t same = 0;

	for (; at < here; at++) {
		byte = ~*at;
		same = byte == wanted[same] ? same + 1 : byte == wanted[0];
		if (same == n)
			return true;
	}
	return false;
}

/* What test_wiped() is there to see. */
__attribute__((noinline)) static void leave_behind(void)
{
	uint8_t copy[1024]; /* more than the next call covers */

	memcpy(copy, quiet.key, sizeof(quiet.key));
	__asm__ volatile("" : : "r"(copy) : "memory"); /* the copy is really made */
}

/* Nothing of the key stays behind where it was handled, neither as bytes nor as text. */
static void test_wiped(void **state)
{
	uint8_t wanted[WG_KEY_BYTES];
	char text[WG_KEY_TEXT];

	(void)state;
	needs_start();
	for (int start = 0; start < 3; start++) {
		if (start == 2) { /* the third time it is nexd's */
			assert_int_equal(rename(in(dir, "private.key"), in(dir, "old")), 0);
			put(dir, "state.json", "{\"private-key\":\"" KEY "\"}", 0600);
		}
		assert_int_equal(
			private_key_get(dir, quiet.key, &quiet.origin, quiet.from, &quiet.why), 0);
		for (size_t i = 0; i < sizeof(wanted); i++)
			wanted[i] = ~quiet.key[i];
		assert_false(is_on_stack(wanted, 16));
		leave_behind();
		assert_true(is_on_stack(wanted, 16));
		wg_key_format(quiet.key, text);
		for (size_t i = 0; i < sizeof(wanted); i++)
			wanted[i] = ~text[i];
		explicit_bzero(text, sizeof(text));
		assert_false(is_on_stack(wanted, 20));
	}
	explicit_bzero(&quiet, sizeof(quiet));
}

/* What a run left behind that ended before its file was whole. */
static void test_left_over(void **state)
{
	struct got got;

	(void)state;
	needs_start();
	put(dir, "private.key.new", KEY "\n", 0600);
	got = get_from(dir);
	assert_int_equal(got.err, 0);
	assert_int_equal(got.origin, PRIVATE_KEY_MADE);
	assert_string_not_equal(got.text, KEY);
	check_file(got.text);

	assert_int_equal(unlink(in(dir, "private.key")), 0);
	put(dir, "private.key.new", "GGFhY", 0200);
	got = get_from(dir);
	assert_int_equal(got.err, 0);
	check_file(got.text);

	/* Somebody else's is not ours to remove, and not to be written through. */
	assert_int_equal(unlink(in(dir, "private.key")), 0);
	put(root, "elsewhere", "precious", 0600);
	assert_int_equal(symlink("../elsewhere", in(dir, "private.key.new")), 0);
	got = get_from(dir);
	check_error("link", &got, -EEXIST, in(dir, "private.key.new"), "is in the way");
	assert_false(is_there(in(dir, "private.key")));
	assert_int_equal(unlink(in(dir, "private.key.new")), 0);
	assert_int_equal(mkdir(in(dir, "private.key.new"), 0700), 0);
	got = get_from(dir);
	check_error("folder", &got, -EEXIST, in(dir, "private.key.new"), "is in the way");
}

static void test_full_disk(void **state)
{
	static char filler[1 << 16];
	struct got got;
	int fd;

	(void)state;
	needs_root();
	assert_int_equal(mkdir(dir, 0700), 0);
	assert_int_equal(mount("state", dir, "tmpfs", 0, "size=64k,mode=0700"), 0);
	fd = open(in(dir, "filler"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	while (write(fd, filler, sizeof(filler)) > 0)
		;
	assert_int_equal(errno, ENOSPC);
	close(fd);
	got = get_from(dir);
	check_error("full", &got, -ENOSPC, in(dir, "private.key"),
		    "cannot write a new key, so there is none: No space left");
	assert_false(is_there(in(dir, "private.key")) || is_there(in(dir, "private.key.new")));
	assert_int_equal(unlink(in(dir, "filler")), 0);
	assert_int_equal(get_from(dir).err, 0);
}

/* Several that start at once come to one key. */
static void test_at_once(void **state)
{
	struct got got;
	int to_us[2], status;

	(void)state;
	needs_start();
	for (int round = 0; round < 20; round++) {
		char text[WG_KEY_TEXT], first[WG_KEY_TEXT] = "";

		snprintf(dir, sizeof(dir), "%s/state-%d", root, round);
		assert_int_equal(pipe(to_us), 0);
		for (int i = 0; i < 4; i++) {
			if (fork())
				continue;
			got = get_from(dir);
			_exit(got.err || write(to_us[1], got.text, WG_KEY_TEXT) != WG_KEY_TEXT);
		}
		close(to_us[1]);
		for (int i = 0; i < 4; i++) {
			assert_int_equal(read(to_us[0], text, sizeof(text)), sizeof(text));
			if (!i)
				memcpy(first, text, sizeof(first));
			assert_string_equal(text, first);
		}
		close(to_us[0]);
		for (int i = 0; i < 4; i++) {
			assert_true(wait(&status) > 0);
			assert_int_equal(status, 0);
		}
		check_file(first);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		KEY_TEST(test_first_start, NEEDS_START),
		KEY_TEST(test_import, " (needs root, to mount a /var/lib of its own)"),
		KEY_TEST(test_wiped, NEEDS_START),
		KEY_TEST(test_left_over, NEEDS_START),
		KEY_TEST(test_full_disk, " (needs root, to mount a small disk)"),
		KEY_TEST(test_at_once, NEEDS_START),
	};

	key_folder_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
