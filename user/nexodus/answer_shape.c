// SPDX-License-Identifier: Apache-2.0
/* answer_shape.c - what an answer is that is not the one that was expected, in a few words. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/json_member.h"
#include "base/uuid.h"
#include "nexodus/answer.h"
#include "nexodus/device_cache.h"

#define WORD_MAX 16 /* what is as long may be a token, and is not shown */
#define EXCERPT_MAX 64

static size_t word_length(const char *text, size_t len)
{
	size_t n = 0;

	while (n < len && text[n] > ' ' && text[n] <= '~' && !strchr("\"'<>(){}[],;&", text[n]))
		n++;
	return n;
}

/* What is shown of the word, or of the one character, that begins here. Return: its bytes. */
static size_t take_piece(const char *text, size_t len, char ret[static WORD_MAX])
{
	size_t word = word_length(text, len);

	if (word) {
		snprintf(ret, WORD_MAX, "%.*s", word < WORD_MAX ? (int)word : 3,
			 word < WORD_MAX ? text : "***");
		return word;
	}
	if (*text == '\t' || *text == '\r' || *text == '\n')
		snprintf(ret, WORD_MAX, " ");
	else
		snprintf(ret, WORD_MAX, "%c", *text >= ' ' && *text <= '~' ? *text : '?');
	return 1;
}

/* ASCII, in one line, with a mark where it goes on. */
static void shorten(const char *text, size_t len, char ret[static EXCERPT_MAX])
{
	char piece[WORD_MAX];
	size_t n = 0;

	*ret = '\0';
	for (size_t i = 0; i < len;) {
		i += take_piece(text + i, len - i, piece);
		if (n + strlen(piece) > EXCERPT_MAX - sizeof("...")) {
			snprintf(ret + n, EXCERPT_MAX - n, "...");
			return;
		}
		n += snprintf(ret + n, EXCERPT_MAX - n, "%s", piece);
	}
}

void answer_excerpt(const char *text, size_t len, char ret[static ANSWER_SHAPE_MAX])
{
	char excerpt[EXCERPT_MAX];

	shorten(text, len, excerpt);
	if (len)
		snprintf(ret, ANSWER_SHAPE_MAX, "'%s'", excerpt);
	else
		snprintf(ret, ANSWER_SHAPE_MAX, "an empty answer");
}

static const char *kind_of(struct json_object *value)
{
	switch (json_object_get_type(value)) {
	case json_type_array:
		return "an array";
	case json_type_string:
		return "a string";
	case json_type_int:
	case json_type_double:
		return "a number";
	case json_type_boolean:
		return "true or false";
	default:
		return "null";
	}
}

/* A UUID where the name says so, a WireGuard key, or a text. */
static bool is_good(struct json_object *object, const char *name)
{
	const char *text = json_text(object, name), *end = name + strlen(name) - 2;
	uint8_t id[DEVICE_ID_BYTES], key[WG_KEY_BYTES];

	if (!text)
		return false;
	if (end >= name && !strcmp(end, "id"))
		return !uuid_parse(text, id);
	return strcmp(name, "public_key") != 0 || !wg_key_parse(text, key);
}

static void names_of(struct json_object *object, char ret[static EXCERPT_MAX])
{
	char names[4 * EXCERPT_MAX] = "";
	size_t n = 0;

	json_object_object_foreach(object, name, value)
	{
		(void)value;
		if (n < sizeof(names))
			n += snprintf(names + n, sizeof(names) - n, "%s%s", n ? ", " : "", name);
	}
	shorten(names, strlen(names), ret);
}

static void tell_object(struct json_object *object, const char *const *members,
			char ret[static ANSWER_SHAPE_MAX])
{
	const char *error = json_text(object, "error");
	char text[EXCERPT_MAX];

	while (*members && is_good(object, *members))
		members++;
	if (*members && json_member(object, *members)) {
		snprintf(ret, ANSWER_SHAPE_MAX, "one whose %s is not what it should be", *members);
	} else if (error) {
		shorten(error, strlen(error), text);
		snprintf(ret, ANSWER_SHAPE_MAX, "an error: %s", text);
	} else {
		names_of(object, text);
		snprintf(ret, ANSWER_SHAPE_MAX, "an object of %s%s%s", *text ? text : "nothing",
			 *members ? ", without " : "", *members ?: "");
	}
}

void answer_shape(const char *body, size_t len, const char *const *members,
		  char ret[static ANSWER_SHAPE_MAX])
{
	struct json_object *object = json_parse(body, len);
	char excerpt[ANSWER_SHAPE_MAX - sizeof("no JSON: ")];

	if (json_object_is_type(object, json_type_object)) {
		tell_object(object, members, ret);
	} else if (object || (len == 4 && !memcmp(body, "null", 4))) {
		snprintf(ret, ANSWER_SHAPE_MAX, "%s", kind_of(object));
	} else {
		answer_excerpt(body, len, ret);
		snprintf(excerpt, sizeof(excerpt), "%s", ret);
		if (len)
			snprintf(ret, ANSWER_SHAPE_MAX, "no JSON: %s", excerpt);
	}
	json_object_put(object);
}
