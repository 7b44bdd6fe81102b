// SPDX-License-Identifier: Apache-2.0
#include "peers/json_label.h"

#include <string.h>

#include "base/printable.h"

void json_label_begin(struct json_label *label, unsigned int level)
{
	*label = (struct json_label){ .level = level };
}

static enum json_label_of member_named(const struct json_label *label)
{
	if (label->len == 4 && !memcmp(label->string, "kind", 4))
		return JSON_LABEL_KIND;
	if (label->len == 2 && !memcmp(label->string, "id", 2))
		return JSON_LABEL_ID;
	if (label->len == 8 && !memcmp(label->string, "hostname", 8))
		return JSON_LABEL_HOSTNAME;
	return JSON_LABEL_NONE;
}

/* A string ends: the value of one of the members, or perhaps the name of one. */
static void end_string(struct json_label *label)
{
	label->string[label->len] = '\0';
	if (label->of == JSON_LABEL_KIND)
		printable_copy(label->kind, sizeof(label->kind), label->string);
	if (label->of == JSON_LABEL_ID)
		printable_copy(label->id, sizeof(label->id), label->string);
	if (label->of >= JSON_LABEL_ID && label->of > label->found && label->len) {
		printable_copy(label->text, sizeof(label->text), label->string);
		label->found = label->of;
	}
	label->last = member_named(label);
}

static void string_byte(struct json_label *label, char byte)
{
	if (label->escaped) {
		label->escaped = false;
	} else if (byte == '\\') {
		label->escaped = true;
	} else if (byte == '"') {
		label->in_string = false;
		end_string(label);
		return;
	}
	if (label->len < sizeof(label->string) - 1)
		label->string[label->len++] = byte;
}

static unsigned int level_of(const struct json_label *label, enum json_label_of member)
{
	return member == JSON_LABEL_KIND ? 1 : label->level;
}

void json_label_byte(struct json_label *label, char byte)
{
	if (label->in_string) {
		string_byte(label, byte);
		return;
	}
	switch (byte) {
	case '"':
		label->in_string = true;
		label->len = 0;
		break;
	case '{':
	case '[':
		label->depth++;
		label->of = label->last = JSON_LABEL_NONE;
		break;
	case '}':
	case ']':
		label->depth--;
		label->of = label->last = JSON_LABEL_NONE;
		break;
	case ':':
		label->of = label->depth == level_of(label, label->last) ? label->last
									 : JSON_LABEL_NONE;
		break;
	case ',':
		label->of = label->last = JSON_LABEL_NONE;
		break;
	default:
		break;
	}
}

const char *json_label_text(const struct json_label *label)
{
	return label->text;
}
