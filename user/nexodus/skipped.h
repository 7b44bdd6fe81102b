/* SPDX-License-Identifier: Apache-2.0 */
/*
 * skipped.h - devices and CIDRs of the server's that make no sense: told once, and counted while
 * they are there.
 */
#ifndef NEXODUS_SKIPPED_H
#define NEXODUS_SKIPPED_H

#include "nexodus/id_table.h"
#include "peers/device.h"

#define COMPLAINT_TEXT_MAX 320

/* What is wrong with one device: told in one warning. Zeros: nothing. */
struct complaint {
	char text[COMPLAINT_TEXT_MAX]; /* the first */
	unsigned int n;
	uint32_t hash; /* of all of them; 0: there is none */
};

struct skipped {
	struct id_table devices; /* with which something is wrong */
	size_t n;                /* devices and CIDRs that are left out, of all of them */
	uint32_t round;          /* see skipped_begin() */
	unsigned int n_told;     /* in it */
	void (*tell)(void *arg, const char *text);
	void *arg;
};

/** complaint_add() - device_json_warn, @arg is the complaint. */
void complaint_add(void *arg, const struct device *device, const char *text);

/** skipped_init() - nothing is. @tell: gets the warnings, printable; may be NULL. */
void skipped_init(struct skipped *skipped, void (*tell)(void *arg, const char *text), void *arg);

/** skipped_clear() - forget all, and free it; also the end of it. */
void skipped_clear(struct skipped *skipped);

/** skipped_begin() - another connection, or list: 20 warnings of it are told, and that there are
 * more. */
void skipped_begin(struct skipped *skipped);

/** skipped_end() - the list was whole: what was not in it since skipped_begin() is gone. */
void skipped_end(struct skipped *skipped);

/** skipped_tell() - of a device that has no proper id: it is not counted, as nobody could say when
 * it is gone. */
void skipped_tell(struct skipped *skipped, const char *name, const struct complaint *complaint);

/**
 * skipped_take() - what is wrong with device @id now, in place of what was.
 * @name: of the device, printable; empty: it is called by its id.
 *
 * Told unless it is the same as before. Of more than DEVICES_MAX, or without memory, the device is
 * not kept: neither counted, nor told once.
 *
 * Return: 1 when skipped->n is another now; 0.
 */
int skipped_take(struct skipped *skipped, const uint8_t id[static DEVICE_ID_BYTES],
		 const char *name, const struct complaint *complaint);

/** skipped_gone() - device @id is no longer there. Return: as skipped_take(). */
int skipped_gone(struct skipped *skipped, const uint8_t id[static DEVICE_ID_BYTES]);

#endif
