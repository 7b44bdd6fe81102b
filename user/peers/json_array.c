// SPDX-License-Identifier: Apache-2.0
#include "peers/json_array.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int bad(struct json_array_reader *reader, const char *reason)
{
	snprintf(reader->error, sizeof(reader->error), "line %llu, column %llu: %s",
		 (unsigned long long)reader->line, (unsigned long long)reader->column, reason);
	return -EBADMSG;
}

int json_array_init(struct json_array_reader *reader, json_array_element *on_element, void *arg)
{
	*reader = (struct json_array_reader){
		.on_element = on_element,
		.arg = arg,
		.state = JSON_BEFORE_ARRAY,
		.line = 1,
		.column = 1,
		.tokener = json_tokener_new_ex(JSON_DEPTH_MAX),
	};
	if (!reader->tokener)
		return -ENOMEM;
	/* Not JSON_TOKENER_VALIDATE_UTF8: it fails where a piece ends inside a character, and takes
	 * surrogates, overlong forms and what is beyond U+10FFFF for good. */
	json_tokener_set_flags(reader->tokener,
			       JSON_TOKENER_STRICT | JSON_TOKENER_ALLOW_TRAILING_CHARS);
	return 0;
}

void json_array_done(struct json_array_reader *reader)
{
	if (reader->tokener)
		json_tokener_free(reader->tokener);
	reader->tokener = NULL;
}

static void advance(struct json_array_reader *reader, char byte)
{
	reader->column++;
	if (byte == '\n') {
		reader->line++;
		reader->column = 1;
	}
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

/*
 * Follow the text of an object that json-c has accepted: position, size, and the colons outside
 * strings, of which there is one for each name-value pair.
 *
 * Return: NULL; or what json-c lets pass, even when strict, that is no JSON (RFC 8259): names in
 * single quotes, NaN and Infinity, control characters in strings.
 */
static const char *follow_element(struct json_array_reader *reader, const char *bytes, size_t len)
{
	reader->element_bytes += len;
	for (size_t i = 0; i < len; i++) {
		if (!reader->in_string && bytes[i] == '\'')
			return "a name in single quotes";
		if (!reader->in_string && (bytes[i] == 'N' || bytes[i] == 'I'))
			return "NaN and Infinity are no JSON";
		if (reader->in_string && (unsigned char)bytes[i] < ' ')
			return "a control character in a string";
		advance(reader, bytes[i]);
		if (reader->escaped)
			reader->escaped = false;
		else if (reader->in_string && bytes[i] == '\\')
			reader->escaped = true;
		else if (bytes[i] == '"')
			reader->in_string = !reader->in_string;
		else if (!reader->in_string && bytes[i] == ':')
			reader->element_members++;
	}
	return NULL;
}

static const char *tokener_reason(enum json_tokener_error error)
{
	if (error == json_tokener_error_depth)
		return "nested too deeply (more than 16 levels)";
	return json_tokener_error_desc(error);
}

static int finish_element(struct json_array_reader *reader, struct json_object *object)
{
	int err = 0;

	reader->state = JSON_AFTER_ELEMENT;
	if (count_members(object) != reader->element_members)
		err = bad(reader, "the device that ends here has the same member twice");
	else
		err = reader->on_element(reader->arg, object, reader->element_line);
	json_object_put(object);
	return err;
}

/* Return: how many bytes the object took, or negative errno. */
static ssize_t feed_element(struct json_array_reader *reader, const char *bytes, size_t len)
{
	struct json_object *object = json_tokener_parse_ex(reader->tokener, bytes, (int)len);
	enum json_tokener_error error = json_tokener_get_error(reader->tokener);
	size_t used = json_tokener_get_parse_end(reader->tokener);
	const char *reason;
	int err;

	if (used > len)
		used = len;
	reason = follow_element(reader, bytes, used);
	if (reason) {
		json_object_put(object);
		return bad(reader, reason);
	}
	if (reader->element_bytes > JSON_ELEMENT_BYTES_MAX) {
		json_object_put(object);
		return bad(reader, "a device is larger than 1 MiB");
	}
	if (error == json_tokener_continue)
		return used;
	if (error != json_tokener_success || !object) {
		json_object_put(object);
		return bad(reader, tokener_reason(error));
	}
	err = finish_element(reader, object);
	return err ?: (ssize_t)used;
}

static void begin_element(struct json_array_reader *reader)
{
	json_tokener_reset(reader->tokener);
	reader->state = JSON_ELEMENT;
	reader->element_line = reader->line;
	reader->element_bytes = 0;
	reader->element_members = 0;
	reader->in_string = reader->escaped = false;
}

/* One byte between objects. Return: 1 when it was taken, 0 when an object begins here, or error. */
static int feed_between(struct json_array_reader *reader, char byte)
{
	if (byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n') {
		advance(reader, byte);
		return 1;
	}
	switch (reader->state) {
	case JSON_BEFORE_ARRAY:
		if (byte != '[')
			return bad(reader, "not a JSON array of devices");
		reader->state = JSON_FIRST;
		break;
	case JSON_FIRST:
	case JSON_NEXT:
		if (byte == '{') {
			begin_element(reader);
			return 0;
		}
		if (byte != ']' || reader->state == JSON_NEXT)
			return bad(reader, "a device must be a JSON object");
		reader->state = JSON_AFTER_ARRAY;
		break;
	case JSON_AFTER_ELEMENT:
		if (byte != ',' && byte != ']')
			return bad(reader, "expected ',' or ']' after a device");
		reader->state = byte == ',' ? JSON_NEXT : JSON_AFTER_ARRAY;
		break;
	case JSON_AFTER_ARRAY:
		return bad(reader, "something follows the end of the array");
	case JSON_ELEMENT:
		return 0;
	}
	advance(reader, byte);
	return 1;
}

/* RFC 3629: is @byte next in a UTF-8 text? Keeps its place from piece to piece. */
static bool follow_utf8(struct json_array_reader *reader, unsigned char byte)
{
	if (reader->utf8_more) {
		if (byte < reader->utf8_low || byte > reader->utf8_high)
			return false;
		reader->utf8_more--;
	} else if (byte >= 0x80) {
		if (byte < 0xc2 || byte > 0xf4)
			return false;
		reader->utf8_more = 1 + (byte >= 0xe0) + (byte >= 0xf0);
	}
	/* No overlong forms, no surrogates, nothing beyond U+10FFFF. */
	reader->utf8_low = byte == 0xe0 ? 0xa0 : byte == 0xf0 ? 0x90 : 0x80;
	reader->utf8_high = byte == 0xed ? 0x9f : byte == 0xf4 ? 0x8f : 0xbf;
	return true;
}

int json_array_feed(struct json_array_reader *reader, const char *bytes, size_t len)
{
	const char *end = bytes;

	while (end < bytes + len && *end && follow_utf8(reader, *end))
		end++;
	len -= end - bytes;
	while (bytes < end) {
		ssize_t used = 0;

		if (reader->state != JSON_ELEMENT)
			used = feed_between(reader, *bytes);
		if (!used)
			used = feed_element(reader, bytes, end - bytes);
		if (used < 0)
			return used;
		bytes += used;
	}
	if (!len)
		return 0;
	return bad(reader, *end ? "not UTF-8" : "NUL byte in the text");
}

int json_array_finish(struct json_array_reader *reader)
{
	if (reader->state == JSON_AFTER_ARRAY)
		return 0;
	if (reader->state == JSON_BEFORE_ARRAY)
		return bad(reader, "empty: not a JSON array of devices");
	return bad(reader, "cut off: the array does not end");
}
