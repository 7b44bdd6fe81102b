// SPDX-License-Identifier: Apache-2.0
#include "node/status_file.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/printable.h"
#include "node/node_private.h"
#include "node/tunnel_want.h"
#include "tunnel/tunnel_routes.h"

#define STATUS_BYTES_MAX 65536

static struct json_object *text_or_null(const char *text)
{
	char shown[TUNNEL_ERROR_MAX];

	if (!text || !*text)
		return NULL;
	printable_copy(shown, sizeof(shown), text); /* it ends up on terminals */
	return json_object_new_string(shown);
}

static struct json_object *time_or_null(time_t at)
{
	char text[32];
	struct tm tm;

	if (!at || !gmtime_r(&at, &tm) || !strftime(text, sizeof(text), "%FT%TZ", &tm))
		return NULL;
	return json_object_new_string(text);
}

/* The first of these that there is; or null. */
static struct json_object *trouble_or_null(const struct node_status *status,
					   const char *const *abouts)
{
	while (*abouts && !*trouble_text(status->troubles, *abouts))
		abouts++;
	return *abouts ? text_or_null(trouble_text(status->troubles, *abouts)) : NULL;
}

static struct json_object *troubles(const struct troubles *troubles)
{
	struct json_object *array = json_object_new_array(), *item;

	for (size_t i = 0; i < troubles->n; i++) {
		item = json_object_new_object();
		json_object_object_add(item, "about", text_or_null(troubles->at[i].about));
		json_object_object_add(item, "text", text_or_null(troubles->at[i].text));
		json_object_object_add(item, "since", time_or_null(troubles->at[i].since));
		json_object_array_add(array, item);
	}
	return array;
}

static struct json_object *family(bool enabled, const char *reason)
{
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "enabled", json_object_new_boolean(enabled));
	json_object_object_add(object, "reason", text_or_null(reason));
	return object;
}

/* Who has what two claim, and who has it not; null: the relay. */
static struct json_object *contested(const struct sync *sync)
{
	struct json_object *array = json_object_new_array(), *item;
	char text[PREFIX_TEXT_MAX];

	for (size_t i = 0; i < sync->n_conflicts && i < SYNC_CONFLICTS_SHOWN; i++) {
		const struct sync_conflict *conflict = &sync->conflicts[i];

		item = json_object_new_object();
		json_object_object_add(
			item, "prefix",
			json_object_new_string(prefix_format(&conflict->prefix, text)));
		json_object_object_add(item, "device", text_or_null(conflict->winner));
		json_object_object_add(item, "loser", text_or_null(conflict->loser));
		json_object_object_add(item, "why",
				       text_or_null(sync_conflict_reason(conflict->why)));
		json_object_array_add(array, item);
	}
	return array;
}

static struct json_object *list(const struct node_status *status)
{
	struct json_object *object = json_object_new_object();
	const struct sync *sync = status->sync;
	char source[PATH_MAX + 8], shown[sizeof(source)];

	if (status->settings->account)
		snprintf(source, sizeof(source), "api:%s", status->settings->account->api);
	else if (status->settings->peers)
		snprintf(source, sizeof(source), "file:%s", status->settings->peers);
	else
		snprintf(source, sizeof(source), "interface");
	printable_copy(shown, sizeof(shown), source);
	json_object_object_add(object, "source", json_object_new_string(shown));
	json_object_object_add(object, "loaded", json_object_new_boolean(sync->has_list));
	json_object_object_add(object, "devices", json_object_new_int64(sync->n_devices));
	json_object_object_add(object, "skipped", json_object_new_int64(sync->n_skipped));
	json_object_object_add(object, "conflicts", json_object_new_int64(sync->n_conflicts));
	json_object_object_add(object, "contested", contested(sync));
	json_object_object_add(object, "addresses", json_object_new_int64(sync->n_addresses));
	json_object_object_add(object, "cidrs", json_object_new_int64(sync->n_cidrs));
	json_object_object_add(object, "applied_at", time_or_null(sync->applied_at));
	if (status->control) {
		json_object_object_add(object, "from_disk",
				       json_object_new_boolean(status->control->from_disk));
		json_object_object_add(object, "saved_at", time_or_null(status->control->saved_at));
	}
	json_object_object_add(object, "error",
			       trouble_or_null(status,
					       (const char *const[]){ TROUBLE_LIST, NULL }));
	return object;
}

/* How it stands with the control plane; NULL when there is none. */
static struct json_object *control_json(const struct node_status *status)
{
	const struct node_control *control = status->control;
	struct json_object *object;

	if (!control)
		return NULL;
	object = json_object_new_object();
	json_object_object_add(object, "api", json_object_new_string(control->account.api));
	json_object_object_add(object, "state",
			       json_object_new_string(node_control_state_name(control->where)));
	json_object_object_add(object, "since", time_or_null(control->since));
	json_object_object_add(object, "message", text_or_null(control->text));
	json_object_object_add(object, "retry_at", time_or_null(control->retry_at));
	json_object_object_add(object, "heard_at", time_or_null(control->heard_at));
	return object;
}

/* How the last helper process has ended; NULL while one does its work. */
static struct json_object *helper_json(const struct node_status *status)
{
	struct json_object *object;

	if (!status->lost || !*status->lost->why)
		return NULL;
	object = json_object_new_object();
	json_object_object_add(object, "error", text_or_null(status->lost->why));
	json_object_object_add(object, "since", time_or_null(status->lost->at));
	json_object_object_add(object, "retry_at", time_or_null(status->lost->next_at));
	return object;
}

/* "8.8.8.8: why", or NULL. */
static struct json_object *left_out_first(const struct tunnel *tunnel)
{
	const struct tunnel_left_out *left =
		tunnel->left_own.n ? &tunnel->left_own : &tunnel->left_routes;
	char text[TUNNEL_ERROR_MAX];

	return left->n ? json_object_new_string(tunnel_left_text(left, text)) : NULL;
}

/* The interface, when it is our own; NULL when it is somebody else's. */
static struct json_object *tunnel_json(const struct node_status *status)
{
	const struct tunnel *tunnel = status->sync->tunnel;
	struct json_object *object;
	char key[WG_KEY_TEXT];

	if (!tunnel)
		return NULL;
	object = json_object_new_object();
	json_object_object_add(object, "wireguard",
			       json_object_new_string(tunnel->kernel ? "kernel" : "userspace"));
	wg_key_format(tunnel->public_key, key);
	json_object_object_add(object, "public_key", json_object_new_string(key));
	json_object_object_add(object, "listen_port",
			       json_object_new_int(tunnel->config.listen_port));
	json_object_object_add(object, "mtu", json_object_new_int64(tunnel->config.mtu));
	json_object_object_add(object, "foreign_addresses",
			       json_object_new_int64(tunnel->n_foreign_addresses));
	json_object_object_add(object, "foreign_routes",
			       json_object_new_int64(tunnel->n_foreign_routes));
	json_object_object_add(object, "refused_routes",
			       json_object_new_int64(tunnel->routes[TUNNEL_HOST].n_refused));
	json_object_object_add(object, "left_out",
			       json_object_new_int64(tunnel->left_own.n + tunnel->left_routes.n));
	json_object_object_add(object, "left_out_first", left_out_first(tunnel));
	json_object_object_add(object, "behind_rule", json_object_new_int64(tunnel->behind_rule));
	json_object_object_add(object, "routing_table",
			       json_object_new_int64(tunnel_table(tunnel->config.ifname)));
	json_object_object_add(
		object, "error",
		trouble_or_null(status, (const char *const[]){ TROUBLE_TUNNEL, TROUBLE_ADDRESS,
							       TROUBLE_TABLE, NULL }));
	return object;
}

/* The state folder; NULL when there is none. */
static struct json_object *state_json(const struct node_status *status)
{
	struct json_object *object;

	if (status->settings->adopt)
		return NULL;
	object = json_object_new_object();
	json_object_object_add(object, "dir", text_or_null(status->settings->state_dir));
	json_object_object_add(object, "error",
			       trouble_or_null(status,
					       (const char *const[]){ TROUBLE_KEEP, TROUBLE_SAVE,
								      TROUBLE_STATE, NULL }));
	return object;
}

static struct json_object *build(const struct node_status *status)
{
	const struct run_settings *settings = status->settings;
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "hook",
			       json_object_new_string(settings->hook == DATAPATH_XDP ? "xdp"
										     : "tc"));
	json_object_object_add(object, "forward",
			       json_object_new_string(settings->relay_only ? "relay-only" : "all"));
	json_object_object_add(object, "strict", json_object_new_boolean(settings->strict));
	json_object_object_add(object, "adopted", json_object_new_boolean(settings->adopt));
	json_object_object_add(object, "tunnel", tunnel_json(status));
	json_object_object_add(object, "ipv4", family(true, NULL));
	json_object_object_add(object, "ipv6", family(!status->ipv6_reason, status->ipv6_reason));
	json_object_object_add(object, "control", control_json(status));
	json_object_object_add(object, "helper", helper_json(status));
	json_object_object_add(object, "state", state_json(status));
	json_object_object_add(object, "list", list(status));
	json_object_object_add(object, "troubles", troubles(status->troubles));
	return object;
}

int status_file_write(const char *path, const struct node_status *status, bool commit)
{
	struct json_object *object = build(status);
	char fresh[PATH_MAX];
	int fd, err = 0;

	snprintf(fresh, sizeof(fresh), "%s.new", path);
	fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0) {
		err = -errno;
	} else {
		errno = 0;
		if (json_object_to_fd(fd, object, JSON_C_TO_STRING_PRETTY))
			err = errno ? -errno : -EIO;
		if (close(fd) && !err)
			err = -errno;
		if (!err && commit && rename(fresh, path))
			err = -errno;
		if (err || !commit)
			(void)unlink(fresh); /* keep the first error */
	}
	json_object_put(object);
	return err;
}

struct json_object *status_file_read(const char *path)
{
	struct json_object *object = NULL;
	struct stat st;

	if (!stat(path, &st) && S_ISREG(st.st_mode) && st.st_size <= STATUS_BYTES_MAX)
		object = json_object_from_file(path);
	if (object && !json_object_is_type(object, json_type_object)) {
		json_object_put(object);
		object = NULL;
	}
	return object;
}
