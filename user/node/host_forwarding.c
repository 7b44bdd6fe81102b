// SPDX-License-Identifier: Apache-2.0
#include "node/host_forwarding.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "tunnel/forwarding.h"

/* An interface that comes up asks for an advertisement a second later, if it accepts one then. */
#define LOOK_AFTER_MS 100
#define WHY_MAX 512

static const char *remedy(int err)
{
	if (err == -EROFS || err == -EACCES || err == -EPERM)
		return " (in a container: preset it to 1)";
	if (err == -ENOSPC)
		return " (make room for it)";
	return err == -EBADMSG ? " (it is damaged: remove it)" : "";
}

static struct forwarding_want wanted(const struct host_forwarding *forwarding)
{
	return (struct forwarding_want){
		.ifname = forwarding->config.ifname,
		.ipv6 = forwarding->ipv6,
		.errors = forwarding->config.is_own,
	};
}

/* Return: 0; negative errno with @why. */
static int enable(const struct host_forwarding *forwarding, char why[static WHY_MAX])
{
	const struct instance *instance = forwarding->config.instance;
	const struct forwarding_want want = wanted(forwarding);
	struct forwarding_error failed = {};
	int lock = instance_host_lock(instance), err;

	if (lock == -EBUSY)
		snprintf(why, WHY_MAX, "other relays of this host take too long to start or to go");
	else if (lock < 0)
		snprintf(why, WHY_MAX, "lock %s: %s", instance->host_lock_path, strerror(-lock));
	if (lock < 0)
		return lock;
	err = forwarding_enable(instance->sysctl_path, &want, &failed);
	instance_host_unlock(instance, lock, true);
	if (err)
		snprintf(why, WHY_MAX, "set %s: %s%s", failed.sysctl, strerror(-err), remedy(err));
	return err;
}

static bool is_fight(struct host_forwarding *forwarding)
{
	return !fight_count(&forwarding->fight, clock_ms(), "forwarding of this host");
}

static int mend_switches(struct host_forwarding *forwarding, char why[static WHY_MAX])
{
	static const char *const names[] = {
		[FORWARDING_IPV4] = "net.ipv4.ip_forward was",
		[FORWARDING_IPV6] = "net.ipv6.conf.all.forwarding was",
		[FORWARDING_IPV4 | FORWARDING_IPV6] =
			"net.ipv4.ip_forward and net.ipv6.conf.all.forwarding were",
	};
	const struct forwarding_want want = wanted(forwarding);
	struct forwarding_error failed = {};
	unsigned int wrong = 0;
	int err = forwarding_look(forwarding->config.instance->sysctl_path, &want, &wrong, &failed);

	if (err)
		snprintf(why, WHY_MAX, "look at %s: %s%s", failed.sysctl, strerror(-err),
			 remedy(err));
	else if (wrong)
		err = enable(forwarding, why);
	wrong &= FORWARDING_IPV4 | FORWARDING_IPV6;
	if (!err && wrong && !is_fight(forwarding))
		log_warn("%s switched off: switching forwarding on again", names[wrong]);
	return err;
}

/* After the switches, which set all interfaces' as well. */
static int mend_own(const struct host_forwarding *forwarding, bool *ret_changed,
		    char why[static WHY_MAX])
{
	struct forwarding_error failed = {};
	int err;

	if (!forwarding->has_interface)
		return 0;
	err = forwarding_enable_on(forwarding->config.ifname, forwarding->ipv6, ret_changed,
				   &failed);
	if (err)
		snprintf(why, WHY_MAX, "set %s: %s%s", failed.sysctl, strerror(-err), remedy(err));
	return err;
}

static void say_trouble(const struct host_forwarding *forwarding, int err, const char *why)
{
	struct troubles *troubles = forwarding->config.troubles;

	if (err)
		(void)trouble_warn(troubles, TROUBLE_FORWARDING, "trying again, continuing", "%s",
				   why);
	else
		(void)trouble_clear(troubles, TROUBLE_FORWARDING);
}

static void on_look(void *arg)
{
	struct host_forwarding *forwarding = arg;
	char why[WHY_MAX];
	bool changed = false;
	int err = mend_switches(forwarding, why);

	if (!err)
		err = mend_own(forwarding, &changed, why);
	if (changed && !is_fight(forwarding))
		log_warn("forwarding of %s was switched off: switching it on again",
			 forwarding->config.ifname);
	say_trouble(forwarding, err, why);
}

void host_forwarding_init(struct host_forwarding *forwarding,
			  const struct host_forwarding_config *config)
{
	*forwarding = (struct host_forwarding){ .config = *config };
}

void host_forwarding_ipv6(struct host_forwarding *forwarding, bool ipv6)
{
	forwarding->ipv6 = ipv6;
}

int host_forwarding_enable(struct host_forwarding *forwarding)
{
	char why[WHY_MAX];
	int err = enable(forwarding, why);

	if (err)
		(void)log_err(0, "%s", why);
	else
		host_forwarding_interface(forwarding, forwarding->has_interface);
	return err;
}

void host_forwarding_interface(struct host_forwarding *forwarding, bool is_there)
{
	char why[WHY_MAX];
	bool changed = false;
	int err;

	forwarding->has_interface = is_there;
	err = mend_own(forwarding, &changed, why);
	say_trouble(forwarding, err, why);
}

void host_forwarding_start(struct host_forwarding *forwarding, struct loop *loop)
{
	timer_init(&forwarding->look, loop, on_look, forwarding);
	host_forwarding_changed(forwarding); /* what happened before we listened */
}

void host_forwarding_changed(struct host_forwarding *forwarding)
{
	int64_t wait = fight_left_ms(&forwarding->fight, clock_ms());

	if (!timer_is_armed(&forwarding->look))
		timer_arm(&forwarding->look, wait > LOOK_AFTER_MS ? wait : LOOK_AFTER_MS);
}

void host_forwarding_stop(struct host_forwarding *forwarding)
{
	timer_stop(&forwarding->look);
}
