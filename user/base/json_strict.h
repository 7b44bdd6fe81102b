/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_strict.h - is a text JSON, as RFC 8259 has it and not a byte more?
 *
 * json-c's strict mode (0.16) takes leading zeros of negative numbers ("-01"), "00", "1.", NaN,
 * Infinity, names in single quotes, raw control characters, lone surrogates, overlong UTF-8 and a
 * member twice; and it takes or refuses "5-5", "[1]//" and more by where the text is cut. So every
 * byte goes through here first, and json-c gets nothing but whole documents that were found good:
 * to build the tree is all that is left to it.
 *
 * One state machine, one byte at a time: where pieces end cannot matter.
 */
#ifndef BASE_JSON_STRICT_H
#define BASE_JSON_STRICT_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JSON_DEPTH_MAX 16 /* of a value: the document itself is 1 deep */

struct json_strict {
	uint8_t state;      /* enum of json_strict.c */
	bool is_name;       /* the string at hand names a member */
	bool is_passed;     /* see json_strict_pass() */
	bool wants_low;     /* the string goes on with the other half of a surrogate pair */
	uint8_t n_hex;      /* digits of \uXXXX so far */
	uint16_t unit;      /* their value */
	const char *word;   /* what is left of true, false or null */
	uint32_t is_object; /* bit for each open level: an object, else an array */
	unsigned int depth; /* open objects and arrays */
	/* UTF-8: bytes that the character at hand still needs, and bounds of the next one. */
	uint8_t utf8_more, utf8_low, utf8_high;
	size_t n_members; /* names so far, of all objects */
	const char *why;  /* after an error: a static text */
};

/** json_strict_begin() - a new document. */
void json_strict_begin(struct json_strict *strict);

/**
 * json_strict_byte() - the next byte of the document.
 *
 * Return: 0; 1 when an object or array that is the document ends with it: only blanks may follow;
 *         -EBADMSG with strict->why; -E2BIG when a value would be nested too deeply. After an
 *         error there is nothing to go on with; but after -E2BIG json_strict_pass(), and then with
 *         the same byte again.
 */
int json_strict_byte(struct json_strict *strict, char byte);

/**
 * json_strict_pass() - the rest of the document is only followed to its end: strings are still
 * checked, what is between them is not, and it may be nested as deeply as it likes.
 */
void json_strict_pass(struct json_strict *strict);

/** json_strict_is_whole() - may the text end here? */
bool json_strict_is_whole(const struct json_strict *strict);

/**
 * json_strict_tree() - the tree of a document that was found good and whole.
 * @ret_why: a static text after an error.
 *
 * Return: owned by the caller (json_object_put()); NULL when an object has a member twice, when the
 *         document is null, or without memory.
 */
struct json_object *json_strict_tree(const struct json_strict *strict, const char *text, size_t len,
				     const char **ret_why);

#endif
