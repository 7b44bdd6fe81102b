/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sealed_token.h - open the device token that the api-server has sealed for our public key.
 *
 *	b64url("v1") ":" b64url(ephemeral public key) ":" b64url(ciphertext and tag)
 *
 * The shared secret is X25519(scalar = ephemeral public key, point = our public key): unlike in any
 * other use of X25519 no private key takes part. The key is HKDF-SHA256 (RFC 5869) of it with salt
 * = ephemeral || ours and info "X25519"; the cipher AES-256-GCM with a nonce of zeros. Servers of
 * before 2023-10-25 used ChaCha20-Poly1305 under the same label: tried second. (nexodus
 * internal/wgcrypto/wgcrypto.go)
 */
#ifndef NEXODUS_SEALED_TOKEN_H
#define NEXODUS_SEALED_TOKEN_H

#include <stddef.h>

#include "base/wg_key.h"

#define SEALED_TOKEN_TEXT_MAX 1024 /* longer ones are refused */

/**
 * sealed_token_open() - decrypt.
 * @sealed:     NUL-terminated, hostile.
 * @public_key: ours.
 * @ret:        the plain text, terminated, of at most @size bytes with it; printable ASCII and
 *              nothing else. Untouched on failure. The caller wipes it.
 *
 * OpenSSL reads its configuration file when it is first used by anybody: a process that may open no
 * files must have let it do so before.
 *
 * base64url is taken only in its canonical form, with padding: no byte of a token can be changed
 * without notice.
 *
 * Return: 0; -EINVAL when the form is wrong; -EPROTONOSUPPORT when it is of another kind than v1;
 *         -EBADMSG when it is not for us, was changed, or has no text inside; -ENOSPC; -ENOMEM.
 */
int sealed_token_open(const char *sealed, const uint8_t public_key[static WG_KEY_BYTES], char *ret,
		      size_t size);

#endif
