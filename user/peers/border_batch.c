// SPDX-License-Identifier: Apache-2.0
#include "peers/border_batch.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int border_batch_flush(struct border_batch *batch)
{
	if (!batch->err && batch->n)
		batch->err = border_send(batch->sock, batch->records, batch->n, -1);
	batch->n = 0;
	return batch->err;
}

struct border_record *border_batch_next(struct border_batch *batch, enum border_kind kind)
{
	struct border_record *record;

	/* A batch that was lost is not made good by a later one. */
	if (!batch->err && batch->n == BORDER_BATCH_MAX)
		(void)border_batch_flush(batch);
	if (batch->err)
		return NULL;
	record = &batch->records[batch->n++];
	*record = (struct border_record){ .kind = kind, .list = batch->list };
	return record;
}

void border_batch_text(struct border_batch *batch, enum border_kind kind, const char *format, ...)
{
	struct border_record *record = border_batch_next(batch, kind);
	va_list args;

	if (!record)
		return;
	va_start(args, format);
	vsnprintf(record->text, sizeof(record->text), format, args);
	va_end(args);
}

static int send_prefixes(struct border_batch *batch, const struct prefix *prefixes, size_t n)
{
	struct border_record *record = NULL;

	for (size_t i = 0; i < n; i++) {
		if (i % BORDER_PREFIXES == 0)
			record = border_batch_next(batch, BORDER_PREFIXES_OF_DEVICE);
		if (!record)
			return batch->err;
		record->prefixes.prefix[record->prefixes.n++] = prefixes[i];
	}
	batch->n_prefixes += n;
	return 0;
}

int border_batch_device(struct border_batch *batch, const struct device *device,
			const struct prefix *prefixes)
{
	struct border_record *record;

	if (batch->n_devices == DEVICES_MAX ||
	    batch->n_prefixes + device->n_prefixes > DEVICE_PREFIXES_MAX)
		return -E2BIG;
	record = border_batch_next(batch, BORDER_DEVICE);
	if (!record)
		return batch->err;
	memcpy(record->device.id, device->id, sizeof(device->id));
	memcpy(record->device.public_key, device->public_key, sizeof(device->public_key));
	memcpy(record->device.name, device->name, sizeof(device->name));
	record->device.revision = device->revision;
	record->device.relay_only = device->relay_only;
	record->device.n_addresses = device->n_addresses;
	batch->n_devices++;
	return send_prefixes(batch, prefixes, device->n_prefixes);
}
