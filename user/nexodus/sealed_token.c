// SPDX-License-Identifier: Apache-2.0
#include "nexodus/sealed_token.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/cleanup.h"

#define KIND "v1"
#define INFO "X25519"
#define FIELDS 3
#define TAG_BYTES 16
#define NONCE_BYTES 12
#define KEY_BYTES 32
#define DECODED_MAX (SEALED_TOKEN_TEXT_MAX / 4 * 3)

struct field {
	uint8_t bytes[DECODED_MAX];
	size_t len;
};

struct sealed {
	struct field kind, ephemeral, text; /* text: cipher text and tag */
};

static void wipe_sealed(struct sealed *sealed)
{
	explicit_bzero(sealed, sizeof(*sealed));
}

static void free_pkey(EVP_PKEY **pkey)
{
	EVP_PKEY_free(*pkey);
}

static void free_pkey_ctx(EVP_PKEY_CTX **ctx)
{
	EVP_PKEY_CTX_free(*ctx);
}

static void free_kdf_ctx(EVP_KDF_CTX **ctx)
{
	EVP_KDF_CTX_free(*ctx);
}

static void free_cipher_ctx(EVP_CIPHER_CTX **ctx)
{
	EVP_CIPHER_CTX_free(*ctx);
}

static int digit_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '-' ? 62 : c == '_' ? 63 : -1;
}

/* base64url with padding (RFC 4648 section 5), canonical: one text for each value. */
static int decode(const char *text, size_t len, struct field *ret)
{
	size_t pad = 0, n = 0;
	uint32_t bits = 0;

	if (len % 4 || len / 4 * 3 > sizeof(ret->bytes))
		return -EINVAL;
	while (pad < 2 && pad < len && text[len - 1 - pad] == '=')
		pad++;
	for (size_t i = 0; i < len; i++) {
		int digit = i < len - pad ? digit_of(text[i]) : 0;

		if (digit < 0)
			return -EINVAL;
		bits = bits << 6 | digit;
		if (i % 4 != 3)
			continue;
		ret->bytes[n++] = bits >> 16;
		ret->bytes[n++] = bits >> 8;
		ret->bytes[n++] = bits;
	}
	/* What is behind the last byte must be zero. */
	for (size_t i = n - pad; i < n; i++)
		if (ret->bytes[i])
			return -EINVAL;
	ret->len = n - pad;
	return 0;
}

static int split(const char *sealed, struct sealed *ret)
{
	struct field *fields[FIELDS] = { &ret->kind, &ret->ephemeral, &ret->text };
	size_t total = strnlen(sealed, SEALED_TOKEN_TEXT_MAX + 1);

	if (total > SEALED_TOKEN_TEXT_MAX)
		return -EINVAL;
	for (size_t i = 0; i < FIELDS; i++) {
		size_t len = strcspn(sealed, ":");

		if (sealed[len] != (i == FIELDS - 1 ? '\0' : ':') ||
		    decode(sealed, len, fields[i]) != 0)
			return -EINVAL;
		sealed += len + 1;
	}
	if (ret->kind.len != strlen(KIND) || memcmp(ret->kind.bytes, KIND, strlen(KIND)) != 0)
		return -EPROTONOSUPPORT;
	return ret->ephemeral.len == WG_KEY_BYTES && ret->text.len >= TAG_BYTES ? 0 : -EINVAL;
}

/* X25519(@scalar, @point). -EBADMSG when the point is one whose product is always zero. */
static int agree(const uint8_t *scalar, const uint8_t *point, uint8_t ret[static KEY_BYTES])
{
	AUTO(free_pkey) EVP_PKEY *own = NULL;
	AUTO(free_pkey) EVP_PKEY *peer = NULL;
	AUTO(free_pkey_ctx) EVP_PKEY_CTX *ctx = NULL;
	size_t len = KEY_BYTES;

	own = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, scalar, KEY_BYTES);
	peer = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, point, KEY_BYTES);
	if (own)
		ctx = EVP_PKEY_CTX_new(own, NULL);
	if (!peer || !ctx || EVP_PKEY_derive_init(ctx) <= 0 ||
	    EVP_PKEY_derive_set_peer(ctx, peer) <= 0)
		return -ENOMEM;
	return EVP_PKEY_derive(ctx, ret, &len) > 0 && len == KEY_BYTES ? 0 : -EBADMSG;
}

static int derive(uint8_t *shared, uint8_t salt[static 2 * WG_KEY_BYTES],
		  uint8_t ret[static KEY_BYTES])
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)"SHA256", 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, shared, KEY_BYTES),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, salt, 2 * WG_KEY_BYTES),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (char *)INFO, strlen(INFO)),
		OSSL_PARAM_construct_end(),
	};
	AUTO(free_kdf_ctx) EVP_KDF_CTX *ctx = NULL;
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);

	if (kdf)
		ctx = EVP_KDF_CTX_new(kdf);
	EVP_KDF_free(kdf);
	return ctx && EVP_KDF_derive(ctx, ret, KEY_BYTES, params) > 0 ? 0 : -ENOMEM;
}

/* One key for one message: the nonce may be zero. */
static int decrypt(const EVP_CIPHER *cipher, struct field *sealed,
		   const uint8_t key[static KEY_BYTES], uint8_t *ret)
{
	static const uint8_t nonce[NONCE_BYTES];
	AUTO(free_cipher_ctx) EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	size_t len = sealed->len - TAG_BYTES;
	int n = 0, more = 0;

	if (!ctx || EVP_DecryptInit_ex(ctx, cipher, NULL, key, nonce) <= 0 ||
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG_BYTES, sealed->bytes + len) <= 0 ||
	    EVP_DecryptUpdate(ctx, ret, &n, sealed->bytes, (int)len) <= 0)
		return -ENOMEM;
	return EVP_DecryptFinal_ex(ctx, ret + n, &more) > 0 ? 0 : -EBADMSG;
}

static int open_with_keys(struct sealed *sealed, const uint8_t *public_key, uint8_t *ret)
{
	uint8_t salt[2 * WG_KEY_BYTES], shared[KEY_BYTES], key[KEY_BYTES];
	int err;

	memcpy(salt, sealed->ephemeral.bytes, WG_KEY_BYTES);
	memcpy(salt + WG_KEY_BYTES, public_key, WG_KEY_BYTES);
	err = agree(sealed->ephemeral.bytes, public_key, shared);
	if (!err)
		err = derive(shared, salt, key);
	if (!err) {
		err = decrypt(EVP_aes_256_gcm(), &sealed->text, key, ret);
		if (err == -EBADMSG)
			err = decrypt(EVP_chacha20_poly1305(), &sealed->text, key, ret);
	}
	explicit_bzero(shared, sizeof(shared));
	explicit_bzero(key, sizeof(key));
	return err;
}

static bool is_text(const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (bytes[i] < ' ' || bytes[i] > '~')
			return false;
	return true;
}

int sealed_token_open(const char *sealed, const uint8_t public_key[static WG_KEY_BYTES], char *ret,
		      size_t size)
{
	AUTO(wipe_sealed) struct sealed fields = {};
	uint8_t plain[DECODED_MAX];
	size_t len;
	int err = split(sealed, &fields);

	if (err)
		return err;
	len = fields.text.len - TAG_BYTES;
	if (len >= size)
		return -ENOSPC;
	/* Nothing is left in OpenSSL's queue of errors, which its other users read. */
	ERR_set_mark();
	err = open_with_keys(&fields, public_key, plain);
	ERR_pop_to_mark();
	if (!err && !is_text(plain, len))
		err = -EBADMSG;
	if (!err) {
		memcpy(ret, plain, len);
		ret[len] = '\0';
	}
	explicit_bzero(plain, sizeof(plain));
	return err;
}
