// SPDX-License-Identifier: Apache-2.0
#include "nexodus/skipped.h"

#include <stdio.h>

#include "base/printable.h"
#include "base/uuid.h"
#include "nexodus/device_cache.h"

#define WARNINGS_MAX 20 /* in a round: a broken server must not flood the journal */
#define FNV_START 2166136261u
#define FNV_PRIME 16777619u

struct skipped_device {
	uint8_t id[DEVICE_ID_BYTES];
	uint32_t of; /* hash of what it was last warned of */
	uint32_t n;
	uint32_t round; /* when it was last there */
};

void complaint_add(void *arg, const struct device *device, const char *text)
{
	struct complaint *complaint = arg;

	(void)device;
	if (!complaint->n++) {
		snprintf(complaint->text, sizeof(complaint->text), "%s", text);
		complaint->hash = FNV_START;
	}
	for (const char *c = text; *c; c++)
		complaint->hash = (complaint->hash ^ (unsigned char)*c) * FNV_PRIME;
	complaint->hash = complaint->hash ?: 1;
}

void skipped_init(struct skipped *skipped, void (*tell)(void *arg, const char *text), void *arg)
{
	*skipped = (struct skipped){ .tell = tell, .arg = arg };
	id_table_init(&skipped->devices, sizeof(struct skipped_device));
}

void skipped_clear(struct skipped *skipped)
{
	id_table_clear(&skipped->devices);
	skipped->n = 0;
}

void skipped_begin(struct skipped *skipped)
{
	skipped->round++;
	skipped->n_told = 0;
}

static void remove_device(struct skipped *skipped, struct skipped_device *device)
{
	skipped->n -= device->n;
	id_table_remove(&skipped->devices, device);
}

void skipped_end(struct skipped *skipped)
{
	/* Backwards: the last one takes the place of one that goes. */
	for (size_t i = skipped->devices.n; i-- > 0;) {
		struct skipped_device *device = id_table_at(&skipped->devices, i);

		if (device->round != skipped->round)
			remove_device(skipped, device);
	}
}

void skipped_tell(struct skipped *skipped, const char *name, const struct complaint *complaint)
{
	char text[COMPLAINT_TEXT_MAX + DEVICE_NAME_MAX + 64], clean[sizeof(text)];
	char more[32] = "";

	if (!skipped->tell || skipped->n_told > WARNINGS_MAX)
		return;
	if (skipped->n_told++ == WARNINGS_MAX) {
		skipped->tell(skipped->arg, "more of this kind, which is not told one by one");
		return;
	}
	if (complaint->n > 1)
		snprintf(more, sizeof(more), " (and %u more)", complaint->n - 1);
	snprintf(text, sizeof(text), "device '%s': %s, skipping it%s", name, complaint->text, more);
	printable_copy(clean, sizeof(clean), text);
	skipped->tell(skipped->arg, clean);
}

int skipped_take(struct skipped *skipped, const uint8_t id[static DEVICE_ID_BYTES],
		 const char *name, const struct complaint *complaint)
{
	struct skipped_device *device = id_table_find(&skipped->devices, id);
	size_t before = skipped->n;
	char id_text[UUID_TEXT];

	if (!complaint->n)
		return skipped_gone(skipped, id);
	if (!device || device->of != complaint->hash)
		skipped_tell(skipped, *name ? name : uuid_format(id, id_text), complaint);
	if (!device && skipped->devices.n < DEVICES_MAX)
		device = id_table_add(&skipped->devices, id);
	if (!device)
		return 0;
	skipped->n += complaint->n - device->n;
	device->of = complaint->hash;
	device->n = complaint->n;
	device->round = skipped->round;
	return skipped->n != before;
}

int skipped_gone(struct skipped *skipped, const uint8_t id[static DEVICE_ID_BYTES])
{
	struct skipped_device *device = id_table_find(&skipped->devices, id);

	if (!device)
		return 0;
	remove_device(skipped, device);
	return 1;
}
