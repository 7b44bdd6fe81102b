// SPDX-License-Identifier: Apache-2.0
/*
 * test_answer.c - what the api-server and its login server answer, and what they would rather not.
 *
 * Bodies are in the notation of notation.h. What is returned is only touched when it is good.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/uuid.h"
#include "nexodus/answer.h"
#include "notation.h"

#define ID "e0d8ecde-759c-4da7-a0e0-5dcb04ae0a5e"
#define VPC "3a35fd0e-2715-41cc-a259-a506b6f50ab1"
#define KEY "HPV5q6RaELodHvBtkfyiqp7QoRUFFWUxVUBdCxjLmmc="
#define BODY_MAX 40000
#define TEN "aaaaaaaaaa"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN
#define THOUSAND HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED

/* From memory of just that size, so that the sanitizer sees who reads on. */
struct body {
	char *bytes;
	size_t len;
};

static struct body body_of(const char *text)
{
	static char json[BODY_MAX];
	struct body body = { .len = notation_json(text, json, sizeof(json)) };

	body.bytes = malloc(body.len ?: 1);
	assert_non_null(body.bytes);
	memcpy(body.bytes, json, body.len);
	return body;
}

/* No body at all, and bodies that are nothing: every reader is asked to read them. */
static const char *const nothing[] = {
	"",
	"~",
	"null",
	"7",
	"[]",
	"''",
	"{",
	"{}",
	"{'id':}",
	"{}{}",
	"<html></html>",
	"{'a':1",
	"[{'id':'" ID "'}]",
	"\xff",
};

/* clang-format off */
static const struct {
	const char *name, *body;
	int err;
	const char *token;
} devices[] = {
	{ "whole", "{'id':'" ID "','vpc_id':'" VPC "','public_key':'" KEY "','bearer_token':'djE=:a:b'}", 0, "djE=:a:b" },
	{ "no token", "{'id':'" ID "','vpc_id':'" VPC "','public_key':'" KEY "'}", 0, "" },
	{ "token is null", "{'id':'" ID "','vpc_id':'" VPC "','public_key':'" KEY "','bearer_token':null}", 0, "" },
	{ "token is empty", "{'id':'" ID "','vpc_id':'" VPC "','public_key':'" KEY "','bearer_token':''}", 0, "" },
	{ "token is a number", "{'id':'" ID "','vpc_id':'" VPC "','public_key':'" KEY "','bearer_token':7}", 0, "" },
	{ "token with a blank", "{'id':'" ID "','vpc_id':'" VPC "','public_key':'" KEY "','bearer_token':'a b'}", 0, "" },
	{ "token with a line end", "{'id':'" ID "','vpc_id':'" VPC "','public_key':'" KEY "','bearer_token':'a\\r\\nb'}", 0, "" },
	{ "token with a NUL", "{'id':'" ID "','vpc_id':'" VPC "','public_key':'" KEY "','bearer_token':'a\\u0000b'}", 0, "" },
	{ "token is too long", "{'id':'" ID "','vpc_id':'" VPC "','public_key':'" KEY "','bearer_token':'" THOUSAND HUNDRED "'}", 0, "" },
	{ "no id", "{'vpc_id':'" VPC "','public_key':'" KEY "'}", -EBADMSG, NULL },
	{ "id is empty", "{'id':'','vpc_id':'" VPC "','public_key':'" KEY "'}", -EBADMSG, NULL },
	{ "id is a path", "{'id':'../../vpcs','vpc_id':'" VPC "','public_key':'" KEY "'}", -EBADMSG, NULL },
	{ "id and more", "{'id':'" ID "x','vpc_id':'" VPC "','public_key':'" KEY "'}", -EBADMSG, NULL },
	{ "id with a NUL", "{'id':'" ID "\\u0000','vpc_id':'" VPC "','public_key':'" KEY "'}", -EBADMSG, NULL },
	{ "id without hyphens", "{'id':'e0d8ecde759c4da7a0e05dcb04ae0a5e','vpc_id':'" VPC "','public_key':'" KEY "'}", -EBADMSG, NULL },
	{ "id is an array", "{'id':['" ID "'],'vpc_id':'" VPC "','public_key':'" KEY "'}", -EBADMSG, NULL },
	{ "no vpc_id", "{'id':'" ID "','public_key':'" KEY "'}", -EBADMSG, NULL },
	{ "vpc_id is no id", "{'id':'" ID "','vpc_id':'?','public_key':'" KEY "'}", -EBADMSG, NULL },
	{ "no key", "{'id':'" ID "','vpc_id':'" VPC "'}", -EBADMSG, NULL },
	{ "key is empty", "{'id':'" ID "','vpc_id':'" VPC "','public_key':''}", -EBADMSG, NULL },
	{ "key is short", "{'id':'" ID "','vpc_id':'" VPC "','public_key':'AAAA'}", -EBADMSG, NULL },
	{ "key is null", "{'id':'" ID "','vpc_id':'" VPC "','public_key':null}", -EBADMSG, NULL },
	{ "two ids", "{'id':'x','id':'" ID "','vpc_id':'" VPC "','public_key':'" KEY "'}", -EBADMSG, NULL },
};

static const struct {
	const char *body;
	int err;
} ids[] = {
	{ "{'id':'" ID "'}", 0 },
	{ "{'error':'resource already exists','id':'" ID "'}", 0 },
	{ "{}", -ENODATA },
	{ "{'id':null}", -ENODATA },
	{ "{'Id':'" ID "'}", -ENODATA },
	{ "{'id':''}", -EBADMSG },
	{ "{'id':7}", -EBADMSG },
	{ "{'id':true}", -EBADMSG },
	{ "{'id':{}}", -EBADMSG },
	{ "{'id':'" ID " '}", -EBADMSG },
	{ "{'id':'" ID "/../x'}", -EBADMSG },
	{ "{'id':'" HUNDRED "'}", -EBADMSG },
	{ "['id']", -EBADMSG },
	{ "", -EBADMSG },
};

static const struct {
	const char *body, *text;
} errors[] = {
	{ "{'error':'invalid reg key'}", "invalid reg key" },
	{ "{'error':'operation not allowed','reason':'devices support is disabled'}", "operation not allowed: devices support is disabled" },
	{ "{'error':'path parameter invalid','field':'id'}", "path parameter invalid: id" },
	{ "{'error':'not found','resource':'vpc'}", "not found: vpc" },
	{ "{'error':'invalid_grant','error_description':'Invalid user credentials'}", "invalid_grant: Invalid user credentials" },
	{ "{'error':'e','field':'f','reason':'r'}", "e: r" },
	{ "{'reason':'r'}", "r" },
	{ "{'error':7,'reason':null}", "" },
	{ "{'error':''}", "" },
	{ "{'error':'a\\u001b[2J\\n\\u0000b'}", "" },
	{ "{'error':'a\\u001b[2J\\nb'}", "a?[2J?b" },
	{ "{'error':'a\\u009bb'}", "a??b" },
	{ "{'error':'\xc3\xa9t\xc3\xa9'}", "\xc3\xa9t\xc3\xa9" },
	{ "{'error':'" HUNDRED TEN "','reason':'" HUNDRED "'}", HUNDRED TEN ": " "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" },
	{ "no healthy upstream", "" },
};
/* clang-format on */

static void test_devices(void **state)
{
	struct answer_device device, before;
	uint8_t key[WG_KEY_BYTES];

	(void)state;
	assert_int_equal(wg_key_parse(KEY, key), 0);
	for (size_t i = 0; i < N(devices); i++) {
		struct body body = body_of(devices[i].body);
		int err;

		memset(&device, 0x5a, sizeof(device));
		before = device;
		err = answer_device(body.bytes, body.len, &device);
		free(body.bytes);
		if (err != devices[i].err)
			fail_msg("%s: %d", devices[i].name, err);
		if (err) {
			assert_memory_equal(&device, &before, sizeof(device));
			continue;
		}
		assert_string_equal(device.id, ID);
		assert_string_equal(device.vpc_id, VPC);
		assert_memory_equal(device.public_key, key, sizeof(key));
		if (strcmp(device.sealed_token, devices[i].token) != 0)
			fail_msg("%s: '%s'", devices[i].name, device.sealed_token);
	}
}

static void test_ids(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(ids); i++) {
		struct body body = body_of(ids[i].body);
		char id[UUID_TEXT] = "before";
		int err = answer_id(body.bytes, body.len, "id", id);

		free(body.bytes);
		if (err != ids[i].err || strcmp(id, err ? "before" : ID) != 0)
			fail_msg("%s: %d, '%s'", ids[i].body, err, id);
	}
}

static void test_texts(void **state)
{
	static const char *const bad[] = { "{'a':'abcde'}", "{'a':''}", "{'a':1}", "{'b':'x'}" };
	struct body body = body_of("{'a':'abcd'}");
	char text[5] = "@";

	(void)state;
	assert_int_equal(answer_text(body.bytes, body.len, "a", text, sizeof(text)), 0);
	assert_string_equal(text, "abcd");
	free(body.bytes);
	for (size_t i = 0; i < N(bad); i++) {
		body = body_of(bad[i]);
		snprintf(text, sizeof(text), "@");
		assert_int_equal(answer_text(body.bytes, body.len, "a", text, 5), -EBADMSG);
		assert_string_equal(text, "@");
		free(body.bytes);
	}
}

static void test_errors(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(errors); i++) {
		struct body body = body_of(errors[i].body);
		char text[ANSWER_TEXT_MAX];

		memset(text, '@', sizeof(text));
		answer_error(body.bytes, body.len, text);
		free(body.bytes);
		if (strcmp(text, errors[i].text) != 0)
			fail_msg("%s: '%s'", errors[i].body, text);
	}
}

/* What can be made of a body of nothing: nothing, without a crash. */
static void test_nothing(void **state)
{
	struct {
		struct answer_device device;
		struct answer_login login;
		struct answer_code code;
		struct answer_token token;
		char id[UUID_TEXT], text[8];
	} ret, before;
	char why[ANSWER_TEXT_MAX];

	(void)state;
	memset(&ret, 0x5a, sizeof(ret));
	snprintf(ret.login.issuer, sizeof(ret.login.issuer), "https://a");
	before = ret;
	for (size_t i = 0; i < N(nothing); i++) {
		struct body body = body_of(nothing[i]);

		assert_int_equal(answer_device(body.bytes, body.len, &ret.device), -EBADMSG);
		assert_true(answer_id(body.bytes, body.len, "id", ret.id) < 0);
		assert_int_equal(answer_text(body.bytes, body.len, "id", ret.text, 8), -EBADMSG);
		assert_int_equal(answer_login_start(body.bytes, body.len, &ret.login), -EBADMSG);
		assert_int_equal(answer_discovery(body.bytes, body.len, &ret.login), -EBADMSG);
		assert_int_equal(answer_code(body.bytes, body.len, &ret.code), -EBADMSG);
		assert_int_equal(answer_token(body.bytes, body.len, &ret.token), -EBADMSG);
		answer_error(body.bytes, body.len, why);
		assert_string_equal(why, "");
		free(body.bytes);
	}
	assert_memory_equal(&ret, &before, sizeof(ret));
}

/* clang-format off */
static const struct {
	long status;
	const char *body;
	bool refuses;
} refusals[] = {
	{ 401, "", true },
	{ 401, "{'error':'invalid device token'}", true },
	{ 401, "{'error':''}", true },
	{ 401, "{'error':'" THOUSAND "'}", true },
	{ 401, "{'error':7}", false },
	{ 401, "{'message':'Unauthorized'}", false },
	{ 401, "[{'error':'no'}]", false },
	{ 401, "<html>{'error':'no'}</html>", false },
	{ 401, "Jwt is expired", false },
	{ 401, " ", false },
	{ 403, "", false },
	{ 403, "{'error':'operation not allowed'}", true },
	{ 403, "<html></html>", false },
	{ 400, "{'error':'single use reg key exhausted'}", true },
	{ 400, "", false },
	{ 404, "{'error':'Realm does not exist'}", true },
	{ 408, "{'error':'x'}", false },
	{ 429, "{'error':'x'}", false },
	{ 499, "{'error':'x'}", true },
	{ 500, "{'error':'x'}", false },
	{ 302, "{'error':'x'}", false },
	{ 200, "{'error':'x'}", false },
};
/* clang-format on */

static void test_refusals(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		struct body body = body_of(refusals[i].body);

		if (answer_refuses(refusals[i].status, body.bytes, body.len) != refusals[i].refuses)
			fail_msg("%ld '%s'", refusals[i].status, refusals[i].body);
		free(body.bytes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_devices), cmocka_unit_test(test_ids),
		cmocka_unit_test(test_texts),   cmocka_unit_test(test_errors),
		cmocka_unit_test(test_nothing), cmocka_unit_test(test_refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
