// SPDX-License-Identifier: Apache-2.0
#include "datapath/datapath.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "datapath/datapath_private.h"
#include "datapath/hooks.h"
#include "datapath/pins.h"
#include "nex_abi.h"

#define SLOTS_MIN 1024 /* 32 kB of counters per CPU */
#define LIBBPF_LOG_MAX 65536

/* libbpf tells its story in lines; it is only of interest when the load fails. */
static struct {
	char text[LIBBPF_LOG_MAX];
	size_t len;
} libbpf_log;

static int keep_libbpf_line(enum libbpf_print_level level, const char *format, va_list args)
{
	size_t room = sizeof(libbpf_log.text) - libbpf_log.len;
	int len;

	if (level == LIBBPF_DEBUG)
		return 0;
	len = vsnprintf(libbpf_log.text + libbpf_log.len, room, format, args);
	if (len > 0)
		libbpf_log.len += (size_t)len < room ? (size_t)len : room - 1;
	return 0;
}

static void show_libbpf_log(enum log_level level)
{
	char *rest = libbpf_log.text, *line;

	while ((line = strsep(&rest, "\n")))
		if (*line)
			log_line(level, "%s", line);
	libbpf_log.len = 0;
	libbpf_log.text[0] = '\0';
}

static int map_info(int fd, struct bpf_map_info *ret_info)
{
	uint32_t len = sizeof(*ret_info);

	*ret_info = (struct bpf_map_info){};
	return bpf_obj_get_info_by_fd(fd, ret_info, &len) ? -errno : 0;
}

static bool is_slot_stats(const struct bpf_map *map)
{
	return !strcmp(bpf_map__name(map), "nex_slot_stats");
}

/* Does a pinned map have the layout that this version's program expects? */
static bool map_fits(const struct bpf_map *map, const struct bpf_map_info *info)
{
	if (info->type != bpf_map__type(map) || info->key_size != bpf_map__key_size(map) ||
	    info->value_size != bpf_map__value_size(map) ||
	    info->map_flags != bpf_map__map_flags(map))
		return false;
	if (is_slot_stats(map))
		return info->max_entries >= bpf_map__max_entries(map);
	return info->max_entries == bpf_map__max_entries(map);
}

/* Counters of the table that is being replaced are carried over: keep it open until then. */
static void keep_old_stats(struct datapath *dp, const struct bpf_map *map,
			   const struct bpf_map_info *info, int fd)
{
	if (!is_slot_stats(map) || info->value_size != sizeof(struct nex_slot_stats))
		return;
	dp->old_stats_fd = dup(fd);
	dp->old_stats_id = info->id;
}

/* Use what is pinned under the map's name, if it fits. */
static int adopt_map(struct datapath *dp, struct bpf_map *map)
{
	auto_close int fd = pins_open(dp->config.pin_dir, bpf_map__name(map));
	struct bpf_map_info info;
	int err;

	if (fd < 0) {
		dp->is_new = true;
		return fd == -ENOENT ? 0 : fd;
	}
	err = map_info(fd, &info);
	if (err)
		return err;
	if (!map_fits(map, &info)) {
		dp->is_new = true;
		keep_old_stats(dp, map, &info, fd);
		return 0;
	}
	err = bpf_map__set_max_entries(map, info.max_entries);
	return err ?: bpf_map__reuse_fd(map, fd);
}

/* Our own maps, not libbpf's .rodata. */
static bool is_shared(const struct bpf_map *map)
{
	return !bpf_map__is_internal(map);
}

static int adopt_maps(struct datapath *dp, uint32_t slots)
{
	struct bpf_map *map;
	int err;

	err = bpf_map__set_max_entries(dp->skel->maps.nex_slot_stats, slots);
	if (err)
		return err;
	bpf_object__for_each_map(map, dp->skel->obj)
	{
		err = is_shared(map) ? adopt_map(dp, map) : 0;
		if (err)
			return err;
	}
	return 0;
}

/* Room to grow into: twice what is asked for, as a power of two. */
static uint32_t room_for(uint32_t slots)
{
	uint32_t room = SLOTS_MIN;

	while (room < NEX_SLOTS_MAX && room < slots * 2)
		room *= 2;
	return room;
}

/* Kernel 5.18; without it the program needs CAP_PERFMON. */
static bool has_xdp_buff_len(void)
{
	return libbpf_probe_bpf_helper(BPF_PROG_TYPE_XDP, BPF_FUNC_xdp_get_buff_len, NULL) == 1;
}

static int load(struct datapath *dp, uint32_t slots)
{
	struct bpf_map_info info;
	struct bpf_program *prog;
	bool xdp = dp->config.hook == DATAPATH_XDP;
	int err;

	dp->skel = nex_wg__open();
	if (!dp->skel)
		return -errno;
	dp->skel->rodata->cfg_relay_only = dp->config.relay_only;
	dp->skel->rodata->cfg_strict = dp->config.strict;
	if (xdp)
		dp->skel->rodata->cfg_xdp_buff_len = has_xdp_buff_len();
	prog = xdp ? dp->skel->progs.nex_wg_tc : dp->skel->progs.nex_wg_xdp;
	err = bpf_program__set_autoload(prog, false);
	if (!err)
		err = adopt_maps(dp, room_for(slots));
	if (!err)
		err = nex_wg__load(dp->skel);
	if (err)
		return err;
	prog = xdp ? dp->skel->progs.nex_wg_xdp : dp->skel->progs.nex_wg_tc;
	dp->prog_fd = bpf_program__fd(prog);
	err = map_info(bpf_map__fd(dp->skel->maps.nex_slot_stats), &info);
	dp->stats_id = info.id;
	dp->slots = info.max_entries;
	return err;
}

int datapath_supported(void)
{
	int fd = bpf_obj_get("/"); /* never a BPF object, but every kernel with bpf(2) says so */

	if (fd >= 0)
		close(fd);
	return fd < 0 && errno == ENOSYS ? -ENOSYS : 0;
}

int datapath_open(const struct datapath_config *config, uint32_t slots, struct datapath **ret_dp)
{
	struct datapath *dp = calloc(1, sizeof(*dp));
	int err;

	if (!dp)
		return -ENOMEM;
	dp->config = *config;
	dp->old_stats_fd = -1;
	libbpf_set_strict_mode(LIBBPF_STRICT_ALL);
	libbpf_set_print(keep_libbpf_line);
	err = load(dp, slots);
	show_libbpf_log(err && err != -EPERM ? LOG_LEVEL_ERROR : LOG_LEVEL_DEBUG);
	if (err) {
		datapath_close(dp);
		return err;
	}
	*ret_dp = dp;
	return 0;
}

void datapath_close(struct datapath *dp)
{
	if (!dp)
		return;
	nex_wg__destroy(dp->skel);
	if (dp->old_stats_fd >= 0)
		close(dp->old_stats_fd);
	free(dp);
}

uint32_t datapath_slots(const struct datapath *dp)
{
	return dp->slots;
}

bool datapath_is_new(const struct datapath *dp)
{
	return dp->is_new;
}

static int attach_tc(struct datapath *dp, uint32_t ifindex)
{
	enum datapath_attach attach = dp->config.attach;
	int err;

	if (attach != DATAPATH_CLSACT) {
		err = hook_attach(DATAPATH_TCX, dp->config.pin_dir, ifindex, dp->prog_fd);
		if (!err)
			dp->attached = DATAPATH_TCX;
		if (err != -EOPNOTSUPP || attach == DATAPATH_TCX)
			return err;
	}
	err = hook_attach(DATAPATH_CLSACT, dp->config.pin_dir, ifindex, dp->prog_fd);
	if (!err)
		dp->attached = DATAPATH_CLSACT;
	return err;
}

static int attach_xdp(struct datapath *dp, uint32_t ifindex)
{
	int err = hook_attach(DATAPATH_XDP_GENERIC, dp->config.pin_dir, ifindex, dp->prog_fd);

	if (!err)
		dp->attached = DATAPATH_XDP_GENERIC;
	return err;
}

int datapath_attach(struct datapath *dp, uint32_t ifindex)
{
	int err;

	err = pins_make_dir(dp->config.pin_dir);
	libbpf_log.len = 0;
	if (!err)
		err = dp->config.hook == DATAPATH_XDP ? attach_xdp(dp, ifindex)
						      : attach_tc(dp, ifindex);
	show_libbpf_log(LOG_LEVEL_DEBUG);
	/* What an earlier run with another --hook or --attach left. */
	for (enum datapath_attach way = DATAPATH_TCX; !err && way <= DATAPATH_XDP_GENERIC; way++)
		if (way != dp->attached)
			err = hook_detach(way, dp->config.pin_dir, ifindex);
	return err;
}

enum datapath_attach datapath_attached(const struct datapath *dp)
{
	return dp->attached;
}

int datapath_commit(struct datapath *dp)
{
	struct bpf_map *map;
	int err;

	err = pins_make_dir(dp->config.pin_dir);
	if (err)
		return err;
	bpf_object__for_each_map(map, dp->skel->obj)
	{
		auto_close int pinned = -1;
		struct bpf_map_info old = {}, own;

		if (!is_shared(map))
			continue;
		pinned = pins_open(dp->config.pin_dir, bpf_map__name(map));
		if (pinned >= 0)
			(void)map_info(pinned, &old); /* id 0 is nobody's: it is replaced */
		err = map_info(bpf_map__fd(map), &own);
		if (!err && own.id != old.id)
			err = pins_put(dp->config.pin_dir, bpf_map__name(map), bpf_map__fd(map));
		if (err)
			return err;
	}
	dp->is_new = false;
	return 0;
}

bool datapath_in_place(const struct datapath *dp, uint32_t ifindex)
{
	auto_close int pinned = pins_open(dp->config.pin_dir, "nex_slots");
	struct bpf_map_info held, named;
	uint32_t id;

	if (pinned < 0 || map_info(pinned, &named) ||
	    map_info(bpf_map__fd(dp->skel->maps.nex_slots), &held) || named.id != held.id)
		return false;
	return !hook_program_id(dp->attached, dp->config.pin_dir, ifindex, &id) && id;
}

void datapath_leave(const struct datapath *dp, uint32_t ifindex)
{
	/* A link is moved by its pin; a filter stays where it was. Gone interfaces are no error. */
	(void)hook_detach(DATAPATH_CLSACT, dp->config.pin_dir, ifindex);
}

/*
 * Interfaces that the pinned maps know: scopes are ifindexes. Return: how many.
 */
static size_t known_interfaces(const char *pin_dir, uint32_t ret[static NEX_SCOPES_MAX])
{
	auto_close int fd = pins_open(pin_dir, "nex_scopes");
	uint32_t key, *from = NULL;
	size_t n = 0;

	while (fd >= 0 && n < NEX_SCOPES_MAX && !bpf_map_get_next_key(fd, from, &key)) {
		ret[n] = key;
		from = &ret[n++];
	}
	return n;
}

int datapath_remove(const char *pin_dir, uint32_t ifindex, bool *ret_made_clsact)
{
	uint32_t known[NEX_SCOPES_MAX];
	size_t n_known = known_interfaces(pin_dir, known);
	int first = 0, err;

	*ret_made_clsact = pins_is_marked(pin_dir, DATAPATH_MADE_CLSACT);
	libbpf_set_print(keep_libbpf_line);
	for (enum datapath_attach way = DATAPATH_TCX; way <= DATAPATH_XDP_GENERIC; way++) {
		err = hook_detach(way, pin_dir, ifindex);
		first = first ?: err;
	}
	for (size_t i = 0; i < n_known; i++) {
		err = hook_detach(DATAPATH_CLSACT, pin_dir, known[i]);
		first = first ?: err;
	}
	show_libbpf_log(LOG_LEVEL_DEBUG);
	err = pins_remove_dir(pin_dir);
	return first ?: err;
}

/* Return: whether something of ours sits on @ifindex, in *ret. */
static bool sits_on(const char *pin_dir, uint32_t ifindex, struct datapath_state *ret)
{
	uint32_t id;

	for (enum datapath_attach way = DATAPATH_TCX; way <= DATAPATH_XDP_GENERIC; way++) {
		if (!hook_program_id(way, pin_dir, ifindex, &id) && id) {
			*ret = (struct datapath_state){ way, ifindex, id };
			return true;
		}
	}
	return false;
}

int datapath_inspect(const char *pin_dir, uint32_t ifindex, struct datapath_state *ret)
{
	struct datapath_state state = { .attach = DATAPATH_AUTO };
	uint32_t candidates[NEX_SCOPES_MAX + 3] = { ifindex };
	size_t n = 3;
	int err;

	libbpf_set_print(keep_libbpf_line);
	err = hook_link_ifindex(DATAPATH_TCX, pin_dir, &candidates[1]);
	if (!err)
		err = hook_link_ifindex(DATAPATH_XDP_GENERIC, pin_dir, &candidates[2]);
	if (err)
		return err;
	n += known_interfaces(pin_dir, candidates + n);
	for (size_t i = 0; i < n; i++)
		if (candidates[i] && sits_on(pin_dir, candidates[i], &state))
			break;
	show_libbpf_log(LOG_LEVEL_DEBUG);
	*ret = state;
	return 0;
}

const char *datapath_attach_name(enum datapath_attach attach)
{
	switch (attach) {
	case DATAPATH_AUTO:
		return "none";
	case DATAPATH_TCX:
		return "tcx";
	case DATAPATH_CLSACT:
		return "clsact";
	case DATAPATH_XDP_GENERIC:
		return "xdp-generic";
	}
	return "none";
}

const char *datapath_libbpf_version(void)
{
	return libbpf_version_string();
}
