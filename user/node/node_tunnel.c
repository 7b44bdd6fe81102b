// SPDX-License-Identifier: Apache-2.0
/*
 * node_tunnel.c - an interface of our own: make it, notice what others change of it, put it back.
 *
 * The kernel tells of links, addresses and routes. WireGuard tells nothing of its peers: a probe in
 * it does, and where that cannot be had they are read again and again, the less often the longer
 * that takes.
 */
#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "node/node_private.h"
#include "node/tunnel_want.h"
#include "tunnel/route_watch.h"
#include "tunnel/tunnel_routes.h"

#define MEND_AFTER_MS 20       /* changes come in swarms: one pass for all */
#define COUNT_AFTER_MS 500     /* others' routes, of which there may be many */
#define PEERS_EVERY_MS 500     /* a peer that somebody removed is back within a second */
#define PEERS_WATCHED_MS 30000 /* where we are told of changes: to see who has connected */
#define NEWS_SHARE 10          /* the same when we are told that they have changed */
#define PEERS_SHARE 50         /* but no more than one part in so many of the time */
#define UNSURE_MS 3000
#define RETRY_MIN_MS 250
#define RETRY_MAX_MS 10000

static const char *const part_names[] = { "link",      "key or port", "peers",
					  "addresses", "routes",      "routing rules" };

static const char *format_parts(unsigned int parts, char *text, size_t size)
{
	size_t len = 0;

	text[0] = '\0';
	for (size_t i = 0; i < sizeof(part_names) / sizeof(part_names[0]); i++)
		if (parts & 1u << i && len < size)
			len += snprintf(text + len, size - len, "%s%s", len ? ", " : "",
					part_names[i]);
	return text;
}

static void say_started(const struct node *node, const struct tunnel_started *started)
{
	const struct tunnel *tunnel = &node->tunnel;
	const char *ifname = tunnel->config.ifname;
	char key[WG_KEY_TEXT];

	if (started->key == PRIVATE_KEY_IMPORTED)
		log_note("took over the private key of %s", started->key_from);
	if (started->key == PRIVATE_KEY_MADE)
		log_note("made a private key, kept in %s", tunnel->config.state_dir);
	log_note("%s: %s (%s WireGuard, port %u), public key %s", ifname,
		 started->how == TUNNEL_MADE         ? "created"
		 : started->how == TUNNEL_TAKEN_OVER ? "taken over, as it has our key"
						     : "still there from an earlier run",
		 tunnel->kernel ? "kernel" : "userspace", tunnel->config.listen_port,
		 wg_key_format(tunnel->public_key, key));
}

int node_tunnel_start(struct node *node, bool *ret_made)
{
	const struct run_settings *settings = node->settings;
	struct tunnel_started started;
	int err;

	node->tunnel.config = (struct tunnel_config){
		.ifname = settings->ifname,
		.state_dir = settings->state_dir,
		.state_fd = node->state_dir.fd,
		.record_path = node->instance.tunnel_path,
		.listen_port = settings->listen_port,
		.mtu = settings->mtu,
		.backend = settings->backend,
		.napi = settings->napi,
		.forwarding = settings->forwarding,
	};
	err = tunnel_start(&node->tunnel, &started);
	if (err) {
		(void)log_err(0, "%s", node->tunnel.error);
		return err;
	}
	say_started(node, &started);
	node->lost_report.config = (struct lost_report_config){
		.ifname = settings->ifname,
		.forwarding = &settings->forwarding,
		.is_taken_over = node->tunnel.record.taken_over,
	};
	*ret_made = started.how == TUNNEL_MADE;
	node->sync.tunnel = &node->tunnel;
	node->sync.ifindex = node->tunnel.ifindex;
	memcpy(node->sync.self_key, node->tunnel.public_key, sizeof(node->sync.self_key));
	return 0;
}

/* What is wrong with the own table; "" when nothing is. */
static const char *describe_others(const struct tunnel *tunnel, char text[static TUNNEL_ERROR_MAX])
{
	const struct table_others *others = &tunnel->others;
	char command[TABLE_OTHERS_COMMAND_MAX];

	text[0] = '\0';
	if (others->n)
		snprintf(text, TUNNEL_ERROR_MAX,
			 "%zu routes of other programs in %s's own table %u decide where spokes' "
			 "packets go: `%s` removes the first",
			 others->n, tunnel->config.ifname, others->first.table,
			 table_others_command(&others->first, command));
	return text;
}

/* Is there something that node_tunnel_report() has not said, or that is over? */
static bool is_news(const struct node *node)
{
	const struct tunnel *tunnel = &node->tunnel;
	char others[TUNNEL_ERROR_MAX];

	return tunnel->n_foreign_addresses != node->said_foreign_addresses ||
	       tunnel->n_foreign_routes != node->said_foreign_routes ||
	       tunnel->routes[TUNNEL_HOST].n_refused != node->said_refused ||
	       tunnel->left_own.n + tunnel->left_routes.n != node->said_left ||
	       tunnel->behind_rule != node->said_behind || tunnel->n_lost ||
	       strcmp(describe_others(tunnel, others),
		      trouble_text(&node->troubles, TROUBLE_TABLE)) != 0 ||
	       strcmp(node->sync.conflict, trouble_text(&node->troubles, TROUBLE_ADDRESS)) != 0;
}

static void say_conflict(struct node *node)
{
	if (*node->sync.conflict)
		(void)trouble_warn(&node->troubles, TROUBLE_ADDRESS,
				   "everything stays as it is, continuing", "%s",
				   node->sync.conflict);
	else if (trouble_clear(&node->troubles, TROUBLE_ADDRESS))
		log_note("%s is as it should be again", node->settings->ifname);
}

/* Once for each that is lost: the operator may have reached it from here. */
static void say_lost(struct tunnel *tunnel)
{
	char text[TUNNEL_ERROR_MAX] = "", one[PREFIX_TEXT_MAX];
	size_t len = 0;

	for (size_t i = 0; i < tunnel->lost.n && len + PREFIX_TEXT_MAX < sizeof(text); i++)
		len += snprintf(text + len, sizeof(text) - len, "%s%s", i ? "," : "",
				prefix_format(&tunnel->lost.at[i], one));
	if (tunnel->n_lost)
		log_warn("this host itself has no route any more to %zu networks that devices "
			 "advertise (spokes reach them); `host-routes = %s` in the configuration "
			 "keeps them",
			 tunnel->n_lost, text);
	tunnel->n_lost = tunnel->lost.n = 0;
}

/* Others' addresses and routes come and go all the time: the status has how many there are. */
static void say_others(struct node *node)
{
	const char *ifname = node->tunnel.config.ifname, *then = "leaving them alone";
	const struct tunnel_routes_of *host = &node->tunnel.routes[TUNNEL_HOST];
	char text[PREFIX_TEXT_MAX];

	if (node->tunnel.n_foreign_addresses)
		(void)trouble_warn(&node->troubles, TROUBLE_FOREIGN, then,
				   "%s has addresses that are not ours", ifname);
	else
		(void)trouble_clear(&node->troubles, TROUBLE_FOREIGN);
	if (node->tunnel.n_foreign_routes)
		(void)trouble_warn(&node->troubles, TROUBLE_FOREIGN_ROUTES, then,
				   "%s has routes that are not ours", ifname);
	else
		(void)trouble_clear(&node->troubles, TROUBLE_FOREIGN_ROUTES);
	if (host->n_refused)
		(void)trouble_warn(&node->troubles, TROUBLE_REFUSED, then,
				   "routes are somebody else's: the first is %s (see `ip route "
				   "show`)",
				   prefix_format(&host->refused, text));
	else
		(void)trouble_clear(&node->troubles, TROUBLE_REFUSED);
}

static void say_left_out(struct node *node)
{
	const struct tunnel_left_out *own = &node->tunnel.left_own;
	const struct tunnel_left_out *routes = &node->tunnel.left_routes;
	char text[TUNNEL_ERROR_MAX];

	if (own->n)
		(void)trouble_warn(&node->troubles, TROUBLE_LEFT_OWN, "continuing without it",
				   "the list gives this relay the address %s",
				   tunnel_left_text(own, text));
	else
		(void)trouble_clear(&node->troubles, TROUBLE_LEFT_OWN);
	if (routes->n)
		(void)trouble_warn(&node->troubles, TROUBLE_LEFT_ROUTES,
				   "spokes reach it all the same", "this host does not route %s",
				   tunnel_left_text(routes, text));
	else
		(void)trouble_clear(&node->troubles, TROUBLE_LEFT_ROUTES);
}

static void say_rule(struct node *node)
{
	const struct tunnel *tunnel = &node->tunnel;

	if (tunnel->behind_rule)
		(void)trouble_warn(
			&node->troubles, TROUBLE_RULE,
			"what the kernel forwards or answers for it may leave by another "
			"interface (see `ip rule`)",
			"routing rule %u of another program stands before those of %s",
			tunnel->behind_rule, tunnel->config.ifname);
	else
		(void)trouble_clear(&node->troubles, TROUBLE_RULE);
}

static void say_table(struct node *node)
{
	char text[TUNNEL_ERROR_MAX];

	if (*describe_others(&node->tunnel, text))
		(void)trouble_warn(&node->troubles, TROUBLE_TABLE, "leaving them alone", "%s",
				   text);
	else if (trouble_clear(&node->troubles, TROUBLE_TABLE))
		log_note("%s's own routing table has no other program's routes any more",
			 node->settings->ifname);
}

/* What others have on the interface, and what we cannot have: said when it changes. */
void node_tunnel_report(struct node *node)
{
	const struct tunnel *tunnel = &node->tunnel;

	say_lost(&node->tunnel);
	/* Till then it is not known what is ours. */
	if (!node->sync.has_list)
		return;
	say_others(node);
	say_left_out(node);
	say_rule(node);
	say_table(node);
	node->said_left = tunnel->left_own.n + tunnel->left_routes.n;
	node->said_behind = tunnel->behind_rule;
	node->said_foreign_addresses = tunnel->n_foreign_addresses;
	node->said_foreign_routes = tunnel->n_foreign_routes;
	node->said_refused = tunnel->routes[TUNNEL_HOST].n_refused;
	say_conflict(node);
	lost_report_look(&node->lost_report, node->loop, node->state_dir.fd);
}

/* Not now: later and later. The same trouble is said once. */
void node_tunnel_unsure(struct node *node)
{
	node->unsure_at = clock_ms();
}

static void try_later(struct node *node, const char *why)
{
	bool is_first;

	node_tunnel_unsure(node);
	is_first = !pace_has_failed(&node->mend_pace);
	node->mend_parts = TUNNEL_ALL;
	timer_arm(&node->mend, pace_failed_here(&node->mend_pace, clock_ms()));
	/* What is over a moment later is not worth a word. */
	if (!is_first &&
	    trouble_warn(&node->troubles, TROUBLE_TUNNEL, "trying again, continuing", "%s", why))
		node_write_status(node);
}

static void is_well(struct node *node)
{
	pace_reset(&node->mend_pace);
	if (trouble_clear(&node->troubles, TROUBLE_TUNNEL))
		log_note("%s is as it should be again", node->settings->ifname);
	node_tunnel_report(node);
	node_write_status(node);
}

/* Return: as fight_count(). */
static bool count_change(struct node *node)
{
	/* Userspace WireGuard may carry out what it could not answer after we have looked. */
	if (node->unsure_at && clock_ms() - node->unsure_at < UNSURE_MS)
		return false;
	return fight_count(&node->fight, clock_ms(), node->settings->ifname);
}

static void stop_watching(struct node *node)
{
	io_stop(&node->on_peer_news);
	peer_watch_close(node->peer_watch);
	node->peer_watch = NULL;
}

/* The interface is gone: make it anew, with all that was on it. */
static void make_again(struct node *node)
{
	struct tunnel_started started;
	uint64_t n;
	int err;

	if (node->sync.ifindex) {
		if (count_change(node))
			log_warn("%s was removed: making it again", node->settings->ifname);
		(void)sync_interface(&node->sync, 0);
		tunnel_gone(&node->tunnel);
		host_forwarding_interface(&node->forwarding, false);
	}
	n = node->peer_watch ? peer_watch_own_changes(node->peer_watch) : 0;
	err = tunnel_start(&node->tunnel, &started);
	if (err) {
		try_later(node, node->tunnel.error);
		return;
	}
	host_forwarding_interface(&node->forwarding, true);
	/* A probe goes with its module: the key that was set just now has to have counted. */
	if (node->peer_watch && peer_watch_own_changes(node->peer_watch) == n) {
		stop_watching(node);
		timer_arm(&node->poll_peers, PEERS_EVERY_MS);
	}
	err = sync_interface(&node->sync, node->tunnel.ifindex);
	if (err) {
		try_later(node, sync_why(&node->sync, err));
		return;
	}
	node->mend_parts = 0;
	if (!node->fight.wait_ms)
		log_note("%s is back, attached again", node->settings->ifname);
	is_well(node);
}

static size_t n_refused(const struct node *node)
{
	return node->tunnel.routes[TUNNEL_HOST].n_refused;
}

static void on_mend(void *arg)
{
	struct node *node = arg;
	unsigned int parts = node->mend_parts, changed = 0;
	/*
	 * Of all interfaces the addresses are the relay's own, which the maps hold; and with an
	 * interface go its IPv4 routes, silently.
	 */
	bool again = parts & TUNNEL_ADDRESSES ||
		     (n_refused(node) && parts & (TUNNEL_ROUTES | TUNNEL_LINK));
	bool had_other_key = node->tunnel.has_other_key;
	size_t n_conflicts = node->sync.n_conflicts;
	char text[64];
	int err;

	node->mend_parts = 0;
	err = node->tunnel.ifindex ? tunnel_mend(&node->tunnel, parts, &changed) : -ENODEV;
	if (err == -ENODEV) {
		make_again(node);
		return;
	}
	if (node->tunnel.has_other_key != had_other_key)
		node_state_tell(node);
	if (changed) {
		if (count_change(node))
			log_warn("%s: somebody has changed its %s: putting that back",
				 node->settings->ifname, format_parts(changed, text, sizeof(text)));
		node_look_at_ipv6(node, false);
	}
	if (err) {
		try_later(node, node->tunnel.error);
		return;
	}
	/* A refused list may have been so for an address that is gone. */
	if (parts & TUNNEL_ADDRESSES && node->sync.is_refused && node->settings->account)
		node_list_again(node);
	else if (parts & TUNNEL_ADDRESSES && node->sync.is_refused && node_has_source(node))
		node_source_read(node);
	if (changed || again || pace_has_failed(&node->mend_pace) ||
	    node->tunnel.has_other_endpoints || (!node->tunnel.is_sure && node->sync.has_list))
		err = sync_again(&node->sync);
	if (err)
		try_later(node, sync_why(&node->sync, err));
	else if (changed || pace_has_failed(&node->mend_pace) || is_news(node) ||
		 node->sync.n_conflicts != n_conflicts)
		is_well(node);
	else if (parts & (TUNNEL_ADDRESSES | TUNNEL_LINK) && node->sync.has_list)
		lost_report_look(&node->lost_report, node->loop, node->state_dir.fd);
}

void node_tunnel_changed(struct node *node, unsigned int parts)
{
	int64_t wait = fight_left_ms(&node->fight, clock_ms());
	/* Whatever has changed, it may be what the interface could not be made for. */
	bool gone = !node->tunnel.ifindex;

	node->mend_parts |= parts;
	if (gone || !timer_is_armed(&node->mend))
		timer_arm(&node->mend, wait > MEND_AFTER_MS ? (int)wait : MEND_AFTER_MS);
}

/* How long until the peers are looked at again, without news of them. */
static int peers_wait_ms(const struct node *node, bool looked, int64_t cpu_ms)
{
	bool watched = node->peer_watch && looked;
	int64_t wait = watched ? PEERS_WATCHED_MS : PEERS_EVERY_MS;

	if (cpu_ms * PEERS_SHARE > wait)
		wait = cpu_ms * PEERS_SHARE;
	return (int)wait;
}

static void on_poll_peers(void *arg)
{
	struct node *node = arg;
	int64_t began = clock_cpu_ms(), cpu_ms;
	bool looks = !timer_is_armed(&node->mend) && fight_left_ms(&node->fight, clock_ms()) <= 0;

	if (looks) {
		node->mend_parts |= TUNNEL_PEERS | TUNNEL_IDENTITY;
		/* The kernel says when they are free, but for those of a nexthop object; and
		 * others' go with an interface, silently. */
		if (n_refused(node) || node->tunnel.others.n)
			node->mend_parts |= TUNNEL_ROUTES;
		on_mend(node);
	}
	cpu_ms = clock_cpu_ms() - began;
	node->peers_not_before = clock_ms() + cpu_ms * NEWS_SHARE;
	timer_arm(&node->poll_peers, peers_wait_ms(node, looks, cpu_ms));
}

static void on_peer_news(void *arg)
{
	struct node *node = arg;
	int64_t wait = node->peers_not_before - clock_ms();

	peer_watch_drain(node->peer_watch);
	timer_arm(&node->poll_peers, wait > MEND_AFTER_MS ? (int)wait : MEND_AFTER_MS);
}

void node_tunnel_watch_peers(struct node *node)
{
	int err = node->tunnel.kernel
			  ? peer_watch_open_kernel(&node->peer_watch)
			  : peer_watch_open_userspace(node->settings->ifname, &node->peer_watch);

	if (err)
		log_debug("watch the peers of %s: %s; reading them again and again instead",
			  node->settings->ifname, strerror(-err));
}

static void on_route(void *arg)
{
	struct node *node = arg;
	const struct tunnel_routes_of *routes = node->tunnel.routes;
	const struct route_watch watch = {
		.ifindex = node->tunnel.ifindex,
		.own_table = tunnel_table(node->settings->ifname),
		.own = &routes[TUNNEL_OWN].wanted,
		.main = &routes[TUNNEL_HOST].wanted,
	};
	int changes = route_watch_read(node->route_fd, &watch);

	if (changes < 0) {
		node_interface_deaf(node, changes);
		changes = ROUTE_OVERRUN;
	}
	if (changes & (ROUTE_OURS_CHANGED | ROUTE_OVERRUN))
		node_tunnel_changed(node, TUNNEL_ROUTES);
	if (changes & (RULES_CHANGED | ROUTE_OVERRUN))
		node_tunnel_changed(node, TUNNEL_RULES);
	if (changes & (ROUTE_DEFAULT_CHANGED | ROUTE_OVERRUN)) {
		node->sync.host_is_known = false;
		node_tunnel_changed(node, TUNNEL_ADDRESSES);
	}
	if (changes & ROUTE_FOREIGN && !timer_is_armed(&node->count))
		timer_arm(&node->count, COUNT_AFTER_MS);
}

static void on_count(void *arg)
{
	node_tunnel_changed(arg, TUNNEL_ROUTES);
}

void node_tunnel_listen(struct node *node)
{
	io_start(&node->on_route, node->loop, node->route_fd, IO_READ, on_route, node);
}

int node_tunnel_follow(struct node *node)
{
	node->route_fd = route_watch_open();
	if (node->route_fd < 0)
		return node->route_fd;
	node_tunnel_listen(node);
	node->mend_pace = (struct pace){ .min_ms = RETRY_MIN_MS, .max_ms = RETRY_MAX_MS };
	timer_init(&node->mend, node->loop, on_mend, node);
	timer_init(&node->count, node->loop, on_count, node);
	timer_init(&node->poll_peers, node->loop, on_poll_peers, node);
	if (node->peer_watch)
		io_start(&node->on_peer_news, node->loop, peer_watch_fd(node->peer_watch), IO_READ,
			 on_peer_news, node);
	timer_arm(&node->poll_peers, PEERS_EVERY_MS);
	node_tunnel_changed(node, TUNNEL_ALL); /* what happened before we listened */
	return 0;
}

void node_tunnel_stop(struct node *node)
{
	stop_watching(node);
	io_stop(&node->on_route);
	timer_stop(&node->mend);
	timer_stop(&node->count);
	timer_stop(&node->poll_peers);
	if (node->route_fd >= 0)
		close(node->route_fd);
	tunnel_done(&node->tunnel);
}
