// SPDX-License-Identifier: Apache-2.0
/* test_private_key.c - a key that is there is found, unless it is none or others can read it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cmocka.h>

#include "key_folder.h"

#define STRANGER 4711

static void from_hex(const char *text, uint8_t ret_key[static WG_KEY_BYTES])
{
	for (int i = 0; i < WG_KEY_BYTES; i++)
		assert_int_equal(sscanf(text + 2 * i, "%2hhx", &ret_key[i]), 1);
}

/* Alice and Bob of RFC 7748, section 6.1. */
static void test_public(void **state)
{
	/* clang-format off */
	static const struct { const char *name, *private_key, *public_key; } rows[] = {
		{ "Alice", "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
			   "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a" },
		{ "Bob",   "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb",
			   "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f" },
	};
	/* clang-format on */
	uint8_t key[WG_KEY_BYTES], want[WG_KEY_BYTES];

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		from_hex(rows[i].private_key, key);
		from_hex(rows[i].public_key, want);
		assert_int_equal(private_key_public(key, key), 0);
		if (memcmp(key, want, sizeof(key)) != 0)
			fail_msg("%s", rows[i].name);
	}
	/* Clamping changes nothing of it. */
	assert_int_equal(wg_key_parse(UNCLAMPED, key), 0);
	assert_int_equal(private_key_public(key, want), 0);
	assert_int_equal(wg_key_parse(CLAMPED, key), 0);
	assert_int_equal(private_key_public(key, key), 0);
	assert_memory_equal(key, want, sizeof(key));
}

/* clang-format off */
static const struct {
	const char *name, *text;
	const char *key; /* NULL: refused */
} files[] = {
	{ "as wg genkey writes it",    KEY "\n",             KEY },
	{ "no newline",                KEY,                  KEY },
	{ "not clamped",               UNCLAMPED "\n",       CLAMPED },
	{ "empty",                     "",                   NULL },
	{ "a newline",                 "\n",                 NULL },
	{ "two newlines",              KEY "\n\n",           NULL },
	{ "carriage return",           KEY "\r\n",           NULL },
	{ "carriage return alone",     KEY "\r",             NULL },
	{ "blank in front",            " " KEY "\n",         NULL },
	{ "blank behind",              KEY " \n",            NULL },
	{ "newline in front",          "\n" KEY,             NULL },
	{ "two keys",                  KEY "\n" KEY "\n",    NULL },
	{ "one character more",        KEY "=\n",            NULL },
	{ "one character less",        "GGFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE\n", NULL },
	{ "not canonical",             "GGFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWF=\n", NULL },
	{ "garbage as long as a key",  "!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!\n", NULL },
	{ "32 bytes in hexadecimal",   "1861616161616161616161616161616161616161616161616161616161616161\n", NULL },
	{ "zeros",                     ZEROS "\n",           NULL },
};
/* clang-format on */

static void test_files(void **state)
{
	static char large[1 << 16];
	struct got got;

	(void)state;
	for (size_t i = 0; i < N(files); i++) {
		put(dir, "private.key", files[i].text, 0600);
		got = get_from(dir);
		if (!files[i].key)
			check_error(files[i].name, &got, -EBADMSG, in(dir, "private.key"),
				    NEW_IDENTITY);
		else if (got.err || strcmp(got.text, files[i].key) != 0 || *got.from ||
			 got.origin != PRIVATE_KEY_LOADED)
			fail_msg("%s: %d", files[i].name, got.err);
	}
	put_bytes(in(dir, "private.key"), KEY "\0\n", WG_KEY_TEXT + 1, 0600);
	got = get_from(dir);
	check_error("NUL and newline", &got, -EBADMSG, in(dir, "private.key"), NEW_IDENTITY);
	put_bytes(in(dir, "private.key"), KEY, WG_KEY_TEXT, 0600);
	got = get_from(dir);
	check_error("NUL", &got, -EBADMSG, in(dir, "private.key"), NEW_IDENTITY);
	memset(large, '\n', sizeof(large));
	memcpy(large, KEY, WG_KEY_TEXT - 1);
	put_bytes(in(dir, "private.key"), large, sizeof(large), 0600);
	got = get_from(dir);
	check_error("large", &got, -EBADMSG, in(dir, "private.key"), NEW_IDENTITY);
}

/* clang-format off */
static const struct {
	mode_t mode;
	const char *why; /* NULL: it is good */
} file_modes[] = {
	{ 0600, NULL }, { 0400, NULL }, { 0700, NULL },
	{ 0640,  "mode 0640: others can read it; run `chmod 0600 " },
	{ 0644,  "mode 0644: others can read it; run `chmod 0600 " },
	{ 0604,  "mode 0604: others can read it; run `chmod 0600 " },
	{ 0666,  "mode 0666: others can read it; run `chmod 0600 " },
	{ 0620,  "mode 0620: others can change it; run `chmod 0600 " },
	{ 0602,  "mode 0602: others can change it; run `chmod 0600 " },
	{ 0610,  "mode 0610: others can run it; run `chmod 0600 " },
	{ 04644, "mode 4644: others can read it; run `chmod 0600 " },
}, dir_modes[] = {
	{ 0700, NULL }, { 0500, NULL }, { 02700, NULL },
	{ 0755,  "mode 0755: others can read it; run `chmod 0700 " },
	{ 0750,  "mode 0750: others can read it; run `chmod 0700 " },
	{ 0711,  "mode 0711: others can enter it; run `chmod 0700 " },
	{ 0770,  "mode 0770: others can read it; run `chmod 0700 " },
	{ 0757,  "mode 0757: others can read it; run `chmod 0700 " },
	{ 01777, "mode 1777: others can read it; run `chmod 0700 " },
};
/* clang-format on */

static void check_mode(const char *path, mode_t mode, const char *why)
{
	struct got got;

	assert_int_equal(chmod(path, mode), 0);
	got = get_from(dir);
	if (!why && got.err)
		fail_msg("%o: %d, %s", mode, got.err, got.why.why);
	if (why) {
		check_error(why, &got, -EACCES, path, why);
		assert_non_null(strstr(got.why.why, path)); /* the command is whole */
	}
}

/* Before there is a key, when there is one, and when nexd's is to be taken. */
static void test_modes(void **state)
{
	char key[256], state_json[256];

	(void)state;
	put(dir, "private.key", KEY "\n", 0600);
	snprintf(key, sizeof(key), "%s", in(dir, "private.key"));
	snprintf(state_json, sizeof(state_json), "%s", in(dir, "state.json"));
	for (size_t i = 0; i < N(file_modes); i++)
		check_mode(key, file_modes[i].mode, file_modes[i].why);
	assert_int_equal(chmod(key, 0600), 0);
	for (size_t i = 0; i < N(dir_modes); i++)
		check_mode(dir, dir_modes[i].mode, dir_modes[i].why);
	assert_int_equal(chmod(dir, 0700), 0);
	needs_start();
	for (size_t i = 0; i < N(file_modes); i++) {
		(void)unlink(key);
		put(dir, "state.json", "{\"private-key\":\"" KEY "\"}", 0600);
		check_mode(state_json, file_modes[i].mode, file_modes[i].why);
		assert_int_equal(is_there(key), !file_modes[i].why);
	}
	assert_int_equal(unlink(state_json), 0);
	for (size_t i = 0; i < N(dir_modes); i++) {
		(void)unlink(key);
		check_mode(dir, dir_modes[i].mode, dir_modes[i].why);
		assert_int_equal(is_there(key), !dir_modes[i].why);
	}
}

static void check_owner(const char *path)
{
	struct got got;

	assert_int_equal(chown(path, STRANGER, 0), 0);
	got = get_from(dir);
	check_error("a stranger's", &got, -EACCES, path,
		    "owned by user 4711, and must be by user 0");
	assert_non_null(strstr(got.why.why, "run `chown 0 "));
	assert_int_equal(chown(path, 0, STRANGER), 0); /* the group is nothing */
}

static void test_owners(void **state)
{
	(void)state;
	needs_root();
	assert_int_equal(mkdir(dir, 0700), 0);
	check_owner(dir);
	put(dir, "private.key", KEY "\n", 0600);
	check_owner(in(dir, "private.key"));
	assert_int_equal(get_from(dir).err, 0);
	assert_int_equal(unlink(in(dir, "private.key")), 0);
	put(dir, "state.json", "{}", 0600);
	check_owner(in(dir, "state.json"));
	assert_int_equal(mkdir(PRIVATE_KEY_NEXD_STATE, 0700), 0);
	check_owner(PRIVATE_KEY_NEXD_STATE);
	assert_int_equal(get_from(dir).err, 0);
}

static void make_socket(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	close(fd);
}

/* In the place of @name something that is no file. */
static void check_no_file(const char *name)
{
	const char *path = in(dir, name);
	struct got got;

	(void)unlink(path);
	put(root, "elsewhere", KEY "\n", 0600);
	assert_int_equal(symlink("../elsewhere", path), 0);
	got = get_from(dir);
	check_error("symbolic link", &got, -EBADMSG, path, "is a symbolic link; put the file");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("nowhere", path), 0);
	got = get_from(dir);
	check_error("dangling link", &got, -EBADMSG, path, "is a symbolic link; put the file");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	got = get_from(dir);
	check_error("folder", &got, -EBADMSG, path, "is no regular file; move it away");
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	got = get_from(dir);
	check_error("FIFO", &got, -EBADMSG, path, "is no regular file; move it away");
	assert_int_equal(unlink(path), 0);
	make_socket(path);
	got = get_from(dir);
	check_error("socket", &got, -EBADMSG, path, "is no regular file; move it away");
	assert_int_equal(unlink(path), 0);
}

static void test_no_files(void **state)
{
	(void)state;
	assert_int_equal(mkdir(dir, 0700), 0);
	check_no_file("private.key");
	needs_start();
	check_no_file("state.json");
	assert_false(is_there(in(dir, "private.key")));
}

static void test_folder(void **state)
{
	static char long_path[PATH_MAX + 8];
	struct got got;
	char path[256];

	(void)state;
	snprintf(path, sizeof(path), "%s", in(root, "no/such"));
	got = get_from(path);
	check_error("parent is missing", &got, -ENOENT, path, "cannot make the folder: No such");
	put(root, "file", "", 0600);
	snprintf(path, sizeof(path), "%s", in(root, "file"));
	got = get_from(path);
	check_error("file", &got, -ENOTDIR, path, "cannot open the folder: Not a directory");
	memset(long_path, 'x', sizeof(long_path) - 1);
	got = get_from(long_path);
	assert_int_equal(got.err, -ENAMETOOLONG);
	/* A link to a folder is the folder: an administrator may keep state elsewhere. */
	put(dir, "private.key", KEY "\n", 0600);
	snprintf(path, sizeof(path), "%s", in(root, "link"));
	assert_int_equal(symlink("state", path), 0);
	got = get_from(path);
	assert_int_equal(got.err, 0);
	assert_string_equal(got.text, KEY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		KEY_TEST(test_public, ""),
		KEY_TEST(test_files, ""),
		KEY_TEST(test_modes, HALF_NEEDS_START),
		KEY_TEST(test_owners, " (needs root, to give files away)"),
		KEY_TEST(test_no_files, HALF_NEEDS_START),
		KEY_TEST(test_folder, ""),
	};

	key_folder_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
