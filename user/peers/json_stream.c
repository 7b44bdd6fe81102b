// SPDX-License-Identifier: Apache-2.0
#include "peers/json_stream.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/array.h"

#define TOO_LARGE_MAX (JSON_LABEL_MAX + 80)
#define ELEMENT_ROOM_MIN 4096

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
		.element = malloc(ELEMENT_ROOM_MIN),
		.room = ELEMENT_ROOM_MIN,
	};
	return reader->element ? 0 : -ENOMEM;
}

void json_stream_set_refused(struct json_stream *reader, json_stream_refused *on_refused)
{
	reader->on_refused = on_refused;
}

void json_stream_done(struct json_stream *reader)
{
	free(reader->element);
	reader->element = NULL;
}

static void advance(struct json_stream *reader, char byte)
{
	reader->column++;
	if (byte == '\n') {
		reader->line++;
		reader->column = 1;
	}
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
	json_strict_pass(&reader->strict);
	reader->state = JSON_SKIPPED;
	return err;
}

static void read_label(struct json_stream *reader)
{
	json_label_begin(&reader->label, reader->kind == JSON_ARRAY ? 1 : 2);
	for (size_t i = 0; i < reader->element_bytes && i < JSON_ELEMENT_BYTES_MAX; i++)
		json_label_byte(&reader->label, reader->element[i]);
}

static int refuse_size(struct json_stream *reader)
{
	char error[TOO_LARGE_MAX];

	read_label(reader);
	too_large(reader, "1 MiB", error);
	return refuse(reader, "is larger than 1 MiB", error);
}

static int refuse_depth(struct json_stream *reader)
{
	read_label(reader);
	return refuse(reader, "is nested too deeply", "nested too deeply (more than 16 levels)");
}

/* The byte that was checked belongs to the object. Return: 0; negative errno. */
static int keep(struct json_stream *reader, char byte)
{
	advance(reader, byte);
	if (++reader->element_bytes > JSON_ELEMENT_BYTES_MAX)
		return refuse_size(reader);
	if (array_reserve(&reader->element, &reader->room, reader->element_bytes, 1))
		return -ENOMEM;
	reader->element[reader->element_bytes - 1] = byte;
	return 0;
}

static int finish_element(struct json_stream *reader)
{
	struct json_object *object;
	const char *why;
	char text[100];
	int err;

	end_element(reader);
	object = json_strict_tree(&reader->strict, reader->element, reader->element_bytes, &why);
	if (!object) {
		snprintf(text, sizeof(text), "the %s that ends here %.60s", noun(reader), why);
		return bad(reader, text);
	}
	err = reader->on_element(reader->arg, object, reader->element_line);
	json_object_put(object);
	return err;
}

static int feed_element(struct json_stream *reader, char byte)
{
	int ret = json_strict_byte(&reader->strict, byte), err = 0;

	if (ret == -E2BIG) {
		err = refuse_depth(reader);
		ret = err ?: json_strict_byte(&reader->strict, byte);
	}
	if (err || ret < 0)
		return err ?: bad(reader, reader->strict.why);
	err = keep(reader, byte);
	if (err || !ret)
		return err;
	if (reader->state == JSON_ELEMENT)
		return finish_element(reader);
	end_element(reader);
	return 0;
}

/* The rest of an object that was refused. */
static int skip_element(struct json_stream *reader, char byte)
{
	int ret = json_strict_byte(&reader->strict, byte);
	char error[TOO_LARGE_MAX];

	if (ret < 0)
		return bad(reader, reader->strict.why);
	advance(reader, byte);
	if (++reader->element_bytes > JSON_SKIPPED_BYTES_MAX) {
		too_large(reader, "16 MiB", error);
		return bad(reader, error);
	}
	if (ret)
		end_element(reader);
	return 0;
}

static int begin_element(struct json_stream *reader, char byte)
{
	json_strict_begin(&reader->strict);
	reader->state = JSON_ELEMENT;
	reader->n_elements++;
	reader->element_line = reader->line;
	reader->element_bytes = 0;
	return feed_element(reader, byte);
}

/* One byte between objects. */
static int feed_between(struct json_stream *reader, char byte)
{
	if (byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n') {
		advance(reader, byte);
		return 0;
	}
	if (!byte)
		return bad(reader, "NUL byte in the text");
	switch (reader->state) {
	case JSON_BEFORE_ARRAY:
		if (byte != '[')
			return bad(reader, "not a JSON array of devices");
		reader->state = JSON_FIRST;
		break;
	case JSON_FIRST:
	case JSON_NEXT:
		if (byte == '{')
			return begin_element(reader, byte);
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
	default:
		if (byte != '{')
			return bad(reader, "an event must be a JSON object");
		return begin_element(reader, byte);
	}
	advance(reader, byte);
	return 0;
}

int json_stream_feed(struct json_stream *reader, const char *bytes, size_t len)
{
	int err = 0;

	for (size_t i = 0; !err && i < len; i++) {
		if (reader->state == JSON_ELEMENT)
			err = feed_element(reader, bytes[i]);
		else if (reader->state == JSON_SKIPPED)
			err = skip_element(reader, bytes[i]);
		else
			err = feed_between(reader, bytes[i]);
	}
	return err;
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
