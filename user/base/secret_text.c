// SPDX-License-Identifier: Apache-2.0
#include "base/secret_text.h"

#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define N(array) (sizeof(array) / sizeof(*(array)))
#define TOKEN_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=_-.~%"
#define TOKEN_MIN 8   /* characters, when it is no word */
#define WORD_MAX 20   /* what is longer is no word of a message */
#define KEY_LENGTH 44 /* base64 of 32 bytes */

/* What a secret begins with. */
static const char *const starts[] = {
	"RK:", "DT:", "ST:", "RK%3A", "DT%3A", "ST%3A", "RK%3a", "DT%3a", "ST%3a", "eyJ",
};

/* What says that a secret follows. */
static const char *const words[] = {
	"password",      "passwd",        "passphrase",   "secret",      "token",
	"private_key",   "private-key",   "private key",  "privatekey",  "preshared_key",
	"preshared-key", "preshared key", "presharedkey", "reg_key",     "reg-key",
	"api_key",       "api-key",       "apikey",       "device_code", "authorization",
};

static const char *const schemes[] = { "Bearer ", "Basic ", "Bearer%20", "Basic%20" };

/* Return: how many characters at @text a token may have. */
static size_t token_length(const char *text)
{
	return strspn(text, TOKEN_CHARACTERS);
}

/* A word of a message has no digit, and no such length. What goes on to the end may be cut. */
static bool is_no_word(const char *text, size_t len)
{
	if (len >= WORD_MAX)
		return true;
	return len >= TOKEN_MIN && strcspn(text, "0123456789") < len;
}

/* "reg-key: /etc/nex-relay/reg-key": base64 has one slash in 64 characters, and no dot. */
static bool is_path(const char *text, size_t len)
{
	return *text == '/' && (memchr(text + 1, '/', len - 1) || memchr(text, '.', len));
}

static void hide(char *text, size_t len)
{
	memset(text, '*', len);
}

/* A long one needs no edge in front: "keyRK:...". */
static bool is_secret(const char *begin, const char *text, const char *rest, size_t len)
{
	bool is_edge = text == begin || !isalnum((unsigned char)text[-1]);

	if (!is_edge)
		return len >= KEY_LENGTH - 4;
	return len >= TOKEN_MIN || (len && !rest[len]);
}

/* Return: bytes that are done with; 0 when no secret begins here. */
static size_t mask_start(const char *begin, char *text)
{
	for (size_t i = 0; i < N(starts); i++) {
		size_t start = strlen(starts[i]), len;

		if (strncmp(text, starts[i], start) != 0)
			continue;
		len = token_length(text + start);
		if (!is_secret(begin, text, text + start, len))
			continue;
		hide(text + start, len);
		return start + len;
	}
	return 0;
}

static size_t mask_scheme(char *text)
{
	for (size_t i = 0; i < N(schemes); i++) {
		size_t len = strlen(schemes[i]), token;

		if (strncasecmp(text, schemes[i], len) != 0)
			continue;
		len += strspn(text + len, " '\"=:");
		token = token_length(text + len);
		if (!is_no_word(text + len, token) && (text[len + token] || token < 4))
			continue;
		hide(text + len, token);
		return len + token;
	}
	return 0;
}

/* Behind "private key" and a blank there may be the key. */
static size_t mask_key(char *text)
{
	size_t blanks = strspn(text, " "), len = token_length(text + blanks);

	if (!blanks || len != KEY_LENGTH || text[blanks + len - 1] != '=')
		return 0;
	hide(text + blanks, len);
	return blanks + len;
}

/*
 * What follows the word: password=x, "password":"x", or password: x, where a word of a message may
 * follow as well.
 */
static size_t mask_value(char *text)
{
	size_t at = strspn(text, "'\"\\ "), value, len;
	bool is_assigned, is_quoted;

	if (text[at] != '=' && text[at] != ':' && strncasecmp(text + at, "%3D", 3) != 0)
		return mask_key(text);
	is_assigned = text[at] != ':';
	at += text[at] == '%' ? 3 : 1;
	value = at + strspn(text + at, "'\"\\ ");
	is_quoted = memchr(text + at, '"', value - at) || memchr(text + at, '\'', value - at);
	if (is_quoted)
		len = strcspn(text + value, "'\"");
	else
		len = is_assigned ? strcspn(text + value, " &,;\"'") : token_length(text + value);
	if (!is_assigned && !is_quoted &&
	    (!is_no_word(text + value, len) || is_path(text + value, len)))
		return value;
	hide(text + value, len);
	return value + len;
}

static size_t mask_word(char *text)
{
	for (size_t i = 0; i < N(words); i++) {
		size_t len = strlen(words[i]);

		if (!strncasecmp(text, words[i], len))
			return len + mask_value(text + len);
	}
	return 0;
}

void secret_text_mask(char *text)
{
	const char *begin = text;

	while (*text) {
		size_t done = mask_start(begin, text) ?: mask_scheme(text) ?: mask_word(text);

		text += done ?: 1;
	}
}
