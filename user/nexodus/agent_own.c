// SPDX-License-Identifier: Apache-2.0
/*
 * agent_own.c - what the list says of this relay's own device, and of others that are relays, too.
 * Nothing of it keeps the relay from relaying, but agents may not come: told once.
 */
#include <string.h>

#include "base/uuid.h"
#include "nexodus/agent_private.h"

static void look_at_address(struct agent *agent, const struct device *own,
			    const struct prefix *prefixes)
{
	const struct prefix *given = NULL;
	char text[PREFIX_TEXT_MAX];

	for (uint32_t i = 0; i < own->n_addresses && !given; i++)
		if (prefixes[i].family == PREFIX_IPV4)
			given = &prefixes[i];
	if (!*agent->account.request_ip || !given || agent->is_address_said ||
	    !strcmp(agent->account.request_ip, prefix_format_addr(given, text)))
		return;
	/* It is taken, or none of the VPC's, or was asked for later: the server says nothing. */
	agent->is_address_said = true;
	border_batch_text(&agent->batch, BORDER_WARNING, "asked for %s, and the server gave %s",
			  agent->account.request_ip, text);
}

static void look_at_own(struct agent *agent, const struct device *own,
			const struct prefix *prefixes)
{
	look_at_address(agent, own, prefixes);
	if (own->relay == DEVICE_IS_NO_RELAY && !agent->is_no_relay_said)
		border_batch_text(
			&agent->batch, BORDER_WARNING,
			"this relay's device is no relay any more at the server, so agents "
			"do not use it: make it one there, or register anew (remove "
			"registration.json and restart)");
	agent->is_no_relay_said = own->relay == DEVICE_IS_NO_RELAY;
}

static bool is_other_told(const struct agent *agent)
{
	static const uint8_t none[DEVICE_ID_BYTES];

	return memcmp(agent->other_id, none, DEVICE_ID_BYTES) != 0;
}

static int look_at(void *arg, const uint8_t id[static DEVICE_ID_BYTES], const struct device *device,
		   const struct prefix *prefixes)
{
	char id_text[UUID_TEXT], label[DEVICE_NAME_MAX];
	struct agent *agent = arg;

	if (!memcmp(id, agent->own_id, DEVICE_ID_BYTES)) {
		look_at_own(agent, device, prefixes);
	} else if (device->relay == DEVICE_IS_RELAY && !is_other_told(agent)) {
		memcpy(agent->other_id, id, DEVICE_ID_BYTES);
		border_batch_text(
			&agent->batch, BORDER_WARNING,
			"the VPC has another relay, '%s' (device %s), and agents may take "
			"that one: delete one of the two",
			device_label(device, label), uuid_format(id, id_text));
	}
	return 0;
}

/* Is the one that was told of still one? */
static void look_at_other(struct agent *agent)
{
	const struct device *other = device_cache_find(agent_devices(agent), agent->other_id);

	if (!other || other->relay != DEVICE_IS_RELAY)
		memset(agent->other_id, 0, DEVICE_ID_BYTES);
}

void agent_own_whole(struct agent *agent)
{
	look_at_other(agent);
	(void)device_cache_each(agent_devices(agent), look_at, agent);
	agent_flush(agent);
}

void agent_own_changed(struct agent *agent, const uint8_t id[static DEVICE_ID_BYTES])
{
	const struct device_cache *devices = agent_devices(agent);
	const struct device *device = device_cache_find(devices, id);
	bool was_told = is_other_told(agent);

	look_at_other(agent);
	if (was_told && !is_other_told(agent))
		(void)device_cache_each(devices, look_at, agent); /* there may be a third one */
	else if (device)
		(void)look_at(agent, id, device, device_cache_prefixes(devices, device));
	agent_flush(agent);
}
