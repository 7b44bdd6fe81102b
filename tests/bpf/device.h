/* SPDX-License-Identifier: Apache-2.0 */
/*
 * device.h - a network namespace with tun devices, which stand in for WireGuard interfaces.
 *
 * A tun device has packets without Ethernet header, as wg0 has (ARPHRD_NONE).
 */
#ifndef DEVICE_H
#define DEVICE_H

#include "row.h"

struct device {
	int fd; /* the other end: what is written comes in, what is forwarded can be read */
	uint32_t ifindex;
	bool uso;    /* takes UDP super-packets (kernel 6.2) */
	int program; /* the one that is attached; -1: none yet */
	int link;    /* holds it; -1: a clsact filter does (kernel before 6.6) */
};

struct devices {
	struct device device[HOOK_COUNT][PLACE_COUNT];
};

/**
 * devices_make() - go to a network namespace of our own and make the devices there.
 *
 * They disappear with the process. IPv6 is off in the namespace, so that the stack sends nothing of
 * its own; the hooks come before that.
 *
 * Return: 0; negative errno.
 */
int devices_make(struct devices *ret_devices);

/**
 * device_attach() - let the program see what is written to the device, in place of another one.
 * @hook: TC (tcx, or clsact where that is missing) or generic XDP.
 *
 * Return: 0; negative errno.
 */
int device_attach(struct device *device, enum hook hook, int program);

/**
 * device_send() - let a packet come in; all that it causes has happened when this returns.
 * @gso: segment size 0: an ordinary packet.
 *
 * Return: 0; negative errno when the device refuses it.
 */
int device_send(const struct device *device, const uint8_t *bytes, size_t n, const struct gso *gso);

/**
 * device_receive() - take what went out.
 * @wait:  there must be something: wait for it, up to a second.
 * @bytes: room for PACKET_BYTES_MAX.
 *
 * Return: number of bytes; -EAGAIN when there is nothing; another negative errno.
 */
int device_receive(const struct device *device, bool wait, uint8_t *bytes);

#endif
