/* SPDX-License-Identifier: Apache-2.0 */
/*
 * secret_text.h - what looks like a key or a token is not printed, wherever it comes from.
 *
 *   RK:..., DT:..., ST:...   the api-server's keys and tokens, also with %3A
 *   Bearer ..., Basic ...    of a request that somebody quotes
 *   eyJ...                   a JSON web token, or other JSON in base64
 *   password=..., "token": "...", private key ...
 *                            what follows a word that says so
 *
 * A WireGuard key alone looks the same whether it is private or public, and a short word like any
 * other: what is known to be a secret is also masked by whoever knows it.
 */
#ifndef BASE_SECRET_TEXT_H
#define BASE_SECRET_TEXT_H

/** secret_text_mask() - '*' in place of each character of what looks so. */
void secret_text_mask(char *text);

#endif
