// SPDX-License-Identifier: Apache-2.0
/* test_service_url.c - the API's URL from a service URL, and registration keys taken apart. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "nexodus/service_url.h"
#include "notation.h"

#define X16 "xxxxxxxxxxxxxxxx"
#define X63 X16 X16 X16 "xxxxxxxxxxxxxxx"
#define HOST_249 X63 "." X63 "." X63 "." X16 X16 X16 "xxxxxxxxx"
#define NO_NAME "it has no host name"
#define BAD_NAME "its host name is no DNS name"
#define BAD_PORT "its port is no number from 1 to 65535"
#define BAD_CHARS "it has blanks or characters that no URL has"
#define NOT_HTTPS "it does not begin with https://"
#define KEY "there is a # in it, as in a registration key"
#define ADDRESS "it needs a host name, not an address"
#define USER "it holds a user name or password"

/* clang-format off */
static const struct {
	const char *name, *url, *api;
	const char *why; /* its beginning */
} urls[] = {
	{ "as it is",                  "https://try.nexodus.io", "https://api.try.nexodus.io", NULL },
	{ "with a slash",              "https://try.nexodus.io/", "https://api.try.nexodus.io", NULL },
	{ "development host",          "https://try.nexodus.127.0.0.1.nip.io", "https://api.try.nexodus.127.0.0.1.nip.io", NULL },
	{ "port",                      "https://h:8443", "https://api.h:8443", NULL },
	{ "port and path",             "https://h:8443/a/b", "https://api.h:8443", NULL },
	{ "path and query",            "https://h/a/../b;c?d=e&f", "https://api.h", NULL },
	{ "query without a path",      "https://h?d", "https://api.h", NULL },
	{ "registration key",          "https://h#RK:x", NULL, KEY },
	{ "fragment",                  "https://h/a?b#", NULL, KEY },
	{ "colon in the path",         "https://h/a:b@c", "https://api.h", NULL },
	{ "at sign in the query",      "https://h?a@b", "https://api.h", NULL },
	{ "begins with api. already",  "https://api.h", "https://api.api.h", NULL },
	{ "capitals",                  "HTTPS://Try.Nexodus.IO", "https://api.try.nexodus.io", NULL },
	{ "https's own port",          "https://h:443", "https://api.h", NULL },
	{ "port is empty",             "https://h:", "https://api.h", NULL },
	{ "port is empty, with a path", "https://h:/a", "https://api.h", NULL },
	{ "port with leading zeros",   "https://h:0008443", "https://api.h:8443", NULL },
	{ "highest port",              "https://h:65535", "https://api.h:65535", NULL },
	{ "dot at the end",            "https://try.nexodus.io.", "https://api.try.nexodus.io", NULL },
	{ "dot at the end and a port", "https://h.:1", "https://api.h:1", NULL },
	{ "hyphen and underscore",     "https://a-b_c", "https://api.a-b_c", NULL },
	{ "label of 63",               "https://" X63, "https://api." X63, NULL },
	{ "name begins with digits",   "https://127.0.0.1.example", "https://api.127.0.0.1.example", NULL },
	{ "last label begins with digits", "https://a.0b", "https://api.a.0b", NULL },

	{ "nothing",                   "", NULL, "it is empty" },
	{ "no scheme",                 "try.nexodus.io", NULL, NOT_HTTPS },
	{ "http",                      "http://h", NULL, NOT_HTTPS },
	{ "wss",                       "wss://h", NULL, NOT_HTTPS },
	{ "one slash",                 "https:/h", NULL, NOT_HTTPS },
	{ "no slashes",                "https:h", NULL, NOT_HTTPS },
	{ "scheme alone",              "https://", NULL, NO_NAME },
	{ "three slashes",             "https:///h", NULL, NO_NAME },
	{ "port alone",                "https://:443", NULL, NO_NAME },
	{ "dot alone",                 "https://.", NULL, NO_NAME },
	{ "user",                      "https://user@h", NULL, USER },
	{ "user and password",         "https://user:password@h:443", NULL, USER },
	{ "at sign alone",             "https://@h", NULL, USER },
	{ "host behind the user",      "https://h:443@evil.example/", NULL, USER },
	{ "IPv4 address",              "https://192.0.2.1", NULL, ADDRESS },
	{ "IPv4 address and port",     "https://192.0.2.1:443", NULL, ADDRESS },
	{ "IPv4 address with a dot",   "https://192.0.2.1.", NULL, ADDRESS },
	{ "IPv4 address, short",       "https://1", NULL, ADDRESS },
	{ "IPv4 address, hexadecimal", "https://0x7f000001", NULL, ADDRESS },
	{ "IPv6 address",              "https://[2001:db8::1]", NULL, ADDRESS },
	{ "IPv6 address and port",     "https://[2001:db8::1]:443", NULL, ADDRESS },
	{ "IPv6 address, bare",        "https://2001:db8::1", NULL, BAD_PORT },
	{ "port zero",                 "https://h:0", NULL, BAD_PORT },
	{ "port too large",            "https://h:65536", NULL, BAD_PORT },
	{ "port far too large",        "https://h:18446744073709551617", NULL, BAD_PORT },
	{ "port with letters",         "https://h:44a", NULL, BAD_PORT },
	{ "negative port",             "https://h:-1", NULL, BAD_PORT },
	{ "two ports",                 "https://h:1:2", NULL, BAD_PORT },
	{ "empty label",               "https://a..b", NULL, BAD_NAME },
	{ "empty label in front",      "https://.a", NULL, BAD_NAME },
	{ "two dots at the end",       "https://a..", NULL, BAD_NAME },
	{ "percent",                   "https://a%2eb", NULL, BAD_NAME },
	{ "backslash",                 "https://h\\evil.example", NULL, BAD_NAME },
	{ "asterisk",                  "https://*.example", NULL, BAD_NAME },
	{ "label of 64",               "https://" X63 "x", NULL, BAD_NAME },
	{ "name of 249, 257 in all",   "https://" HOST_249, NULL, "its host name is too long" },
	{ "name of 250",               "https://" HOST_249 "x", NULL, BAD_NAME },
	{ "blank in front",            " https://h", NULL, BAD_CHARS },
	{ "blank behind",              "https://h ", NULL, BAD_CHARS },
	{ "line end",                  "https://h\r\nHost: evil", NULL, BAD_CHARS },
	{ "line end in the path",      "https://h/\n", NULL, BAD_CHARS },
	{ "DEL",                       "https://h/\177", NULL, BAD_CHARS },
	{ "not ASCII",                 "https://m\303\274nchen.example", NULL, BAD_CHARS },
};

#define TOKEN_LONGEST "RK:" X63 X16 X16 X16 "xxxxxxxxxxxxx"

static const struct {
	const char *name, *key, *url, *token;
	const char *why;
} keys[] = {
	{ "as it is shown",   "https://try.nexodus.io#RK:EsDEL74OesY0B2qfVg5AJw4lmHS4yjF8Z0XN8fZ1ihY=",
	  "https://try.nexodus.io", "RK:EsDEL74OesY0B2qfVg5AJw4lmHS4yjF8Z0XN8fZ1ihY=", NULL },
	{ "token alone",      "RK:EsDEL74OesY0B2qfVg5AJw4lmHS4yjF8Z0XN8fZ1ihY=", "",
	  "RK:EsDEL74OesY0B2qfVg5AJw4lmHS4yjF8Z0XN8fZ1ihY=", NULL },
	{ "plus and slash",   "https://h#RK:a+b/c=", "https://h", "RK:a+b/c=", NULL },
	{ "plus, alone",      "RK:a+b/c=",           "",          "RK:a+b/c=", NULL },
	{ "percent-encoded",  "https://h#RK%3aa%2Bb%2fc%3D", "https://h", "RK:a+b/c=", NULL },
	{ "percent, once",    "https://h#RK:a%252Bb", "https://h", "RK:a%2Bb", NULL },
	{ "percent, alone",   "RK:a%2Bb",            "",          "RK:a%2Bb", NULL },
	{ "path and port",    "https://h:1/a?b#RK:c", "https://h:1/a?b", "RK:c", NULL },
	{ "another number sign", "https://h#RK:a#b", "https://h", "RK:a#b", NULL },
	{ "URL is not judged", "x#RK:a",             "x",         "RK:a", NULL },
	{ "longest token",    TOKEN_LONGEST,         "",          TOKEN_LONGEST, NULL },
	{ "longest token in a URL", "https://h#" TOKEN_LONGEST, "https://h", TOKEN_LONGEST, NULL },
	{ "encoded, longer than the token may be", "https://h#%52K" ":" X63 X16 X16 X16 "xxxxxxxxxxxxx",
	  "https://h", TOKEN_LONGEST, NULL },

	{ "nothing",          "",                    NULL, NULL, "it does not begin with RK:" },
	{ "number sign alone", "#",                  NULL, NULL, "there is no URL before '#'" },
	{ "no URL",           "#RK:a",               NULL, NULL, "there is no URL before '#'" },
	{ "no token",         "https://h#",          NULL, NULL, "it does not begin with RK:" },
	{ "URL alone",        "https://h",           NULL, NULL, "it does not begin with RK:" },
	{ "small letters",    "rk:a",                NULL, NULL, "it does not begin with RK:" },
	{ "device token",     "https://h#DT:a",      NULL, NULL, "it does not begin with RK:" },
	{ "blank in front",   " RK:a",               NULL, NULL, "it does not begin with RK:" },
	{ "start alone",      "RK:",                 NULL, NULL, "there is nothing behind RK:" },
	{ "start alone in a URL", "https://h#RK:",   NULL, NULL, "there is nothing behind RK:" },
	{ "blank",            "RK:a b",              NULL, NULL, "it has blanks" },
	{ "line end",         "RK:a\r\nX: y",        NULL, NULL, "it has blanks" },
	{ "line end behind",  "RK:a\n",              NULL, NULL, "it has blanks" },
	{ "encoded line end", "https://h#RK:a%0d%0aX",  NULL, NULL, "it has blanks" },
	{ "encoded NUL",      "https://h#RK:a%00b",  NULL, NULL, "it has blanks" },
	{ "encoded blank",    "https://h#RK:a%20b",  NULL, NULL, "it has blanks" },
	{ "encoded DEL",      "https://h#RK:a%7fb",  NULL, NULL, "it has blanks" },
	{ "encoded, not ASCII", "https://h#RK:a%c3%a9", NULL, NULL, "it has blanks" },
	{ "not ASCII",        "RK:\303\251",         NULL, NULL, "it has blanks" },
	{ "percent at the end", "https://h#RK:a%",   NULL, NULL, "it has a '%'" },
	{ "one digit at the end", "https://h#RK:a%4", NULL, NULL, "it has a '%'" },
	{ "no hexadecimal digit", "https://h#RK:a%4g", NULL, NULL, "it has a '%'" },
	{ "no first digit",   "https://h#RK:a%g4",   NULL, NULL, "it has a '%'" },
	{ "token too long",   TOKEN_LONGEST "x",     NULL, NULL, "it is too long" },
	{ "token too long in a URL", "https://h#" TOKEN_LONGEST "x", NULL, NULL, "it is too long" },
	{ "encoded and too long", "https://h#" TOKEN_LONGEST "%41", NULL, NULL, "it is too long" },
	{ "URL too long",     X63 X63 X63 X63 "xxxx#RK:a", NULL, NULL, "the URL before '#' is too long" },
};
/* clang-format on */

static void test_api(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(urls); i++) {
		char api[SERVICE_URL_MAX] = "before";
		const char *why = NULL;
		int err = service_url_api(urls[i].url, api, &why);

		if (err != (urls[i].api ? 0 : -EINVAL))
			fail_msg("%s: %d, %s", urls[i].name, err, why ?: api);
		if (strcmp(api, urls[i].api ?: "before") != 0)
			fail_msg("%s: %s", urls[i].name, api);
		if (err && (!why || strncmp(why, urls[i].why, strlen(urls[i].why)) != 0))
			fail_msg("%s: %s", urls[i].name, why);
	}
}

static void test_split_key(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(keys); i++) {
		char url[SERVICE_URL_MAX] = "before", token[SERVICE_TOKEN_MAX] = "before";
		const char *why = NULL;
		int err = service_url_split_key(keys[i].key, url, token, &why);

		if (err != (keys[i].token ? 0 : -EINVAL))
			fail_msg("%s: %d, %s", keys[i].name, err, why ?: token);
		if (strcmp(url, keys[i].url ?: "before") != 0 ||
		    strcmp(token, keys[i].token ?: "before") != 0)
			fail_msg("%s: '%s' and '%s'", keys[i].name, url, token);
		if (err && (!why || strncmp(why, keys[i].why, strlen(keys[i].why)) != 0))
			fail_msg("%s: %s", keys[i].name, why);
	}
}

/* Whatever comes in, what goes out is a URL of ours and a header's worth of token. */
static void test_random(void **state)
{
	static const char alphabet[] = "https://api.RK:#@%2f0A[]\n\t ?\303\\.:";
	char text[64], out[SERVICE_URL_MAX], token[SERVICE_TOKEN_MAX];
	const char *why;

	(void)state;
	srandom(1);
	for (int i = 0; i < 200000; i++) {
		size_t at = i % 2 ? sprintf(text, "https://") : sprintf(text, "h#RK:");
		size_t len = at + random() % (sizeof(text) - at);

		for (; at < len; at++)
			text[at] = alphabet[random() % (sizeof(alphabet) - 1)];
		text[len] = '\0';
		if (!service_url_api(text, out, &why)) {
			assert_int_equal(strncmp(out, "https://api.", 12), 0);
			assert_int_equal(strspn(out + 8, "abcdefghijklmnopqrstuvwxyz0123456789.:"),
					 strlen(out) - 8);
		}
		if (!service_url_split_key(text, out, token, &why)) {
			assert_int_equal(strncmp(token, "RK:", 3), 0);
			for (const char *c = token; *c; c++)
				assert_in_range(*c, '!', '~');
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_api),
		cmocka_unit_test(test_split_key),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
