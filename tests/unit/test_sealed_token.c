// SPDX-License-Identifier: Apache-2.0
/*
 * test_sealed_token.c - tokens that are sealed for us, for others, for nobody, and changed ones.
 *
 * Those marked "made" were sealed by an independent implementation (Python's cryptography).
 */
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

#include "nexodus/sealed_token.h"
#include "notation.h"

#define KEY_A "B6N8vBQgk8i3VdwbEOhstCY3StFqqFPtC9/AsrhtHHw="
#define KEY_B "HPV5q6RaELodHvBtkfyiqp7QoRUFFWUxVUBdCxjLmmc="
#define ZEROS "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define EPHEMERAL "WGmv9FBUlzLLqu1eXfmzCm2jHLDldCutWtShp2jxpns="
#define A "djE=:" EPHEMERAL ":"
#define HELLO "ZMJd6Wj_aFx8mQp_PGzeNuDM2Mk9peVv4dpt"
#define B_FIELDS                                                                                \
	"EyxEK-AQ-9V-cmAzKKp25x_MwVA6riGTJ9FNnJmT9HI=:lO9_Yy37WGgrhdHLjqNwDLJUZ1gyqFtqJRuSPw__" \
	"oVDDs03EBtpQ6oGC90XoyEcI2jqh6oYjKUxlvOGVmvks"
#define VECTOR_A A HELLO
#define VECTOR_B "djE=:" B_FIELDS
#define CHACHA A "fVHnHrBXe3L9R7kGRMB-0O-TP00k1QWEu9OP" /* made */
#define DEVICE_TOKEN "DT:AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA="

/* clang-format off */
static const struct {
	const char *name, *sealed, *key;
	size_t size; /* room for the answer; 0: enough */
	int err;
	const char *plain;
} cases[] = {
	{ "vector A",                     VECTOR_A, KEY_A, 0, 0, "hello world" },
	{ "vector B",                     VECTOR_B, KEY_B, 0, 0, DEVICE_TOKEN },
	{ "ChaCha20-Poly1305, made",      CHACHA,   KEY_A, 0, 0, "hello world" },
	{ "nothing inside, made",         A "zZZzV6YzR2KVDoVmB32PEw==", KEY_A, 0, 0, "" },
	{ "nothing inside, ChaCha, made", A "RhMmmjbp_uu-p-E-c6eyhQ==", KEY_A, 0, 0, "" },
	{ "first and last of ASCII, made", A "LNn42AqY6Sa2GPi-GKKU6lzh", KEY_A, 0, 0, " ~" },

	{ "just enough room",             VECTOR_A, KEY_A, 12, 0, "hello world" },
	{ "one byte too little",          VECTOR_A, KEY_A, 11, -ENOSPC, NULL },
	{ "room for one byte",            VECTOR_B, KEY_B, 1, -ENOSPC, NULL },
	{ "room for one byte, enough",    A "zZZzV6YzR2KVDoVmB32PEw==", KEY_A, 1, 0, "" },

	{ "A for B's key",                VECTOR_A, KEY_B, 0, -EBADMSG, NULL },
	{ "B for A's key",                VECTOR_B, KEY_A, 0, -EBADMSG, NULL },
	{ "key of zeros",                 VECTOR_A, ZEROS, 0, -EBADMSG, NULL },
	{ "key is a point of order 8",    VECTOR_A, "4Ot6fDtBuK4WVuP68Z/EatoJjeucMrH9hmIFFl9JuAA=", 0, -EBADMSG, NULL },
	{ "real Diffie-Hellman, made",    A "oIm5eRcP-vlCyW6Mp61rk-IvThskQSByjUXp", KEY_A, 0, -EBADMSG, NULL },
	{ "salt the other way, made",     A "ICN5WNIA-a37BCk9ufhfXroQsmp9n3wUK01D", KEY_A, 0, -EBADMSG, NULL },
	{ "info in small letters, made",  A "B67Ds5Qipo_JCW7yEpboZcSXhS6dDEeiMnUF", KEY_A, 0, -EBADMSG, NULL },
	{ "one bit of the tag",           A "ZMJd6Wj_aFx8mQp_PGzeNuDM2Mk9peVv4dps", KEY_A, 0, -EBADMSG, NULL },
	{ "one bit of the text",          A "5MJd6Wj_aFx8mQp_PGzeNuDM2Mk9peVv4dpt", KEY_A, 0, -EBADMSG, NULL },
	{ "one bit of the ephemeral key", "djE=:XGmv9FBUlzLLqu1eXfmzCm2jHLDldCutWtShp2jxpns=:" HELLO, KEY_A, 0, -EBADMSG, NULL },
	{ "bit that X25519 ignores, low", "djE=:WWmv9FBUlzLLqu1eXfmzCm2jHLDldCutWtShp2jxpns=:" HELLO, KEY_A, 0, -EBADMSG, NULL },
	{ "bit that X25519 ignores, high", "djE=:WGmv9FBUlzLLqu1eXfmzCm2jHLDldCutWtShp2jxpvs=:" HELLO, KEY_A, 0, -EBADMSG, NULL },
	{ "ephemeral key of zeros",       "djE=:" ZEROS ":" HELLO, KEY_A, 0, -EBADMSG, NULL },

	{ "NUL inside, made",             A "badTL4TC4YVUjWGI03eyCp9Cig==", KEY_A, 0, -EBADMSG, NULL },
	{ "line end inside, made",        A "ba1TfUPQKnNuPT_EAqj33gpRIA==", KEY_A, 0, -EBADMSG, NULL },
	{ "line end, ChaCha, made",       A "dDmBEAsCfVqPJTTYaIXLhamJ5aQ=", KEY_A, 0, -EBADMSG, NULL },
	{ "DEL inside, made",             A "bdhTm1dsyYwuGSlHSNloLfgdLQ==", KEY_A, 0, -EBADMSG, NULL },
	{ "not ASCII inside, made",       A "bWSY5w8KekBrrNZgOmpa9FDraVo=", KEY_A, 0, -EBADMSG, NULL },

	{ "kind v2",                      "djI=:" EPHEMERAL ":" HELLO, KEY_A, 0, -EPROTONOSUPPORT, NULL },
	{ "kind V1",                      "VjE=:" EPHEMERAL ":" HELLO, KEY_A, 0, -EPROTONOSUPPORT, NULL },
	{ "kind v1x",                     "djF4:" EPHEMERAL ":" HELLO, KEY_A, 0, -EPROTONOSUPPORT, NULL },
	{ "kind v",                       "dg==:" EPHEMERAL ":" HELLO, KEY_A, 0, -EPROTONOSUPPORT, NULL },
	{ "kind is empty",                ":" EPHEMERAL ":" HELLO, KEY_A, 0, -EPROTONOSUPPORT, NULL },
	{ "kind is not encoded",          "v1:" EPHEMERAL ":" HELLO, KEY_A, 0, -EINVAL, NULL },

	{ "nothing",                      "", KEY_A, 0, -EINVAL, NULL },
	{ "token that is not sealed",     DEVICE_TOKEN, KEY_A, 0, -EINVAL, NULL },
	{ "one field",                    HELLO, KEY_A, 0, -EINVAL, NULL },
	{ "two fields",                   "djE=:" EPHEMERAL, KEY_A, 0, -EINVAL, NULL },
	{ "two fields and a colon",       A, KEY_A, 0, -EINVAL, NULL },
	{ "four fields",                  VECTOR_A ":" HELLO, KEY_A, 0, -EINVAL, NULL },
	{ "four fields, one empty",       VECTOR_A ":", KEY_A, 0, -EINVAL, NULL },
	{ "only colons",                  "::", KEY_A, 0, -EPROTONOSUPPORT, NULL },
	{ "more colons",                  ":::::::", KEY_A, 0, -EINVAL, NULL },
	{ "blank before",                 " " VECTOR_A, KEY_A, 0, -EINVAL, NULL },
	{ "line end behind",              VECTOR_A "\n", KEY_A, 0, -EINVAL, NULL },
	{ "blanks of four",               VECTOR_A "    ", KEY_A, 0, -EINVAL, NULL },
	{ "standard base64 in field 2",   "djE=:EyxEK+AQ+9V+cmAzKKp25x/MwVA6riGTJ9FNnJmT9HI=:" HELLO, KEY_B, 0, -EINVAL, NULL },
	{ "standard base64 in field 3",   A "ZMJd6Wj/aFx8mQp/PGzeNuDM2Mk9peVv4dpt", KEY_A, 0, -EINVAL, NULL },
	{ "ephemeral key without padding", "djE=:WGmv9FBUlzLLqu1eXfmzCm2jHLDldCutWtShp2jxpns:" HELLO, KEY_A, 0, -EINVAL, NULL },
	{ "ephemeral key of 31 bytes",    "djE=:WGmv9FBUlzLLqu1eXfmzCm2jHLDldCutWtShp2jxpg==:" HELLO, KEY_A, 0, -EINVAL, NULL },
	{ "ephemeral key of 33 bytes",    "djE=:WGmv9FBUlzLLqu1eXfmzCm2jHLDldCutWtShp2jxpnsA:" HELLO, KEY_A, 0, -EINVAL, NULL },
	{ "ephemeral key is empty",       "djE=::" HELLO, KEY_A, 0, -EINVAL, NULL },
	{ "text of 15 bytes",             A "zZZzV6YzR2KVDoVmB32P", KEY_A, 0, -EINVAL, NULL },
	{ "bits behind the end",          "djE=:WGmv9FBUlzLLqu1eXfmzCm2jHLDldCutWtShp2jxpnt=:" HELLO, KEY_A, 0, -EINVAL, NULL },
	{ "bits behind the end of two",   A "zZZzV6YzR2KVDoVmB32PEx==", KEY_A, 0, -EINVAL, NULL },
	{ "three pads",                   A "zZZzV6YzR2KVDoVmB32PE===", KEY_A, 0, -EINVAL, NULL },
	{ "three pads behind zeros",       A "ZMJd6Wj_aFx8mQp_PGzeNuDM2Mk9peVvA===", KEY_A, 0, -EINVAL, NULL },
	{ "four pads",                    VECTOR_A "====", KEY_A, 0, -EINVAL, NULL },
	{ "pads alone",                   A "====", KEY_A, 0, -EINVAL, NULL },
	{ "pad in the middle",            A "ZMJd6Wj_aFx8mQp_PGz=NuDM2Mk9peVv4dpt", KEY_A, 0, -EINVAL, NULL },
	{ "not ASCII",                    A "\303\251\303\251", KEY_A, 0, -EINVAL, NULL },
};
/* clang-format on */

static int open_for(const char *sealed, const char *key_text, char *ret, size_t size)
{
	uint8_t key[WG_KEY_BYTES];

	assert_int_equal(wg_key_parse(key_text, key), 0);
	return sealed_token_open(sealed, key, ret, size);
}

static void test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		size_t size = cases[i].size ?: SEALED_TOKEN_TEXT_MAX;
		char *plain = malloc(size); /* of its size: the sanitizer sees the end */
		int err;

		assert_non_null(plain);
		memset(plain, '#', size);
		err = open_for(cases[i].sealed, cases[i].key, plain, size);
		if (err != cases[i].err)
			fail_msg("%s: %d", cases[i].name, err);
		if (!err && strcmp(plain, cases[i].plain) != 0)
			fail_msg("%s: %s", cases[i].name, plain);
		for (size_t b = 0; err && b < size; b++)
			if (plain[b] != '#')
				fail_msg("%s: result was touched", cases[i].name);
		free(plain);
	}
}

/* No byte may be another one: neither by random nor by one bit. */
static void check_tampering(const char *sealed, const char *key)
{
	size_t len = strlen(sealed);
	char plain[SEALED_TOKEN_TEXT_MAX], copy[SEALED_TOKEN_TEXT_MAX + 1];

	for (size_t at = 0; at < len; at++) {
		for (int how = 0; how < 40; how++) {
			int err;

			strcpy(copy, sealed);
			copy[at] = how < 8 ? copy[at] ^ 1 << how : (char)random();
			if (copy[at] == sealed[at])
				continue;
			err = open_for(copy, key, plain, sizeof(plain));
			if (err != -EINVAL && err != -EBADMSG && err != -EPROTONOSUPPORT)
				fail_msg("byte %zu is %d: %d", at, copy[at], err);
		}
	}
}

static void test_tampering(void **state)
{
	(void)state;
	srandom(1);
	check_tampering(VECTOR_A, KEY_A);
	check_tampering(VECTOR_B, KEY_B);
	check_tampering(CHACHA, KEY_A);
}

/* Shorter and longer by a few characters, anywhere. */
static void test_cut(void **state)
{
	static const char vector[] = VECTOR_B;
	char plain[SEALED_TOKEN_TEXT_MAX], copy[SEALED_TOKEN_TEXT_MAX];
	size_t len = strlen(vector);

	(void)state;
	for (size_t at = 0; at < len; at++) {
		snprintf(copy, sizeof(copy), "%.*s", (int)at, vector);
		assert_int_not_equal(open_for(copy, KEY_B, plain, sizeof(plain)), 0);
		for (size_t n = 1; n <= 4; n++) {
			snprintf(copy, sizeof(copy), "%.*s%s", (int)at, vector,
				 &vector[at + n < len ? at + n : len]);
			assert_int_not_equal(open_for(copy, KEY_B, plain, sizeof(plain)), 0);
			snprintf(copy, sizeof(copy), "%.*s%.*s%s", (int)at, vector, (int)n, "AAAA",
				 &vector[at]);
			assert_int_not_equal(open_for(copy, KEY_B, plain, sizeof(plain)), 0);
		}
	}
}

/* The longest that is looked at: a lie, but not one about its form. */
static void test_length(void **state)
{
	char sealed[2 * SEALED_TOKEN_TEXT_MAX], plain[SEALED_TOKEN_TEXT_MAX];

	(void)state;
	for (size_t len = SEALED_TOKEN_TEXT_MAX - 14; len < sizeof(sealed); len += 4) {
		memset(sealed, 'A', len);
		memcpy(sealed, A, strlen(A));
		sealed[len] = '\0';
		assert_int_equal(open_for(sealed, KEY_A, plain, sizeof(plain)),
				 len > SEALED_TOKEN_TEXT_MAX ? -EINVAL : -EBADMSG);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_tampering),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
