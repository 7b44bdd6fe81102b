// SPDX-License-Identifier: Apache-2.0
#include "base/json_member.h"

#include <stdio.h>
#include <string.h>

#include "base/json_strict.h"

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
	struct json_strict strict;
	const char *why;

	json_strict_begin(&strict);
	for (size_t i = 0; i < len; i++)
		if (json_strict_byte(&strict, text[i]) < 0)
			return NULL;
	return json_strict_is_whole(&strict) ? json_strict_tree(&strict, text, len, &why) : NULL;
}
