// SPDX-License-Identifier: Apache-2.0
#include "cmd/status_reach.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "tunnel/tunnel_routes.h"

void status_reach_read(const char *ifname, bool is_adopted, struct status_reach *ret)
{
	AUTO(ruleset_done) struct ruleset ruleset = {};
	struct kernel_forwarding forwarding;
	char why[RULESET_WHY_MAX];

	*ret = (struct status_reach){ .ifname = ifname };
	if (table_floor_read(tunnel_table(ifname), &forwarding)) {
		if (is_adopted && leaks_find(ifname, ret->leaks, &ret->n_leaks))
			ret->n_leaks = 0;
		return;
	}
	ret->is_ours = !lost_networks(ifname, &forwarding, &ret->lost);
	if (ret->is_ours)
		ret->knows_nats =
			!ruleset_read(&ruleset, why) && !lost_nats(ifname, &ruleset, &ret->lost);
}

static bool is_lost(const struct status_reach *reach)
{
	return reach->is_ours && (reach->lost.n_networks || reach->lost.n_nats);
}

static struct json_object *prefix_json(const struct prefix *prefix)
{
	char text[PREFIX_TEXT_MAX];

	return prefix->family ? json_object_new_string(prefix_format(prefix, text)) : NULL;
}

static struct json_object *networks_json(const struct lost *lost)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < lost->n_networks; i++) {
		struct json_object *network = json_object_new_object();

		json_object_object_add(network, "prefix", prefix_json(&lost->networks[i].net));
		json_object_object_add(network, "interface",
				       json_object_new_string(lost->networks[i].ifname));
		json_object_array_add(array, network);
	}
	return array;
}

static struct json_object *nats_json(const struct lost *lost)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < lost->n_nats; i++) {
		const struct lost_nat *nat = &lost->nats[i];
		struct json_object *object = json_object_new_object();

		json_object_object_add(object, "kind",
				       json_object_new_string(nat->is_dnat ? "dnat"
									   : "masquerade"));
		json_object_object_add(object, "to", prefix_json(&nat->to));
		json_object_object_add(object, "what", json_object_new_string(nat->what));
		json_object_array_add(array, object);
	}
	return array;
}

static struct json_object *lost_json(const struct status_reach *reach)
{
	struct json_object *object;
	char line[LOST_LINE_MAX];

	if (!reach->is_ours)
		return NULL;
	object = json_object_new_object();
	json_object_object_add(object, "networks", networks_json(&reach->lost));
	json_object_object_add(object, "nat", reach->knows_nats ? nats_json(&reach->lost) : NULL);
	json_object_object_add(
		object, "remedy",
		is_lost(reach) ? json_object_new_string(lost_line(&reach->lost, true, true, line))
			       : NULL);
	return object;
}

static struct json_object *leaks_json(const struct status_reach *reach)
{
	struct json_object *array = json_object_new_array();
	char text[LEAK_REMEDY_MAX], address[PREFIX_TEXT_MAX];

	for (size_t i = 0; i < reach->n_leaks; i++) {
		const struct leak *leak = &reach->leaks[i];
		struct json_object *object = json_object_new_object();

		prefix_format_addr(&leak->example, address);
		json_object_object_add(object, "address", json_object_new_string(address));
		json_object_object_add(object, "interface", json_object_new_string(leak->by));
		json_object_object_add(
			object, "remedy",
			json_object_new_string(leak_remedy(leak, reach->ifname, text)));
		json_object_array_add(array, object);
	}
	return array;
}

void status_reach_add_json(const struct status_reach *reach, struct json_object *object)
{
	json_object_object_add(object, "lost", lost_json(reach));
	json_object_object_add(object, "leaks", leaks_json(reach));
}

static void print_lost(const struct status_reach *reach)
{
	const struct lost *lost = &reach->lost;
	char text[LOST_LINE_MAX];

	printf("spokes      are not let into this host's networks: %s\n",
	       lost->n_networks ? lost_describe(lost, text) : "none");
	for (size_t i = 0; i < lost->n_nats; i++)
		printf("            have no %s\n", lost->nats[i].what);
	if (lost->n_more_nats)
		printf("            have no %zu more translations\n", lost->n_more_nats);
	printf("            restored by: %s\n", lost_line(lost, true, true, text));
	if (lost_needs_all(lost) && strcmp(text, LOST_ALL_LINE) != 0)
		printf("            all restored by: " LOST_ALL_LINE "\n");
}

void status_reach_print(const struct status_reach *reach)
{
	char text[LEAK_REMEDY_MAX], address[PREFIX_TEXT_MAX];

	if (is_lost(reach))
		print_lost(reach);
	for (size_t i = 0; i < reach->n_leaks; i++)
		printf("in clear    by %s: what spokes send to an address that no device has, such "
		       "as "
		       "%s\n            ended by: %s\n",
		       reach->leaks[i].by, prefix_format_addr(&reach->leaks[i].example, address),
		       leak_remedy(&reach->leaks[i], reach->ifname, text));
}
