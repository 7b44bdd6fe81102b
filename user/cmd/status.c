// SPDX-License-Identifier: Apache-2.0
/*
 * status.c - what is attached (asked from the kernel), who runs (from the lock), and what the node
 * last wrote down (the status file). Each part is shown as it is, with the node dead too.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "cmd/cmd.h"
#include "cmd/print.h"
#include "cmd/status_reach.h"
#include "datapath/datapath.h"
#include "node/instance.h"
#include "node/status_file.h"
#include "tunnel/link.h"

struct status {
	struct instance instance;
	uint32_t ifindex;
	pid_t pid;
	bool is_unknown; /* whether a node runs: somebody has removed its lock */
	struct datapath_state datapath;
	struct json_object *written; /* by the node, or NULL */
	struct status_reach reach;
};

static bool is_adopted(const struct status *status)
{
	struct json_object *adopted;

	return status->written && json_object_object_get_ex(status->written, "adopted", &adopted) &&
	       json_object_get_boolean(adopted);
}

static int gather(struct status *status, const char *ifname)
{
	struct link link = {};
	int err;

	err = instance_init(&status->instance, ifname);
	if (err)
		return err;
	err = link_get(ifname, &link);
	if (err && err != -ENODEV)
		return err;
	status->ifindex = link.ifindex;
	status->pid = instance_holder(&status->instance);
	if (status->pid < 0 && status->pid != -EACCES)
		return status->pid;
	status->is_unknown = !status->pid && instance_lost_lock(&status->instance);
	status->written = status_file_read(status->instance.status_path);
	status_reach_read(status->instance.ifname, is_adopted(status), &status->reach);
	return datapath_inspect(status->instance.pin_dir, status->ifindex, &status->datapath);
}

static struct json_object *written(const struct status *status, const char *name)
{
	struct json_object *value = NULL;

	if (status->written && json_object_object_get_ex(status->written, name, &value))
		return json_object_get(value);
	return NULL;
}

static struct json_object *word_or_null(const char *word)
{
	return word ? json_object_new_string(word) : NULL;
}

static struct json_object *daemon_json(const struct status *status)
{
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "running",
			       status->is_unknown ? NULL
						  : json_object_new_boolean(status->pid > 0));
	json_object_object_add(object, "pid",
			       status->pid > 0 ? json_object_new_int(status->pid) : NULL);
	return object;
}

static struct json_object *status_json(const struct status *status)
{
	struct json_object *object = json_object_new_object();
	enum datapath_attach attach = status->datapath.attach;
	const char *hook = attach == DATAPATH_XDP_GENERIC ? "xdp" : "tc";

	if (attach == DATAPATH_AUTO)
		hook = NULL;
	json_object_object_add(object, "interface",
			       json_object_new_string(status->instance.ifname));
	json_object_object_add(object, "ifindex",
			       status->ifindex ? json_object_new_int64(status->ifindex) : NULL);
	json_object_object_add(object, "attached_ifindex",
			       hook ? json_object_new_int64(status->datapath.ifindex) : NULL);
	json_object_object_add(object, "daemon", daemon_json(status));
	json_object_object_add(object, "hook", word_or_null(hook));
	json_object_object_add(object, "attach",
			       word_or_null(hook ? datapath_attach_name(attach) : NULL));
	json_object_object_add(object, "program_id",
			       hook ? json_object_new_int64(status->datapath.program_id) : NULL);
	for (const char *const *name =
		     (const char *const[]){ "forward", "strict", "adopted", "tunnel", "ipv4",
					    "ipv6", "control", "helper", "state", "list",
					    "troubles", NULL };
	     *name; name++)
		json_object_object_add(object, *name, written(status, *name));
	status_reach_add_json(&status->reach, object);
	json_object_object_add(object, "pins", json_object_new_string(status->instance.pin_dir));
	return object;
}

/* Text of a member of a member of what the node has written; "-" when it is not there. */
static const char *text_of(const struct status *status, const char *outer, const char *inner)
{
	struct json_object *value = status->written;

	if (!value || !json_object_object_get_ex(value, outer, &value) ||
	    (inner && !json_object_object_get_ex(value, inner, &value)) || !value)
		return "-";
	return json_object_get_string(value);
}

static const char *member_text(struct json_object *object, const char *name)
{
	struct json_object *value = NULL;

	return json_object_object_get_ex(object, name, &value) && value
		       ? json_object_get_string(value)
		       : "-";
}

static void print_tunnel(const struct status *status)
{
	static const struct {
		const char *member, *what;
	} others[] = { { "foreign_addresses", "addresses that are not ours" },
		       { "foreign_routes", "routes that are not ours" },
		       { "refused_routes", "routes left out: somebody else has them" },
		       { "left_out", "addresses of the list that this host does not route" } };

	if (!strcmp(text_of(status, "tunnel", NULL), "-"))
		return;
	printf("tunnel      %s WireGuard, port %s, MTU %s\n",
	       text_of(status, "tunnel", "wireguard"), text_of(status, "tunnel", "listen_port"),
	       text_of(status, "tunnel", "mtu"));
	printf("            public key %s\n", text_of(status, "tunnel", "public_key"));
	printf("            routing table %s\n", text_of(status, "tunnel", "routing_table"));
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (strcmp(text_of(status, "tunnel", others[i].member), "0") != 0)
			printf("            %s %s\n", text_of(status, "tunnel", others[i].member),
			       others[i].what);
	if (strcmp(text_of(status, "tunnel", "left_out_first"), "-") != 0)
		printf("            the first is %s\n",
		       text_of(status, "tunnel", "left_out_first"));
	if (strcmp(text_of(status, "tunnel", "behind_rule"), "0") != 0)
		printf("            routing rule %s of another program stands before ours\n",
		       text_of(status, "tunnel", "behind_rule"));
	if (strcmp(text_of(status, "tunnel", "error"), "-") != 0)
		printf("            not as it should be: %s\n", text_of(status, "tunnel", "error"));
}

static void print_control(const struct status *status)
{
	if (!strcmp(text_of(status, "control", NULL), "-"))
		return;
	printf("control     %s%s since %s\n", status->pid > 0 ? "" : "was ",
	       text_of(status, "control", "state"), text_of(status, "control", "since"));
	if (strcmp(text_of(status, "control", "message"), "-") != 0)
		printf("            %s\n", text_of(status, "control", "message"));
	if (strcmp(text_of(status, "control", "heard_at"), "-") != 0)
		printf("            server last heard at %s\n",
		       text_of(status, "control", "heard_at"));
	if (status->pid > 0 && strcmp(text_of(status, "control", "retry_at"), "-") != 0)
		printf("            trying again at %s\n", text_of(status, "control", "retry_at"));
}

static void print_helper(const struct status *status)
{
	if (!strcmp(text_of(status, "helper", NULL), "-"))
		return;
	printf("helper      the last process %s, at %s\n", text_of(status, "helper", "error"),
	       text_of(status, "helper", "since"));
	if (status->pid > 0)
		printf("            starting another at %s\n",
		       text_of(status, "helper", "retry_at"));
}

static void print_state(const struct status *status)
{
	if (!strcmp(text_of(status, "state", NULL), "-"))
		return;
	printf("state       %s\n", text_of(status, "state", "dir"));
	if (strcmp(text_of(status, "state", "error"), "-") != 0)
		printf("            not kept: %s\n", text_of(status, "state", "error"));
}

/* Some are told where they belong. */
static bool is_told(const char *about)
{
	static const char *const told[] = {
		"list",           "tunnel",         "address",           "foreign addresses",
		"foreign routes", "refused routes", "own addresses",     "left out",
		"routing rule",   "control",        "registration.json", "devices.json",
		"state",
	};

	for (size_t i = 0; i < sizeof(told) / sizeof(told[0]); i++)
		if (!strcmp(about, told[i]))
			return true;
	return !strncmp(about, "conflict", strlen("conflict")); /* print_contested() */
}

static void print_troubles(const struct status *status)
{
	struct json_object *troubles = NULL, *trouble;
	const char *name = "troubles";

	if (!json_object_object_get_ex(status->written, "troubles", &troubles) ||
	    !json_object_is_type(troubles, json_type_array))
		return;
	for (size_t i = 0; i < json_object_array_length(troubles); i++) {
		trouble = json_object_array_get_idx(troubles, i);
		if (is_told(member_text(trouble, "about")))
			continue;
		printf("%-11s %s (since %s)\n", name, member_text(trouble, "text"),
		       member_text(trouble, "since"));
		name = "";
	}
}

static const char *device_or_relay(struct json_object *item, const char *name)
{
	const char *text = member_text(item, name);

	return strcmp(text, "-") != 0 ? text : "this relay";
}

static void print_contested(const struct status *status)
{
	struct json_object *list = NULL, *contested = NULL, *item;

	if (!json_object_object_get_ex(status->written, "list", &list) ||
	    !json_object_object_get_ex(list, "contested", &contested) ||
	    !json_object_is_type(contested, json_type_array))
		return;
	for (size_t i = 0; i < json_object_array_length(contested); i++) {
		item = json_object_array_get_idx(contested, i);
		printf("            %s of '%s' is claimed by '%s', too: %s\n",
		       member_text(item, "prefix"), device_or_relay(item, "device"),
		       device_or_relay(item, "loser"), member_text(item, "why"));
	}
}

static void print_written(const struct status *status)
{
	printf("forward     %s%s\n", text_of(status, "forward", NULL),
	       !strcmp(text_of(status, "strict", NULL), "true") ? ", strict" : "");
	printf("IPv6        %s",
	       !strcmp(text_of(status, "ipv6", "enabled"), "true") ? "on" : "off");
	if (strcmp(text_of(status, "ipv6", "reason"), "-") != 0)
		printf(": %s", text_of(status, "ipv6", "reason"));
	printf("\nlist        %s\n", text_of(status, "list", "source"));
	printf("            %s devices, %s addresses, %s CIDRs, %s skipped\n",
	       text_of(status, "list", "devices"), text_of(status, "list", "addresses"),
	       text_of(status, "list", "cidrs"), text_of(status, "list", "skipped"));
	print_contested(status);
	printf("            applied %s", text_of(status, "list", "applied_at"));
	if (!strcmp(text_of(status, "list", "from_disk"), "true"))
		printf(" from disk, as it was at %s", text_of(status, "list", "saved_at"));
	printf("\n");
	if (strcmp(text_of(status, "list", "error"), "-") != 0)
		printf("            newest list refused: %s\n", text_of(status, "list", "error"));
}

static const char *attached_where(const struct status *status)
{
	struct link link;

	if (status->datapath.ifindex == status->ifindex)
		return "";
	return link_get_index(status->datapath.ifindex, &link) == -ENODEV
		       ? ", on an interface that is gone: removed, or moved to another network "
			 "namespace"
		       : ", on a renamed interface";
}

static int print_as_text(const struct status *status)
{
	enum datapath_attach attach = status->datapath.attach;

	printf("interface   %s", status->instance.ifname);
	printf(status->ifindex ? " (ifindex %u)\n" : " (not there)\n", status->ifindex);
	if (status->pid > 0)
		printf("daemon      running, process %d\n", (int)status->pid);
	else if (status->is_unknown)
		printf("daemon      not known: %s is gone; if one runs, it makes it again within "
		       "%d s\n",
		       status->instance.lock_path, INSTANCE_LOCK_AGAIN_S);
	else
		printf("daemon      not running%s\n",
		       attach == DATAPATH_AUTO ? "" : ": forwarding goes on with the last list");
	if (attach == DATAPATH_AUTO)
		printf("attached    no\n");
	else
		printf("attached    %s, program %u%s\n", datapath_attach_name(attach),
		       status->datapath.program_id, attached_where(status));
	if (status->written) {
		print_tunnel(status);
		print_control(status);
		print_helper(status);
		print_state(status);
		print_written(status);
		print_troubles(status);
	}
	status_reach_print(&status->reach);
	printf("pins        %s\n", status->instance.pin_dir);
	return print_flush();
}

int cmd_status(const struct options *options, char **args, int n_args)
{
	struct status status = {};
	int err, exit_status;

	(void)args, (void)n_args;
	err = gather(&status, options->value[OPTION_INTERFACE]);
	if (err) {
		json_object_put(status.written);
		return print_no_pins(options->value[OPTION_INTERFACE], err);
	}
	exit_status = options_on(options, OPTION_JSON) ? print_json(status_json(&status))
						       : print_as_text(&status);
	if (status.datapath.attach == DATAPATH_AUTO) {
		log_err(0, "%s: nothing is attached: start with `nex-relay run`",
			status.instance.ifname);
		exit_status = EXIT_FAILED;
	}
	json_object_put(status.written);
	return exit_status;
}
