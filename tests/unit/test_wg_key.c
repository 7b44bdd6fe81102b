// SPDX-License-Identifier: Apache-2.0
/* test_wg_key.c - WireGuard keys as text, and those that are nobody's. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>

#include "base/wg_key.h"

#define ZEROS "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

/* clang-format off */
static const struct {
	const char *name, *text;
	int err;
	uint8_t first, last; /* bytes of the key */
} cases[] = {
	{ "all zero",                      ZEROS,                                           0, 0x00, 0x00 },
	{ "all one",                       "//////////////////////////////////////////8=", 0, 0xff, 0xff },
	{ "plus is a digit",               "+AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", 0, 0xf8, 0x00 },
	{ "last byte",                     "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAI=", 0, 0x01, 0x02 },
	{ "nothing",                       "",                                             -EINVAL, 0, 0 },
	{ "31 bytes, two pads",            "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==", -EINVAL, 0, 0 },
	{ "33 bytes, no pad",              "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", -EINVAL, 0, 0 },
	{ "one character short",           "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",  -EINVAL, 0, 0 },
	{ "one character more",            ZEROS "A",                                      -EINVAL, 0, 0 },
	{ "line end behind",               ZEROS "\n",                                     -EINVAL, 0, 0 },
	{ "blank in front, right length",  " AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==", -EINVAL, 0, 0 },
	{ "line end in place of the pad",  "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n", -EINVAL, 0, 0 },
	{ "bits after the end",            "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB=", -EINVAL, 0, 0 },
	{ "pad in the middle",             "AAAAAAAAAAAAAAAAAAAA=AAAAAAAAAAAAAAAAAAAAAA=", -EINVAL, 0, 0 },
	{ "base64url",                     "-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", -EINVAL, 0, 0 },
	{ "not ASCII",                     "\xc3\xa4""AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",  -EINVAL, 0, 0 },
	{ "hex",  "00000000000000000000000000000000000000000000000000000000000000ff",      -EINVAL, 0, 0 },
};
/* clang-format on */

static void test_parse(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		uint8_t key[WG_KEY_BYTES], before[WG_KEY_BYTES];
		char text[WG_KEY_TEXT];
		int err;

		memset(key, 0xa5, sizeof(key));
		memcpy(before, key, sizeof(key));
		err = wg_key_parse(cases[i].text, key);
		if (err != cases[i].err)
			fail_msg("%s: %d", cases[i].name, err);
		if (err && memcmp(key, before, sizeof(key)) != 0)
			fail_msg("%s: result was touched", cases[i].name);
		if (err)
			continue;
		if (key[0] != cases[i].first || key[WG_KEY_BYTES - 1] != cases[i].last)
			fail_msg("%s: %02x..%02x", cases[i].name, key[0], key[WG_KEY_BYTES - 1]);
		assert_string_equal(wg_key_format(key, text), cases[i].text);
	}
}

/* Each byte must come back from its own place. */
static void test_round_trip(void **state)
{
	uint8_t key[WG_KEY_BYTES], again[WG_KEY_BYTES];
	char text[WG_KEY_TEXT];

	(void)state;
	for (int seed = 0; seed < 256; seed++) {
		for (int i = 0; i < WG_KEY_BYTES; i++)
			key[i] = seed + 37 * i;
		assert_int_equal(wg_key_parse(wg_key_format(key, text), again), 0);
		assert_memory_equal(key, again, sizeof(key));
	}
}

/* Can X25519 make a shared secret with @peer? It refuses one of zeros. */
static bool has_secret(const uint8_t peer[static WG_KEY_BYTES])
{
	static const uint8_t mine[WG_KEY_BYTES] = { 1, 2, 3 };
	EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, mine, sizeof(mine));
	EVP_PKEY *other = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, peer, WG_KEY_BYTES);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
	uint8_t secret[WG_KEY_BYTES];
	size_t len = sizeof(secret);
	bool ok;

	assert_true(key && other && ctx && EVP_PKEY_derive_init(ctx) == 1);
	ok = EVP_PKEY_derive_set_peer(ctx, other) == 1 && EVP_PKEY_derive(ctx, secret, &len) == 1;
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(other);
	EVP_PKEY_free(key);
	return ok;
}

/* Each listed point, with the highest bit and without, and its neighbours: as OpenSSL judges. */
static void test_low_order(void **state)
{
	static const char *const points[] = {
		"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
		"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
		"4Ot6fDtBuK4WVuP68Z/EatoJjeucMrH9hmIFFl9JuAA=",
		"X5yVvKNQjCSx0LFVnIPvWwREXMRYHI6G2CJO3dCfEVc=",
		"7P///////////////////////////////////////38=",
		"7f///////////////////////////////////////38=",
		"7v///////////////////////////////////////38=",
	};
	int n_low = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(points) / sizeof(*points); i++)
		for (int change = 0; change < 4; change++) {
			uint8_t key[WG_KEY_BYTES];

			assert_int_equal(wg_key_parse(points[i], key), 0);
			if (change & 1)
				key[WG_KEY_BYTES - 1] |= 0x80;
			if (change & 2)
				key[1] ^= 0x10;
			assert_int_equal(wg_key_is_low_order(key), !has_secret(key));
			n_low += wg_key_is_low_order(key);
		}
	assert_int_equal(n_low, 14);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_low_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
