// SPDX-License-Identifier: Apache-2.0
/*
 * test_saved_state.c - what is kept of a registration: whose it is, and what is damaged.
 *
 * An account is written "key=RK:a vpc=UUID user=u api=https://a"; what is kept is JSON in the
 * notation of notation.h, or what saved_state_print() makes of an account.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "nexodus/saved_state.h"
#include "notation.h"

#define ID "e0d8ecde-759c-4da7-a0e0-5dcb04ae0a5e"
#define VPC "3a35fd0e-2715-41cc-a259-a506b6f50ab1"
#define OTHER_VPC "5a445d71-0ae2-4cd2-a606-2b0c84850838"
#define PUBLIC "HPV5q6RaELodHvBtkfyiqp7QoRUFFWUxVUBdCxjLmmc="
#define OTHER_PUBLIC "B6N8vBQgk8i3VdwbEOhstCY3StFqqFPtC9/AsrhtHHw="
#define TEXT_MAX 16384
#define TEN "aaaaaaaaaa"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN

static void set(const char *word, const char *name, char *to, size_t size)
{
	size_t len = strlen(name);

	if (!strncmp(word, name, len))
		snprintf(to, size, "%s", word + len);
}

static struct account account_of(const char *text)
{
	struct account account = { .api = "https://api.x", .listen_port = 51820 };
	char copy[512], *rest = copy, public[WG_KEY_TEXT] = PUBLIC;

	snprintf(copy, sizeof(copy), "%s", text);
	for (char *word; (word = strsep(&rest, " "));) {
		set(word, "api=", account.api, sizeof(account.api));
		set(word, "key=", account.reg_token, sizeof(account.reg_token));
		set(word, "user=", account.username, sizeof(account.username));
		set(word, "vpc=", account.vpc_id, sizeof(account.vpc_id));
		set(word, "public=", public, sizeof(public));
	}
	assert_int_equal(wg_key_parse(public, account.public_key), 0);
	return account;
}

/* clang-format off */
static const struct {
	const char *kept_by, *read_by;
	int err;
	bool is_other_key;
} owners[] = {
	{ "key=RK:a",               "key=RK:a", 0, false },
	{ "key=RK:a",               "", 0, false }, /* the key was revoked, and taken out */
	{ "key=RK:a",               "key=RK:b", 0, true },
	{ "key=RK:a",               "user=u", -ENOENT, false },
	{ "user=u",                 "user=u", 0, false },
	{ "user=u",                 "", 0, false },
	{ "user=u",                 "user=v", -ENOENT, false },
	{ "user=u",                 "user=U", -ENOENT, false },
	{ "user=u",                 "key=RK:a", 0, true },
	{ "user=u",                 "user=u vpc=" VPC, 0, false },
	{ "user=u",                 "user=u vpc=" OTHER_VPC, -ENOENT, false },
	{ "user=u vpc=" VPC,        "user=u", 0, false },
	{ "",                       "", 0, false }, /* device flow */
	{ "",                       "vpc=" VPC, 0, false },
	{ "",                       "vpc=" OTHER_VPC, -ENOENT, false },
	{ "",                       "key=RK:a", 0, true },
	{ "key=RK:a",               "key=RK:a api=https://api.y", -ENOENT, false },
	{ "key=RK:a",               "key=RK:a api=https://api.x:8443", -ENOENT, false },
	{ "key=RK:a",               "api=https://api.y", -ENOENT, false },
	{ "key=RK:a",               "key=RK:a public=" OTHER_PUBLIC, -ENOENT, false },
};

#define OURS "{'version':1,'api':'https://api.x','public_key':'" PUBLIC "'"
static const struct {
	const char *name, *text;
	int err;
	const char *token, *refresh; /* what is read */
} texts[] = {
	{ "device", OURS ",'device_id':'" ID "','vpc_id':'" VPC "','device_token':'DT:a'}", 0, "DT:a", "" },
	{ "refresh token alone", OURS ",'refresh_token':'r'}", 0, "", "r" },
	{ "device without a token", OURS ",'device_id':'" ID "','vpc_id':'" VPC "'}", 0, "", "" },
	{ "nothing yet", OURS "}", 0, "", "" },
	{ "more members", OURS ",'more':[1]}", 0, "", "" },
	{ "token without a device", OURS ",'device_token':'DT:a'}", -EBADMSG, NULL, NULL },
	{ "token without device_id", OURS ",'vpc_id':'" VPC "','device_token':'DT:a'}", -EBADMSG, NULL, NULL },
	{ "token without vpc_id", OURS ",'device_id':'" ID "','device_token':'DT:a'}", -EBADMSG, NULL, NULL },
	{ "vpc_id alone", OURS ",'vpc_id':'" VPC "'}", -EBADMSG, NULL, NULL },
	{ "device_id is a path", OURS ",'device_id':'../vpcs','vpc_id':'" VPC "'}", -EBADMSG, NULL, NULL },
	{ "device_id is too long", OURS ",'device_id':'" HUNDRED "','vpc_id':'" VPC "','device_token':'DT:a'}", -EBADMSG, NULL, NULL },
	{ "device_id is a number", OURS ",'device_id':7,'vpc_id':'" VPC "','device_token':'DT:a'}", -EBADMSG, NULL, NULL },
	{ "vpc_id is empty", OURS ",'device_id':'" ID "','vpc_id':'','device_token':'DT:a'}", -EBADMSG, NULL, NULL },
	{ "line end in the token", OURS ",'device_id':'" ID "','vpc_id':'" VPC "','device_token':'DT:a\\r\\nX: y'}", -EBADMSG, NULL, NULL },
	{ "blank in the token", OURS ",'device_id':'" ID "','vpc_id':'" VPC "','device_token':'DT: a'}", -EBADMSG, NULL, NULL },
	{ "NUL in the token", OURS ",'device_id':'" ID "','vpc_id':'" VPC "','device_token':'DT:a\\u0000'}", -EBADMSG, NULL, NULL },
	{ "not ASCII in the token", OURS ",'device_id':'" ID "','vpc_id':'" VPC "','device_token':'DT:\xc3\xa9'}", -EBADMSG, NULL, NULL },
	{ "token is too long", OURS ",'device_id':'" ID "','vpc_id':'" VPC "','device_token':'" HUNDRED HUNDRED "'}", -EBADMSG, NULL, NULL },
	{ "token is an object", OURS ",'device_id':'" ID "','vpc_id':'" VPC "','device_token':{}}", -EBADMSG, NULL, NULL },
	{ "token is empty", OURS ",'device_id':'" ID "','vpc_id':'" VPC "','device_token':''}", -EBADMSG, NULL, NULL },
	{ "line end in the refresh token", OURS ",'refresh_token':'r\\n'}", -EBADMSG, NULL, NULL },
	{ "refresh token is a number", OURS ",'refresh_token':1}", -EBADMSG, NULL, NULL },
	{ "later version", "{'version':2,'api':'https://api.x','public_key':'" PUBLIC "'}", -EBADMSG, NULL, NULL },
	{ "version is a text", "{'version':'1','api':'https://api.x','public_key':'" PUBLIC "'}", -EBADMSG, NULL, NULL },
	{ "no version", "{'api':'https://api.x','public_key':'" PUBLIC "'}", -EBADMSG, NULL, NULL },
	{ "no api", "{'version':1,'public_key':'" PUBLIC "'}", -ENOENT, NULL, NULL },
	{ "api is a number", "{'version':1,'api':7,'public_key':'" PUBLIC "'}", -ENOENT, NULL, NULL },
	{ "no key", "{'version':1,'api':'https://api.x'}", -ENOENT, NULL, NULL },
	{ "empty", "", -EBADMSG, NULL, NULL },
	{ "NULs", "~~~~", -EBADMSG, NULL, NULL },
	{ "cut off", OURS, -EBADMSG, NULL, NULL },
	{ "NUL behind", OURS "}~", -EBADMSG, NULL, NULL },
	{ "twice", OURS "}" OURS "}", -EBADMSG, NULL, NULL },
	{ "array", "[1]", -EBADMSG, NULL, NULL },
};
/* clang-format on */

static const struct saved_state full = {
	.device_id = ID,
	.vpc_id = VPC,
	.device_token = "DT:a",
	.refresh_token = "r",
};

static void test_owners(void **state)
{
	static char text[TEXT_MAX];
	static struct saved_state saved;

	(void)state;
	for (size_t i = 0; i < N(owners); i++) {
		struct account keeper = account_of(owners[i].kept_by);
		struct account reader = account_of(owners[i].read_by);
		int len = saved_state_print(&full, &keeper, text, sizeof(text)), err;

		assert_in_range(len, 1, sizeof(text) - 1);
		memset(&saved, 0, sizeof(saved));
		err = saved_state_read(text, len, &reader, &saved);
		if (err != owners[i].err)
			fail_msg("'%s' by '%s': %d", owners[i].kept_by, owners[i].read_by, err);
		if (err)
			assert_string_equal(saved.device_token, "");
		if (saved.is_other_key != owners[i].is_other_key)
			fail_msg("'%s' by '%s': other key", owners[i].kept_by, owners[i].read_by);
		saved.is_other_key = false;
		if (!err)
			assert_memory_equal(&saved, &full, sizeof(saved));
	}
}

static void test_texts(void **state)
{
	static char json[TEXT_MAX];
	static struct saved_state saved, before;
	struct account account = account_of("");

	(void)state;
	for (size_t i = 0; i < N(texts); i++) {
		size_t len = notation_json(texts[i].text, json, sizeof(json));
		char *copy = malloc(len ?: 1);
		int err;

		assert_non_null(copy);
		memcpy(copy, json, len);
		memset(&saved, 0x5a, sizeof(saved));
		before = saved;
		err = saved_state_read(copy, len, &account, &saved);
		free(copy);
		if (err != texts[i].err)
			fail_msg("%s: %d", texts[i].name, err);
		if (err) {
			assert_memory_equal(&saved, &before, sizeof(saved));
			continue;
		}
		assert_string_equal(saved.device_token, texts[i].token);
		assert_string_equal(saved.refresh_token, texts[i].refresh);
	}
}

/* A refresh token that is kept before there is a device is good for any VPC of the user's. */
static void test_before_it_is_registered(void **state)
{
	static const struct saved_state fresh = { .refresh_token = "r" };
	static struct saved_state saved;
	static char text[TEXT_MAX];
	struct account account = account_of("user=u vpc=" VPC);
	int len = saved_state_print(&fresh, &account, text, sizeof(text));

	(void)state;
	assert_int_equal(saved_state_read(text, len, &account, &saved), 0);
	assert_memory_equal(&saved, &fresh, sizeof(saved));
}

/* Earlier versions kept the server's addresses, too: whatever they are, they are passed over. */
static void test_of_an_earlier_version(void **state)
{
	static const char *const addresses[] = { "[]", "['192.0.2.1','2001:db8::1']",
						 "['x',7,null]", "'192.0.2.1'", "null" };
	struct account account = account_of("");

	(void)state;
	for (size_t i = 0; i < N(addresses); i++) {
		static struct saved_state saved;
		char notation[1024], json[1024];
		size_t len;

		snprintf(notation, sizeof(notation),
			 OURS ",'device_id':'" ID "','vpc_id':'" VPC "','api_addresses':%s}",
			 addresses[i]);
		len = notation_json(notation, json, sizeof(json));
		assert_int_equal(saved_state_read(json, len, &account, &saved), 0);
		assert_string_equal(saved.device_id, ID);
	}
}

/* The registration key is not in it, nor the password. */
static void test_no_key(void **state)
{
	static char text[TEXT_MAX];
	struct account account = account_of("key=RK:sesame");

	(void)state;
	snprintf(account.password, sizeof(account.password), "sesame");
	assert_true(saved_state_print(&full, &account, text, sizeof(text)) > 0);
	assert_null(strstr(text, "sesame"));
	assert_non_null(strstr(text, "\"DT:a\""));
}

static void test_room(void **state)
{
	static struct saved_state most;
	static char text[TEXT_MAX];
	struct account account = account_of("key=RK:a");
	int len = saved_state_print(&full, &account, text, sizeof(text));

	(void)state;
	assert_int_equal(strlen(text), len);
	assert_int_equal(saved_state_print(&full, &account, text, len + 1), len);
	assert_int_equal(saved_state_print(&full, &account, text, len), -ENOSPC);
	assert_int_equal(saved_state_print(&full, &account, text, 1), -ENOSPC);

	/* The longest that there can be fits in what the border takes. */
	memset(account.api, 'a', sizeof(account.api) - 1);
	memset(account.username, '"', sizeof(account.username) - 1);
	memset(most.device_token, 'a', sizeof(most.device_token) - 1);
	memset(most.refresh_token, 'a', sizeof(most.refresh_token) - 1);
	assert_in_range(saved_state_print(&most, &account, text, sizeof(text)), 1,
			sizeof(text) - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_owners),
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_before_it_is_registered),
		cmocka_unit_test(test_of_an_earlier_version),
		cmocka_unit_test(test_no_key),
		cmocka_unit_test(test_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
