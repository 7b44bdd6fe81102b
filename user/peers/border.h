/* SPDX-License-Identifier: Apache-2.0 */
/*
 * border.h - what crosses between the two processes.
 *
 * The source (no privilege) parses what comes from outside and tells the node (CAP_NET_ADMIN,
 * CAP_BPF) what it found, in records of one fixed size over a SOCK_SEQPACKET socket. The node
 * believes none of it: it checks every field again, and a source that breaks a rule is replaced.
 *
 *   node -> source   FILE (with a descriptor): parse this
 *                    GIVE (with a descriptor): keep this, see enum border_gift
 *                    START: everything was given, talk to the control plane
 *                    AGAIN: begin with a whole list once more
 *                    PING: say that you are there, with the same number
 *                    KEEP: say STATE again, what was kept of it is lost
 *   source -> node   LIST_BEGIN, then for each device DEVICE and its PREFIXES, then LIST_END;
 *                    LIST_ERROR instead of LIST_END when the list is no good;
 *                    CHANGE_BEGIN, then what is new or changed as above, and DEVICE_GONE for each
 *                    that is gone since the list before, then LIST_END;
 *                    WARNING, CONTROL, STATE, SERVER, HOLD and PONG in between;
 *                    REFUSED: for this system call it is about to be killed
 *
 * Both processes are the same binary: there is no version and no byte order to agree on.
 */
#ifndef PEERS_BORDER_H
#define PEERS_BORDER_H

#include <stdbool.h>
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
	BORDER_GIVE,
	BORDER_START,
	BORDER_AGAIN,
	BORDER_LIST_BEGIN,
	BORDER_CHANGE_BEGIN,
	BORDER_DEVICE,
	BORDER_PREFIXES_OF_DEVICE,
	BORDER_DEVICE_GONE,
	BORDER_WARNING,
	BORDER_LIST_ERROR,
	BORDER_LIST_END,
	BORDER_STATE,
	BORDER_CONTROL,
	BORDER_SERVER,
	BORDER_PING,
	BORDER_PONG,
	BORDER_KEEP,
	BORDER_HOLD,
	BORDER_REFUSED,
};

/* What a source that may open no file gets from the node as a descriptor. */
enum border_gift {
	BORDER_ACCOUNT,     /* struct account, sealed */
	BORDER_SAVED_STATE, /* what STATE has said in an earlier run */
	BORDER_CA,          /* certificates to trust instead of the system's, PEM */
	BORDER_STUN_SOCKET, /* tunnel/stun_socket.h */
	BORDER_GIFTS,
};

/* How it stands with the control plane. */
enum border_control {
	CONTROL_CONNECTING,
	CONTROL_LOGIN, /* somebody has to open a URL */
	CONTROL_REGISTERING,
	CONTROL_SYNCING, /* waiting for the first whole list */
	CONTROL_WATCHING,
	CONTROL_RETRYING,
	CONTROL_REFUSED, /* this relay is not let in */
	CONTROL_REVOKED, /* nor any more, though it was */
	CONTROL_STATES,
};

#define BORDER_RETRY_MAX_S 3600 /* as of the server's Retry-After */
#define BORDER_HOLD_MAX_S BORDER_RETRY_MAX_S
#define BORDER_SERVERS_MAX 16 /* that both sides remember */
#define BORDER_STATE_BYTES_MAX 16384
#define BORDER_STATE_PIECE (BORDER_TEXT_MAX - 12)

struct border_record {
	uint32_t kind; /* enum border_kind */
	uint32_t list; /* which list this belongs to; the node counts them */
	union {
		struct {
			uint8_t id[DEVICE_ID_BYTES];
			uint8_t public_key[WG_KEY_BYTES];
			char name[DEVICE_NAME_MAX];
			uint64_t revision;    /* as in struct device; any number */
			uint32_t relay_only;  /* 0 or 1 */
			uint32_t n_addresses; /* as in struct device: so many prefixes follow */
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
		uint8_t gone[DEVICE_ID_BYTES];
		uint32_t gift; /* enum border_gift */
		struct {
			uint32_t total, offset, n; /* bytes */
			uint8_t bytes[BORDER_STATE_PIECE];
		} state;
		struct {
			uint32_t state;   /* enum border_control */
			uint32_t retry_s; /* until the next try, up to BORDER_RETRY_MAX_S;
					     0: none is planned */
			int64_t heard_at; /* time(): when the server was last heard; 0: never */
			char text[BORDER_TEXT_MAX - 16];
		} control;
		struct prefix server; /* SERVER: requests go there from now on: the api-server, or a
					 proxy */
		uint32_t hold_s;      /* HOLD: the server is not to be asked for so long */
		int32_t call;         /* REFUSED: number of the system call */
		uint32_t ping;        /* PING: number; the node counts them */
		struct {
			uint32_t number;  /* of the PING */
			int64_t heard_at; /* as in CONTROL */
		} pong;
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

/**
 * border_text() - a text of the source's, for people: whatever it was, it ends, is printable, and
 * has nothing in it that looks like a secret.
 * @text: the member of a record, @size bytes.
 */
void border_text(char ret[static BORDER_TEXT_MAX], const char *text, size_t size);

/** border_control_is_good() - does a CONTROL record keep the rules? */
bool border_control_is_good(const struct border_record *record);

#endif
