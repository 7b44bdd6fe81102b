// SPDX-License-Identifier: Apache-2.0
/* tunnel.c - make, configure and remove the interface. */
#include "tunnel/tunnel.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/cleanup.h"
#include "tunnel/forwarding.h"
#include "tunnel/link_edit.h"
#include "tunnel/sysctl.h"
#include "tunnel/tunnel_private.h"
#include "tunnel/tunnel_routes.h"
#include "tunnel/tunnel_rules.h"
#include "tunnel/wg_uapi_socket.h"
#include "tunnel/wg_edit.h"
#include "tunnel/wg_userspace.h"

/* A userspace WireGuard that a killed start has begun opens its socket after it made the link. */
#define SOCKET_WAIT_MS 2000
#define SOCKET_PAUSE_MS 20

static const uint8_t no_key[WG_KEY_BYTES];

int tunnel_fail(struct tunnel *tunnel, int err, const char *remedy, const char *what, ...)
{
	char text[TUNNEL_ERROR_MAX / 2];
	va_list args;

	va_start(args, what);
	(void)vsnprintf(text, sizeof(text), what, args);
	va_end(args);
	snprintf(tunnel->error, sizeof(tunnel->error), "%s: %s%s", text, strerror(-err),
		 remedy ?: "");
	return err;
}

int tunnel_fail_key(struct tunnel *tunnel, int err, const struct private_key_error *failed)
{
	/* Paths that are longer than any sane one are cut. */
	snprintf(tunnel->error, sizeof(tunnel->error), "%.200s: %.300s", failed->path, failed->why);
	return err;
}

/* Where the errno alone would say nothing. */
static int explain(struct tunnel *tunnel, int err, const char *text)
{
	snprintf(tunnel->error, sizeof(tunnel->error), "%s%s", tunnel->config.ifname, text);
	return err;
}

int tunnel_save_record(struct tunnel *tunnel)
{
	int err = tunnel_record_save(tunnel->config.record_path, &tunnel->record);

	return err ? tunnel_fail(tunnel, err, NULL, "write %s", tunnel->config.record_path) : 0;
}

static int load_record(struct tunnel *tunnel)
{
	int err = tunnel_record_load(tunnel->config.record_path, &tunnel->record);

	if (err == -ENOENT) {
		tunnel->record = (struct tunnel_record){};
		return 0;
	}
	if (err)
		return tunnel_fail(tunnel, err,
				   err == -EBADMSG ? " (it is damaged: remove it)" : "", "read %s",
				   tunnel->config.record_path);
	return 0;
}

/* Return: as wg_device_read(). */
static int read_device(const char *name, bool patient, struct wg_device *ret)
{
	static const struct timespec pause = { .tv_nsec = SOCKET_PAUSE_MS * 1000000L };
	int err = wg_device_read(name, ret);

	for (int ms = 0; err == -ENODEV && patient && ms < SOCKET_WAIT_MS; ms += SOCKET_PAUSE_MS) {
		(void)nanosleep(&pause, NULL);
		err = wg_device_read(name, ret);
	}
	return err;
}

/* An interface of our name is there: is it ours? */
static int claim(struct tunnel *tunnel, const struct link *link, const struct wg_device *device,
		 enum tunnel_start *ret_how)
{
	struct tunnel_record *record = &tunnel->record;
	bool made = record->made &&
		    (record->ifindex == link->ifindex ||
		     (!record->ifindex && !memcmp(device->public_key, no_key, WG_KEY_BYTES)));

	if (!made && memcmp(device->public_key, tunnel->public_key, WG_KEY_BYTES) != 0)
		return explain(tunnel, -EEXIST,
			       memcmp(device->public_key, no_key, WG_KEY_BYTES)
				       ? " is there already, and has another key: relay on it as "
					 "it is with --adopt, or make room with `ip link delete`"
				       : " is there already, and was not made here: make room with "
					 "`ip link delete`, or use another --interface");
	*ret_how = made ? TUNNEL_CONTINUED : TUNNEL_TAKEN_OVER;
	if (!made)
		*record = (struct tunnel_record){ .taken_over = true };
	record->made = true;
	record->ifindex = link->ifindex;
	return tunnel_save_record(tunnel);
}

static int make_userspace(struct tunnel *tunnel)
{
	int err = wg_userspace_start(tunnel->config.ifname);

	if (err == -ENOENT && tunnel->config.backend == TUNNEL_AUTO)
		return explain(tunnel, err,
			       ": this kernel has no WireGuard, and there is no "
			       "wireguard-go: install the one or the other");
	if (err == -ENOENT)
		return explain(tunnel, err, ": there is no wireguard-go: install it");
	if (err == -EEXIST)
		return explain(
			tunnel, err,
			": another userspace WireGuard serves an interface of that name, maybe "
			"in another network namespace: use another --interface");
	if (err == -ECHILD)
		return explain(tunnel, err,
			       ": wireguard-go has failed: `wireguard-go --foreground` "
			       "with the interface's name says why");
	return err ? tunnel_fail(tunnel, err, NULL, "start wireguard-go %s", tunnel->config.ifname)
		   : 0;
}

static int make_link(struct tunnel *tunnel)
{
	const char *ifname = tunnel->config.ifname;
	int err;

	if (tunnel->config.backend == TUNNEL_USERSPACE)
		return make_userspace(tunnel);
	err = link_add_wireguard(ifname);
	if (err == -EOPNOTSUPP && tunnel->config.backend == TUNNEL_AUTO)
		return make_userspace(tunnel);
	if (err == -EOPNOTSUPP)
		return explain(tunnel, err,
			       ": this kernel has no WireGuard: load its module, or use "
			       "--wireguard userspace");
	return err ? tunnel_fail(tunnel, err, NULL, "create %s", ifname) : 0;
}

/* Nothing was made: what was made before may be there yet, with another name or elsewhere. */
static void put_record_back(struct tunnel *tunnel, const struct tunnel_record *before)
{
	tunnel->record = before->ifindex ? *before : (struct tunnel_record){};
	if (before->ifindex)
		(void)tunnel_record_save(tunnel->config.record_path, before);
	else
		(void)tunnel_record_remove(tunnel->config.record_path);
}

static int make(struct tunnel *tunnel, struct link *ret_link)
{
	const struct tunnel_config *config = &tunnel->config;
	const struct tunnel_record before = tunnel->record;
	int err;

	tunnel->record = (struct tunnel_record){ .made = true };
	err = tunnel_save_record(tunnel);
	if (err)
		return err;
	err = make_link(tunnel);
	if (err) {
		put_record_back(tunnel, &before);
		return err;
	}
	err = link_get(config->ifname, ret_link);
	if (err) {
		(void)tunnel_fail(tunnel, err, NULL, "look up %s", config->ifname);
	} else {
		tunnel->record.ifindex = ret_link->ifindex;
		err = tunnel_save_record(tunnel);
	}
	if (err) /* what is on disk already is record enough to find it by */
		(void)tunnel_down(config->ifname, config->record_path);
	return err;
}

static int find_or_make(struct tunnel *tunnel, struct link *ret_link, struct wg_device *ret_device,
			enum tunnel_start *ret_how)
{
	const char *ifname = tunnel->config.ifname;
	int err = link_get(ifname, ret_link);

	*ret_how = TUNNEL_CONTINUED;
	if (err == -ENODEV) {
		err = make(tunnel, ret_link);
		if (err)
			return err;
		*ret_how = TUNNEL_MADE;
	} else if (err) {
		return tunnel_fail(tunnel, err, NULL, "look up %s", ifname);
	}
	err = read_device(ifname, tunnel->record.made, ret_device);
	if (err == -ENODEV || err == -EOPNOTSUPP)
		return explain(tunnel, -EEXIST,
			       " is there already, and is no WireGuard interface: use another "
			       "--interface, or make room with `ip link delete`");
	if (err)
		return tunnel_fail(tunnel, err, NULL, "read the WireGuard settings of %s", ifname);
	return *ret_how == TUNNEL_MADE ? 0 : claim(tunnel, ret_link, ret_device, ret_how);
}

/*
 * Userspace WireGuard opens its socket after the link came up and tells nobody when it could not,
 * and the kernel's own error does not say which port. Only while WireGuard itself does not hold it.
 */
static int check_port(uint16_t port)
{
	static const int families[] = { AF_INET, AF_INET6 };
	const int on = 1;

	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
		struct sockaddr_in6 at6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
		struct sockaddr_in at4 = { .sin_family = AF_INET, .sin_port = htons(port) };
		auto_close int fd = socket(families[i], SOCK_DGRAM | SOCK_CLOEXEC, 0);
		int failed;

		if (fd < 0)
			continue; /* no IPv6 here */
		if (families[i] == AF_INET6)
			(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
		failed = families[i] == AF_INET ? bind(fd, (struct sockaddr *)&at4, sizeof(at4))
						: bind(fd, (struct sockaddr *)&at6, sizeof(at6));
		if (failed && errno == EADDRINUSE)
			return -EADDRINUSE;
	}
	return 0;
}

static int fail_port(struct tunnel *tunnel, int err)
{
	if (err != -EADDRINUSE)
		return tunnel_fail(tunnel, err, NULL, "set the port of %s", tunnel->config.ifname);
	return tunnel_fail(tunnel, err, " (see `ss -lunp`, or use another --listen-port)",
			   "UDP port %u for %s", tunnel->config.listen_port, tunnel->config.ifname);
}

static int set_identity(struct tunnel *tunnel, const struct wg_device *device,
			const uint8_t *private_key)
{
	const char *ifname = tunnel->config.ifname;
	bool port = device->listen_port != tunnel->config.listen_port;
	int err = 0;

	if (port && check_port(tunnel->config.listen_port))
		return fail_port(tunnel, -EADDRINUSE);
	if (private_key && memcmp(device->public_key, tunnel->public_key, WG_KEY_BYTES) != 0) {
		/* A new key is a new shared secret for each peer, in one go and under RTNL. */
		err = device->n_peers ? wg_edit_flush(ifname) : 0;
		if (!err)
			err = wg_edit_identity(ifname, private_key, 0);
		if (err)
			return tunnel_fail(tunnel, err, NULL, "set the private key of %s", ifname);
		tunnel->is_sure = false;
	}
	err = port ? wg_edit_identity(ifname, NULL, tunnel->config.listen_port) : 0;
	return err ? fail_port(tunnel, err) : 0;
}

/* net.ipv6.conf.default.disable_ipv6 may be 1 where the host has IPv6: the interface is ours. */
int tunnel_enable_ipv6(struct tunnel *tunnel)
{
	const char *why;
	char path[64];
	int value, err;

	if (!ipv6_support(&why))
		return 0;
	snprintf(path, sizeof(path), "net/ipv6/conf/%s/disable_ipv6", tunnel->config.ifname);
	err = sysctl_read(path, &value);
	if (!err && value)
		err = sysctl_write(path, 0);
	if (err == -ENOENT)
		return 0; /* the MTU is too small for IPv6, or it has just gone: seen elsewhere */
	return err ? tunnel_fail(tunnel, err, NULL, "set %s", path) : 0;
}

int tunnel_configure(struct tunnel *tunnel, const struct link *link, const struct wg_device *device,
		     const uint8_t *private_key)
{
	const char *ifname = tunnel->config.ifname;
	int err = set_identity(tunnel, device, private_key);

	if (err)
		return err;
	if (link->mtu != tunnel->config.mtu) {
		err = link_set_mtu(link->ifindex, tunnel->config.mtu);
		if (err)
			return tunnel_fail(tunnel, err, NULL, "set the MTU of %s to %u", ifname,
					   tunnel->config.mtu);
	}
	err = tunnel_enable_ipv6(tunnel);
	if (!err && !link->up) {
		err = link_set_up(link->ifindex);
		if (err == -EADDRINUSE)
			return fail_port(tunnel, err);
		if (err)
			return tunnel_fail(tunnel, err, NULL, "set %s up", ifname);
	}
	return err;
}

static int start_with_key(struct tunnel *tunnel, const uint8_t *private_key,
			  enum tunnel_start *ret_how)
{
	AUTO(wg_device_done) struct wg_device device = {};
	struct tunnel_record before;
	struct link link = {};
	int err;

	err = private_key_public(private_key, tunnel->public_key);
	if (err)
		return tunnel_fail(tunnel, err, NULL, "compute the public key");
	err = load_record(tunnel);
	before = tunnel->record;
	if (!err)
		err = find_or_make(tunnel, &link, &device, ret_how);
	if (!err)
		err = tunnel_configure(tunnel, &link, &device, private_key)
			      ?: tunnel_note_endpoints(tunnel, &device);
	if (err && *ret_how == TUNNEL_MADE && link.ifindex &&
	    !tunnel_down(tunnel->config.ifname, tunnel->config.record_path))
		put_record_back(tunnel, &before);
	if (err)
		return err;
	tunnel->ifindex = link.ifindex;
	tunnel->kernel = device.kernel;
	return 0;
}

int tunnel_load_key(const struct tunnel *tunnel, uint8_t ret_key[static WG_KEY_BYTES],
		    struct private_key_error *ret_err)
{
	uint8_t key[WG_KEY_BYTES], public_key[WG_KEY_BYTES];
	int err = private_key_load(tunnel->config.state_dir, key, ret_err);

	if (err)
		return err;
	err = private_key_public(key, public_key);
	if (err)
		snprintf(ret_err->why, sizeof(ret_err->why), "cannot use it: %s", strerror(-err));
	else if (memcmp(public_key, tunnel->public_key, sizeof(public_key)) != 0) {
		err = -EKEYREJECTED;
		snprintf(ret_err->why, sizeof(ret_err->why),
			 "holds another key than the one that this relay runs with: restart the "
			 "relay to take it, or put the old one back");
	} else {
		memcpy(ret_key, key, sizeof(key));
	}
	explicit_bzero(key, sizeof(key));
	return err;
}

int tunnel_check_key(const struct tunnel *tunnel)
{
	struct private_key_error why = {};
	uint8_t key[WG_KEY_BYTES];
	int err = tunnel_load_key(tunnel, key, &why);

	explicit_bzero(key, sizeof(key));
	return err;
}

/* Who goes on does not become another, when the key is gone or another one meanwhile. */
static int get_key(const struct tunnel *tunnel, uint8_t ret_key[static WG_KEY_BYTES],
		   struct tunnel_started *started, struct private_key_error *ret_err)
{
	const struct tunnel_config *config = &tunnel->config;

	if (!memcmp(tunnel->public_key, no_key, sizeof(no_key)))
		return private_key_get_in(config->state_fd, config->state_dir, ret_key,
					  &started->key, started->key_from, ret_err);
	started->key = PRIVATE_KEY_LOADED;
	return tunnel_load_key(tunnel, ret_key, ret_err);
}

int tunnel_start(struct tunnel *tunnel, struct tunnel_started *ret_started)
{
	struct tunnel_started started = {};
	struct private_key_error failed = {};
	uint8_t key[WG_KEY_BYTES] = {};
	int err;

	tunnel_gone(tunnel);
	err = get_key(tunnel, key, &started, &failed);
	if (err)
		err = tunnel_fail_key(tunnel, err, &failed);
	else
		err = start_with_key(tunnel, key, &started.how);
	explicit_bzero(key, sizeof(key));
	if (!err)
		*ret_started = started;
	return err;
}

/*
 * Is what has this number now still the interface that we made, not another that got it since? The
 * socket of a userspace WireGuard keeps the name that the interface began with.
 */
static bool is_tunnel(const struct link *link, const char *ifname)
{
	return !strcmp(link->kind, "wireguard") ||
	       (!strcmp(link->kind, "tun") &&
		(!strcmp(link->name, ifname) || wg_uapi_probe(ifname) != -ENODEV));
}

/* What we have made is not here: was it removed, or moved to another network namespace? */
static int look_elsewhere(const char *ifname, uint32_t ifindex)
{
	if (wg_userspace_await_end(ifname) == -EBUSY)
		return -EXDEV;
	return link_is_elsewhere(ifindex, "wireguard") ? -ESTALE : 0;
}

/* A start that was killed after it had made the interface, before it could write its number down.
 */
static int find_unfinished(const char *ifname, struct link *ret_link)
{
	AUTO(wg_device_done) struct wg_device device = {};
	int err = link_get(ifname, ret_link);

	if (!err)
		err = read_device(ifname, true, &device);
	if (!err && memcmp(device.public_key, no_key, sizeof(no_key)) != 0)
		err = -ENODEV; /* ours has none yet */
	return err;
}

static int remove_link(const char *ifname, const struct tunnel_record *record)
{
	struct link link;
	int err;

	err = record->ifindex ? link_get_index(record->ifindex, &link)
			      : find_unfinished(ifname, &link);
	if (err == -ENODEV || (!err && !is_tunnel(&link, ifname)))
		return record->ifindex ? look_elsewhere(ifname, record->ifindex) : 0;
	if (!err) {
		/* Where WireGuard does not answer, the interface can go all the same. */
		(void)wg_edit_flush(link.name);
		err = link_remove(link.ifindex);
	}
	if (!err && strcmp(link.kind, "wireguard") != 0)
		err = wg_userspace_await_end(ifname);
	return err == -ENODEV ? 0 : err;
}

int tunnel_down(const char *ifname, const char *record_path)
{
	struct tunnel_record record = {};
	struct link link;
	uint32_t table = tunnel_table(ifname);
	int err = tunnel_record_load(record_path, &record), routes_err;

	if (err && err != -ENOENT)
		return err;
	err = record.made ? remove_link(ifname, &record) : 0;
	if (err && err != -ESTALE)
		return err;
	/*
	 * The rules after the interface: without them, what enters by it would leave elsewhere. So
	 * they stay with one that stays, as its record was lost.
	 */
	if (!record.made && !link_get(ifname, &link))
		return tunnel_record_remove(record_path);
	routes_err = tunnel_rules_clear(table) ?: table_flush(table);
	return routes_err ?: tunnel_record_remove(record_path) ?: err;
}
