/* SPDX-License-Identifier: Apache-2.0 */
/*
 * border.h - what crosses between the two processes.
 *
 * The source (no privilege) parses what comes from outside and tells the node (CAP_NET_ADMIN,
 * CAP_BPF) what it found, in records of one fixed size over a SOCK_SEQPACKET socket. The node
 * believes none of it: it checks every field again, and a source that breaks a rule is replaced.
 *
 *   node -> source   FILE (with a descriptor): parse this
 *   source -> node   LIST_BEGIN, then for each device DEVICE and its PREFIXES, then LIST_END;
 *                    WARNING in between; LIST_ERROR instead of LIST_END when the list is no good
 *
 * Both processes are the same binary: there is no version and no byte order to agree on.
 */
#ifndef PEERS_BORDER_H
#define PEERS_BORDER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "peers/device.h"

#define BORDER_TEXT_MAX 232 /* bytes, NUL included */
#define BORDER_PREFIXES 12  /* in one record */
#define BORDER_BATCH_MAX 64 /* records in one message */
#define BORDER_SOURCE_FD 3  /* the source finds its end of the socket here */

enum border_kind {
	BORDER_FILE = 1,
	BORDER_LIST_BEGIN,
	BORDER_DEVICE,
	BORDER_PREFIXES_OF_DEVICE,
	BORDER_WARNING,
	BORDER_LIST_ERROR,
	BORDER_LIST_END,
};

struct border_record {
	uint32_t kind; /* enum border_kind */
	uint32_t list; /* which list this belongs to; the node counts them */
	union {
		struct {
			uint8_t public_key[WG_KEY_BYTES];
			char name[DEVICE_NAME_MAX];
			uint32_t relay_only;  /* 0 or 1 */
			uint32_t n_addresses; /* as in struct device: so many prefixes follow */
			uint32_t ipv6_bits;   /* 0 to 128 */
		} device;
		struct {
			uint32_t n;
			struct prefix prefix[BORDER_PREFIXES];
		} prefixes;
		struct {
			uint32_t n_devices;
			uint32_t n_prefixes;
			uint32_t n_skipped;
		} end;
		char text[BORDER_TEXT_MAX]; /* WARNING, LIST_ERROR */
	};
};

_Static_assert(sizeof(struct border_record) == 8 + BORDER_TEXT_MAX, "one fixed size");

/**
 * border_send() - send records as one message, waiting for room if need be.
 * @n:  1..BORDER_BATCH_MAX.
 * @fd: descriptor that goes along, or -1.
 *
 * Return: 0; -EPIPE when the other side is gone; -EAGAIN when the socket's send timeout passed or
 *         a non-blocking socket is full; another negative errno.
 */
int border_send(int sock, const struct border_record *records, size_t n, int fd);

/**
 * border_receive() - take one message, without waiting.
 * @records: room for BORDER_BATCH_MAX.
 * @ret_fd:  descriptor that came along, to be closed by the caller, or -1. May be NULL: then any
 *           descriptor is closed.
 *
 * Return: number of records, at least 1; 0 when the other side has closed; -EAGAIN when nothing
 *         is there; -EPROTO when the message is not a whole number of records.
 */
ssize_t border_receive(int sock, struct border_record *records, int *ret_fd);

/* A list with as many devices and prefixes as there may be, one prefix to a record, and texts. */
#define BORDER_RECORDS_OF_LIST_MAX (DEVICES_MAX + DEVICE_PREFIXES_MAX + 1024)

/*
 * The node's side of a list: records in, a device list out.
 */
struct border_list {
	uint32_t list;       /* the one that is being received, or was last */
	int open;            /* between LIST_BEGIN and LIST_END */
	uint32_t first_want; /* what was wanted when the first record came */
	uint32_t older;      /* the newest list of which records were skipped */
	uint32_t n_older;    /* and how many */
	struct device_list devices;
};

/**
 * border_list_add() - check one DEVICE, PREFIXES_OF_DEVICE, LIST_BEGIN or LIST_END and take it
 * over.
 * @want: the newest list that was asked for. Of older ones, records of any kind are skipped: a
 * source ends what it was asked for before, list by list, with BORDER_RECORDS_OF_LIST_MAX each.
 *
 * Return: 1 when @list->devices is a whole list now, which the caller may take; 0 to go on;
 *         -EPROTO when the record breaks a rule; -E2BIG; -ENOMEM. After an error the source is not
 *         to be listened to any more.
 */
int border_list_add(struct border_list *list, const struct border_record *record, uint32_t want);

/** border_list_done() - free what @list owns and zero it. */
void border_list_done(struct border_list *list);

#endif
