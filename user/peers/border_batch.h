/* SPDX-License-Identifier: Apache-2.0 */
/*
 * border_batch.h - the source's side of the border: records are collected and sent many at a time.
 */
#ifndef PEERS_BORDER_BATCH_H
#define PEERS_BORDER_BATCH_H

#include "peers/border.h"

struct border_batch {
	int sock;
	uint32_t list; /* number that the records get */
	struct border_record records[BORDER_BATCH_MAX];
	size_t n;
	uint32_t n_devices, n_prefixes; /* what was sent of this list */
	int err;                        /* the first that could not be sent; nothing follows it */
};

/** border_batch_next() - Return: the next record, zeroed; NULL after an error (batch->err). */
struct border_record *border_batch_next(struct border_batch *batch, enum border_kind kind);

/** border_batch_text() - a WARNING or LIST_ERROR. */
void border_batch_text(struct border_batch *batch, enum border_kind kind, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/**
 * border_batch_device() - DEVICE, and its PREFIXES.
 * @prefixes: device->n_prefixes of them.
 *
 * Return: 0; -E2BIG when a list may not hold that many; batch->err.
 */
int border_batch_device(struct border_batch *batch, const struct device *device,
			const struct prefix *prefixes);

/** border_batch_flush() - send what is there. Return: 0, or batch->err. */
int border_batch_flush(struct border_batch *batch);

#endif
