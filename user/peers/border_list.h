/* SPDX-License-Identifier: Apache-2.0 */
/*
 * border_list.h - the node's side of a list: records in, a device list out. Whole, or as changes of
 * the one before: a change of one device in 100,000 crosses the border as one device.
 */
#ifndef PEERS_BORDER_LIST_H
#define PEERS_BORDER_LIST_H

#include <stdbool.h>

#include "peers/border.h"

/* A list with as many devices and prefixes as there may be, one prefix to a record, and texts. */
#define BORDER_RECORDS_OF_LIST_MAX (DEVICES_MAX + DEVICE_PREFIXES_MAX + 1024)

struct border_list {
	uint32_t list;       /* the one that is being received, or was last */
	bool open;           /* between LIST_BEGIN or CHANGE_BEGIN, and LIST_END */
	bool is_change;      /* of base */
	uint32_t first_want; /* what was wanted when the first record came */
	uint32_t older;      /* the newest list of which records were skipped */
	uint32_t n_older;    /* and how many */
	struct device_list devices;
	uint8_t (*gone)[DEVICE_ID_BYTES];
	size_t n_gone;

	bool keep_base; /* changes may follow: set by the owner before the first record */
	struct device_list base;
	uint32_t base_list; /* its number; 0: there is none */
};

/**
 * border_list_add() - check one DEVICE, PREFIXES_OF_DEVICE, DEVICE_GONE, LIST_BEGIN, CHANGE_BEGIN
 * or LIST_END and take it over.
 * @want: the newest list that was asked for. Of older ones, records of any kind are skipped: a
 * source ends what it was asked for before, list by list, with BORDER_RECORDS_OF_LIST_MAX each.
 *
 * Changes are by device id, each at most once, and only of the list right before.
 *
 * Return: 1 when @list->devices is a whole list now, which the caller may take; 0 to go on;
 *         -EPROTO when the record breaks a rule; -E2BIG; -ENOMEM. After an error the source is not
 *         to be listened to any more.
 */
int border_list_add(struct border_list *list, const struct border_record *record, uint32_t want);

/** border_list_done() - free what @list owns and zero it, all but keep_base. */
void border_list_done(struct border_list *list);

#endif
