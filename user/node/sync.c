// SPDX-License-Identifier: Apache-2.0
#include "node/sync.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "datapath/pins.h"
#include "node/tunnel_want.h"
#include "peers/desired.h"
#include "tunnel/link.h"

#define CONFLICTS_SHOWN 20

const char *sync_why(const struct sync *sync, int err)
{
	if (sync->why[0])
		return sync->why;
	if (err == -ENOENT)
		return "our own device (whose key the interface has) is not in it";
	if (err == -ENOSPC)
		return "more devices or addresses than the maps take";
	return strerror(-err);
}

/* Return: @err, after it was kept what it is that could not be done. */
static int failed(struct sync *sync, int err, const char *what)
{
	snprintf(sync->why, sizeof(sync->why), "%s: %s", what, strerror(-err));
	return err;
}

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

/*
 * The addresses of all interfaces of the host, as hosts: the kernel's, never forwarded. But not
 * those that we ourselves have given the tunnel: the list says whose they are from now on.
 */
static struct prefix *local_addresses(const struct sync *sync, const struct link_addr *addrs,
				      size_t n, size_t *ret_n)
{
	struct prefix *local = calloc(n + 1, sizeof(*local));

	*ret_n = 0;
	for (size_t i = 0; local && i < n; i++) {
		struct prefix *next = &local[*ret_n];

		if (sync->tunnel && addrs[i].ifindex == sync->tunnel->ifindex &&
		    tunnel_record_has(&sync->tunnel->record, &addrs[i].addr))
			continue;
		*next = addrs[i].addr;
		next->bits = next->family == PREFIX_IPV4 ? 32 : 128;
		(*ret_n)++;
	}
	return local;
}

/* A first list goes by keys, the next one by who has it: that is no news. */
static const char *lasting_reason(enum desired_why why)
{
	return why == DESIRED_BY_KEY || why == DESIRED_BY_HOLDING
		       ? "its key sorts first or it had it before"
		       : sync_conflict_reason(why);
}

static void format_conflict(const struct desired *desired, const struct desired_conflict *c,
			    char ret[static TROUBLE_TEXT_MAX])
{
	char text[PREFIX_TEXT_MAX], winner[DEVICE_NAME_MAX], loser[DEVICE_NAME_MAX];

	prefix_format(&c->prefix, text);
	if (c->winner != DESIRED_LOCAL)
		device_label(&desired->devices[c->winner], winner);
	if (c->loser != DESIRED_LOCAL)
		device_label(&desired->devices[c->loser], loser);
	if (c->loser == DESIRED_LOCAL)
		snprintf(ret, TROUBLE_TEXT_MAX,
			 "%s, which the relay advertises, is the tunnel address of device '%s', "
			 "which has it",
			 text, winner);
	else if (c->winner == DESIRED_LOCAL)
		snprintf(ret, TROUBLE_TEXT_MAX,
			 "%s of device '%s' is the relay's own address, leaving it out", text,
			 loser);
	else
		snprintf(ret, TROUBLE_TEXT_MAX,
			 "%s is claimed by two devices: '%s' has it, because %s, and '%s' has not",
			 text, winner, lasting_reason(c->why), loser);
}

static void warn_of_conflict(struct sync *sync, const struct desired *desired,
			     const struct desired_conflict *c)
{
	char about[TROUBLE_ABOUT_MAX], text[TROUBLE_TEXT_MAX], prefix[PREFIX_TEXT_MAX];
	const uint8_t *key =
		c->loser == DESIRED_LOCAL ? sync->self_key : desired->devices[c->loser].public_key;

	/* One for each prefix and loser. */
	snprintf(about, sizeof(about), SYNC_TROUBLE_CONFLICT " %s %02x%02x%02x%02x",
		 prefix_format(&c->prefix, prefix), key[0], key[1], key[2], key[3]);
	format_conflict(desired, c, text);
	if (trouble_set(sync->troubles, about, text))
		log_line_of(LOG_LEVEL_WARN, SYNC_TROUBLE_CONFLICT, "%s", text);
}

/* Numbers of what is not told one by one. */
static void warn_of_number(struct sync *sync, const char *about, size_t n, const char *what)
{
	char text[TROUBLE_TEXT_MAX];

	snprintf(text, sizeof(text), "%zu %s", n, what);
	if (n && trouble_set(sync->troubles, about, text))
		log_line_of(LOG_LEVEL_WARN, SYNC_TROUBLE_CONFLICT, "%s", text);
}

/* Each is said when it is new, and `status` has them all. */
static void warn_of_conflicts(struct sync *sync, const struct desired *desired)
{
	size_t n = desired->n_conflicts < CONFLICTS_SHOWN ? desired->n_conflicts : CONFLICTS_SHOWN;

	trouble_begin(sync->troubles);
	for (size_t i = 0; i < n; i++)
		warn_of_conflict(sync, desired, &desired->conflicts[i]);
	warn_of_number(sync, SYNC_TROUBLE_CONFLICT " more", desired->n_conflicts - n,
		       "more addresses are claimed twice");
	warn_of_number(sync, SYNC_TROUBLE_CONFLICT " keys", desired->n_repeated,
		       "devices repeat the public key of another one, leaving them out");
	trouble_end(sync->troubles, SYNC_TROUBLE_CONFLICT);
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

/* What a list comes to, before anything of it is done. */
struct step {
	struct link_addr *addrs; /* of the host, when it was worked out */
	size_t n_addrs;
	struct desired desired;
	struct tables want;
	struct tunnel_limits limits; /* its taken only while it is worked out */
	struct tunnel_want tunnel;
};

static void step_done(struct step *step)
{
	free(step->addrs);
	desired_done(&step->desired);
	tables_done(&step->want);
	tunnel_want_done(&step->tunnel);
}

static int build(struct sync *sync, const struct device_list *list, struct step *step)
{
	struct desired_input input = { .list = list,
				       .self_key = sync->self_key,
				       .ipv6 = sync->ipv6,
				       .holds = sync_holds,
				       .holds_arg = sync };
	auto_free struct prefix *local = NULL;
	int err;

	sync->why[0] = '\0';
	err = link_addrs(&step->addrs, &step->n_addrs);
	if (err)
		return failed(sync, err, "read the addresses of this host");
	local = local_addresses(sync, step->addrs, step->n_addrs, &input.n_local);
	if (!local)
		return -ENOMEM;
	input.local = local;
	return desired_build(&input, &step->desired);
}

static int plan_step(struct sync *sync, struct step *step)
{
	tables_done(&step->want);
	return plan_tables(&step->desired, sync->ifindex, &sync->have, &step->want);
}

/* The name servers and gateways that could be read: a list waits for no others. */
static void know_host(struct sync *sync)
{
	int err = sync->host_is_known ? 0 : host_view_read(&sync->host);

	if (err)
		log_debug("read the host's default routes: %s", strerror(-err));
	sync->host_is_known = !err;
}

/* Return: how many are in @taken. */
static size_t find_taken(const struct sync *sync,
			 struct prefix taken[static HOST_VIEW_MAX + BORDER_SERVERS_MAX])
{
	memcpy(taken, sync->host.at, sync->host.n * sizeof(*taken));
	memcpy(taken + sync->host.n, sync->servers, sync->n_servers * sizeof(*taken));
	return sync->host.n + sync->n_servers;
}

static int want_tunnel(struct sync *sync, struct step *step)
{
	struct prefix taken[HOST_VIEW_MAX + BORDER_SERVERS_MAX];

	know_host(sync);
	sync->tunnel->has_other_endpoints = false;
	step->limits = (struct tunnel_limits){
		.ranges = sync->ranges,
		.host_routes = sync->host_routes,
		.taken = taken,
		.n_taken = find_taken(sync, taken),
		.n_gateways = sync->host.n_gateways,
		.endpoints = sync->tunnel->endpoints,
		.addrs = step->addrs,
		.n_addrs = step->n_addrs,
		.ifindex = sync->tunnel->ifindex,
	};
	return tunnel_want_make(&step->desired, &step->limits, &step->tunnel);
}

/* Nothing is changed yet. Return: as sync_list(). */
static int prepare(struct sync *sync, const struct device_list *list, struct step *step)
{
	int err = build(sync, list, step);

	if (!err)
		err = plan_step(sync, step);
	if (err || !sync->tunnel)
		return err;
	err = want_tunnel(sync, step);
	if (err == -E2BIG)
		snprintf(sync->why, sizeof(sync->why),
			 "our own device has %zu tunnel addresses: more than the %d that a tunnel "
			 "takes",
			 step->desired.n_self_addresses, TUNNEL_ADDRESSES_MAX);
	return err;
}

/* Return: @err, after the tunnel's own words for it were kept. */
static int tunnel_failed(struct sync *sync, int err)
{
	snprintf(sync->why, sizeof(sync->why), "%s", sync->tunnel->error);
	return err;
}

/* New peers before the maps point to them, old ones after the maps no longer do. */
static int apply_tables(struct sync *sync, const struct plan *plan, struct tables *want,
			struct tunnel_want *tunnel)
{
	int err = sync->tunnel ? tunnel_add(sync->tunnel, tunnel) : 0;

	if (err)
		return tunnel_failed(sync, err);
	if (plan->n_entries || plan->n_slots || !sync->attached)
		err = carry_out(sync, plan, want);
	if (err) /* full maps have a better text */
		return err == -ENOSPC ? err : failed(sync, err, "edit the BPF maps");
	if (!sync->tunnel)
		return 0;
	err = tunnel_remove(sync->tunnel, tunnel);
	return err ? tunnel_failed(sync, err) : 0;
}

/* The maps as they are, and with room for what is wanted: then the plan may be another one. */
static int look_again(struct sync *sync, struct step *step)
{
	const struct datapath *dp = sync->dp;
	bool was_sure = sync->have_is_sure;
	int err = was_sure ? 0 : read_tables(sync);

	if (err)
		return failed(sync, err, "read the BPF maps");
	err = make_room(sync, step->desired.n_devices);
	if (err || (was_sure && sync->dp == dp))
		return err;
	return plan_step(sync, step);
}

static int apply(struct sync *sync, struct step *step)
{
	AUTO(plan_done) struct plan plan = {};
	int err = look_again(sync, step);

	if (!err)
		err = plan_edits(&sync->have, &step->want, &plan);
	if (!err)
		err = apply_tables(sync, &plan, &step->want, &step->tunnel);
	if (err)
		return err;
	log_debug("applied %zu entry and %zu slot edits", plan.n_entries, plan.n_slots);
	warn_of_conflicts(sync, &step->desired);
	sync_note_conflicts(sync, &step->desired);
	return 0;
}

/* An address that two interfaces want is an error that names both: in @why, or nothing is. */
static int check_addresses(const struct sync *sync, const struct step *step,
			   char why[static TUNNEL_ERROR_MAX])
{
	char ours[PREFIX_TEXT_MAX], theirs[PREFIX_TEXT_MAX];
	const struct link_addr *other;
	const struct prefix *address;
	struct link link = {};

	other = tunnel_want_conflict(&step->tunnel, &step->limits, &address);
	why[0] = '\0';
	if (!other)
		return 0;
	(void)link_get_index(other->ifindex, &link); /* gone meanwhile: no name */
	snprintf(why, TUNNEL_ERROR_MAX,
		 "our tunnel address %s for %s lies in %s of %s: give one of the two another range",
		 prefix_format_addr(address, ours), sync->tunnel->config.ifname,
		 prefix_format(&other->addr, theirs), link.name);
	return -EADDRINUSE;
}

static int check_peers(struct sync *sync, size_t n_devices)
{
	if (sync->tunnel->kernel || n_devices <= TUNNEL_USERSPACE_PEERS)
		return 0;
	snprintf(sync->why, sizeof(sync->why),
		 "%zu devices are more than the %d that wireguard-go takes: use the kernel's "
		 "WireGuard",
		 n_devices, TUNNEL_USERSPACE_PEERS);
	return -E2BIG;
}

int sync_list(struct sync *sync, struct device_list *list)
{
	AUTO(step_done) struct step step = {};
	char why[TUNNEL_ERROR_MAX];
	int err = prepare(sync, list, &step);

	if (!err && sync->tunnel)
		err = check_peers(sync, step.desired.n_devices);
	if (!err && sync->tunnel)
		err = check_addresses(sync, &step, sync->why);
	/* The list is wrong until there is another one; what failed may work soon. */
	sync->is_refused = err == -ENOENT || err == -ENOSPC || err == -EADDRINUSE || err == -E2BIG;
	if (err)
		return err;
	err = sync->ifindex ? apply(sync, &step) : 0;
	if (err) {
		sync->is_refused = err == -ENOSPC && !sync->why[0];
		/* Half of it may be in the maps: back to the list that was there. */
		snprintf(why, sizeof(why), "%s", sync->why);
		(void)sync_again(sync);
		snprintf(sync->why, sizeof(sync->why), "%s", why);
		return err;
	}
	device_list_done(&sync->list);
	sync->list = *list;
	*list = (struct device_list){};
	sync->conflict[0] = '\0';
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
	AUTO(step_done) struct step step = {};
	int err;

	if (!sync->has_list || !sync->ifindex)
		return 0;
	err = prepare(sync, &sync->list, &step);
	if (err)
		return err;
	/* It may be known by nobody but us: what works goes on. */
	if (sync->tunnel)
		(void)check_addresses(sync, &step, sync->conflict);
	return apply(sync, &step);
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

/* Is there a route into the tunnel for @host among those that the host's own table has? */
static bool has_host_route(const struct sync *sync, const struct prefix *host)
{
	const struct prefix_set *routes;

	if (!sync->tunnel || !sync->ifindex)
		return false;
	routes = &sync->tunnel->routes[TUNNEL_HOST].wanted;
	for (size_t i = 0; i < routes->n; i++)
		if (prefix_covers(&routes->at[i], host))
			return true;
	return false;
}

int sync_server(struct sync *sync, const struct prefix *server)
{
	size_t at = 0;

	while (at < sync->n_servers && prefix_compare(&sync->servers[at], server) != 0)
		at++;
	if (at == BORDER_SERVERS_MAX)
		at = 0; /* the oldest */
	if (at < sync->n_servers)
		memmove(&sync->servers[at], &sync->servers[at + 1],
			(--sync->n_servers - at) * sizeof(*server));
	sync->servers[sync->n_servers++] = *server;
	return has_host_route(sync, server) ? sync_again(sync) : 0;
}
