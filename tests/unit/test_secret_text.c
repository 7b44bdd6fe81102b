// SPDX-License-Identifier: Apache-2.0
/* test_secret_text.c - what looks like a key or token, and what does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/printable.h"
#include "base/secret_text.h"

#define N(array) (sizeof(array) / sizeof(*(array)))
#define S11 "***********"
#define S44 S11 S11 S11 S11
#define KEY "EsDEL74OesY0B2qfVg5AJw4lmHS4yjF8Z0XN8fZ1ihY="

/* clang-format off */
static const struct {
	const char *text;
	const char *shown; /* NULL: as it is */
} rows[] = {
	{ "RK:" KEY,                       "RK:" S44 },
	{ "bad DT:" KEY " here",           "bad DT:" S44 " here" },
	{ "('ST:" KEY "')",                "('ST:" S44 "')" },
	{ "https://api.example.com#RK:" KEY, "https://api.example.com#RK:" S44 },
	{ "x=RK%3AEsDEL74OesY0B2qfVg5AJw4lmHS4yjF8Z0XN8fZ1ihY%3D&y", "x=RK%3A" S44 "**&y" },
	{ "x=DT%3aEsDEL74OesY0 y",         "x=DT%3a************ y" },
	{ "keyRK:" KEY,                    "keyRK:" S44 },
	{ "RK:EsDE",                       "RK:****" }, /* the text was cut there */
	{ "RK:, RK:... RK: x",             NULL },
	{ "it does not begin with RK:",    NULL },
	{ "NETWORK:51820 HOST:192.0.2.200 ghost:port-number-1", NULL },
	{ "Bearer " KEY,                   "Bearer " S44 },
	{ "authorization: bearer abcdefg1.x y", "authorization: bearer ********** y" },
	{ "Authorization: Basic dXNlcjpwYXNz", "Authorization: Basic ************" },
	{ "Bearer authentication is needed", NULL },
	{ "a bearer token that has expired", NULL },
	{ "token eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln is bad", "token eyJ" S11 S11 S11 "***** is bad" },
	{ "eyJ",                           NULL },
	{ "grant_type=password&password=hunter2&x=1", "grant_type=password&password=*******&x=1" },
	{ "{\"password\":\"hunter2\",\"a\":1}", "{\"password\":\"*******\",\"a\":1}" },
	{ "{\"access_token\" : \"a b c\"}",  "{\"access_token\" : \"*****\"}" },
	{ "{\\\"client_secret\\\":\\\"x1\\\"}", "{\\\"client_secret\\\":\\\"***\"}" },
	{ "refresh_token=abc",             "refresh_token=***" },
	{ "ask for a token: Connection refused", NULL },
	{ "token: HTTP status 500",        NULL },
	{ "token: 0123456789abcdef",       "token: ****************" },
	{ "private key " KEY,              "private key " S44 },
	{ "PrivateKey = " KEY,             "PrivateKey = " S44 },
	{ "\"private-key\": \"" KEY "\"",    "\"private-key\": \"" S44 "\"" },
	{ "preshared_key=" KEY,            "preshared_key=" S44 },
	{ "public key " KEY,               NULL },
	{ "wg0: created (kernel WireGuard, port 51820), public key " KEY, NULL },
	{ "took over the private key of /var/lib/nexd/state.json and of wg0", NULL },
	{ "/var/lib/nex-relay/private.key holds another key", NULL },
	{ "wg show wg0 private-key >/var/lib/nex-relay/private.key", NULL },
	{ "--reg-key-file /etc/nex-relay/reg-key-2024-01.txt: No such file", NULL },
	{ "the systemd credential reg-key: /run/credentials/nex-relay.service/reg-key: mode 0444", NULL },
	{ "token: /sDEL74OesY0B2qfVg5AJw4lmHS4yjF8Z0XN8fZ1ihY=", "token: " S44 },
	{ "10.0.0.0/8 of device 'build-07' is the relay's own address", NULL },
	{ "password=caf\303\251 x",        "password=***** x" },
};
/* clang-format on */

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		char text[200];

		snprintf(text, sizeof(text), "%s", rows[i].text);
		secret_text_mask(text);
		if (strcmp(text, rows[i].shown ?: rows[i].text) != 0)
			fail_msg("'%s' is shown as '%s'", rows[i].text, text);
		printable_copy(text, sizeof(text), rows[i].text);
		if (strcmp(text, rows[i].shown ?: rows[i].text) != 0)
			fail_msg("'%s' is printed as '%s'", rows[i].text, text);
	}
}

/* Wherever a text is cut, no four characters of the key are left that are not of a shorter word. */
static void test_cut_anywhere(void **state)
{
	static const char from[] = "the server said: bad RK:" KEY " of Bearer DT:" KEY;
	char text[sizeof(from)];

	(void)state;
	for (size_t size = 1; size <= sizeof(from); size++) {
		printable_copy(text, size, from);
		for (const char *at = KEY; at[4]; at++) {
			char four[5] = "";

			memcpy(four, at, 4);
			if (strstr(text, four))
				fail_msg("cut after %zu: '%s'", size, text);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_cut_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
