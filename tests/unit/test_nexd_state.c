// SPDX-License-Identifier: Apache-2.0
/*
 * test_nexd_state.c - the private key in nexd's state.json, and everything that is none.
 *
 * JSON is as in notation_json(); "@" stands for the key.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "notation.h"
#include "tunnel/nexd_state.h"

#define KEY "YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE="
#define NO_OBJECT "is no JSON object; mend it, or move it away to start with a new identity"
#define NO_KEY "its private-key is not base64 of 32 bytes, or zeros; mend it, or move it away"

/* What the child does wrong. */
static enum { NOTHING, ENDS, HANGS, STEPS_OUT } misdeed;

/* In place of the C library's: the address sanitizer cannot live with the bound on memory. */
int setrlimit(__rlimit_resource_t resource, const struct rlimit *limit)
{
	if (misdeed == ENDS)
		_exit(0);
	while (misdeed == HANGS)
		pause();
	return resource == RLIMIT_AS ? 0 : syscall(SYS_setrlimit, resource, limit);
}

/* In place of the C library's: who hangs is not waited for as long. */
int poll(struct pollfd *fds, nfds_t n, int timeout)
{
	return syscall(SYS_poll, fds, n, misdeed == HANGS ? 50 : timeout);
}

/* In place of json-c's: a parser that was taken over. */
struct json_tokener *json_tokener_new_ex(int depth)
{
	struct json_tokener *(*real)(int) = dlsym(RTLD_NEXT, "json_tokener_new_ex");

	if (misdeed == STEPS_OUT) {
		signal(SIGSYS, SIG_DFL); /* cmocka has a handler */
		(void)syscall(SYS_ptrace, 0, 0, 0, 0);
	}
	return real(depth);
}

/* clang-format off */
static const struct {
	const char *name, *text;
	int err;
	const char *why;
} cases[] = {
	{ "as nexd writes it",
	  "{\n  'auth-token': {\n    'access_token': 'x',\n    'token_type': 'Bearer',\n    'expiry': '2024-07-22T11:14:30Z'\n  },\n"
	  "  'public-key': 'x',\n  'private-key': '@',\n  'proxy-rules-config': {\n    'egress': null,\n    'ingress': []\n  },\n"
	  "  'port': 0\n}", 0, NULL },
	{ "key alone",              "{'private-key':'@'}",            0, NULL },
	{ "blanks around it",       " \t\r\n{'private-key':'@'}\r\n\t ", 0, NULL },
	{ "escaped characters",     "{'private\\u002dkey':'@'}",      0, NULL },

	{ "no key",                 "{'public-key':'@','port':51820}", -ENOENT, NULL },
	{ "empty object",           "{}\n",                           -ENOENT, NULL },
	{ "key is null",            "{'private-key':null}",           -ENOENT, NULL },
	{ "key is empty",           "{'private-key':''}",             -ENOENT, NULL },
	{ "key further inside",     "{'x':{'private-key':'@'}}",      -ENOENT, NULL },
	{ "name in capitals",       "{'Private-Key':'@'}",            -ENOENT, NULL },

	{ "key is a number",        "{'private-key':1}",              -EBADMSG, NO_KEY },
	{ "key is false",           "{'private-key':false}",          -EBADMSG, NO_KEY },
	{ "key is an array",        "{'private-key':['@']}",          -EBADMSG, NO_KEY },
	{ "key is an object",       "{'private-key':{}}",             -EBADMSG, NO_KEY },
	{ "key is not base64",      "{'private-key':'!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!'}", -EBADMSG, NO_KEY },
	{ "key is too short",       "{'private-key':'YWE='}",         -EBADMSG, NO_KEY },
	{ "key is too long",        "{'private-key':'@@'}",           -EBADMSG, NO_KEY },
	{ "key with a newline",     "{'private-key':'@\\n'}",         -EBADMSG, NO_KEY },
	{ "key with a NUL",         "{'private-key':'@\\u0000'}",     -EBADMSG, NO_KEY },
	{ "NUL in front",           "{'private-key':'\\u0000@'}",     -EBADMSG, NO_KEY },
	{ "URL alphabet",           "{'private-key':'__________________________________________8='}", -EBADMSG, NO_KEY },
	{ "zeros",                  "{'private-key':'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA='}", -EBADMSG, NO_KEY },

	{ "empty file",             "",                               -EBADMSG, NO_OBJECT },
	{ "blanks",                 " \n",                            -EBADMSG, NO_OBJECT },
	{ "cut off",                "{'private-key':'@'",             -EBADMSG, NO_OBJECT },
	{ "cut off in the key",     "{'private-key':'@",              -EBADMSG, NO_OBJECT },
	{ "array",                  "['private-key','@']",            -EBADMSG, NO_OBJECT },
	{ "array of the object",    "[{'private-key':'@'}]",          -EBADMSG, NO_OBJECT },
	{ "key twice",              "{'private-key':'x','private-key':'@'}", -EBADMSG, NO_OBJECT },
	{ "text",                   "'@'",                            -EBADMSG, NO_OBJECT },
	{ "null",                   "null",                           -EBADMSG, NO_OBJECT },
	{ "number",                 "1",                              -EBADMSG, NO_OBJECT },
	{ "key as wg writes it",    "@\n",                            -EBADMSG, NO_OBJECT },
	{ "rubbish behind",         "{'private-key':'@'} x",          -EBADMSG, NO_OBJECT },
	{ "two objects",            "{'private-key':'@'}{}",          -EBADMSG, NO_OBJECT },
	{ "NUL behind",             "{'private-key':'@'}~",           -EBADMSG, NO_OBJECT },
	{ "NUL in front",           "~{'private-key':'@'}",           -EBADMSG, NO_OBJECT },
	{ "NUL inside",             "{'private-key':~'@'}",           -EBADMSG, NO_OBJECT },
	{ "comma behind the last",  "{'private-key':'@',}",           -EBADMSG, NO_OBJECT },
	{ "comment",                "{/* */'private-key':'@'}",       -EBADMSG, NO_OBJECT },
};
/* clang-format on */

static char dir[64];
static char path[80];

static int set_up(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/nex-relay-test-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/state.json", dir);
	misdeed = NOTHING;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	(void)unlink(path);
	return rmdir(dir);
}

static void put(const char *bytes, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, n), n);
	close(fd);
}

static void put_text(const char *text)
{
	char json[NOTATION_TEXT_MAX], filled[2 * NOTATION_TEXT_MAX];
	size_t len = notation_json(text, json, sizeof(json)), n = 0;

	for (size_t i = 0; i < len; i++) {
		bool key = json[i] == '@';

		memcpy(filled + n, key ? KEY : &json[i], key ? WG_KEY_TEXT - 1 : 1);
		n += key ? WG_KEY_TEXT - 1 : 1;
	}
	put(filled, n);
}

static size_t open_descriptors(void)
{
	DIR *fds = opendir("/proc/self/fd");
	size_t n = 0;

	assert_non_null(fds);
	while (readdir(fds))
		n++;
	closedir(fds);
	return n;
}

/* Nothing may be left: no process, no descriptor, no key beside the result. */
static void check(const char *name, int want, const char *want_why)
{
	uint8_t key[WG_KEY_BYTES] = { 7 }, wanted[WG_KEY_BYTES] = { 7 };
	size_t before = open_descriptors();
	struct private_key_error why = {};
	int err;

	if (!want)
		assert_int_equal(wg_key_parse(KEY, wanted), 0);
	err = nexd_state_key(dir, key, &why);
	if (err != want || strcmp(why.path, path) != 0 || memcmp(key, wanted, sizeof(key)) != 0)
		fail_msg("%s: %d, %s: %s", name, err, why.path, why.why);
	if (want_why && strncmp(why.why, want_why, strlen(want_why)) != 0)
		fail_msg("%s: %s", name, why.why);
	if (!want && *why.why)
		fail_msg("%s: %s", name, why.why);
	assert_null(strstr(why.why, KEY));
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(open_descriptors(), before);
}

static void test_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		put_text(cases[i].text);
		check(cases[i].name, cases[i].err, cases[i].why);
	}
}

/* Deep enough to run out of stack, if anything followed it down. */
static void test_nested(void **state)
{
	/* clang-format off */
	static const struct { const char *name, *begin, *open; } rows[] = {
		{ "arrays",  "", "[" },
		{ "objects", "", "{\"x\":" },
		{ "arrays in a member",  "{\"private-key\":\"" KEY "\",\"x\":", "[" },
		{ "objects in a member", "{\"private-key\":\"" KEY "\",\"x\":", "{\"x\":" },
	};
	/* clang-format on */
	char *text = malloc(NEXD_STATE_BYTES_MAX);

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < N(rows); i++) {
		size_t n = snprintf(text, NEXD_STATE_BYTES_MAX, "%s", rows[i].begin);

		for (int depth = 0; depth < 100000; depth++) {
			memcpy(text + n, rows[i].open, strlen(rows[i].open));
			n += strlen(rows[i].open);
		}
		put(text, n);
		check(rows[i].name, -EBADMSG, NO_OBJECT);
	}
	free(text);
}

static void test_size(void **state)
{
	static const char begin[] = "{\"private-key\":\"" KEY "\",\"x\":[1";
	char *text = malloc(NEXD_STATE_BYTES_MAX + 1);
	size_t n = sizeof(begin) - 1;

	(void)state;
	assert_non_null(text);
	memcpy(text, begin, n);
	for (; n + 4 <= NEXD_STATE_BYTES_MAX; n += 2)
		memcpy(text + n, ",1", 2);
	memcpy(text + n, "]}", 2);
	memset(text + n + 2, ' ', NEXD_STATE_BYTES_MAX + 1 - n - 2);
	put(text, NEXD_STATE_BYTES_MAX);
	check("as large as may be", 0, NULL);
	put(text, NEXD_STATE_BYTES_MAX + 1);
	check("one byte more", -EFBIG, "larger than 1 MiB: not nexd's; mend it");
	free(text);
	assert_int_equal(truncate(path, 1LL << 40), 0);
	check("a terabyte of nothing", -EFBIG, "larger than 1 MiB: not nexd's; mend it");
}

static void test_no_file(void **state)
{
	uint8_t key[WG_KEY_BYTES];
	struct private_key_error why;
	char other[96];

	(void)state;
	check("no file", -ENOENT, NULL);
	snprintf(other, sizeof(other), "%s/nexd", dir);
	assert_int_equal(nexd_state_key(other, key, &why), -ENOENT);
}

/* Whatever becomes of the child, we go on. */
static void test_child(void **state)
{
	(void)state;
	put_text("{'private-key':'@'}");
	check("does its work", 0, NULL);
	misdeed = ENDS;
	check("ends", -EPIPE, "the process that reads it failed: it ended too early");
	misdeed = HANGS;
	check("hangs", -ETIMEDOUT, "the process that reads it failed: Connection timed out");
	/* A call that no library makes: the filter ends it. */
	misdeed = STEPS_OUT;
	check("steps out", -EPIPE, "the process that reads it failed: it ended too early");
}

/* As init may start us. */
static void test_without_standard_descriptors(void **state)
{
	int kept[3], err;
	uint8_t key[WG_KEY_BYTES];
	struct private_key_error why;

	(void)state;
	put_text("{'private-key':'@'}");
	for (int fd = 0; fd < 3; fd++) {
		kept[fd] = fcntl(fd, F_DUPFD_CLOEXEC, 20);
		close(fd);
	}
	err = nexd_state_key(dir, key, &why);
	for (int fd = 0; fd < 3; fd++) {
		if (kept[fd] >= 0) {
			dup2(kept[fd], fd);
			close(kept[fd]);
		}
	}
	assert_int_equal(err, 0);
}

/* A caller who ignores SIGCHLD has no child to wait for. */
static void test_ignored_children(void **state)
{
	(void)state;
	put_text("{'private-key':'@'}");
	signal(SIGCHLD, SIG_IGN);
	check("ignored", 0, NULL);
	signal(SIGCHLD, SIG_DFL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_table, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_nested, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_size, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_no_file, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_child, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_without_standard_descriptors, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_ignored_children, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
