// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/printable.h"
#include "base/wg_key.h"
#include "cmd/cmd.h"
#include "cmd/print.h"
#include "datapath/counters.h"
#include "node/instance.h"

#define KEY_SHOWN 8 /* characters: enough to tell peers apart by eye */

static bool is_relay_only(const struct peer_counters *peer)
{
	return peer->who.flags & NEX_OWNER_RELAY_ONLY;
}

/* Is this the peer that the user asked for: by name, by key, or by one of its addresses? */
static bool is_asked_for(const struct peer_counters *peer, const char *word)
{
	char text[PREFIX_TEXT_MAX], key[WG_KEY_TEXT];

	if (!strcmp(peer->who.name, word) ||
	    !strcmp(wg_key_format(peer->who.public_key, key), word))
		return true;
	for (size_t i = 0; i < peer->n_prefixes; i++)
		if (!strcmp(prefix_format_addr(&peer->prefixes[i], text), word) ||
		    !strcmp(prefix_format(&peer->prefixes[i], text), word))
			return true;
	return false;
}

static struct json_object *peer_json(const struct peer_counters *peer)
{
	struct json_object *object = json_object_new_object();
	struct json_object *addresses = json_object_new_array();
	struct json_object *cidrs = json_object_new_array();
	char key[WG_KEY_TEXT], text[PREFIX_TEXT_MAX];

	for (size_t i = 0; i < peer->n_prefixes; i++) {
		const struct prefix *prefix = &peer->prefixes[i];

		if (prefix_is_host(prefix))
			json_object_array_add(addresses, json_object_new_string(
								 prefix_format_addr(prefix, text)));
		else
			json_object_array_add(cidrs,
					      json_object_new_string(prefix_format(prefix, text)));
	}
	json_object_object_add(object, "name", json_object_new_string(peer->who.name));
	json_object_object_add(object, "public_key",
			       json_object_new_string(wg_key_format(peer->who.public_key, key)));
	json_object_object_add(object, "slot", json_object_new_int64(peer->slot));
	json_object_object_add(object, "addresses", addresses);
	json_object_object_add(object, "cidrs", cidrs);
	json_object_object_add(object, "relay_only", json_object_new_boolean(is_relay_only(peer)));
	json_object_object_add(object, "from_peer", print_count_json(&peer->total.from_peer));
	json_object_object_add(object, "to_peer", print_count_json(&peer->total.to_peer));
	return object;
}

static int print_as_json(const struct peer_counters *peers, size_t n, const char *word)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < n; i++)
		if (!word || is_asked_for(&peers[i], word))
			json_object_array_add(array, peer_json(&peers[i]));
	return print_json(array);
}

/* First line: name, counters, first prefix; the other prefixes below it. */
static void print_peer(const struct peer_counters *peer, bool whole_key)
{
	char key[WG_KEY_TEXT], text[PREFIX_TEXT_MAX], from[PRINT_BYTES_MAX], to[PRINT_BYTES_MAX];
	char name[sizeof(peer->who.name)];

	/* What an older version has put there. */
	printable_copy(name, sizeof(name), peer->who.name);
	wg_key_format(peer->who.public_key, key);
	if (!whole_key)
		snprintf(key + KEY_SHOWN, sizeof(key) - KEY_SHOWN, "...");
	printf("%-20s %-11s %-10s %10llu %10s %10llu %10s", *name ? name : "-", key,
	       is_relay_only(peer) ? "relay-only" : "ordinary",
	       (unsigned long long)peer->total.from_peer.packets,
	       print_bytes(peer->total.from_peer.bytes, from),
	       (unsigned long long)peer->total.to_peer.packets,
	       print_bytes(peer->total.to_peer.bytes, to));
	for (size_t i = 0; i < peer->n_prefixes; i++) {
		const struct prefix *prefix = &peer->prefixes[i];

		printf("%s%s", i ? ", " : "  ",
		       prefix_is_host(prefix) ? prefix_format_addr(prefix, text)
					      : prefix_format(prefix, text));
	}
	putchar('\n');
}

static int print_as_table(const struct peer_counters *peers, size_t n, const char *word)
{
	const char *bold = print_colours() ? "\033[1m" : "", *plain = *bold ? "\033[0m" : "";

	printf("%s%-20s %-11s %-10s %10s %10s %10s %10s  %s%s\n", bold, "NAME", "KEY", "KIND",
	       "FROM PEER", "BYTES", "TO PEER", "BYTES", "ADDRESSES", plain);
	for (size_t i = 0; i < n; i++)
		if (!word || is_asked_for(&peers[i], word))
			print_peer(&peers[i], word);
	return print_flush();
}

static bool any_asked_for(const struct peer_counters *peers, size_t n, const char *word)
{
	for (size_t i = 0; i < n; i++)
		if (is_asked_for(&peers[i], word))
			return true;
	return false;
}

int cmd_peers(const struct options *options, char **args, int n_args)
{
	const char *ifname = options->value[OPTION_INTERFACE], *word = n_args ? args[0] : NULL;
	struct peer_counters *peers = NULL;
	struct instance instance;
	int err, status;
	size_t n = 0;

	err = instance_init(&instance, ifname);
	if (!err)
		err = counters_peers(instance.pin_dir, &peers, &n);
	if (err)
		return print_no_pins(ifname, err);
	if (word && !any_asked_for(peers, n, word)) {
		log_err(0, "%s: no peer has the name, key or address '%s'", ifname, word);
		status = EXIT_FAILED;
	} else {
		status = options_on(options, OPTION_JSON) ? print_as_json(peers, n, word)
							  : print_as_table(peers, n, word);
	}
	counters_peers_done(peers, n);
	return status;
}
