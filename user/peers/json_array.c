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
	json_tokener_set_flags(reader->tokener, JSON_TOKENER_STRICT |
							JSON_TOKENER_ALLOW_TRAILING_CHARS |
							JSON_TOKENER_VALIDATE_UTF8);
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
 */
static void follow_element(struct json_array_reader *reader, const char *bytes, size_t len)
{
	reader->element_bytes += len;
	for (size_t i = 0; i < len; i++) {
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
	int err;

	if (used > len)
		used = len;
	follow_element(reader, bytes, used);
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

static int feed_whole(struct json_array_reader *reader, const char *bytes, size_t len)
{
	const char *nul = memchr(bytes, '\0', len);
	const char *end = nul ?: bytes + len;

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
	return nul ? bad(reader, "NUL byte in the text") : 0;
}

/* Bytes of the UTF-8 character that begins with @first; 1 for what begins none. */
static size_t character_bytes(unsigned char first)
{
	if (first >= 0xf0)
		return 4;
	if (first >= 0xe0)
		return 3;
	return first >= 0xc0 ? 2 : 1;
}

/* How many bytes at the end belong to a character that goes on in the next piece. */
static size_t split_tail(const char *bytes, size_t len)
{
	for (size_t tail = 1; tail <= 3 && tail <= len; tail++) {
		unsigned char byte = bytes[len - tail];

		if ((byte & 0xc0) != 0x80)
			return character_bytes(byte) > tail ? tail : 0;
	}
	return 0;
}

/* json-c takes a character that is cut by the end of a piece for an invalid one: mend the cut. */
int json_array_feed(struct json_array_reader *reader, const char *bytes, size_t len)
{
	size_t tail;
	int err;

	while (len && reader->n_split) {
		reader->split[reader->n_split++] = *bytes++;
		len--;
		/* The next byte completes the character, or shows that it is none. */
		if (!split_tail(reader->split, reader->n_split)) {
			err = feed_whole(reader, reader->split, reader->n_split);
			if (err)
				return err;
			reader->n_split = 0;
		}
	}
	tail = split_tail(bytes, len);
	err = feed_whole(reader, bytes, len - tail);
	if (err)
		return err;
	/* Bytes of a split that is still open and a new tail never meet: one of them is empty. */
	memcpy(reader->split + reader->n_split, bytes + len - tail, tail);
	reader->n_split += tail;
	return 0;
}

int json_array_finish(struct json_array_reader *reader)
{
	if (reader->state == JSON_AFTER_ARRAY && !reader->n_split)
		return 0;
	if (reader->state == JSON_BEFORE_ARRAY)
		return bad(reader, "empty: not a JSON array of devices");
	return bad(reader, "cut off: the array does not end");
}
