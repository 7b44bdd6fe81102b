/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_member.h - members of JSON objects from outside: what is null, missing or of another type is
 * simply not there.
 */
#ifndef JSON_MEMBER_H
#define JSON_MEMBER_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** json_member() - Return: borrowed; NULL when missing or null, or @object is no object. */
struct json_object *json_member(struct json_object *object, const char *name);

/** json_text_of() - Return: borrowed; NULL when @value is no string, or holds a NUL. */
const char *json_text_of(struct json_object *value);

/** json_text() - json_text_of() a member. */
const char *json_text(struct json_object *object, const char *name);

/** json_text_copy() - a member's text. Return: whether it is there, not empty, and fits in @size.
 */
bool json_text_copy(struct json_object *object, const char *name, char *ret, size_t size);

/** json_is_true() - is the member the value true? */
bool json_is_true(struct json_object *object, const char *name);

/** json_number() - a member's whole number within bounds; @otherwise when it is none. */
int64_t json_number(struct json_object *object, const char *name, int64_t min, int64_t max,
		    int64_t otherwise);

/**
 * json_parse() - one whole document, as strict as json_strict.h.
 *
 * Return: owned by the caller (json_object_put()); NULL when it is none.
 */
struct json_object *json_parse(const char *text, size_t len);

#endif
