/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_array.h - read a JSON array of objects piece by piece, one object in memory at a time.
 *
 * A list of 100,000 devices is 77 MB of text and 750 MB as one json-c tree; this needs the size of
 * one device. json-c does the parsing; the reader adds what json-c has not: the outer array, line
 * and column, bounds, and an error for a member that appears twice (json-c silently keeps the
 * last).
 */
#ifndef PEERS_JSON_ARRAY_H
#define PEERS_JSON_ARRAY_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JSON_ELEMENT_BYTES_MAX (1024 * 1024)
#define JSON_DEPTH_MAX 16
#define JSON_ERROR_MAX 160

/**
 * json_array_element - what to do with one object of the array.
 * @object: borrowed; freed when the call returns.
 * @line:   where the object begins, counted from 1.
 *
 * Return: 0 to go on, negative errno to stop.
 */
typedef int json_array_element(void *arg, struct json_object *object, uint64_t line);

enum json_array_state {
	JSON_BEFORE_ARRAY,
	JSON_FIRST,   /* after "[": an object or "]" */
	JSON_NEXT,    /* after ",": an object */
	JSON_ELEMENT, /* inside an object */
	JSON_AFTER_ELEMENT,
	JSON_AFTER_ARRAY,
};

struct json_array_reader {
	json_array_element *on_element;
	void *arg;
	struct json_tokener *tokener;
	enum json_array_state state;
	uint64_t line, column;  /* of the next byte, counted from 1 */
	uint64_t element_line;  /* where the current object began */
	size_t element_bytes;   /* of the current object so far */
	size_t element_members; /* name-value pairs in its text so far */
	bool in_string, escaped;
	/* UTF-8: bytes that the character at hand still needs, and bounds of the next one. */
	uint8_t utf8_more, utf8_low, utf8_high;
	char error[JSON_ERROR_MAX]; /* set when a call returned -EBADMSG */
};

/**
 * json_array_init() - begin a document.
 *
 * Return: 0; -ENOMEM. The reader is taken back with json_array_done().
 */
int json_array_init(struct json_array_reader *reader, json_array_element *on_element, void *arg);

/** json_array_done() - free what @reader owns; safe on a zeroed one. */
void json_array_done(struct json_array_reader *reader);

/**
 * json_array_feed() - the next bytes of the document, cut anywhere.
 *
 * Return: 0; -EBADMSG with reader->error = "line L, column C: reason"; what on_element returned.
 *         After an error the reader can only be taken back.
 */
int json_array_feed(struct json_array_reader *reader, const char *bytes, size_t len);

/** json_array_finish() - the document ends here. Return: 0; -EBADMSG when it is not whole. */
int json_array_finish(struct json_array_reader *reader);

#endif
