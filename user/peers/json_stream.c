// SPDX-License-Identifier: Apache-2.0
#include "peers/json_stream.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define TOO_LARGE_MAX (JSON_LABEL_MAX + 80)

static int bad(struct json_stream *reader, const char *reason)
{
	snprintf(reader->error, sizeof(reader->error), "line %llu, column %llu: %s",
		 (unsigned long long)reader->line, (unsigned long long)reader->column, reason);
	return -EBADMSG;
}

int json_stream_init(struct json_stream *reader, enum json_stream_kind kind,
		     json_stream_element *on_element, void *arg)
{
	*reader = (struct json_stream){
		.kind = kind,
		.on_element = on_element,
		.arg = arg,
		.state = kind == JSON_ARRAY ? JSON_BEFORE_ARRAY : JSON_BETWEEN,
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

void json_stream_set_refused(struct json_stream *reader, json_stream_refused *on_refused)
{
	reader->on_refused = on_refused;
}

void json_stream_done(struct json_stream *reader)
{
	if (reader->tokener)
		json_tokener_free(reader->tokener);
	reader->tokener = NULL;
}

static void advance(struct json_stream *reader, char byte)
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
static const char *follow_element(struct json_stream *reader, const char *bytes, size_t len)
{
	reader->element_bytes += len;
	for (size_t i = 0; i < len; i++) {
		bool in_string = reader->label.in_string;

		if (!in_string && bytes[i] == '\'')
			return "a name in single quotes";
		if (!in_string && (bytes[i] == 'N' || bytes[i] == 'I'))
			return "NaN and Infinity are no JSON";
		if (in_string && (unsigned char)bytes[i] < ' ')
			return "a control character in a string";
		advance(reader, bytes[i]);
		json_label_byte(&reader->label, bytes[i]);
		if (!in_string && bytes[i] == ':')
			reader->element_members++;
	}
	return NULL;
}

static const char *noun(const struct json_stream *reader)
{
	return reader->kind == JSON_ARRAY ? "device" : "event";
}

static void too_large(const struct json_stream *reader, const char *limit,
		      char ret[static TOO_LARGE_MAX])
{
	const char *label = json_label_text(&reader->label);

	snprintf(ret, TOO_LARGE_MAX, "%s %llu%s%s%s is larger than %s", noun(reader),
		 (unsigned long long)reader->n_elements, *label ? " ('" : "", label,
		 *label ? "')" : "", limit);
}

static const char *tokener_reason(enum json_tokener_error error)
{
	if (error == json_tokener_error_depth)
		return "nested too deeply (more than 16 levels)";
	return json_tokener_error_desc(error);
}

static void end_element(struct json_stream *reader)
{
	reader->state = reader->kind == JSON_ARRAY ? JSON_AFTER_ELEMENT : JSON_BETWEEN;
}

/*
 * The object is none that the owner gets. Return: 0 when it is to be passed over; negative errno,
 * -EBADMSG with @error.
 */
static int refuse(struct json_stream *reader, const char *why, const char *error)
{
	int err = reader->on_refused ? reader->on_refused(reader->arg, &reader->label, why)
				     : -EBADMSG;

	if (err == -EBADMSG)
		return bad(reader, error);
	if (reader->label.depth)
		reader->state = JSON_SKIPPED;
	else
		end_element(reader);
	return err;
}

static int finish_element(struct json_stream *reader, struct json_object *object)
{
	int err = 0;

	end_element(reader);
	if (count_members(object) != reader->element_members)
		err = bad(reader, reader->kind == JSON_ARRAY
					  ? "the device that ends here has the same member twice"
					  : "the event that ends here has the same member twice");
	else
		err = reader->on_element(reader->arg, object, reader->element_line);
	json_object_put(object);
	return err;
}

/* The rest of an object that was refused. Return: as feed_element(). */
static ssize_t skip_element(struct json_stream *reader, const char *bytes, size_t len)
{
	char error[TOO_LARGE_MAX];

	for (size_t i = 0; i < len; i++) {
		advance(reader, bytes[i]);
		json_label_byte(&reader->label, bytes[i]);
		if (++reader->element_bytes > JSON_SKIPPED_BYTES_MAX) {
			too_large(reader, "16 MiB", error);
			return bad(reader, error);
		}
		if (!reader->label.depth) {
			end_element(reader);
			return (ssize_t)i + 1;
		}
	}
	return (ssize_t)len;
}

/* Return: how many bytes the object took, or negative errno. */
static ssize_t feed_element(struct json_stream *reader, const char *bytes, size_t len)
{
	size_t most = JSON_ELEMENT_BYTES_MAX + 1 - reader->element_bytes, used;
	enum json_tokener_error error;
	struct json_object *object;
	char text[TOO_LARGE_MAX];
	const char *reason;
	int err;

	/* No further than one byte too many, however large the piece. */
	if (len > most)
		len = most;
	object = json_tokener_parse_ex(reader->tokener, bytes, (int)len);
	error = json_tokener_get_error(reader->tokener);
	used = json_tokener_get_parse_end(reader->tokener);
	if (used > len)
		used = len;
	reason = follow_element(reader, bytes, used);
	if (reason) {
		json_object_put(object);
		return bad(reader, reason);
	}
	if (reader->element_bytes > JSON_ELEMENT_BYTES_MAX) {
		json_object_put(object);
		too_large(reader, "1 MiB", text);
		err = refuse(reader, "is larger than 1 MiB", text);
		return err ?: (ssize_t)used;
	}
	if (error == json_tokener_continue)
		return used;
	if (error == json_tokener_error_depth) {
		err = refuse(reader, "is nested too deeply", tokener_reason(error));
		return err ?: (ssize_t)used;
	}
	if (error != json_tokener_success || !object) {
		json_object_put(object);
		return bad(reader, tokener_reason(error));
	}
	err = finish_element(reader, object);
	return err ?: (ssize_t)used;
}

static void begin_element(struct json_stream *reader)
{
	json_tokener_reset(reader->tokener);
	json_label_begin(&reader->label, reader->kind == JSON_ARRAY ? 1 : 2);
	reader->state = JSON_ELEMENT;
	reader->n_elements++;
	reader->element_line = reader->line;
	reader->element_bytes = 0;
	reader->element_members = 0;
}

/* One byte between objects. Return: 1 when it was taken, 0 when an object begins here, or error. */
static int feed_between(struct json_stream *reader, char byte)
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
	case JSON_BETWEEN:
		if (byte != '{')
			return bad(reader, "an event must be a JSON object");
		begin_element(reader);
		return 0;
	case JSON_AFTER_ARRAY:
		return bad(reader, "something follows the end of the array");
	case JSON_ELEMENT:
	case JSON_SKIPPED:
		return 0;
	}
	advance(reader, byte);
	return 1;
}

/* RFC 3629: is @byte next in a UTF-8 text? Keeps its place from piece to piece. */
static bool follow_utf8(struct json_stream *reader, unsigned char byte)
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

int json_stream_feed(struct json_stream *reader, const char *bytes, size_t len)
{
	const char *end = bytes;

	while (end < bytes + len && *end && follow_utf8(reader, *end))
		end++;
	len -= end - bytes;
	while (bytes < end) {
		ssize_t used = 0;

		if (reader->state == JSON_SKIPPED)
			used = skip_element(reader, bytes, end - bytes);
		else if (reader->state != JSON_ELEMENT)
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

int json_stream_finish(struct json_stream *reader)
{
	if (reader->state == JSON_AFTER_ARRAY || reader->state == JSON_BETWEEN)
		return 0;
	if (reader->kind == JSON_DOCUMENTS)
		return bad(reader, "cut off: the last event does not end");
	if (reader->state == JSON_BEFORE_ARRAY)
		return bad(reader, "empty: not a JSON array of devices");
	return bad(reader, "cut off: the array does not end");
}
