// SPDX-License-Identifier: Apache-2.0
/*
 * forwarding.c - switch the host's forwarding on, and back.
 *
 * What the kernel does with the two switches (net/ipv4/devinet.c, net/ipv6/addrconf.c): writing
 * either sets conf/default/forwarding and every interface's own flag to the same value; the IPv4
 * one also sets conf/all/accept_redirects to the opposite; switching the IPv6 one on also deletes
 * default routes from router advertisements, but for interfaces with accept_ra = 2.
 */
#include "tunnel/forwarding.h"

#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "tunnel/forwarding_record.h"
#include "tunnel/link.h"
#include "tunnel/sysctl.h"

#define IPV4_SWITCH "net/ipv4/ip_forward"
#define IPV4_REDIRECTS "net/ipv4/conf/all/accept_redirects"
#define IPV4_ERRORS "net/ipv4/icmp_errors_use_inbound_ifaddr"
#define IPV6_SWITCH "net/ipv6/conf/all/forwarding"

static void auto_closedir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

static int fail(struct forwarding_error *ret_err, const char *path, int err)
{
	if (ret_err)
		snprintf(ret_err->sysctl, sizeof(ret_err->sysctl), "%.*s",
			 (int)sizeof(ret_err->sysctl) - 1, path);
	return err;
}

/* Read @path and record that it will be @wrote. Return: 0, also when it does not exist. */
static int record_value(struct forwarding_record *record, const char *path, int wrote,
			struct forwarding_error *ret_err)
{
	int value, err;

	err = sysctl_read(path, &value);
	if (err == -ENOENT)
		return 0;
	if (!err)
		err = forwarding_record_add(record, path, wrote, value);
	return err ? fail(ret_err, path, err) : 0;
}

/*
 * Interfaces whose own flag is set although the switch is off: switching on and off again clears
 * it. The others need no record, off is what they are.
 */
static int record_flags(struct forwarding_record *record, const char *conf,
			struct forwarding_error *ret_err)
{
	char path[FORWARDING_PATH_MAX];
	AUTO(auto_closedir) DIR *dir = NULL;
	struct dirent *name;
	int value, err;

	snprintf(path, sizeof(path), "/proc/sys/%s", conf);
	dir = opendir(path);
	if (!dir)
		return fail(ret_err, conf, -errno);
	while ((name = readdir(dir))) {
		if (!link_name_valid(name->d_name) || !strcmp(name->d_name, "all"))
			continue;
		snprintf(path, sizeof(path), "%s/%.*s/forwarding", conf, IFNAMSIZ - 1,
			 name->d_name);
		err = sysctl_read(path, &value);
		if (!err && value)
			err = forwarding_record_add(record, path, 1, value);
		if (err && err != -ENOENT)
			return fail(ret_err, path, err);
	}
	return 0;
}

/* Was it a router's before us, or is it no way to one? */
static bool ignores_advertisements(const struct forwarding_record *record, const char *name)
{
	char path[FORWARDING_PATH_MAX];
	struct link link;

	snprintf(path, sizeof(path), "net/ipv6/conf/%s/forwarding", name);
	return forwarding_record_find(record, path) ||
	       (!link_get(name, &link) && !strcmp(link.kind, "wireguard"));
}

/* As many as there is room for: the rest ignores them, which is no reason not to relay. */
static int plan_interface_ra(struct forwarding_record *record, const char *name, bool *ret_write,
			     struct forwarding_error *ret_err)
{
	char path[FORWARDING_PATH_MAX];
	int value, err;

	snprintf(path, sizeof(path), "net/ipv6/conf/%s/accept_ra", name);
	err = sysctl_read(path, &value);
	if (err == -ENOENT || (!err && (value != 1 || ignores_advertisements(record, name))))
		return 0;
	if (!err)
		err = forwarding_record_add(record, path, 2, value);
	if (!err)
		*ret_write = true;
	return err && err != -E2BIG ? fail(ret_err, path, err) : 0;
}

static int plan_accept_ra(struct forwarding_record *record, const char *ifname, bool *ret_write,
			  struct forwarding_error *ret_err)
{
	AUTO(auto_closedir) DIR *dir = opendir("/proc/sys/net/ipv6/conf");
	char name[IFNAMSIZ];
	struct dirent *entry;
	int err = 0;

	if (!dir)
		return fail(ret_err, "net/ipv6/conf", -errno);
	while (!err && (entry = readdir(dir))) {
		if (!link_name_valid(entry->d_name))
			continue;
		snprintf(name, sizeof(name), "%.*s", IFNAMSIZ - 1, entry->d_name);
		if (strcmp(name, "all") != 0 && strcmp(name, "default") != 0 &&
		    strcmp(name, "lo") != 0 && strcmp(name, ifname) != 0)
			err = plan_interface_ra(record, name, ret_write, ret_err);
	}
	return err;
}

static int plan_ipv4(struct forwarding_record *record, unsigned int *wrong,
		     struct forwarding_error *ret_err)
{
	int value, err;

	err = sysctl_read(IPV4_SWITCH, &value);
	if (err)
		return fail(ret_err, IPV4_SWITCH, err);
	if (value)
		return 0;
	*wrong |= FORWARDING_IPV4;
	return record_value(record, IPV4_SWITCH, 1, ret_err) ?:
	       record_value(record, IPV4_REDIRECTS, 0, ret_err) ?:
	       record_flags(record, "net/ipv4/conf", ret_err);
}

static int plan_ipv6(struct forwarding_record *record, const char *ifname, unsigned int *wrong,
		     struct forwarding_error *ret_err)
{
	bool write_ra = false;
	int value, err;

	err = sysctl_read(IPV6_SWITCH, &value);
	if (err)
		return fail(ret_err, IPV6_SWITCH, err);
	/* Who forwards without us ignores advertisements without us. */
	if (value && !forwarding_record_find(record, IPV6_SWITCH))
		return 0;
	if (!value) {
		*wrong |= FORWARDING_IPV6;
		err = record_value(record, IPV6_SWITCH, 1, ret_err)
			      ?: record_flags(record, "net/ipv6/conf", ret_err);
	}
	if (!err)
		err = plan_accept_ra(record, ifname, &write_ra, ret_err);
	*wrong |= write_ra ? FORWARDING_ADVERTISEMENTS : 0;
	return err;
}

static int plan_errors(struct forwarding_record *record, unsigned int *wrong,
		       struct forwarding_error *ret_err)
{
	int value, err = sysctl_read(IPV4_ERRORS, &value);

	if (err || value)
		return err && err != -ENOENT ? fail(ret_err, IPV4_ERRORS, err) : 0;
	*wrong |= FORWARDING_ERRORS;
	return record_value(record, IPV4_ERRORS, 1, ret_err);
}

/* Interfaces come and go: those that are gone take no room. */
static void forget_gone(struct forwarding_record *record)
{
	size_t kept = 0;
	int value;

	for (size_t i = 0; i < record->n; i++)
		if (!strstr(record->entry[i].path, "/accept_ra") ||
		    sysctl_read(record->entry[i].path, &value) != -ENOENT)
			record->entry[kept++] = record->entry[i];
	record->n = kept;
}

/* What is to be done, as bits of enum forwarding_wrong; it is in @record then. */
static int plan(const char *file, const struct forwarding_want *want,
		struct forwarding_record *record, unsigned int *wrong,
		struct forwarding_error *ret_err)
{
	int err = forwarding_record_load(file, record);

	if (err && err != -ENOENT)
		return fail(ret_err, file, err);
	forget_gone(record);
	err = plan_ipv4(record, wrong, ret_err);
	if (!err && want->errors)
		err = plan_errors(record, wrong, ret_err);
	if (!err && want->ipv6)
		err = plan_ipv6(record, want->ifname, wrong, ret_err);
	return err;
}

static int write_value(const char *path, int value, struct forwarding_error *ret_err)
{
	int err = sysctl_write(path, value);

	return err ? fail(ret_err, path, err) : 0;
}

/*
 * Advertisements first: once forwarding is on, the routes they made are gone. But where /proc/sys
 * is read-only, forwarding is what has to be preset.
 */
static int write_accept_ra(const struct forwarding_record *record, struct forwarding_error *ret_err)
{
	const struct forwarding_entry *entry;
	int value, err = sysctl_check(IPV6_SWITCH);

	if (err)
		return fail(ret_err, IPV6_SWITCH, err);
	for (size_t i = 0; i < record->n; i++) {
		entry = &record->entry[i];
		if (!strstr(entry->path, "/accept_ra"))
			continue;
		err = sysctl_read(entry->path, &value);
		/* An entry from an earlier start may have got another value from somebody since. */
		if (!err && value == 1)
			err = sysctl_write(entry->path, entry->wrote);
		if (err && err != -ENOENT)
			return fail(ret_err, entry->path, err);
	}
	return 0;
}

int forwarding_look(const char *file, const struct forwarding_want *want, unsigned int *ret_wrong,
		    struct forwarding_error *ret_err)
{
	AUTO(forwarding_record_done) struct forwarding_record record = {};
	unsigned int wrong = 0;
	int err = plan(file, want, &record, &wrong, ret_err);

	if (!err)
		*ret_wrong = wrong;
	return err;
}

int forwarding_enable(const char *file, const struct forwarding_want *want,
		      struct forwarding_error *ret_err)
{
	AUTO(forwarding_record_done) struct forwarding_record record = {};
	unsigned int wrong = 0;
	int err = plan(file, want, &record, &wrong, ret_err);

	if (err || !wrong)
		return err;
	err = forwarding_record_save(file, &record);
	if (err)
		return fail(ret_err, file, err);
	if (wrong & FORWARDING_ADVERTISEMENTS)
		err = write_accept_ra(&record, ret_err);
	if (!err && wrong & FORWARDING_IPV4)
		err = write_value(IPV4_SWITCH, 1, ret_err);
	if (!err && wrong & FORWARDING_IPV6)
		err = write_value(IPV6_SWITCH, 1, ret_err);
	if (!err && wrong & FORWARDING_ERRORS)
		err = write_value(IPV4_ERRORS, 1, ret_err);
	return err == -EROFS && wrong == FORWARDING_ERRORS ? 0 : err;
}

static int enable_flag(const char *family, const char *ifname, bool *changed,
		       struct forwarding_error *ret_err)
{
	char path[FORWARDING_PATH_MAX];
	int value, err;

	snprintf(path, sizeof(path), "net/%s/conf/%s/forwarding", family, ifname);
	err = sysctl_read(path, &value);
	if (!err && !value) {
		err = sysctl_write(path, 1);
		*changed = *changed || !err;
	}
	return err && err != -ENOENT ? fail(ret_err, path, err) : 0;
}

int forwarding_enable_on(const char *ifname, bool ipv6, bool *ret_changed,
			 struct forwarding_error *ret_err)
{
	bool changed = false;
	int err = enable_flag("ipv4", ifname, &changed, ret_err);

	if (!err && ipv6)
		err = enable_flag("ipv6", ifname, &changed, ret_err);
	if (!err)
		*ret_changed = changed;
	return err;
}

static bool is_switch(const char *path)
{
	return !strcmp(path, IPV4_SWITCH) || !strcmp(path, IPV6_SWITCH);
}

/*
 * Give each entry the value it shall end with, in .wrote: the original one where ours is still
 * there, else the present one, because the switches below will overwrite it. Entries of interfaces
 * that are gone are removed.
 */
static int plan_restore(struct forwarding_record *record, struct forwarding_error *ret_err)
{
	struct forwarding_entry *entry;
	size_t kept = 0;
	int value, err;

	for (size_t i = 0; i < record->n; i++) {
		entry = &record->entry[i];
		err = sysctl_read(entry->path, &value);
		if (err == -ENOENT)
			continue;
		if (err)
			return fail(ret_err, entry->path, err);
		entry->wrote = value == entry->wrote ? entry->original : value;
		record->entry[kept++] = *entry;
	}
	record->n = kept;
	return 0;
}

static int write_if_other(const struct forwarding_entry *entry, struct forwarding_error *ret_err)
{
	int value, err;

	err = sysctl_read(entry->path, &value);
	if (!err && value != entry->wrote)
		err = sysctl_write(entry->path, entry->wrote);
	return err && err != -ENOENT ? fail(ret_err, entry->path, err) : 0;
}

static int restore(const struct forwarding_record *record, bool switches,
		   struct forwarding_error *ret_err)
{
	int err, first = 0;

	for (size_t i = 0; i < record->n; i++) {
		if (is_switch(record->entry[i].path) != switches)
			continue;
		err = write_if_other(&record->entry[i], first ? NULL : ret_err);
		first = first ?: err;
	}
	return first;
}

int forwarding_restore(const char *file, struct forwarding_error *ret_err)
{
	AUTO(forwarding_record_done) struct forwarding_record record = {};
	int err;

	forwarding_record_forget_new(file);
	err = forwarding_record_load(file, &record);
	if (err == -ENOENT)
		return 0;
	if (err)
		return fail(ret_err, file, err);
	err = plan_restore(&record, ret_err);
	/* The switches first: they overwrite the others. */
	if (!err)
		err = restore(&record, true, ret_err);
	if (!err)
		err = restore(&record, false, ret_err);
	if (!err && unlink(file))
		err = fail(ret_err, file, -errno);
	return err;
}
