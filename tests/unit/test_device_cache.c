// SPDX-License-Identifier: Apache-2.0
/*
 * test_device_cache.c - devices by id: what counts as a change, bounds, and random puts and
 * removals against a plain list. Devices are in the notation of notation.h.
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
#include <unistd.h>

#include <cmocka.h>

#include "base/uuid.h"
#include "nexodus/device_cache.h"
#include "notation.h"

#define LIMIT_S 120 /* only what hangs takes so long, or the square of the devices */

#define UUID "c93b5690-1f24-4fd3-a36b-871306e6e66b"

/* clang-format off */
static const struct {
	const char *name, *text;
	bool good;
} ids[] = {
	{ "small letters",       UUID, true },
	{ "capitals",            "C93B5690-1F24-4FD3-A36B-871306E6E66B", true },
	{ "zeros",               "00000000-0000-0000-0000-000000000000", true },
	{ "nothing",             "", false },
	{ "one short",           "c93b5690-1f24-4fd3-a36b-871306e6e66", false },
	{ "one more",            UUID "0", false },
	{ "blank behind",        UUID " ", false },
	{ "blank in front",      " c93b5690-1f24-4fd3-a36b-871306e6e66b", false },
	{ "no hyphens",          "c93b56901f244fd3a36b871306e6e66b", false },
	{ "no hyphens, 36",      "c93b5690a1f24a4fd3aa36ba871306e6e66b", false },
	{ "hyphen elsewhere",    "c93b569-01f24-4fd3-a36b-871306e6e66b", false },
	{ "braces",              "{c93b5690-1f24-4fd3-a36b-871306e6e66}", false },
	{ "URN",                 "urn:uuid:" UUID, false },
	{ "no hexadecimal",      "g93b5690-1f24-4fd3-a36b-871306e6e66b", false },
	{ "last no hexadecimal", "c93b5690-1f24-4fd3-a36b-871306e6e66@", false },
};

/* Device a, then what it is put as, and whether that is a change. */
static const struct {
	const char *name, *before, *after;
	int changed;
} changes[] = {
	{ "the same",                 "a!:100.64.0.2,200::2;10.0.0.0/8", "a!:100.64.0.2,200::2;10.0.0.0/8", 0 },
	{ "the same, IPv4 alone",     "a:100.64.0.2", "a:100.64.0.2", 0 },
	{ "the same, IPv6 alone",     "a:200::2", "a:200::2", 0 },
	{ "key and name",             "a:100.64.0.2", "b:100.64.0.2", 1 },
	{ "relay-only",               "a:100.64.0.2", "a!:100.64.0.2", 1 },
	{ "no longer relay-only",     "a!:100.64.0.2", "a:100.64.0.2", 1 },
	{ "IPv4 address",             "a:100.64.0.2,200::2", "a:100.64.0.3,200::2", 1 },
	{ "IPv6 address",             "a:100.64.0.2,200::2", "a:100.64.0.2,200::3", 1 },
	{ "order of addresses",       "a:100.64.0.2,200::2", "a:200::2,100.64.0.2", 1 },
	{ "one address more",         "a:100.64.0.2", "a:100.64.0.2,200::2", 1 },
	{ "one address less",         "a:100.64.0.2,200::2", "a:100.64.0.2", 1 },
	{ "IPv4 CIDR more",           "a:100.64.0.2", "a:100.64.0.2;10.0.0.0/8", 1 },
	{ "IPv6 CIDR more",           "a:100.64.0.2", "a:100.64.0.2;fd00::/8", 1 },
	{ "CIDR less",                "a:100.64.0.2;10.0.0.0/8", "a:100.64.0.2", 1 },
	{ "length of a CIDR",         "a:100.64.0.2;10.0.0.0/8", "a:100.64.0.2;10.0.0.0/9", 1 },
	{ "address becomes a CIDR",   "a:100.64.0.2,10.0.0.1", "a:100.64.0.2;10.0.0.1", 1 },
	{ "revision alone",           "a@5:100.64.0.2,200::2", "a@6:100.64.0.2,200::2", 0 },
};
/* Device a of revision 5, and another one; then its revision alone is another. */
static const struct {
	const char *name, *other;
	int changed;
} contested[] = {
	{ "nothing in common",   "b:100.64.0.3,200::3", 0 },
	{ "IPv4 address",        "b:100.64.0.2", 1 },
	{ "IPv6 address",        "b:200::2", 1 },
	{ "one of two addresses", "b:100.64.0.9,200::2", 1 },
	{ "key",                 "a:100.64.0.3,200::3", 1 },
	{ "only a CIDR of it",   "b:100.64.0.3;100.64.0.2,200::2", 0 },
	{ "a CIDR",              "b:100.64.0.3;10.0.0.0/8", 0 },
};
/* clang-format on */

static void test_ids(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(ids); i++) {
		uint8_t id[DEVICE_ID_BYTES], before[DEVICE_ID_BYTES];
		char text[UUID_TEXT];
		int err;

		memset(id, 0xa5, sizeof(id));
		memcpy(before, id, sizeof(id));
		err = uuid_parse(ids[i].text, id);
		if (err != (ids[i].good ? 0 : -EINVAL))
			fail_msg("%s: %d", ids[i].name, err);
		if (err && memcmp(id, before, sizeof(id)) != 0)
			fail_msg("%s: result was touched", ids[i].name);
		if (!err && strcasecmp(uuid_format(id, text), ids[i].text) != 0)
			fail_msg("%s: %s", ids[i].name, text);
	}
}

/* @list has one device. */
static struct device_json device_of(struct device_list *list)
{
	return (struct device_json){
		.device = list->devices[0],
		.prefixes = list->prefixes,
		.n_prefixes = list->n_prefixes,
	};
}

static int put(struct device_cache *cache, const uint8_t *id, const char *text)
{
	struct device_list list = notation_list(text);
	struct device_json device = device_of(&list);
	int err = device_cache_put(cache, id, &device);

	device_list_done(&list);
	return err;
}

/* It decides where two claim the same, and is of no matter else. */
static void test_revision(void **state)
{
	const uint8_t one[DEVICE_ID_BYTES] = { 1 }, other[DEVICE_ID_BYTES] = { 2 };

	(void)state;
	for (size_t i = 0; i < N(contested); i++) {
		struct device_cache *cache = device_cache_new();
		const char *name = contested[i].name;

		assert_int_equal(put(cache, one, "a@5:100.64.0.2,200::2;10.0.0.0/8"), 1);
		assert_int_equal(put(cache, other, contested[i].other), 1);
		if (put(cache, one, "a@7:100.64.0.2,200::2;10.0.0.0/8") != contested[i].changed)
			fail_msg("%s", name);
		assert_int_equal(device_cache_find(cache, one)->revision, 7);
		assert_int_equal(put(cache, one, "a@7:100.64.0.2,200::2;10.0.0.0/8"), 0);
		/* The other one goes, or gets something else. */
		if (i % 2)
			assert_int_equal(device_cache_remove(cache, other), 1);
		else
			assert_int_equal(put(cache, other, "c:100.64.0.7,200::7"), 1);
		if (put(cache, one, "a@8:100.64.0.2,200::2;10.0.0.0/8") != 0)
			fail_msg("%s: is still contested", name);
		device_cache_free(cache);
	}
}

static int append(void *arg, const uint8_t *id, const struct device *device,
		  const struct prefix *prefixes)
{
	struct device_list *list = arg;

	(void)id;
	assert_int_equal(device_list_add(list, device), 0);
	for (uint32_t i = 0; i < device->n_prefixes; i++)
		assert_int_equal(device_list_add_prefix(list, &prefixes[i]), 0);
	return 0;
}

static const char *show(const struct device_cache *cache, char text[static NOTATION_TEXT_MAX])
{
	struct device_list list = {};

	assert_int_equal(device_cache_each(cache, append, &list), 0);
	notation_show(&list, text);
	device_list_done(&list);
	return text;
}

static void test_changes(void **state)
{
	static const uint8_t id[DEVICE_ID_BYTES] = { 1 }, other[DEVICE_ID_BYTES] = { 2 };
	char text[NOTATION_TEXT_MAX], want[NOTATION_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < N(changes); i++) {
		struct device_cache *cache = device_cache_new();
		struct device_list list = notation_list(changes[i].after);
		size_t n, n_prefixes;

		assert_int_equal(put(cache, id, changes[i].before), 1);
		if (put(cache, id, changes[i].after) != changes[i].changed)
			fail_msg("%s: not %d", changes[i].name, changes[i].changed);
		if (strcmp(show(cache, text), notation_show(&list, want)) != 0)
			fail_msg("%s: %s", changes[i].name, text);
		device_cache_count(cache, &n, &n_prefixes);
		assert_int_equal(n, 1);
		assert_int_equal(n_prefixes, list.n_prefixes);
		assert_int_equal(device_cache_remove(cache, other), 0);
		assert_null(device_cache_find(cache, other));
		assert_non_null(device_cache_find(cache, id));
		assert_int_equal(device_cache_remove(cache, id), 1);
		assert_int_equal(device_cache_remove(cache, id), 0);
		assert_null(device_cache_find(cache, id));
		device_cache_count(cache, &n, &n_prefixes);
		assert_int_equal(n + n_prefixes, 0);
		device_list_done(&list);
		device_cache_free(cache);
	}
	device_cache_free(NULL);
}

/* A name alone is a change, too: people look for it. And one key may have two ids. */
static void test_name_and_key(void **state)
{
	static const uint8_t id[DEVICE_ID_BYTES] = { 1 }, again[DEVICE_ID_BYTES] = { 2 };
	struct device_cache *cache = device_cache_new();
	struct device_list list = notation_list("a:100.64.0.2,200::2");
	struct device_json device = device_of(&list);
	char text[NOTATION_TEXT_MAX];

	(void)state;
	assert_int_equal(device_cache_put(cache, id, &device), 1);
	strcpy(device.device.name, "b");
	assert_int_equal(device_cache_put(cache, id, &device), 1);
	assert_int_equal(device_cache_put(cache, id, &device), 0);
	assert_string_equal(device_cache_find(cache, id)->name, "b");
	memset(device.device.public_key, 'z', WG_KEY_BYTES);
	assert_int_equal(device_cache_put(cache, id, &device), 1);
	assert_int_equal(device_cache_put(cache, again, &device), 1);
	assert_int_equal(device_cache_remove(cache, id), 1);
	assert_string_equal(show(cache, text), "z:100.64.0.2/32,200::2/128");
	device_cache_clear(cache);
	assert_string_equal(show(cache, text), "");
	assert_int_equal(device_cache_put(cache, id, &device), 1);
	device_list_done(&list);
	device_cache_free(cache);
}

static int stop_at_third(void *arg, const uint8_t *id, const struct device *device,
			 const struct prefix *prefixes)
{
	(void)id;
	(void)device;
	(void)prefixes;
	return ++*(int *)arg == 3 ? -EXDEV : 0;
}

static void id_of(size_t i, uint8_t ret[static DEVICE_ID_BYTES])
{
	memset(ret, 0, DEVICE_ID_BYTES);
	memcpy(ret, &i, sizeof(i));
}

static void test_each_stops(void **state)
{
	struct device_cache *cache = device_cache_new();
	uint8_t id[DEVICE_ID_BYTES];
	int n = 0;

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		id_of(i, id);
		assert_int_equal(put(cache, id, "a:100.64.0.2,200::2"), 1);
	}
	assert_int_equal(device_cache_each(cache, stop_at_third, &n), -EXDEV);
	assert_int_equal(n, 3);
	device_cache_free(cache);
}

/* Device @i with @n prefixes, the last of which says @version. */
static struct device_json numbered(struct prefix *prefixes, size_t i, size_t n, uint8_t version)
{
	struct device_json device = { .prefixes = prefixes, .n_prefixes = n };

	memcpy(device.device.public_key, &i, sizeof(i));
	device.device.n_addresses = n;
	for (size_t p = 0; p < n; p++) {
		prefixes[p] = (struct prefix){ .family = PREFIX_IPV6, .bits = 128 };
		memcpy(prefixes[p].addr, &i, sizeof(i));
		prefixes[p].addr[14] = p;
		prefixes[p].addr[15] = version;
	}
	return device;
}

static void test_too_many(void **state)
{
	static struct prefix prefixes[DEVICE_JSON_PREFIXES_MAX];
	struct device_cache *cache = device_cache_new();
	uint8_t id[DEVICE_ID_BYTES];
	struct device_json device;
	size_t n, n_prefixes;

	(void)state;
	for (size_t i = 0; i < DEVICES_MAX; i++) {
		id_of(i, id);
		device = numbered(prefixes, i, 1, 0);
		assert_int_equal(device_cache_put(cache, id, &device), 1);
	}
	id_of(DEVICES_MAX, id);
	device = numbered(prefixes, 7, 1, 0);
	assert_int_equal(device_cache_put(cache, id, &device), -E2BIG);
	id_of(5, id);
	device = numbered(prefixes, 5, 1, 1);
	assert_int_equal(device_cache_put(cache, id, &device), 1);
	assert_int_equal(device_cache_remove(cache, id), 1);
	id_of(DEVICES_MAX, id);
	assert_int_equal(device_cache_put(cache, id, &device), 1);

	device_cache_clear(cache);
	for (size_t i = 0; i < DEVICE_PREFIXES_MAX / DEVICE_JSON_PREFIXES_MAX; i++) {
		id_of(i, id);
		device = numbered(prefixes, i, DEVICE_JSON_PREFIXES_MAX, 0);
		assert_int_equal(device_cache_put(cache, id, &device), 1);
	}
	id_of(100, id);
	device = numbered(prefixes, 100, 1, 0);
	assert_int_equal(device_cache_put(cache, id, &device), -E2BIG);
	assert_null(device_cache_find(cache, id));
	id_of(3, id);
	device = numbered(prefixes, 3, DEVICE_JSON_PREFIXES_MAX, 1);
	assert_int_equal(device_cache_put(cache, id, &device), 1);
	device = numbered(prefixes, 3, DEVICE_JSON_PREFIXES_MAX - 1, 1);
	assert_int_equal(device_cache_put(cache, id, &device), 1);
	id_of(100, id);
	device = numbered(prefixes, 100, 2, 0);
	assert_int_equal(device_cache_put(cache, id, &device), -E2BIG);
	device = numbered(prefixes, 100, 1, 0);
	assert_int_equal(device_cache_put(cache, id, &device), 1);
	device_cache_count(cache, &n, &n_prefixes);
	assert_int_equal(n_prefixes, DEVICE_PREFIXES_MAX);
	device_cache_free(cache);
}

#define MODEL_IDS 300
#define MODEL_PREFIXES 9

struct model {
	struct {
		bool there;
		size_t n;
		uint8_t version;
	} devices[MODEL_IDS];
	size_t seen;
};

static int check_one(void *arg, const uint8_t *id, const struct device *device,
		     const struct prefix *prefixes)
{
	struct prefix want[MODEL_PREFIXES];
	struct model *model = arg;
	size_t i;

	memcpy(&i, id, sizeof(i));
	assert_in_range(i, 0, MODEL_IDS - 1);
	assert_true(model->devices[i].there);
	assert_int_equal(device->n_prefixes, model->devices[i].n);
	numbered(want, i, model->devices[i].n, model->devices[i].version);
	assert_memory_equal(device->public_key, &i, sizeof(i));
	assert_memory_equal(prefixes, want, device->n_prefixes * sizeof(*want));
	model->seen++;
	return 0;
}

static void check_model(const struct device_cache *cache, struct model *model)
{
	size_t n = 0, total = 0, devices, prefixes;

	for (size_t i = 0; i < MODEL_IDS; i++) {
		uint8_t id[DEVICE_ID_BYTES];

		id_of(i, id);
		assert_int_equal(!!device_cache_find(cache, id), model->devices[i].there);
		n += model->devices[i].there;
		total += model->devices[i].there ? model->devices[i].n : 0;
	}
	device_cache_count(cache, &devices, &prefixes);
	assert_int_equal(devices, n);
	assert_int_equal(prefixes, total);
	model->seen = 0;
	assert_int_equal(device_cache_each(cache, check_one, model), 0);
	assert_int_equal(model->seen, n);
}

static void test_model(void **state)
{
	struct device_cache *cache = device_cache_new();
	struct model model = {};

	(void)state;
	srandom(1);
	for (int step = 0; step < 50000; step++) {
		size_t i = random() % MODEL_IDS, n = 1 + random() % MODEL_PREFIXES;
		/* Mostly coming and mostly going in turn, so that it is nearly empty at times. */
		bool add = random() % 100 < (step / 3000 % 2 ? 30 : 70),
		     was = model.devices[i].there;
		uint8_t version = random() % 2, id[DEVICE_ID_BYTES];
		struct prefix prefixes[MODEL_PREFIXES];
		struct device_json device = numbered(prefixes, i, n, version);
		bool same = was && model.devices[i].n == n && model.devices[i].version == version;

		id_of(i, id);
		if (add) {
			assert_int_equal(device_cache_put(cache, id, &device), !same);
			model.devices[i].n = n;
			model.devices[i].version = version;
		} else {
			assert_int_equal(device_cache_remove(cache, id), was);
		}
		model.devices[i].there = add;
		if (step % 32 == 0)
			check_model(cache, &model);
	}
	device_cache_free(cache);
}

/*
 * A change among 100,000 devices takes microseconds. Where it took as long as a look at each of
 * them, the alarm would come.
 */
static void test_cost(void **state)
{
	static const size_t sizes[] = { 10000, 100000 };

	(void)state;
	alarm(LIMIT_S);
	for (size_t s = 0; s < N(sizes); s++) {
		struct device_cache *cache = device_cache_new();
		size_t events = 4 * sizes[s];

		for (size_t i = 0; i < events; i++) {
			struct prefix prefixes[4];
			struct device_json device =
				numbered(prefixes, i % sizes[s], 2 + i % 3, i / sizes[s]);
			uint8_t id[DEVICE_ID_BYTES];

			id_of(i % sizes[s], id);
			assert_int_equal(device_cache_put(cache, id, &device), 1);
			if (i % 7 == 0)
				assert_int_equal(device_cache_remove(cache, id), 1);
		}
		device_cache_free(cache);
	}
	alarm(0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ids),        cmocka_unit_test(test_revision),
		cmocka_unit_test(test_changes),    cmocka_unit_test(test_name_and_key),
		cmocka_unit_test(test_each_stops), cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_model),      cmocka_unit_test(test_cost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
