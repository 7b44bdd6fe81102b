/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_stream.h - read many JSON objects piece by piece, one of them in memory at a time.
 *
 * They are the elements of one array, as in a list, or documents one after the other, as in a
 * stream of events that has no end.
 *
 * A list of 100,000 devices is 77 MB of text and 750 MB as one json-c tree; this needs the size of
 * one device. What is JSON is json_strict.h's business, and the tree json-c's; the reader adds what
 * is around the objects, line and column, and bounds.
 */
#ifndef PEERS_JSON_STREAM_H
#define PEERS_JSON_STREAM_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/json_strict.h"
#include "peers/json_label.h"

#define JSON_ELEMENT_BYTES_MAX (1024 * 1024)
#define JSON_SKIPPED_BYTES_MAX (16 * 1024 * 1024)
#define JSON_ERROR_MAX 200

/**
 * json_stream_element - what to do with one object.
 * @object: borrowed; freed when the call returns.
 * @line:   where the object begins, counted from 1.
 *
 * Return: 0 to go on, negative errno to stop.
 */
typedef int json_stream_element(void *arg, struct json_object *object, uint64_t line);

/**
 * json_stream_refused - an object is too large, or too deep.
 * @label: what is known of it; borrowed.
 * @why:   as in "its record ...".
 *
 * Return: 0 to pass over it, however long it is up to JSON_SKIPPED_BYTES_MAX; -EBADMSG when that is
 *         an error of the text, or another negative errno to stop.
 */
typedef int json_stream_refused(void *arg, const struct json_label *label, const char *why);

/* What is around the objects. */
enum json_stream_kind {
	JSON_ARRAY,     /* one array: "[{}, {}]"; reports call an object a device */
	JSON_DOCUMENTS, /* nothing but white space, or not even that: "{} {}"; an event */
};

enum json_stream_state {
	JSON_BEFORE_ARRAY,
	JSON_FIRST,   /* after "[": an object or "]" */
	JSON_NEXT,    /* after ",": an object */
	JSON_ELEMENT, /* inside an object */
	JSON_SKIPPED, /* inside one that was refused */
	JSON_AFTER_ELEMENT,
	JSON_AFTER_ARRAY,
	JSON_BETWEEN, /* documents */
};

struct json_stream {
	enum json_stream_kind kind;
	json_stream_element *on_element;
	json_stream_refused *on_refused; /* NULL: an error */
	void *arg;
	enum json_stream_state state;
	uint64_t line, column;     /* of the next byte, counted from 1 */
	uint64_t n_elements;       /* that have begun */
	uint64_t element_line;     /* where the current object began */
	struct json_strict strict; /* of the current object */
	char *element;             /* its text, up to JSON_ELEMENT_BYTES_MAX */
	size_t element_bytes, room;
	struct json_label label;    /* of the last object that was refused */
	char error[JSON_ERROR_MAX]; /* set when a call returned -EBADMSG */
};

/**
 * json_stream_init() - begin.
 *
 * Return: 0; -ENOMEM. The reader is taken back with json_stream_done().
 */
int json_stream_init(struct json_stream *reader, enum json_stream_kind kind,
		     json_stream_element *on_element, void *arg);

/** json_stream_set_refused() - who is asked what to do with such objects; before the first byte. */
void json_stream_set_refused(struct json_stream *reader, json_stream_refused *on_refused);

/** json_stream_done() - free what @reader owns; safe on a zeroed one. */
void json_stream_done(struct json_stream *reader);

/**
 * json_stream_feed() - the next bytes of the text, cut anywhere.
 *
 * An object that is too large is reported with its number, counted from 1, and the host name or id
 * of its device when that was in what has been read: of the object itself in an array, of an object
 * right inside it in documents (an event has the device in "value").
 *
 * Return: 0; -EBADMSG with reader->error = "line L, column C: reason"; what on_element returned.
 *         After an error the reader can only be taken back.
 */
int json_stream_feed(struct json_stream *reader, const char *bytes, size_t len);

/** json_stream_finish() - the text ends here. Return: 0; -EBADMSG when it is not whole. */
int json_stream_finish(struct json_stream *reader);

#endif
