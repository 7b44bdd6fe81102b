/* SPDX-License-Identifier: Apache-2.0 */
/*
 * notation.h - keys, device lists and JSON as short texts, so that a row of a test is a line.
 *
 * A device is written "a!:100.64.0.2,200::2;10.0.0.0/8": key (32 times the letter), "!" when
 * relay-only, "@" and the revision, tunnel addresses and behind ";" advertised CIDRs. A list is
 * devices with blanks between them.
 */
#ifndef TESTS_NOTATION_H
#define TESTS_NOTATION_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "peers/device.h"

#define N(array) (sizeof(array) / sizeof(*(array)))
#define NOTATION_TEXT_MAX 1024

static inline struct prefix notation_prefix(const char *text)
{
	struct prefix prefix = {};

	if (prefix_parse(text, &prefix))
		fail_msg("not a prefix: %s", text);
	return prefix;
}

/* Prefixes with commas between them, for the device that was added last. Return: how many. */
static inline uint32_t notation_add_prefixes(char *text, struct device_list *list)
{
	char *rest = *text ? text : NULL;
	uint32_t n = 0;

	for (char *word; (word = strsep(&rest, ",")); n++) {
		struct prefix prefix = notation_prefix(word);

		assert_int_equal(device_list_add_prefix(list, &prefix), 0);
	}
	return n;
}

static inline struct device_list notation_list(const char *text)
{
	struct device_list list = {};
	char copy[NOTATION_TEXT_MAX], *rest = copy;

	snprintf(copy, sizeof(copy), "%s", text);
	for (char *word; (word = strsep(&rest, " "));) {
		struct device device = { .relay_only = word[0] && word[1] == '!' };
		char *prefixes = strchr(word, ':'), *cidrs;
		char *revision = strchr(word, '@');

		if (!*word)
			continue;
		memset(device.public_key, *word, sizeof(device.public_key));
		device.name[0] = *word;
		device.revision = revision ? strtoull(revision + 1, NULL, 10) : 0;
		assert_int_equal(device_list_add(&list, &device), 0);
		if (!prefixes)
			continue;
		cidrs = strchr(prefixes, ';');
		if (cidrs)
			*cidrs = '\0';
		list.devices[list.n_devices - 1].n_addresses =
			notation_add_prefixes(prefixes + 1, &list);
		if (cidrs)
			notation_add_prefixes(cidrs + 1, &list);
	}
	return list;
}

/* The other way round; prefix lengths are always written, revisions never. Return: @text. */
static inline const char *notation_show(const struct device_list *list,
					char text[static NOTATION_TEXT_MAX])
{
	char prefix[PREFIX_TEXT_MAX];
	size_t n = 0;

	text[0] = '\0';
	for (size_t i = 0; i < list->n_devices; i++) {
		const struct device *d = &list->devices[i];

		n += snprintf(text + n, NOTATION_TEXT_MAX - n, "%s%c%s", i ? " " : "",
			      d->public_key[0], d->relay_only ? "!" : "");
		if (d->n_prefixes)
			n += snprintf(text + n, NOTATION_TEXT_MAX - n, ":");
		for (uint32_t p = 0; p < d->n_prefixes; p++)
			n += snprintf(text + n, NOTATION_TEXT_MAX - n, "%s%s",
				      p == d->n_addresses ? ";"
				      : p                 ? ","
							  : "",
				      prefix_format(&list->prefixes[d->first_prefix + p], prefix));
	}
	return text;
}

/* JSON without backslashes: ' stands for ", ` for ', ~ for a NUL byte. Return: number of bytes. */
static inline size_t notation_json(const char *text, char *ret, size_t size)
{
	size_t len = strlen(text);

	assert_true(len < size);
	for (size_t i = 0; i <= len; i++)
		ret[i] = text[i] == '\''  ? '"'
			 : text[i] == '`' ? '\''
			 : text[i] == '~' ? '\0'
					  : text[i];
	return len;
}

#endif
