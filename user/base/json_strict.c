// SPDX-License-Identifier: Apache-2.0
#include "base/json_strict.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

enum state {
	VALUE,         /* a value */
	VALUE_OR_END,  /* behind "[" */
	NAME,          /* behind "," in an object */
	NAME_OR_END,   /* behind "{" */
	COLON,         /* behind a name */
	BEHIND,        /* behind a value, in an object or array */
	END,           /* behind the document */
	STRING,        /* the rest of it */
	STRING_ESCAPE, /* behind "\" */
	STRING_HEX,    /* behind "\u" */
	WORD,          /* the rest of true, false or null */
	MINUS,         /* digits of a number */
	ZERO,          /* a number that begins with 0 */
	INTEGER,       /* more digits, or what may follow them */
	POINT,         /* digits behind "." */
	FRACTION,      /* more of them, or an exponent */
	EXPONENT,      /* behind "e": a sign or digits */
	EXPONENT_SIGN, /* behind the sign: digits */
	EXPONENT_MORE, /* more digits */
};

#define NO_NUMBER "not a number as JSON has them"

void json_strict_begin(struct json_strict *strict)
{
	*strict = (struct json_strict){ .state = VALUE };
}

void json_strict_pass(struct json_strict *strict)
{
	strict->is_passed = true;
}

static int bad(struct json_strict *strict, const char *why)
{
	strict->why = why;
	return -EBADMSG;
}

static bool is_blank(char byte)
{
	return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

static bool is_digit(char byte)
{
	return byte >= '0' && byte <= '9';
}

/* RFC 3629: is @byte next in a UTF-8 text? */
static bool follow_utf8(struct json_strict *strict, unsigned char byte)
{
	if (strict->utf8_more) {
		if (byte < strict->utf8_low || byte > strict->utf8_high)
			return false;
		strict->utf8_more--;
	} else if (byte >= 0x80) {
		if (byte < 0xc2 || byte > 0xf4)
			return false;
		strict->utf8_more = 1 + (byte >= 0xe0) + (byte >= 0xf0);
	}
	/* No overlong forms, no surrogates, nothing beyond U+10FFFF. */
	strict->utf8_low = byte == 0xe0 ? 0xa0 : byte == 0xf0 ? 0x90 : 0x80;
	strict->utf8_high = byte == 0xed ? 0x9f : byte == 0xf4 ? 0x8f : 0xbf;
	return true;
}

/* A value is behind us. */
static void end_value(struct json_strict *strict)
{
	strict->state = strict->depth ? BEHIND : END;
}

static bool in_object(const struct json_strict *strict)
{
	return strict->is_object & 1u << (strict->depth - 1);
}

static int open_level(struct json_strict *strict, char byte)
{
	strict->depth++;
	strict->is_object &= ~(1u << (strict->depth - 1));
	if (byte == '{')
		strict->is_object |= 1u << (strict->depth - 1);
	strict->state = byte == '{' ? NAME_OR_END : VALUE_OR_END;
	return 0;
}

/* Return: as json_strict_byte(). */
static int close_level(struct json_strict *strict)
{
	strict->depth--;
	end_value(strict);
	return !strict->depth;
}

static int begin_string(struct json_strict *strict, bool is_name)
{
	strict->state = STRING;
	strict->is_name = is_name;
	strict->wants_low = false;
	return 0;
}

static int begin_word(struct json_strict *strict, const char *rest)
{
	strict->state = WORD;
	strict->word = rest;
	return 0;
}

static int begin_value(struct json_strict *strict, char byte)
{
	if (byte == 'N' || byte == 'I')
		return bad(strict, "NaN and Infinity are no JSON");
	if (!strchr("{[\"-0123456789tfn", byte))
		return bad(strict, "expected a value");
	if (strict->depth == JSON_DEPTH_MAX)
		return -E2BIG;
	switch (byte) {
	case '{':
	case '[':
		return open_level(strict, byte);
	case '"':
		return begin_string(strict, false);
	case 't':
		return begin_word(strict, "rue");
	case 'f':
		return begin_word(strict, "alse");
	case 'n':
		return begin_word(strict, "ull");
	default:
		strict->state = byte == '-' ? MINUS : byte == '0' ? ZERO : INTEGER;
		return 0;
	}
}

static int behind_value(struct json_strict *strict, char byte)
{
	bool object = in_object(strict);

	if (byte == (object ? '}' : ']'))
		return close_level(strict);
	if (byte != ',')
		return bad(strict, object ? "expected ',' or '}'" : "expected ',' or ']'");
	strict->state = object ? NAME : VALUE;
	return 0;
}

/* Between values: what is no string and no number. Return: as json_strict_byte(). */
static int structure(struct json_strict *strict, char byte)
{
	if (is_blank(byte))
		return 0;
	switch (strict->state) {
	case VALUE_OR_END:
		if (byte == ']')
			return close_level(strict);
		return begin_value(strict, byte);
	case NAME_OR_END:
		if (byte == '}')
			return close_level(strict);
		/* fall through */
	case NAME:
		if (byte == '"')
			return begin_string(strict, true);
		return bad(strict, "expected a name in double quotes");
	case COLON:
		if (byte != ':')
			return bad(strict, "expected ':' behind a name");
		strict->n_members++;
		strict->state = VALUE;
		return 0;
	case BEHIND:
		return behind_value(strict, byte);
	case END:
		return bad(strict, "something follows the end of the document");
	default:
		return begin_value(strict, byte);
	}
}

static int end_string(struct json_strict *strict)
{
	if (strict->is_passed)
		strict->state = VALUE;
	else if (strict->is_name)
		strict->state = COLON;
	else
		end_value(strict);
	return 0;
}

static int string(struct json_strict *strict, char byte)
{
	if (strict->wants_low && byte != '\\')
		return bad(strict, "half a surrogate pair");
	if (byte == '\\')
		strict->state = STRING_ESCAPE;
	else if (byte == '"')
		return end_string(strict);
	else if ((unsigned char)byte < ' ')
		return bad(strict, "a control character in a string");
	return 0;
}

static int escape(struct json_strict *strict, char byte)
{
	if (byte == 'u') {
		strict->state = STRING_HEX;
		strict->n_hex = 0;
		strict->unit = 0;
		return 0;
	}
	if (strict->wants_low)
		return bad(strict, "half a surrogate pair");
	if (!strchr("\"\\/bfnrt", byte))
		return bad(strict, "an escape that JSON does not have");
	strict->state = STRING;
	return 0;
}

/* json-c's names of members end at a NUL: "id\u0000x" would be read as "id". */
static int end_escape(struct json_strict *strict)
{
	bool is_low = strict->unit >= 0xdc00 && strict->unit <= 0xdfff;

	if (is_low != strict->wants_low)
		return bad(strict, "half a surrogate pair");
	if (!strict->unit && strict->is_name && !strict->is_passed)
		return bad(strict, "a NUL in a member's name");
	strict->wants_low = strict->unit >= 0xd800 && strict->unit <= 0xdbff;
	strict->state = STRING;
	return 0;
}

static int hex(struct json_strict *strict, char byte)
{
	char lower = byte | 0x20;

	if (is_digit(byte))
		strict->unit = strict->unit << 4 | (byte - '0');
	else if (lower >= 'a' && lower <= 'f')
		strict->unit = strict->unit << 4 | (lower - 'a' + 10);
	else
		return bad(strict, "an escape that JSON does not have");
	return ++strict->n_hex == 4 ? end_escape(strict) : 0;
}

static int word(struct json_strict *strict, char byte)
{
	if (byte != *strict->word)
		return bad(strict, "expected true, false or null");
	if (!*++strict->word)
		end_value(strict);
	return 0;
}

/* May a number end in this state? */
static bool is_number(uint8_t state)
{
	return state == ZERO || state == INTEGER || state == FRACTION || state == EXPONENT_MORE;
}

static int number(struct json_strict *strict, char byte)
{
	uint8_t state = strict->state;

	if (is_digit(byte) && state != ZERO)
		strict->state = state == MINUS      ? (byte == '0' ? ZERO : INTEGER)
				: state == POINT    ? FRACTION
				: state >= EXPONENT ? EXPONENT_MORE
						    : state;
	else if (byte == '.' && (state == ZERO || state == INTEGER))
		strict->state = POINT;
	else if ((byte == 'e' || byte == 'E') && is_number(state) && state != EXPONENT_MORE)
		strict->state = EXPONENT;
	else if ((byte == '+' || byte == '-') && state == EXPONENT)
		strict->state = EXPONENT_SIGN;
	else if (state == MINUS && byte == 'I')
		return bad(strict, "NaN and Infinity are no JSON");
	else if (!is_number(state) || !strchr(" \t\r\n,]}", byte))
		return bad(strict, NO_NUMBER);
	else {
		end_value(strict);
		return structure(strict, byte);
	}
	return 0;
}

/* Of what is passed over: brackets and where strings begin. */
static int pass(struct json_strict *strict, char byte)
{
	strict->state = VALUE;
	if (byte == '"')
		return begin_string(strict, false);
	if (byte == '{' || byte == '[')
		strict->depth++;
	else if (byte == '}' || byte == ']')
		strict->depth--;
	return !strict->depth;
}

/* Nothing to look at closely: most bytes are so. */
static bool is_plain(const struct json_strict *strict, char byte)
{
	return strict->state == STRING && byte >= ' ' && (unsigned char)byte < 0x80 &&
	       byte != '"' && byte != '\\' && !strict->wants_low && !strict->utf8_more;
}

int json_strict_byte(struct json_strict *strict, char byte)
{
	if (is_plain(strict, byte))
		return 0;
	if (!byte)
		return bad(strict, "NUL byte in the text");
	if (!follow_utf8(strict, byte))
		return bad(strict, "not UTF-8");
	if (strict->state == STRING)
		return string(strict, byte);
	if (strict->state == STRING_ESCAPE)
		return escape(strict, byte);
	if (strict->state == STRING_HEX)
		return hex(strict, byte);
	if (strict->is_passed)
		return pass(strict, byte);
	if (strict->state == WORD)
		return word(strict, byte);
	if (strict->state >= MINUS)
		return number(strict, byte);
	return structure(strict, byte);
}

bool json_strict_is_whole(const struct json_strict *strict)
{
	return strict->state == END || (!strict->depth && is_number(strict->state));
}

/* Name-value pairs of an object and everything below it. */
static size_t count_members(struct json_object *object)
{
	size_t n = 0;

	if (json_object_is_type(object, json_type_object)) {
		json_object_object_foreach(object, name, value)
		{
			(void)name;
			n += 1 + count_members(value);
		}
	} else if (json_object_is_type(object, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(object); i++)
			n += count_members(json_object_array_get_idx(object, i));
	}
	return n;
}

struct json_object *json_strict_tree(const struct json_strict *strict, const char *text, size_t len,
				     const char **ret_why)
{
	struct json_tokener *tokener = json_tokener_new_ex(JSON_DEPTH_MAX);
	struct json_object *object = NULL;

	*ret_why = strerror(ENOMEM);
	if (!tokener || len > INT_MAX)
		goto out;
	/* Not JSON_TOKENER_STRICT: with it, json-c 0.18 takes UTF-8 for control characters, and
	 * refuses numbers beyond 64 bits. All that it would refuse was refused before. */
	object = json_tokener_parse_ex(tokener, text, (int)len);
	/* A number that is all of the document ends with the text. */
	if (json_tokener_get_error(tokener) == json_tokener_continue)
		object = json_tokener_parse_ex(tokener, "", 1);
	*ret_why = json_tokener_error_desc(json_tokener_get_error(tokener));
	/* json-c keeps the last of two members with one name. */
	if (object && count_members(object) != strict->n_members) {
		*ret_why = "has the same member twice";
		json_object_put(object);
		object = NULL;
	}
out:
	if (tokener)
		json_tokener_free(tokener);
	return object;
}
