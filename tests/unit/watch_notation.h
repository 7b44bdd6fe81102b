/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watch_notation.h - event streams as short texts, and a watch that writes down what it says.
 *
 * Words with blanks between them, each one event, a device's in the notation of notation.h:
 *
 *	d1=a:100.64.0.2@5   device 1 is a, revision 5 (without "@5": none)
 *	o1=...  of another VPC      n1=...  of no VPC, with the members of 2023   r1=...  a relay
 *	x1=...  without a key       b1=...  with an advertised CIDR that is none
 *	-d1@5   device 1 is deleted
 *	m1@3    metadata "relay" of device 1      -m1@3  is deleted      k1@3  of another key
 *	g@4     a security group                  -g@4   is deleted
 *	Td Tm Tg  tails                           /      cut, and connected again
 *	^       the same, to look back
 *	{...}   as it is, as in notation_json()
 */
#ifndef TESTS_WATCH_NOTATION_H
#define TESTS_WATCH_NOTATION_H

#include "nexodus/watch.h"
#include "peers/json_stream.h"
#include "notation.h"

#define VPC "3a35fd0e-2715-41cc-a259-a506b6f50ab1"
#define OTHER_VPC "684a72e0-8f24-455b-a138-edd5a7c2b53e"
#define EVENT_MAX 4096
#define HEARD_MAX 4096

#define HEARD_DEVICES_MAX 128

struct heard_device {
	uint8_t id[DEVICE_ID_BYTES];
	struct device device;
};

struct heard {
	struct heard_device mirror[HEARD_DEVICES_MAX];
	size_t n_mirror;
	bool is_large; /* more than that: no mirror is kept */
	struct watch *watch;
	char log[64]; /* "W" whole, "c" changed, "w" warned, with the event that caused it;
			 "l" another look is due */
	char warnings[HEARD_MAX]; /* one a line */
	size_t n_warnings;
};

static inline void heard_letter(struct heard *heard, char letter)
{
	size_t len = strlen(heard->log);

	if (len < sizeof(heard->log) - 1)
		heard->log[len] = letter;
}

/* What the owner makes of what it was told: the whole list, and then the devices that changed. */
static inline int heard_mirror(void *arg, const uint8_t id[static DEVICE_ID_BYTES],
			       const struct device *device, const struct prefix *prefixes)
{
	struct heard *heard = arg;
	struct heard_device *mirror;

	(void)prefixes;
	heard->is_large = heard->n_mirror == HEARD_DEVICES_MAX;
	if (heard->is_large)
		return 1;
	mirror = &heard->mirror[heard->n_mirror++];
	memcpy(mirror->id, id, DEVICE_ID_BYTES);
	mirror->device = *device;
	mirror->device.first_prefix = 0; /* the cache moves them */
	return 0;
}

/* It is the same as the cache now: what was said to have changed is all that has. */
static inline void heard_check(struct heard *heard)
{
	const struct device_cache *devices = watch_devices(heard->watch);
	size_t n_devices, n_prefixes;

	device_cache_count(devices, &n_devices, &n_prefixes);
	assert_int_equal(n_devices, heard->n_mirror);
	for (size_t i = 0; i < heard->n_mirror; i++) {
		const struct device *device = device_cache_find(devices, heard->mirror[i].id);
		struct device plain;

		assert_non_null(device);
		plain = *device;
		plain.first_prefix = 0;
		plain.revision = heard->mirror[i].device.revision; /* alone it is no change */
		assert_memory_equal(&plain, &heard->mirror[i].device, sizeof(plain));
	}
}

static inline void heard_whole(void *arg)
{
	struct heard *heard = arg;

	assert_true(watch_is_whole(heard->watch));
	heard->n_mirror = 0;
	(void)device_cache_each(watch_devices(heard->watch), heard_mirror, heard);
	heard_letter(heard, 'W');
}

static inline void heard_change(void *arg, const uint8_t id[static DEVICE_ID_BYTES])
{
	struct heard *heard = arg;
	const struct device *device = device_cache_find(watch_devices(heard->watch), id);

	(void)id;
	assert_true(watch_is_whole(heard->watch));
	for (size_t i = 0; !heard->is_large && i < heard->n_mirror; i++)
		if (!memcmp(heard->mirror[i].id, id, DEVICE_ID_BYTES))
			heard->mirror[i--] = heard->mirror[--heard->n_mirror];
	if (device && !heard->is_large)
		(void)heard_mirror(heard, id, device, NULL);
	if (!heard->is_large)
		heard_check(heard);
	heard_letter(heard, 'c');
}

static inline void heard_warning(void *arg, const char *text)
{
	struct heard *heard = arg;
	size_t len = strlen(heard->warnings);

	snprintf(heard->warnings + len, sizeof(heard->warnings) - len, "%s%s", len ? "\n" : "",
		 text);
	heard->n_warnings++;
	heard_letter(heard, 'w');
}

static inline void heard_begin(struct heard *heard)
{
	const struct watch_events events = { heard_whole, heard_change, NULL, heard_warning,
					     heard };
	char body[1024];

	*heard = (struct heard){ .watch = watch_new(VPC, &events) };
	assert_non_null(heard->watch);
	assert_int_equal(watch_request(heard->watch, body, sizeof(body)), 0);
}

/* Each piece is a copy of its own length: the sanitizer sees who reads behind it. */
static inline int feed(struct watch *watch, const char *text, size_t len, size_t piece)
{
	int err = 0;

	for (size_t at = 0; !err && at < len; at += piece) {
		size_t n = piece < len - at ? piece : len - at;
		char *copy = malloc(n);

		assert_non_null(copy);
		memcpy(copy, text + at, n);
		err = watch_feed(watch, copy, n);
		free(copy);
	}
	return err;
}

/* Prefixes @from to @to of the list as JSON strings, or nothing at all. */
static inline size_t write_prefixes(const struct device_list *list, size_t from, size_t to,
				    const char *extra, char *ret)
{
	char text[PREFIX_TEXT_MAX];
	size_t n = 0;

	for (size_t i = from; i < to; i++)
		n += sprintf(ret + n, "%s\"%s\"", i > from ? "," : "",
			     prefix_format(&list->prefixes[i], text));
	return n + sprintf(ret + n, "%s", extra);
}

/* The members of device @id, which is written as @text; @how is the letter of the word. */
static inline void write_device(char how, char id, char *text, const char *revision, char *ret)
{
	struct device_list list = notation_list(text);
	const struct device *device = &list.devices[0];
	char key[WG_KEY_TEXT];
	size_t n;

	assert_int_equal(list.n_devices, 1);
	n = sprintf(ret, "\"id\":\"0000000%c-0000-4000-8000-000000000000\"", id);
	if (how != 'n')
		n += sprintf(ret + n, ",\"vpc_id\":\"%s\"", how == 'o' ? OTHER_VPC : VPC);
	n += sprintf(ret + n, ",\"public_key\":\"%s\",\"hostname\":\"%s\"",
		     how == 'x' ? "" : wg_key_format(device->public_key, key), device->name);
	n += sprintf(ret + n, ",\"symmetric_nat\":%s,\"relay\":%s,\"allowed_ips\":[",
		     device->relay_only ? "true" : "false", how == 'r' ? "true" : "false");
	n += write_prefixes(&list, 0, device->n_addresses, "", ret + n);
	n += sprintf(ret + n, "],\"%s\":[", how == 'n' ? "child_prefix" : "advertise_cidrs");
	n += write_prefixes(&list, device->n_addresses, list.n_prefixes,
			    how == 'b' ? "\"10.0.0.0/33\"" : "", ret + n);
	sprintf(ret + n, "]%s", revision);
	device_list_done(&list);
}

static inline const char *kind_of(char letter)
{
	return letter == 'g'          ? "security-group"
	       : strchr("mk", letter) ? "device-metadata"
				      : "device";
}

/* The document that @word, which is changed, stands for. Return: its length. */
static inline size_t write_event(char *word, char ret[static EVENT_MAX])
{
	bool is_delete = *word == '-';
	char value[EVENT_MAX / 2] = "", revision[64] = "", *at = strchr(word, '@');

	if (*word == '{')
		return notation_json(word, ret, EVENT_MAX);
	if (*word == 'T')
		return sprintf(ret, "{\"kind\":\"%s\",\"type\":\"tail\"}\n\n", kind_of(word[1]));
	word += is_delete;
	if (at) {
		snprintf(revision, sizeof(revision), ",\"revision\":%s", at + 1);
		*at = '\0';
	}
	if (*word == 'g')
		snprintf(value, sizeof(value), "\"id\":\"%s\"%s", VPC, revision);
	else if (strchr("mk", *word))
		snprintf(value, sizeof(value),
			 "\"device_id\":\"0000000%c-0000-4000-8000-000000000000\",\"key\":\"%s\","
			 "\"value\":{}%s",
			 word[1], *word == 'm' ? "relay" : "other", revision);
	else if (is_delete)
		snprintf(value, sizeof(value),
			 "\"id\":\"0000000%c-0000-4000-8000-000000000000\",\"public_key\":\"\"%s",
			 word[1], revision);
	else
		write_device(*word, word[1], word + 3, revision, value);
	return snprintf(ret, EVENT_MAX, "{\"kind\":\"%s\",\"type\":\"%s\",\"value\":{%s}}\n\n",
			kind_of(*word), is_delete ? "delete" : "change", value);
}

/* Feed a whole story. Return: what the last call of watch_feed() returned. */
static inline int play(struct heard *heard, const char *story, size_t piece)
{
	char copy[EVENT_MAX], event[EVENT_MAX], body[1024], *rest = copy;
	int err = 0;

	assert_true(strlen(story) < sizeof(copy));
	strcpy(copy, story);
	for (char *word; (word = strsep(&rest, " "));) {
		if (*word == '^' && watch_look_back(heard->watch))
			heard_letter(heard, 'l');
		if (*word == '/' || *word == '^')
			assert_int_equal(watch_request(heard->watch, body, sizeof(body)), 0);
		else if (*word)
			err = feed(heard->watch, event, write_event(word, event), piece);
	}
	return err;
}

struct shown {
	struct device_list of[256]; /* by the last byte of the id's first group */
};

static inline int show_one(void *arg, const uint8_t *id, const struct device *device,
			   const struct prefix *prefixes)
{
	struct shown *shown = arg;
	struct device_list *list = &shown->of[id[3]];

	assert_int_equal(device_list_add(list, device), 0);
	for (uint32_t i = 0; i < device->n_prefixes; i++)
		assert_int_equal(device_list_add_prefix(list, &prefixes[i]), 0);
	return 0;
}

/* "1=a:100.64.0.2/32 ..." in the order of ids. Return: @text. */
static inline const char *show_devices(const struct watch *watch,
				       char text[static NOTATION_TEXT_MAX])
{
	struct shown shown = {};
	char one[NOTATION_TEXT_MAX];
	size_t n = 0;

	text[0] = '\0';
	assert_int_equal(device_cache_each(watch_devices(watch), show_one, &shown), 0);
	for (size_t i = 0; i < N(shown.of); i++) {
		if (shown.of[i].n_devices)
			n += snprintf(text + n, NOTATION_TEXT_MAX - n, "%s%zx=%s", n ? " " : "", i,
				      notation_show(&shown.of[i], one));
		device_list_done(&shown.of[i]);
	}
	return text;
}

/* "g4 d5 m3" when it would resume; "start". */
static inline const char *show_resume(struct watch *watch, char text[static NOTATION_TEXT_MAX])
{
	char body[1024], *at = body;
	unsigned long long revisions[3];

	assert_int_equal(watch_request(watch, body, sizeof(body)), 0);
	if (!strstr(body, "gt_revision"))
		return strcpy(text, "start");
	for (size_t i = 0; i < N(revisions); i++) {
		at = strstr(at, "gt_revision\":");
		assert_non_null(at);
		revisions[i] = strtoull(at + 13, &at, 10);
		assert_int_equal(strncmp(at, ",\"at_tail\":true", 15), 0);
	}
	snprintf(text, NOTATION_TEXT_MAX, "g%llu d%llu m%llu", revisions[0], revisions[1],
		 revisions[2]);
	return text;
}

#endif
