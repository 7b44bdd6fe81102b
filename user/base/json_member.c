// SPDX-License-Identifier: Apache-2.0
#include "base/json_member.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#define DEPTH_MAX 16

struct json_object *json_member(struct json_object *object, const char *name)
{
	struct json_object *value = NULL;

	if (!json_object_is_type(object, json_type_object))
		return NULL;
	return json_object_object_get_ex(object, name, &value) ? value : NULL;
}

const char *json_text_of(struct json_object *value)
{
	const char *text;

	if (!json_object_is_type(value, json_type_string))
		return NULL;
	text = json_object_get_string(value);
	return strlen(text) == (size_t)json_object_get_string_len(value) ? text : NULL;
}

const char *json_text(struct json_object *object, const char *name)
{
	return json_text_of(json_member(object, name));
}

bool json_text_copy(struct json_object *object, const char *name, char *ret, size_t size)
{
	const char *text = json_text(object, name);

	if (!text || !*text || strlen(text) >= size)
		return false;
	snprintf(ret, size, "%s", text);
	return true;
}

bool json_is_true(struct json_object *object, const char *name)
{
	struct json_object *value = json_member(object, name);

	return json_object_is_type(value, json_type_boolean) && json_object_get_boolean(value);
}

int64_t json_number(struct json_object *object, const char *name, int64_t min, int64_t max,
		    int64_t otherwise)
{
	struct json_object *value = json_member(object, name);
	int64_t number;

	if (!json_object_is_type(value, json_type_int))
		return otherwise;
	number = json_object_get_int64(value);
	return number < min || number > max ? otherwise : number;
}

struct json_object *json_parse(const char *text, size_t len)
{
	struct json_tokener *tokener = json_tokener_new_ex(DEPTH_MAX);
	struct json_object *object = NULL;

	if (!tokener || len > INT_MAX)
		goto out;
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	object = json_tokener_parse_ex(tokener, text, (int)len);
	/* A NUL ends it for the tokener, whatever is behind it. */
	if (json_tokener_get_error(tokener) != json_tokener_success ||
	    json_tokener_get_parse_end(tokener) != len) {
		json_object_put(object);
		object = NULL;
	}
out:
	if (tokener)
		json_tokener_free(tokener);
	return object;
}
