// SPDX-License-Identifier: Apache-2.0
/*
 * test_watch_stream.c - a whole event stream as the api-server sends it: in one piece and in bytes,
 * cut after each of them, and changed at random.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/printable.h"
#include "watch_notation.h"
#include "base/uuid.h"

#define FIXTURE "tests/unit/fixtures/events.json"
#define STREAM_MAX 8192
#define WHOLE_AFTER "{\"kind\":\"device\",\"type\":\"tail\"}" /* the last of the three tails */
#define MUTATIONS 1500

#define OPTIONS "\"options\":{\"vpc-id\":\"" VPC "\""
#define START                                                                             \
	"[{\"kind\":\"security-group\"," OPTIONS "}},{\"kind\":\"device\"," OPTIONS "}}," \
	"{\"kind\":\"device-metadata\"," OPTIONS ",\"key\":\"relay\"}}]"
#define RESUME                                                                             \
	"[{\"kind\":\"security-group\",\"gt_revision\":36,\"at_tail\":true," OPTIONS "}}," \
	"{\"kind\":\"device\",\"gt_revision\":4733,\"at_tail\":true," OPTIONS "}},"        \
	"{\"kind\":\"device-metadata\",\"gt_revision\":89,\"at_tail\":true," OPTIONS       \
	",\"key\":\"relay\"}}]"

/* clang-format off */
static const struct {
	const char *id, *name, *key, *prefixes;
	bool relay_only;
} devices[] = {
	{ "e0d8ecde-759c-4da7-a0e0-5dcb04ae0a5e", "relay-fra1", "HPV5q6RaELodHvBtkfyiqp7QoRUFFWUxVUBdCxjLmmc=", "100.64.0.1/32 200::1/128", false },
	{ "f81bfc30-1f66-4b07-afed-47eb6b8a89c4", "build-07", "KBSsec8OKrpqEfUJvtSeWJZL/o3NSa/OlUrgxIYbg/I=", "100.64.0.2/32 200::2/128", false },
	{ "9f4c8c99-fabe-45c5-abd9-6e8963eeb766", "edge-lte-3", "c3Q+18KtS5FQ0CegG9QBWhptyNgMo/Ws+SyogNaZy14=", "100.64.0.3/32 200::3/128 172.24.100.0/24 fd00:24:100::/64", true },
};
/* clang-format on */

static char stream[STREAM_MAX];
static size_t stream_len, whole_at; /* bytes until it is whole */

static int load(void **state)
{
	FILE *file = fopen(FIXTURE, "r");

	(void)state;
	if (!file) {
		fprintf(stderr, "%s: run this from the project's folder\n", FIXTURE);
		return -1;
	}
	stream_len = fread(stream, 1, sizeof(stream) - 1, file);
	fclose(file);
	whole_at = strstr(stream, WHOLE_AFTER) + strlen(WHOLE_AFTER) - stream;
	return 0;
}

static int check_device(void *arg, const uint8_t *id, const struct device *device,
			const struct prefix *prefixes)
{
	char text[UUID_TEXT], key[WG_KEY_TEXT], shown[256] = "", one[PREFIX_TEXT_MAX];

	for (uint32_t i = 0; i < device->n_prefixes; i++)
		snprintf(shown + strlen(shown), sizeof(shown) - strlen(shown), "%s%s", i ? " " : "",
			 prefix_format(&prefixes[i], one));
	uuid_format(id, text);
	for (size_t i = 0; i < N(devices); i++) {
		if (strcmp(text, devices[i].id) != 0)
			continue;
		assert_string_equal(device->name, devices[i].name);
		assert_string_equal(wg_key_format(device->public_key, key), devices[i].key);
		assert_string_equal(shown, devices[i].prefixes);
		assert_int_equal(device->relay_only, devices[i].relay_only);
		assert_int_equal(device->n_addresses, 2);
		++*(size_t *)arg;
		return 0;
	}
	return -ENOENT;
}

/* All that the stream says, and nothing else. */
static void check_end(struct watch *watch)
{
	char body[1024];
	size_t n = 0;

	assert_true(watch_is_whole(watch));
	assert_int_equal(device_cache_each(watch_devices(watch), check_device, &n), 0);
	assert_int_equal(n, N(devices));
	assert_int_equal(watch_request(watch, body, sizeof(body)), 0);
	assert_string_equal(body, RESUME);
}

static void test_pieces(void **state)
{
	static const size_t pieces[] = { STREAM_MAX, 1, 2, 7, 100, 1460 };

	(void)state;
	for (size_t p = 0; p < N(pieces); p++) {
		struct heard heard;

		heard_begin(&heard);
		assert_int_equal(feed(heard.watch, stream, stream_len, pieces[p]), 0);
		/* Four devices are there in the end of the first state; then one is deleted. The
		   last change is one of endpoints: nothing to a relay. */
		assert_string_equal(heard.log, "Wc");
		check_end(heard.watch);
		watch_free(heard.watch);
	}
}

/* The end of the last document that is whole in the first @cut bytes. */
static size_t last_end(size_t cut)
{
	size_t end = 0;

	for (size_t i = 0; i < cut; i++)
		if (stream[i] == '}' && stream[i + 1] == '\n')
			end = i + 1;
	return end;
}

/* After a cut: anew, or, when it was whole, what the server had not sent yet. */
static void check_cut(size_t cut)
{
	size_t at = cut < whole_at ? 0 : last_end(cut), n, n_prefixes;
	struct heard heard;
	char body[1024];

	heard_begin(&heard);
	assert_int_equal(feed(heard.watch, stream, cut, STREAM_MAX), 0);
	if (watch_is_whole(heard.watch) != (cut >= whole_at))
		fail_msg("cut after %zu: whole, or not", cut);
	assert_int_equal(watch_request(heard.watch, body, sizeof(body)), 0);
	if (!strcmp(body, START) != (cut < whole_at))
		fail_msg("cut after %zu: %s", cut, body);
	device_cache_count(watch_devices(heard.watch), &n, &n_prefixes);
	assert_true(cut >= whole_at ? n >= N(devices) : !n);
	assert_int_equal(feed(heard.watch, stream + at, stream_len - at, STREAM_MAX), 0);
	assert_string_equal(heard.log, "Wc");
	check_end(heard.watch);
	watch_free(heard.watch);
}

static void test_cut_after_each_byte(void **state)
{
	(void)state;
	for (size_t cut = 0; cut <= stream_len; cut++)
		check_cut(cut);
}

/* One change at random of what is fed: a bit, a byte, a piece that is lost, doubled or moved. */
static size_t mutate(char *text, size_t len, size_t room)
{
	static const char likely[] = "{}[]\",:0123456789-\\eutfn \n";
	size_t at = random() % len, n = 1 + random() % (random() % 2 ? 8 : 600), to;

	if (n > len - at)
		n = len - at;
	switch (random() % 6) {
	case 0:
		text[at] ^= 1 << random() % 8;
		break;
	case 1:
		text[at] = likely[random() % (sizeof(likely) - 1)];
		break;
	case 2:
		text[at] = random();
		break;
	case 3: /* lost */
		memmove(text + at, text + at + n, len - at - n);
		len -= n;
		break;
	case 4: /* doubled */
		if (len + n > room)
			break;
		memmove(text + at + n, text + at, len - at);
		len += n;
		break;
	default: /* written over something else */
		to = random() % (len - n + 1);
		memmove(text + to, text + at, n);
		break;
	}
	return len ?: 1;
}

/* The stream without the lines in which @what is. */
static size_t without(const char *what, char *ret)
{
	size_t n = 0;

	for (const char *line = stream; *line;) {
		size_t len = strcspn(line, "\n") + 1;

		if (!memmem(line, len, what, strlen(what))) {
			memcpy(ret + n, line, len);
			n += len;
		}
		line += len;
	}
	return n;
}

static void check_mutation(const char *text, size_t len, bool may_be_whole)
{
	char body[1024];
	struct heard heard;
	int err;

	heard_begin(&heard);
	err = feed(heard.watch, text, len, 1 + random() % 3000);
	if (err != 0 && err != -EBADMSG && err != -EPROTO)
		fail_msg("%d: %s", err, watch_error(heard.watch));
	assert_int_equal(!err, !*watch_error(heard.watch));
	assert_true(printable_check(watch_error(heard.watch)));
	assert_in_range(heard.n_warnings, 0, 21);
	if (watch_is_whole(heard.watch)) {
		assert_true(may_be_whole);
		assert_int_equal(watch_request(heard.watch, body, sizeof(body)), 0);
		assert_null(strstr(body, "\"vpc-id\":\"\""));
		assert_int_equal(feed(heard.watch, stream, stream_len, STREAM_MAX), 0);
	} else {
		/* Nothing of it may be left when it is asked for anew. */
		assert_null(strchr(heard.log, 'W'));
		assert_null(strchr(heard.log, 'c'));
		assert_int_equal(watch_request(heard.watch, body, sizeof(body)), 0);
		assert_string_equal(body, START);
		assert_int_equal(feed(heard.watch, stream, stream_len, STREAM_MAX), 0);
		check_end(heard.watch);
	}
	watch_free(heard.watch);
}

static void mutations(const char *start, size_t start_len, bool may_be_whole)
{
	static char text[2 * STREAM_MAX];

	for (int i = 0; i < MUTATIONS; i++) {
		size_t len = start_len;

		memcpy(text, start, len);
		for (int n = random() % 4; n >= 0; n--)
			len = mutate(text, len, sizeof(text));
		check_mutation(text, len, may_be_whole);
	}
}

static void test_mutations(void **state)
{
	static const char *const tails[] = {
		"\"tail\"",
		"\"kind\":\"device\",\"type\":\"tail\"",
		"\"kind\":\"security-group\",\"type\":\"tail\"",
		"\"kind\":\"device-metadata\",\"type\":\"tail\"",
	};
	char text[STREAM_MAX];

	(void)state;
	srandom(1);
	mutations(stream, stream_len, true);
	/* One tail missing is as bad as all of them. */
	for (size_t i = 0; i < N(tails); i++)
		mutations(text, without(tails[i], text), false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_cut_after_each_byte),
		cmocka_unit_test(test_mutations),
	};

	return cmocka_run_group_tests(tests, load, NULL);
}
