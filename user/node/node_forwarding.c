// SPDX-License-Identifier: Apache-2.0
/*
 * node_forwarding.c - keep the host's forwarding on, on the relay's own interface too, and router
 * advertisements accepted where they were, on interfaces that come later as well.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "node/node_private.h"
#include "tunnel/forwarding.h"

/* An interface that comes up asks for an advertisement a second later, if it accepts one then. */
#define LOOK_AFTER_MS 100

static const char *remedy(int err)
{
	if (err == -EROFS || err == -EACCES || err == -EPERM)
		return " (in a container: preset it to 1)";
	if (err == -ENOSPC)
		return " (make room for it)";
	return err == -EBADMSG ? " (it is damaged: remove it)" : "";
}

static struct forwarding_want wanted(const struct node *node)
{
	return (struct forwarding_want){
		.ifname = node->settings->ifname,
		.ipv6 = node->sync.ipv6,
		.errors = !node->settings->adopt,
	};
}

/* Return: 0; negative errno with @why. */
static int enable(struct node *node, char *why, size_t size)
{
	const struct forwarding_want want = wanted(node);
	struct forwarding_error failed = {};
	int lock = instance_host_lock(&node->instance), err;

	if (lock == -EBUSY)
		snprintf(why, size, "other relays of this host take too long to start or to go");
	else if (lock < 0)
		snprintf(why, size, "lock %s: %s", node->instance.host_lock_path, strerror(-lock));
	if (lock < 0)
		return lock;
	err = forwarding_enable(node->instance.sysctl_path, &want, &failed);
	instance_host_unlock(&node->instance, lock, true);
	if (err)
		snprintf(why, size, "set %s: %s%s", failed.sysctl, strerror(-err), remedy(err));
	return err;
}

int node_enable_forwarding(struct node *node)
{
	char why[TUNNEL_ERROR_MAX];
	int err = enable(node, why, sizeof(why));

	if (err)
		(void)log_err(0, "%s", why);
	else
		node_own_forwarding(node);
	return err;
}

static bool is_fight(struct node *node)
{
	return !fight_count(&node->forwarding_fight, clock_ms(), "forwarding of this host");
}

static int mend_switches(struct node *node, char *why, size_t size)
{
	static const char *const names[] = {
		[FORWARDING_IPV4] = "net.ipv4.ip_forward was",
		[FORWARDING_IPV6] = "net.ipv6.conf.all.forwarding was",
		[FORWARDING_IPV4 | FORWARDING_IPV6] =
			"net.ipv4.ip_forward and net.ipv6.conf.all.forwarding were",
	};
	struct forwarding_error failed = {};
	unsigned int wrong = 0;
	const struct forwarding_want want = wanted(node);
	int err = forwarding_look(node->instance.sysctl_path, &want, &wrong, &failed);

	if (err)
		snprintf(why, size, "look at %s: %s%s", failed.sysctl, strerror(-err), remedy(err));
	else if (wrong)
		err = enable(node, why, size);
	wrong &= FORWARDING_IPV4 | FORWARDING_IPV6;
	if (!err && wrong && !is_fight(node))
		log_warn("%s switched off: switching forwarding on again", names[wrong]);
	return err;
}

/* After the switches, which set all interfaces' as well. */
static int mend_own(struct node *node, bool *ret_changed, char *why, size_t size)
{
	struct forwarding_error failed = {};
	int err;

	if (!node->sync.tunnel || !node->tunnel.ifindex)
		return 0;
	err = forwarding_enable_on(node->settings->ifname, node->sync.ipv6, ret_changed, &failed);
	if (err)
		snprintf(why, size, "set %s: %s%s", failed.sysctl, strerror(-err), remedy(err));
	return err;
}

static void say_trouble(struct node *node, int err, const char *why)
{
	if (err)
		(void)trouble_warn(&node->troubles, TROUBLE_FORWARDING, "trying again, continuing",
				   "%s", why);
	else
		(void)trouble_clear(&node->troubles, TROUBLE_FORWARDING);
}

void node_own_forwarding(struct node *node)
{
	char why[TUNNEL_ERROR_MAX];
	bool changed = false;
	int err = mend_own(node, &changed, why, sizeof(why));

	say_trouble(node, err, why);
}

static void on_look(void *arg)
{
	struct node *node = arg;
	char why[TUNNEL_ERROR_MAX];
	bool changed = false;
	int err = mend_switches(node, why, sizeof(why));

	if (!err)
		err = mend_own(node, &changed, why, sizeof(why));
	if (changed && !is_fight(node))
		log_warn("forwarding of %s was switched off: switching it on again",
			 node->settings->ifname);
	say_trouble(node, err, why);
}

void node_forwarding_start(struct node *node)
{
	timer_init(&node->forwarding, node->loop, on_look, node);
	node_forwarding_changed(node); /* what happened before we listened */
}

void node_forwarding_changed(struct node *node)
{
	int64_t wait = fight_left_ms(&node->forwarding_fight, clock_ms());

	if (!timer_is_armed(&node->forwarding))
		timer_arm(&node->forwarding, wait > LOOK_AFTER_MS ? (int)wait : LOOK_AFTER_MS);
}

void node_forwarding_stop(struct node *node)
{
	timer_stop(&node->forwarding);
}
