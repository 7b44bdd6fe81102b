/* SPDX-License-Identifier: Apache-2.0 */
/*
 * device_json.h - one device of the api-server's JSON.
 *
 * Tolerant of schema eras: null, missing and empty are the same, unknown members are ignored, and
 * both the current members (allowed_ips, ipv4_tunnel_ips, ipv6_tunnel_ips, advertise_cidrs) and
 * those of April 2023 (tunnel_ip, tunnel_ip_v6, child_prefix) are read.
 */
#ifndef PEERS_DEVICE_JSON_H
#define PEERS_DEVICE_JSON_H

#include <json-c/json.h>

#include "peers/device.h"

/* Addresses and CIDRs of one device; nexd has 2 and a few, a subnet router may have thousands. */
#define DEVICE_JSON_PREFIXES_MAX 16384

struct device_json {
	struct device device;
	struct prefix *prefixes; /* owned; in the order of the JSON, tunnel addresses first */
	size_t n_prefixes, room_prefixes;
};

/**
 * device_json_warn - told of what is left out: a CIDR that is none, for instance.
 * @text: "advertised CIDR '10.0.0.0/33' has a prefix length that is too large"; names nothing but
 * the member.
 */
typedef void device_json_warn(void *arg, const struct device *device, const char *text);

/**
 * device_json_read() - check and take over one device.
 * @object:   borrowed.
 * @ret:      its prefixes buffer is used again from call to call; freed with device_json_done().
 *            ret->device.name is set as early as possible, so that a failure can be reported by
 * name.
 * @warn:     called for each CIDR that is skipped.
 * @ret_why:  set to a static text when the whole device must be skipped.
 *
 * A bad public key or tunnel address, or no tunnel address at all, makes the whole device invalid;
 * a bad advertised CIDR is skipped alone, one that repeats one of the first addresses adds nothing.
 * Host bits of an advertised CIDR are cleared: "192.168.50.1/24" is 192.168.50.0/24.
 *
 * Without a revision, or with one that makes no sense, it is 0.
 *
 * Return: 0; -EINVAL when the device must be skipped, with *ret_why; -ENOMEM.
 */
int device_json_read(struct json_object *object, struct device_json *ret, device_json_warn *warn,
		     void *warn_arg, const char **ret_why);

/** device_json_revision() - of whatever has one. Return: 0 when it is not said, or no number. */
uint64_t device_json_revision(struct json_object *object);

/** device_json_done() - free what @device owns. */
void device_json_done(struct device_json *device);

#endif
