// SPDX-License-Identifier: Apache-2.0
#include "node/sync.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "datapath/pins.h"
#include "peers/desired.h"
#include "tunnel/link.h"

#define CONFLICTS_SHOWN 20

const char *sync_attach_remedy(const struct sync *sync, int err)
{
	if (err == -EBUSY && sync->config.hook == DATAPATH_XDP)
		return " (another XDP program is there: see `ip link show`, or use --hook tc)";
	if (err == -EBUSY)
		return " (another TC filter has our place, pref 51820 handle 1: see `tc filter "
		       "show`, or use --attach tcx)";
	if (err == -EOPNOTSUPP && sync->config.attach == DATAPATH_TCX)
		return " (this kernel has no tcx: use --attach clsact)";
	if (err == -EUCLEAN)
		return PINS_REMEDY;
	if (err == -ENOSPC || err == -ENOENT || err == -EPERM)
		return " (is bpffs still mounted at " PINS_BPFFS "?)";
	return "";
}

/* Attach what is loaded to the interface, and make it what the next daemon finds. */
static int attach(struct sync *sync)
{
	int err = datapath_attach(sync->dp, sync->ifindex);

	if (!err)
		err = tables_rebase(sync->dp, &sync->have);
	if (!err)
		err = datapath_commit(sync->dp);
	sync->attached = !err;
	return err;
}

static void note_numbers(struct sync *sync)
{
	sync->n_devices = sync->have.n_slots;
	sync->n_addresses = sync->n_cidrs = 0;
	for (size_t i = 0; i < sync->have.n_entries; i++) {
		const struct table_entry *entry = &sync->have.entries[i];

		if (entry->owner.flags & NEX_OWNER_LOCAL)
			continue;
		if (prefix_is_host(&entry->prefix))
			sync->n_addresses++;
		else
			sync->n_cidrs++;
	}
}

static int read_tables(struct sync *sync)
{
	struct tables tables;
	int err;

	err = tables_read(sync->dp, &tables);
	if (err)
		return err;
	tables_done(&sync->have);
	sync->have = tables;
	sync->have_is_sure = true;
	note_numbers(sync);
	return 0;
}

int sync_open(struct sync *sync, uint32_t slots)
{
	struct datapath_state state;
	int err;

	err = datapath_open(&sync->config, slots, &sync->dp);
	if (err)
		return log_err(err, "load the BPF program%s",
			       err == -EPERM     ? " (needs CAP_BPF and CAP_NET_ADMIN: run as root)"
			       : err == -EUCLEAN ? PINS_REMEDY
						 : "");
	err = read_tables(sync);
	if (!err)
		err = datapath_inspect(sync->config.pin_dir, sync->ifindex, &state);
	if (err)
		return log_err(err, "read the pinned maps below %s", sync->config.pin_dir);
	if (datapath_is_new(sync->dp) && state.attach != DATAPATH_AUTO)
		return 0; /* the first list fills the new tables, then they are swapped in */
	err = attach(sync);
	return err ? log_err(err, "attach to the interface%s", sync_attach_remedy(sync, err)) : 0;
}

void sync_close(struct sync *sync)
{
	datapath_close(sync->dp);
	device_list_done(&sync->list);
	tables_done(&sync->have);
	*sync = (struct sync){};
}

/* The addresses of all interfaces of the host, as hosts: the kernel's, never forwarded. */
static int local_addresses(struct prefix **ret, size_t *ret_n)
{
	auto_free struct link_addr *addrs = NULL;
	struct prefix *local;
	size_t n;
	int err;

	err = link_addrs(&addrs, &n);
	if (err)
		return err;
	local = calloc(n + 1, sizeof(*local));
	if (!local)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		local[i] = addrs[i].addr;
		local[i].bits = local[i].family == PREFIX_IPV4 ? 32 : 128;
	}
	*ret = local;
	*ret_n = n;
	return 0;
}

static void warn_of_conflicts(const struct desired *desired)
{
	char text[PREFIX_TEXT_MAX], winner[DEVICE_NAME_MAX], loser[DEVICE_NAME_MAX];

	for (size_t i = 0; i < desired->n_conflicts && i < CONFLICTS_SHOWN; i++) {
		const struct desired_conflict *c = &desired->conflicts[i];

		prefix_format(&c->prefix, text);
		device_label(&desired->devices[c->loser], loser);
		if (c->winner == DESIRED_LOCAL)
			log_warn("%s of device '%s' is the relay's own address, leaving it out",
				 text, loser);
		else
			log_warn("%s is claimed by two devices: '%s' has it, because its key sorts "
				 "first, and '%s' has not",
				 text, device_label(&desired->devices[c->winner], winner), loser);
	}
	if (desired->n_conflicts > CONFLICTS_SHOWN)
		log_warn("%zu more addresses are claimed twice",
			 desired->n_conflicts - CONFLICTS_SHOWN);
	if (desired->n_repeated)
		log_warn("%zu devices repeat the public key of another one, leaving them out",
			 desired->n_repeated);
}

/*
 * More peers than there may be counters for: load the program once more, around a larger table. It
 * takes the place of the one that is attached after the tables are brought up to date.
 */
static int make_room(struct sync *sync, size_t n_devices)
{
	/* A slot that is given up is not given away in the same step: both may be needed. */
	size_t slots = sync->have.n_slots + n_devices;
	struct datapath *bigger;
	int err;

	if (slots > NEX_SLOTS_MAX)
		slots = NEX_SLOTS_MAX;
	if (slots <= datapath_slots(sync->dp))
		return 0;
	err = datapath_open(&sync->config, slots, &bigger);
	if (err)
		return err;
	datapath_close(sync->dp);
	sync->dp = bigger;
	sync->attached = false;
	return read_tables(sync);
}

static int carry_out(struct sync *sync, const struct plan *plan, struct tables *want)
{
	int err;

	sync->have_is_sure = false;
	err = tables_apply(sync->dp, plan, want);
	if (err)
		return err;
	tables_done(&sync->have);
	sync->have = *want;
	*want = (struct tables){};
	sync->have_is_sure = true;
	note_numbers(sync);
	return sync->attached ? 0 : attach(sync);
}

static int build(struct sync *sync, const struct device_list *list, struct desired *ret)
{
	auto_free struct prefix *local = NULL;
	struct desired_input input = { .list = list,
				       .self_key = sync->self_key,
				       .ipv6 = sync->ipv6 };
	int err;

	err = local_addresses(&local, &input.n_local);
	if (err)
		return err;
	input.local = local;
	return desired_build(&input, ret);
}

static int apply(struct sync *sync, const struct device_list *list, bool warn)
{
	AUTO(desired_done) struct desired desired = {};
	AUTO(tables_done) struct tables want = {};
	AUTO(plan_done) struct plan plan = {};
	int err;

	err = build(sync, list, &desired);
	if (!err && !sync->have_is_sure)
		err = read_tables(sync);
	if (!err)
		err = make_room(sync, desired.n_devices);
	if (!err)
		err = plan_tables(&desired, sync->ifindex, &sync->have, &want);
	if (!err)
		err = plan_edits(&sync->have, &want, &plan);
	if (!err && (plan.n_entries || plan.n_slots || !sync->attached))
		err = carry_out(sync, &plan, &want);
	if (err)
		return err;
	log_debug("applied %zu entry and %zu slot edits", plan.n_entries, plan.n_slots);
	if (warn)
		warn_of_conflicts(&desired);
	sync->n_conflicts = desired.n_conflicts;
	return 0;
}

/* Could @list be applied? Nothing is changed. */
static int check(struct sync *sync, const struct device_list *list)
{
	AUTO(desired_done) struct desired desired = {};
	AUTO(tables_done) struct tables want = {};
	int err = build(sync, list, &desired);

	return err ?: plan_tables(&desired, sync->ifindex, &sync->have, &want);
}

int sync_list(struct sync *sync, struct device_list *list)
{
	int err = check(sync, list);

	if (err)
		return err;
	err = sync->ifindex ? apply(sync, list, true) : 0;
	if (err) {
		/* Half of it may be in the maps: back to the list that was there. */
		(void)sync_again(sync);
		return err;
	}
	device_list_done(&sync->list);
	sync->list = *list;
	*list = (struct device_list){};
	sync->has_list = true;
	sync->n_skipped = sync->list.n_skipped;
	sync->applied_at = time(NULL);
	return 0;
}

int sync_repair(struct sync *sync)
{
	int err;

	if (!sync->ifindex || !sync->attached || datapath_in_place(sync->dp, sync->ifindex))
		return 0;
	log_warn("the program or its pins below %s were taken away: attaching and pinning again",
		 sync->config.pin_dir);
	err = attach(sync);
	if (err)
		return log_err(err, "attach to the interface%s", sync_attach_remedy(sync, err));
	return 1;
}

int sync_again(struct sync *sync)
{
	if (!sync->has_list || !sync->ifindex)
		return 0;
	return apply(sync, &sync->list, false);
}

int sync_interface(struct sync *sync, uint32_t ifindex)
{
	int err;

	if (ifindex == sync->ifindex)
		return 0;
	if (sync->ifindex)
		datapath_leave(sync->dp, sync->ifindex);
	sync->ifindex = ifindex;
	sync->attached = false;
	if (!ifindex)
		return 0;
	/* The tables first: their scope is the new ifindex. */
	err = sync_again(sync);
	if (!err && !sync->attached)
		err = attach(sync);
	return err;
}
