/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_label.h - what an object in a JSON text is called, before the object is whole.
 *
 * For the report on an object that is refused because it is too large, of which there will never be
 * a tree: its host name, or else its id, when one of them has come before the bound; and for those
 * around it that can do without: its id, and the kind of event that it is.
 */
#ifndef PEERS_JSON_LABEL_H
#define PEERS_JSON_LABEL_H

#include <stdbool.h>
#include <stddef.h>

#define JSON_LABEL_MAX 64 /* bytes, NUL included; what is longer is cut */

enum json_label_of { JSON_LABEL_NONE, JSON_LABEL_KIND, JSON_LABEL_ID, JSON_LABEL_HOSTNAME };

struct json_label {
	unsigned int level; /* of the members to look at: 1 is the object itself */
	unsigned int depth;
	bool in_string; /* where the next byte belongs to a string, or ends it */
	bool escaped;
	enum json_label_of last;   /* which member the last string would name */
	enum json_label_of of;     /* which member's value comes now */
	enum json_label_of found;  /* what @text is; the host name is preferred */
	char kind[JSON_LABEL_MAX]; /* of an event: a member of the object itself */
	char id[JSON_LABEL_MAX];
	char string[JSON_LABEL_MAX + 1]; /* one byte more: to see that it is too long */
	size_t len;                      /* of the string at hand, as far as it is kept */
	char text[JSON_LABEL_MAX];
};

/** json_label_begin() - a new object, which members @level deep name. */
void json_label_begin(struct json_label *label, unsigned int level);

/** json_label_byte() - the next byte of the object's text, which the parser has accepted. */
void json_label_byte(struct json_label *label, char byte);

/** json_label_text() - printable, empty when it is not known (yet). Escapes are as in the text. */
const char *json_label_text(const struct json_label *label);

#endif
