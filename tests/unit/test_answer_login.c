// SPDX-License-Identifier: Apache-2.0
/*
 * test_answer_login.c - what a login server answers; bodies as in notation.h, with an "@" where the
 * member of the row stands.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "nexodus/answer.h"
#include "notation.h"

#define BODY_MAX 40000
#define AUTH "https://auth.x/realms/nexodus"
#define TEN "aaaaaaaaaa"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN

/* @body with @member in place of the "@". */
static size_t fill(const char *body, const char *member, char *ret)
{
	char whole[BODY_MAX];
	const char *at = strchr(body, '@');

	if (at)
		snprintf(whole, sizeof(whole), "%.*s%s%s", (int)(at - body), body, member, at + 1);
	else
		snprintf(whole, sizeof(whole), "%s", body);
	return notation_json(whole, ret, BODY_MAX);
}

/* clang-format off */
#define START "{'device_authorization_endpoint':'" AUTH "/device','issuer':'" AUTH "','client_id':'nexodus-cli'@}"
static const struct {
	const char *time; /* what `server_time` says; NULL: nothing */
	int64_t seconds;
} times[] = {
	{ NULL, 0 },
	{ "'2024-07-22T11:14:30.120034517+02:00'", 1721639670 },
	{ "'2024-07-22T09:14:30Z'", 1721639670 },
	{ "'2024-07-22T09:14:30.9Z'", 1721639670 },
	{ "'2024-07-22T04:44:30-04:30'", 1721639670 },
	{ "'1970-01-01T00:00:01Z'", 1 },
	{ "'2024-07-22T09:14:30'", 0 },
	{ "'2024-07-22 09:14:30Z'", 0 },
	{ "'2024-07-22T09:14:30+'", 0 },
	{ "'2024-07-22T09:14:30x02:00'", 0 },
	{ "'2024-07-22T09:14:30+99:99'", 0 },
	{ "'2024-07-22T09:14:30Zulu'", 0 },
	{ "'2024-07-22T09:14:30+02:00x'", 0 },
	{ "'Mon, 22 Jul 2024 09:14:30 GMT'", 0 },
	{ "'999999999999-07-22T09:14:30Z'", 0 },
	{ "''", 0 },
	{ "null", 0 },
	{ "1721639670", 0 },
};

static const struct {
	const char *body;
	int err;
} starts[] = {
	{ START, 0 },
	{ "{'issuer':'" AUTH "','client_id':'c'}", -EBADMSG },
	{ "{'device_authorization_endpoint':'" AUTH "','client_id':'c'}", -EBADMSG },
	{ "{'device_authorization_endpoint':'" AUTH "','issuer':'" AUTH "'}", -EBADMSG },
	{ "{'device_authorization_endpoint':'http://x','issuer':'" AUTH "','client_id':'c'}", -EBADMSG },
	{ "{'device_authorization_endpoint':'" AUTH "','issuer':'http://x','client_id':'c'}", -EBADMSG },
	{ "{'device_authorization_endpoint':'" AUTH "','issuer':'HTTPS://x','client_id':'c'}", -EBADMSG },
	{ "{'device_authorization_endpoint':'" AUTH "','issuer':'file:///etc/passwd','client_id':'c'}", -EBADMSG },
	{ "{'device_authorization_endpoint':'" AUTH "','issuer':'https://x y','client_id':'c'}", -EBADMSG },
	{ "{'device_authorization_endpoint':'" AUTH "','issuer':'https://x\\r\\nHost: y','client_id':'c'}", -EBADMSG },
	{ "{'device_authorization_endpoint':'" AUTH "','issuer':'https://x\\u0000','client_id':'c'}", -EBADMSG },
	{ "{'device_authorization_endpoint':'" AUTH "','issuer':'https://\xc3\xa9','client_id':'c'}", -EBADMSG },
	{ "{'device_authorization_endpoint':'" AUTH "','issuer':'" AUTH "','client_id':''}", -EBADMSG },
	{ "{'device_authorization_endpoint':'" AUTH "','issuer':'" AUTH "','client_id':'a b'}", -EBADMSG },
	{ "{'device_authorization_endpoint':'" AUTH "','issuer':'" AUTH "','client_id':7}", -EBADMSG },
	{ "{'device_authorization_endpoint':'" AUTH "','issuer':'https://" HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED TEN "','client_id':'c'}", -EBADMSG },
};

static const struct {
	const char *body;
	int err;
} discoveries[] = {
	{ "{'issuer':'" AUTH "','token_endpoint':'https://t/'}", 0 },
	{ "{'issuer':'" AUTH "/','token_endpoint':'https://t/'}", -EBADMSG },
	{ "{'issuer':'https://other','token_endpoint':'https://t/'}", -EBADMSG },
	{ "{'issuer':'" AUTH "\\u0000','token_endpoint':'https://t/'}", -EBADMSG },
	{ "{'token_endpoint':'https://t/'}", -EBADMSG },
	{ "{'issuer':null,'token_endpoint':'https://t/'}", -EBADMSG },
	{ "{'issuer':['" AUTH "'],'token_endpoint':'https://t/'}", -EBADMSG },
	{ "{'issuer':'" AUTH "'}", -EBADMSG },
	{ "{'issuer':'" AUTH "','token_endpoint':'http://t/'}", -EBADMSG },
	{ "{'issuer':'" AUTH "','token_endpoint':'https://t/ x'}", -EBADMSG },
	{ "{'issuer':'" AUTH "','token_endpoint':7}", -EBADMSG },
};

#define CODE "{'device_code':'d','user_code':'ABCD-EFGH','verification_uri':'https://u'@}"
static const struct {
	const char *body, *more;
	int err;
	const char *url;
	int64_t expires_in_s, interval_s;
} codes[] = {
	{ CODE, "", 0, "https://u", 600, 5 },
	{ CODE, ",'expires_in':60,'interval':7", 0, "https://u", 60, 7 },
	{ CODE, ",'verification_uri_complete':'https://u?c=1'", 0, "https://u?c=1", 600, 5 },
	{ CODE, ",'verification_uri_complete':'http://u?c=1'", 0, "https://u", 600, 5 },
	{ CODE, ",'verification_uri_complete':7", 0, "https://u", 600, 5 },
	{ CODE, ",'verification_uri_complete':'https://u/\\u001b[2J'", 0, "https://u", 600, 5 },
	{ CODE, ",'expires_in':0,'interval':0", 0, "https://u", 600, 5 },
	{ CODE, ",'expires_in':-1,'interval':-1", 0, "https://u", 600, 5 },
	{ CODE, ",'expires_in':9223372036854775807,'interval':9223372036854775807", 0, "https://u", 600, 5 },
	{ CODE, ",'expires_in':'60','interval':1e9", 0, "https://u", 600, 5 },
	{ "{'user_code':'A','verification_uri':'https://u'}", "", -EBADMSG, NULL, 0, 0 },
	{ "{'device_code':'d','verification_uri':'https://u'}", "", -EBADMSG, NULL, 0, 0 },
	{ "{'device_code':'d','user_code':'A'}", "", -EBADMSG, NULL, 0, 0 },
	{ "{'device_code':'d','user_code':'A','verification_uri':'http://u'}", "", -EBADMSG, NULL, 0, 0 },
	{ "{'device_code':'d','user_code':'A B','verification_uri':'https://u'}", "", -EBADMSG, NULL, 0, 0 },
	{ "{'device_code':'d','user_code':'" HUNDRED "','verification_uri':'https://u'}", "", -EBADMSG, NULL, 0, 0 },
	{ "{'device_code':'d\\n','user_code':'A','verification_uri':'https://u'}", "", -EBADMSG, NULL, 0, 0 },
	{ "{'device_code':'','user_code':'A','verification_uri':'https://u'}", "", -EBADMSG, NULL, 0, 0 },
};

static const struct {
	const char *body;
	int err;
	const char *refresh;
	int64_t expires_in_s;
} tokens[] = {
	{ "{'access_token':'a.b.c','expires_in':600,'refresh_token':'r'}", 0, "r", 600 },
	{ "{'access_token':'a.b.c','expires_in':600}", 0, "", 600 },
	{ "{'access_token':'a.b.c','expires_in':600,'refresh_token':'r\\nr'}", 0, "", 600 },
	{ "{'access_token':'a.b.c','expires_in':600,'refresh_token':7}", 0, "", 600 },
	{ "{'access_token':'a.b.c','expires_in':600,'refresh_token':''}", 0, "", 600 },
	{ "{'access_token':'a.b.c'}", -EBADMSG, NULL, 0 },
	{ "{'access_token':'a.b.c','expires_in':0}", -EBADMSG, NULL, 0 },
	{ "{'access_token':'a.b.c','expires_in':-600}", -EBADMSG, NULL, 0 },
	{ "{'access_token':'a.b.c','expires_in':'600'}", -EBADMSG, NULL, 0 },
	{ "{'access_token':'a.b.c','expires_in':9223372036854775807}", -EBADMSG, NULL, 0 },
	{ "{'access_token':'a.b.c','expires_in':600.5}", -EBADMSG, NULL, 0 },
	{ "{'expires_in':600}", -EBADMSG, NULL, 0 },
	{ "{'access_token':'','expires_in':600}", -EBADMSG, NULL, 0 },
	{ "{'access_token':'a b','expires_in':600}", -EBADMSG, NULL, 0 },
	{ "{'access_token':'a\\r\\nX: y','expires_in':600}", -EBADMSG, NULL, 0 },
	{ "{'access_token':'a\\u0000','expires_in':600}", -EBADMSG, NULL, 0 },
	{ "{'access_token':['a'],'expires_in':600}", -EBADMSG, NULL, 0 },
};
/* clang-format on */

static void test_server_time(void **state)
{
	static char json[BODY_MAX];

	(void)state;
	for (size_t i = 0; i < N(times); i++) {
		struct answer_login login = {};
		char member[200] = "";

		if (times[i].time)
			snprintf(member, sizeof(member), ",'server_time':%s", times[i].time);
		assert_int_equal(answer_login_start(json, fill(START, member, json), &login), 0);
		if (login.server_time != times[i].seconds)
			fail_msg("%s: %jd", member, (intmax_t)login.server_time);
	}
}

static void test_starts(void **state)
{
	static char json[BODY_MAX];
	struct answer_login login, before;

	(void)state;
	for (size_t i = 0; i < N(starts); i++) {
		int err;

		memset(&login, 0x5a, sizeof(login));
		before = login;
		err = answer_login_start(json, fill(starts[i].body, "", json), &login);
		if (err != starts[i].err)
			fail_msg("%s: %d", starts[i].body, err);
		if (err)
			assert_memory_equal(&login, &before, sizeof(login));
		else
			assert_string_equal(login.token_endpoint, "");
	}
	(void)answer_login_start(json, fill(START, "", json), &login);
	assert_string_equal(login.issuer, AUTH);
	assert_string_equal(login.device_endpoint, AUTH "/device");
	assert_string_equal(login.client_id, "nexodus-cli");
}

static void test_discoveries(void **state)
{
	static char json[BODY_MAX];

	(void)state;
	for (size_t i = 0; i < N(discoveries); i++) {
		struct answer_login login = { .issuer = AUTH, .token_endpoint = "before" };
		int err = answer_discovery(json, fill(discoveries[i].body, "", json), &login);

		if (err != discoveries[i].err ||
		    strcmp(login.token_endpoint, err ? "before" : "https://t/") != 0)
			fail_msg("%s: %d, %s", discoveries[i].body, err, login.token_endpoint);
		assert_string_equal(login.issuer, AUTH);
	}
}

static void test_codes(void **state)
{
	static char json[BODY_MAX];
	static struct answer_code code, before;

	(void)state;
	for (size_t i = 0; i < N(codes); i++) {
		int err;

		memset(&code, 0x5a, sizeof(code));
		before = code;
		err = answer_code(json, fill(codes[i].body, codes[i].more, json), &code);
		if (err != codes[i].err)
			fail_msg("%s %s: %d", codes[i].body, codes[i].more, err);
		if (err) {
			assert_memory_equal(&code, &before, sizeof(code));
			continue;
		}
		assert_string_equal(code.url, codes[i].url);
		assert_string_equal(code.user_code, "ABCD-EFGH");
		assert_string_equal(code.device_code, "d");
		assert_int_equal(code.expires_in_s, codes[i].expires_in_s);
		assert_int_equal(code.interval_s, codes[i].interval_s);
	}
}

static void test_tokens(void **state)
{
	static char json[BODY_MAX];
	static struct answer_token token, before;

	(void)state;
	for (size_t i = 0; i < N(tokens); i++) {
		int err;

		memset(&token, 0x5a, sizeof(token));
		before = token;
		err = answer_token(json, fill(tokens[i].body, "", json), &token);
		if (err != tokens[i].err)
			fail_msg("%s: %d", tokens[i].body, err);
		if (err) {
			assert_memory_equal(&token, &before, sizeof(token));
			continue;
		}
		assert_string_equal(token.access, "a.b.c");
		assert_string_equal(token.refresh, tokens[i].refresh);
		assert_int_equal(token.expires_in_s, tokens[i].expires_in_s);
	}
}

/* The longest token that there is room for, and one byte more. */
static void test_long_tokens(void **state)
{
	static struct answer_token token;
	static char json[BODY_MAX], text[ANSWER_TOKEN_MAX + 1];

	(void)state;
	for (size_t len = ANSWER_TOKEN_MAX - 1; len <= ANSWER_TOKEN_MAX; len++) {
		int n;

		memset(text, 'a', len);
		text[len] = '\0';
		n = snprintf(json, sizeof(json), "{\"access_token\":\"%s\",\"expires_in\":1}",
			     text);
		assert_int_equal(answer_token(json, n, &token),
				 len < ANSWER_TOKEN_MAX ? 0 : -EBADMSG);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_server_time), cmocka_unit_test(test_starts),
		cmocka_unit_test(test_discoveries), cmocka_unit_test(test_codes),
		cmocka_unit_test(test_tokens),      cmocka_unit_test(test_long_tokens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
