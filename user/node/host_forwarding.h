/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_forwarding.h - keep the host's forwarding on while the relay runs, on the relay's own
 * interface too, and router advertisements accepted where they were, also on interfaces that come
 * later. What the sysctls were before is in the record (tunnel/forwarding.h); `down` restores them.
 */
#ifndef NODE_HOST_FORWARDING_H
#define NODE_HOST_FORWARDING_H

#include <stdbool.h>

#include "base/fight.h"
#include "base/loop.h"
#include "base/trouble.h"
#include "node/instance.h"

#define TROUBLE_FORWARDING "forwarding"

struct host_forwarding_config {
	const struct instance *instance;
	struct troubles *troubles; /* where TROUBLE_FORWARDING is set and cleared */
	const char *ifname;
	bool is_own; /* the interface is ours, with rules and a table of its own */
};

struct host_forwarding {
	struct host_forwarding_config config;
	bool ipv6;          /* the host has IPv6 */
	bool has_interface; /* our own one is there */
	struct timer look;
	struct fight fight;
};

/** host_forwarding_init() - nothing is switched on before host_forwarding_enable(). */
void host_forwarding_init(struct host_forwarding *forwarding,
			  const struct host_forwarding_config *config);

/** host_forwarding_ipv6() - the host has IPv6, or has it no more: counts from now on. */
void host_forwarding_ipv6(struct host_forwarding *forwarding, bool ipv6);

/** host_forwarding_enable() - switch on what is off. Return: 0; negative errno, logged. */
int host_forwarding_enable(struct host_forwarding *forwarding);

/** host_forwarding_interface() - our own interface was made, and forwards from now on, or is gone.
 * A failure is a trouble, and tried again. */
void host_forwarding_interface(struct host_forwarding *forwarding, bool is_there);

/** host_forwarding_start() - begin to put back what others change. */
void host_forwarding_start(struct host_forwarding *forwarding, struct loop *loop);

/** host_forwarding_changed() - forwarding, or an interface, may have changed: look soon. */
void host_forwarding_changed(struct host_forwarding *forwarding);

/** host_forwarding_stop() - safe when it never started. Forwarding stays. */
void host_forwarding_stop(struct host_forwarding *forwarding);

#endif
