/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watch_private.h - what watch.c (connections) and watch_event.c (events) share.
 */
#ifndef NEXODUS_WATCH_PRIVATE_H
#define NEXODUS_WATCH_PRIVATE_H

#include "nexodus/id_table.h"
#include "nexodus/skipped.h"
#include "nexodus/watch.h"
#include "peers/json_stream.h"

/* In the order of the request. Each has its own sequence of revisions. */
enum watch_kind {
	WATCH_SECURITY_GROUP,
	WATCH_DEVICE,
	WATCH_METADATA,
	WATCH_KINDS,
};

#define WATCH_METADATA_KEY "relay"

/* Of each device that was told of, deleted ones too: the newest that was seen. */
struct watch_seen {
	uint8_t id[DEVICE_ID_BYTES];
	uint64_t revision;
};

struct watch {
	uint8_t vpc_id[DEVICE_ID_BYTES];
	struct watch_events events;
	struct json_stream stream; /* of the connection at hand */
	bool is_asked;             /* watch_request() has been called */
	struct {
		uint64_t revision; /* the server is asked for what is higher */
		bool at_tail;
	} kinds[WATCH_KINDS];
	uint64_t highest;   /* of the devices: that was seen */
	uint64_t looked[2]; /* it was, when watch_look_back() was called: the last time but one,
			       the last time */
	bool has_looked;
	uint8_t own_id[DEVICE_ID_BYTES]; /* zeros: not said */
	bool own_is_odd;
	bool has_no_groups;
	bool is_whole;
	struct id_table seen; /* struct watch_seen, by id */
	struct device_cache *devices;
	struct device_json device; /* the one at hand */
	struct skipped skipped;
	int err; /* the connection has ended with it */
	char error[WATCH_ERROR_MAX];
};

extern const char *const watch_kind_names[WATCH_KINDS];

/** watch_asks_for() - is @kind one of those that are followed? */
bool watch_asks_for(const struct watch *watch, enum watch_kind kind);

/** watch_event() - json_stream_element: one event, @arg is the watch. */
int watch_event(void *arg, struct json_object *event, uint64_t line);

/** watch_refused() - json_stream_refused of the stream: what is not ours must not end it. */
int watch_refused(void *arg, const struct json_label *label, const char *why);

#endif
