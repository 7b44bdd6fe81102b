/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watch.h - the event stream of the api-server: what to ask for, and what the answer means.
 *
 * Bytes in, changes of a device cache out. No network, no timer: watch_request() says what to POST
 * to /api/events, watch_feed() takes what comes. The body is a concatenation of JSON documents,
 * each parsed alone; a connection may be cut anywhere, even inside of one.
 *
 * The first state comes from the stream, too: until every kind has had its `tail` nothing is whole,
 * and a cut before that means to begin again from nothing (server-side bookkeeping of what it has
 * sent ends with the connection). After it, a cut means to resume with the highest revision seen.
 */
#ifndef NEXODUS_WATCH_H
#define NEXODUS_WATCH_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nexodus/device_cache.h"

#define WATCH_ERROR_MAX 200

struct watch; /* opaque */

/* What the owner is told while bytes are fed. Each may be NULL; none may free the watch. */
struct watch_events {
	/* The devices are whole, for the first time on this watch (watch_devices()). */
	void (*on_whole)(void *arg);
	/* Of whole devices the one with this id has changed, come or gone, or watch_skipped() has
	   with it; for each such event. */
	void (*on_change)(void *arg, const uint8_t id[static DEVICE_ID_BYTES]);
	/* Our own device (watch_set_own()) as the server has it; borrowed for the call. */
	void (*on_own)(void *arg, struct json_object *record);
	/* Something is left out: "device 'NAME': why, skipping it", once for each device until the
	   reason is another; at most 20 for each connection, and one that says that there are more.
	   Printable. */
	void (*on_warning)(void *arg, const char *text);
	void *arg;
};

/**
 * watch_new() - a watch that has seen nothing.
 * @vpc_id: UUID as text; copied. Devices of other VPCs are not taken.
 *
 * Return: the watch; NULL with errno ENOMEM, or EINVAL when @vpc_id is no UUID.
 */
struct watch *watch_new(const char *vpc_id, const struct watch_events *events);

/** watch_free() - safe on NULL. */
void watch_free(struct watch *watch);

/**
 * watch_request() - the body for the next connection; the parser is made ready for its answer.
 * @ret: room for @size bytes; 1024 is enough.
 *
 * Kinds security-group, device and device-metadata (key "relay"), each once: the server merges what
 * is asked for twice. Before the first whole state everything is asked for from the beginning and
 * what was learnt is forgotten; later the watch resumes behind the highest revision of each kind,
 * with at_tail: without it the server keeps deletions to itself. After watch_look_back() it resumes
 * from further back.
 *
 * The server forgets deletions after 24 hours: whoever was cut off for so long, and everybody once
 * in a while, begins anew with another watch_new().
 *
 * Return: 0; -ENOSPC; -ENOMEM.
 */
int watch_request(struct watch *watch, char *ret, size_t size);

/**
 * watch_set_own() - this device is ourselves.
 *
 * When it makes no sense it does not leave: it stays as it was, if it was there.
 */
void watch_set_own(struct watch *watch, const uint8_t id[static DEVICE_ID_BYTES]);

/**
 * watch_look_back() - with the next request look again at what has changed of late.
 *
 * The server draws a revision before it commits, and goes on from the highest one that it has sent:
 * a change that is committed late is behind that, and never comes. It does come when the server is
 * asked to repeat what follows a revision that was drawn before. Where looks are at least as far
 * apart as a commit can take, that is the highest of the look before the last: so the next request
 * asks from there. The whole state counts as a look; the first one after it asks from the
 * beginning, as nobody knows how old its revisions are. What is repeated costs little here.
 *
 * Return: whether anything has come since the last look: then another one is due later on. If not,
 *         what was on its way by then has been committed since.
 */
bool watch_look_back(struct watch *watch);

/** watch_has_moved() - is a look due, because something has come since the last one? */
bool watch_has_moved(const struct watch *watch);

/** watch_follow_on() - @watch takes the place of @before, whose looks count for it as well. */
void watch_follow_on(struct watch *watch, const struct watch *before);

/** watch_own_is_odd() - is it there, but the last that was heard of it made no sense? */
bool watch_own_is_odd(const struct watch *watch);

/** watch_without_groups() - from the next request on, as if there were no kind security-group: a
 * server on which it is switched off (405, "security-groups support is disabled") refuses all. */
void watch_without_groups(struct watch *watch);

/**
 * watch_feed() - the next bytes of the answer.
 *
 * What is taken how:
 *	unknown kind or type          passed over: a newer server
 *	revision lower than seen      dropped: of the same device, or the same kind of anything
 *	                              else. A device that comes late must not be missing
 *	revision as seen              taken, unless the server repeats what was asked for again
 *	no revision                   taken; it does not count as seen
 *	device of another VPC         leaves; without vpc_id it counts as ours (devices of 2023)
 *	device that makes no sense    leaves, with a warning: what it was may be another's by now;
 *	                              not our own (watch_set_own())
 *	CIDR that makes no sense      left out, with a warning; the device stays
 *	device without a proper id    passed over, with a warning
 *	deletion                      by id alone, whatever else is in it
 *	device that does not fit      -E2BIG or -ENOMEM; the old one stays, the event is not seen
 *	security groups, metadata     only their revisions
 *	event over 1 MiB, or too deep passed over, up to 16 MiB, when its kind is known by then; its
 *	                              device is one that makes no sense, if its id is known, too
 *
 * Return: 0; -EBADMSG when it is not such a stream, with watch_error(): an event that cannot be
 *         passed over (with the host name or id of its device, when they came before the bound, and
 *         its number), garbage, a member twice, no type or kind; -EPROTO when the server sent an
 *error event, with its text in watch_error(); -E2BIG; -ENOMEM; -EINVAL before watch_request().
 *Again the same until the next watch_request(), which must follow an error or a cut.
 */
int watch_feed(struct watch *watch, const char *bytes, size_t len);

/** watch_is_whole() - has every kind been at its tail? Stays true over reconnects. */
bool watch_is_whole(const struct watch *watch);

/** watch_devices() - borrowed; to be believed only when the watch is whole. */
const struct device_cache *watch_devices(const struct watch *watch);

/** watch_skipped() - how many devices and CIDRs are left out because they make no sense; not those
 * without a proper id. As watch_devices(). */
size_t watch_skipped(const struct watch *watch);

/** watch_error() - text for the error of watch_feed(); printable, bounded. */
const char *watch_error(const struct watch *watch);

#endif
