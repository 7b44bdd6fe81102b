// SPDX-License-Identifier: Apache-2.0
/*
 * node_interface.c - follow the WireGuard interface: removed, re-created, its peers, and the host's
 * addresses, which are never forwarded.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "node/interface_list.h"
#include "node/node_private.h"
#include "tunnel/link.h"
#include "tunnel/wg_device.h"

#define POLL_MS 5000          /* WireGuard does not tell of changes to its peers */
#define ADDRESSES_AFTER_MS 50 /* they come in swarms: one pass for all */
#define RETRY_MIN_MS 50 /* userspace WireGuard opens its socket after it has made the device */
#define RETRY_MAX_MS 2000
#define RETRY_SAID_MS 800 /* when it takes longer than that, it is worth a message */
#define LISTEN_AGAIN_MS 500
#define DEAF_SAID_S 60 /* so long without such an error, and it is news again */
#define LOOK_MS                                                                                  \
	(INSTANCE_LOCK_AGAIN_S * 1000) /* are programs, pins and lock still where they were put? \
					*/

void node_interface_read(struct node *node)
{
	struct device_list list = {};
	int err;

	if (!node->sync.ifindex)
		return;
	err = interface_list_read(node->settings->ifname, &list);
	if (err) {
		node_list_failed(node, strerror(-err));
		return;
	}
	/* Asked for again and again: only a difference is worth a message. */
	if (!node->sync.has_list || !interface_list_is_same(&node->sync.list, &list))
		node_list(node, &list);
	device_list_done(&list);
}

static void on_poll(void *arg)
{
	struct node *node = arg;

	timer_arm(&node->poll, POLL_MS);
	node_interface_read(node);
}

static void on_again(void *arg)
{
	struct node *node = arg;
	int err;

	err = sync_again(&node->sync);
	if (err)
		node_list_failed(node, sync_why(&node->sync, err));
}

/* A new interface of the old name may have another key, or none yet. */
static int refresh_identity(struct node *node)
{
	static const uint8_t zero[WG_KEY_BYTES];
	struct wg_device device;
	int err = wg_device_read(node->settings->ifname, &device);

	if (err)
		return err;
	if (memcmp(device.public_key, zero, sizeof(zero)) != 0)
		memcpy(node->sync.self_key, device.public_key, sizeof(node->sync.self_key));
	else
		err = -ENOKEY;
	wg_device_done(&device);
	return err;
}

/* Not yet: try again, less and less often; said once, when it is no matter of moments. */
static void not_whole_yet(struct node *node, int err)
{
	const char *ifname = node->settings->ifname;
	char why[BORDER_TEXT_MAX];
	uint32_t wait_ms = pace_failed_here(&node->retry_pace, clock_ms());

	timer_arm(&node->retry, wait_ms);
	if (wait_ms < RETRY_SAID_MS && err != -EBUSY)
		return;
	snprintf(why, sizeof(why), "%s is back, but not attached: %s%s", ifname,
		 err == -ENOENT ? "our own device (whose key the interface has) is not in the list"
		 : err == -ENOKEY ? "it has no private key"
				  : strerror(-err),
		 sync_attach_remedy(&node->sync, err));
	if (!node->not_attached)
		node_list_failed(node, why);
	node->not_attached = true;
}

static void interface_is_back(struct node *node, uint32_t ifindex)
{
	int err = refresh_identity(node);

	if (!err)
		err = sync_interface(&node->sync, ifindex);
	if (err) {
		(void)sync_interface(&node->sync, 0);
		not_whole_yet(node, err);
		return;
	}
	pace_reset(&node->retry_pace);
	if (node->not_attached)
		(void)trouble_clear(&node->troubles, TROUBLE_LIST);
	node->not_attached = false;
	log_note("%s is back, attached again", node->settings->ifname);
	if (!node_has_source(node))
		node_interface_read(node);
	node_write_status(node);
}

/* Return: whether the interface goes on under another name, which is said once. */
static bool is_renamed(struct node *node)
{
	struct link link;

	if (link_get_index(node->sync.ifindex, &link))
		return false;
	(void)trouble_warn(&node->troubles, TROUBLE_RENAMED, "forwarding goes on there, continuing",
			   "%s was renamed to %s (`nex-relay down --interface %s` ends it)",
			   node->settings->ifname, link.name, node->settings->ifname);
	return true;
}

static void follow(struct node *node)
{
	const char *ifname = node->settings->ifname;
	struct link link = {};
	int err = link_get(ifname, &link);

	if (err && err != -ENODEV)
		return;
	if (link.ifindex == node->sync.ifindex) {
		(void)trouble_clear(&node->troubles, TROUBLE_RENAMED);
		return;
	}
	if (!link.ifindex && node->sync.ifindex && is_renamed(node))
		return;
	/* Gone, or gone and back before we looked. */
	if (node->sync.ifindex) {
		log_warn("%s was removed: nothing is forwarded until it is back, continuing",
			 ifname);
		(void)sync_interface(&node->sync, 0);
		pace_reset(&node->retry_pace);
		node_write_status(node);
	}
	if (link.ifindex)
		interface_is_back(node, link.ifindex);
}

static void on_retry(void *arg)
{
	follow(arg);
}

/* An interface of our own: what was changed is put back. */
static void follow_ours(struct node *node, int changes)
{
	unsigned int parts = 0;

	if (changes & LINK_CHANGED)
		parts |= TUNNEL_LINK;
	if (changes & ADDR_CHANGED)
		parts |= TUNNEL_ADDRESSES;
	if (changes & LINK_OVERRUN)
		parts |= TUNNEL_ALL;
	if (parts)
		node_tunnel_changed(node, parts);
}

void node_interface_deaf(struct node *node, int err)
{
	if (clock_s() >= node->deaf_until)
		log_warn("listen to the kernel's link and route messages: %s; trying again, "
			 "continuing",
			 strerror(-err));
	node->deaf_until = clock_s() + DEAF_SAID_S;
	/* What could not be read is still there, and would be tried again without a pause. */
	io_stop(&node->on_link);
	io_stop(&node->on_route);
	timer_arm(&node->listen, LISTEN_AGAIN_MS);
}

static void on_link(void *arg)
{
	struct node *node = arg;
	int changes = link_watch_read(node->link_fd);

	if (changes < 0) {
		node_interface_deaf(node, changes);
		changes = LINK_OVERRUN;
	}
	if (changes & (LINK_CHANGED | FORWARDING_CHANGED | LINK_OVERRUN))
		host_forwarding_changed(&node->forwarding);
	if (node->sync.tunnel) {
		follow_ours(node, changes);
		return;
	}
	if (changes & (LINK_CHANGED | LINK_OVERRUN))
		follow(node);
	if (changes & (ADDR_CHANGED | LINK_OVERRUN))
		timer_arm(&node->again, ADDRESSES_AFTER_MS);
}

static void on_listen(void *arg)
{
	struct node *node = arg;
	io_start(&node->on_link, node->loop, node->link_fd, IO_READ, on_link, node);
	if (!node->sync.tunnel)
		return;
	node_tunnel_listen(node);
	node_tunnel_changed(node, TUNNEL_ALL);
}

static void on_look(void *arg)
{
	struct node *node = arg;

	timer_arm(&node->look, LOOK_MS);
	log_tell_left_out(false);
	node_look_at_lock(node);
	if (node->is_replaced)
		return;
	host_forwarding_changed(
		&node->forwarding); /* nobody tells of accept_ra, nor of a write that failed */
	if (access(node->instance.status_path, F_OK))
		node_write_status(node);
	node_state_look(node);
	if (node->sync.tunnel && host_view_is_stale(&node->sync.host)) {
		node->sync.host_is_known = false;
		node_tunnel_changed(node, TUNNEL_ADDRESSES);
	}
	/* An interface of ours that is just being put back is attached to then. */
	if (node->sync.tunnel && timer_is_armed(&node->mend))
		return;
	if (sync_repair(&node->sync) == 1)
		node_write_status(node);
}

int node_interface_start(struct node *node)
{
	node->link_fd = link_watch_open();
	if (node->link_fd < 0)
		return node->link_fd;
	io_start(&node->on_link, node->loop, node->link_fd, IO_READ, on_link, node);
	node->retry_pace = (struct pace){ .min_ms = RETRY_MIN_MS, .max_ms = RETRY_MAX_MS };
	timer_init(&node->again, node->loop, on_again, node);
	timer_init(&node->retry, node->loop, on_retry, node);
	timer_init(&node->poll, node->loop, on_poll, node);
	timer_init(&node->look, node->loop, on_look, node);
	timer_init(&node->listen, node->loop, on_listen, node);
	timer_arm(&node->look, LOOK_MS);
	if (!node->sync.tunnel)
		follow(node); /* what happened before the socket listened */
	if (node_has_source(node))
		return 0;
	node_interface_read(node);
	timer_arm(&node->poll, POLL_MS);
	return 0;
}

void node_interface_stop(struct node *node)
{
	io_stop(&node->on_link);
	timer_stop(&node->again);
	timer_stop(&node->retry);
	timer_stop(&node->poll);
	timer_stop(&node->look);
	timer_stop(&node->listen);
	if (node->link_fd >= 0)
		close(node->link_fd);
}
