// SPDX-License-Identifier: Apache-2.0
/*
 * hooks.c - tcx and XDP links, which are pinned, and the clsact filter, which the kernel keeps.
 *
 * An unpinned link ends with the process that made it, a filter does not: so a link is pinned the
 * moment it exists, and a filter is always put to the same handle and priority, where the next one
 * replaces it.
 */
#include "datapath/hooks.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "datapath/pins.h"

/* enum bpf_attach_type of kernel 6.6, unknown to the headers of Debian 12. */
#define ATTACH_TCX_INGRESS 46

/* Ours among the filters of an interface: the port of WireGuard, to be told from others'. */
#define FILTER_PRIORITY 51820
#define FILTER_HANDLE 1

/* Pins of the program behind the filter: how we know it for ours. */
#define PROGRAM "program"
#define PROGRAM_NEXT "program_next"

static const char *link_name(enum datapath_attach attach)
{
	return attach == DATAPATH_TCX ? "link_tcx" : "link_xdp";
}

static int link_info(int fd, struct bpf_link_info *ret_info)
{
	uint32_t len = sizeof(*ret_info);

	*ret_info = (struct bpf_link_info){};
	return bpf_obj_get_info_by_fd(fd, ret_info, &len) ? -errno : 0;
}

/*
 * The ifindex of a tcx link is where that of an XDP link is: the first member of the union
 * (include/uapi/linux/bpf.h, 6.6). It is 0 once the interface is gone.
 */
static bool link_is_on(int fd, uint32_t ifindex)
{
	struct bpf_link_info info;

	return !link_info(fd, &info) && info.xdp.ifindex == ifindex;
}

static int link_make(enum datapath_attach attach, uint32_t ifindex, int prog_fd)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts);
	int fd;

	if (attach == DATAPATH_XDP_GENERIC)
		opts.flags = XDP_FLAGS_SKB_MODE;
	fd = bpf_link_create(prog_fd, ifindex,
			     attach == DATAPATH_TCX ? ATTACH_TCX_INGRESS : BPF_XDP, &opts);
	if (fd >= 0)
		return fd;
	/* Before 6.6 the kernel takes 46 for a number beyond its list of attach types. */
	return attach == DATAPATH_TCX && errno == EINVAL ? -EOPNOTSUPP : -errno;
}

static int link_attach(enum datapath_attach attach, const char *pin_dir, uint32_t ifindex,
		       int prog_fd)
{
	auto_close int pinned = pins_open(pin_dir, link_name(attach));
	auto_close int made = -1;

	if (pinned >= 0 && link_is_on(pinned, ifindex))
		return bpf_link_update(pinned, prog_fd, NULL) ? -errno : 0;
	made = link_make(attach, ifindex, prog_fd);
	if (made < 0)
		return made;
	/* Takes the place of a link whose interface is gone. */
	return pins_put(pin_dir, link_name(attach), made);
}

/* Off the hook now, not when the last holder of the link lets go; then unpinned. */
static int link_detach(enum datapath_attach attach, const char *pin_dir)
{
	auto_close int fd = pins_open(pin_dir, link_name(attach));

	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	/* ENOLINK or the like: its interface is gone, and so is what was to be detached. */
	(void)bpf_link_detach(fd);
	return pins_drop(pin_dir, link_name(attach));
}

static int link_program_id(enum datapath_attach attach, const char *pin_dir, uint32_t ifindex,
			   uint32_t *ret_id)
{
	auto_close int fd = pins_open(pin_dir, link_name(attach));
	struct bpf_link_info info;
	int err;

	*ret_id = 0;
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	err = link_info(fd, &info);
	if (!err && info.xdp.ifindex == ifindex)
		*ret_id = info.prog_id;
	return err;
}

static uint32_t program_id(int fd)
{
	struct bpf_prog_info info = {};
	uint32_t len = sizeof(info);

	return bpf_obj_get_info_by_fd(fd, &info, &len) ? 0 : info.id;
}

static uint32_t pinned_id(const char *pin_dir, const char *name)
{
	auto_close int fd = pins_open(pin_dir, name);

	return fd < 0 ? 0 : program_id(fd);
}

/*
 * A filter whose pins were lost, with bpffs for instance, is known by its name; to ask for that
 * takes CAP_SYS_ADMIN, which a node has when it starts.
 */
static bool is_named_ours(uint32_t id)
{
	auto_close int fd = bpf_prog_get_fd_by_id(id);
	struct bpf_prog_info info = {};
	uint32_t len = sizeof(info);

	return fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &len) &&
	       !strcmp(info.name, "nex_wg_tc");
}

/*
 * Which program sits in our place, and is it ours? Ours are pinned: PROGRAM, or PROGRAM_NEXT while
 * one takes the place of the other. @own_fd: one that is ours, pinned or not; or -1.
 * Return: 0 and *ret_id, 0 for none; -EBUSY for another's.
 */
static int filter_query(const char *pin_dir, uint32_t ifindex, int own_fd, uint32_t *ret_id)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = FILTER_HANDLE, .priority = FILTER_PRIORITY);
	int err = bpf_tc_query(&hook, &opts);

	*ret_id = 0;
	/* ENOENT: no filter; EINVAL: no qdisc. */
	if (err)
		return err == -ENOENT || err == -EINVAL || err == -ENODEV ? 0 : err;
	if (opts.prog_id != pinned_id(pin_dir, PROGRAM) &&
	    opts.prog_id != pinned_id(pin_dir, PROGRAM_NEXT) &&
	    (own_fd < 0 || opts.prog_id != program_id(own_fd)) && !is_named_ours(opts.prog_id))
		return -EBUSY;
	*ret_id = opts.prog_id;
	return 0;
}

/*
 * Making the qdisc takes the interface's transmit queue out of service for a moment (qdisc_graft()
 * calls dev_deactivate() for clsact too): the kernel may drop a packet then. It is made once; what
 * is replaced later is the filter.
 */
static int filter_attach(const char *pin_dir, uint32_t ifindex, int prog_fd)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = FILTER_HANDLE, .priority = FILTER_PRIORITY,
		    .prog_fd = prog_fd, .flags = BPF_TC_F_REPLACE);
	uint32_t old;
	int err = filter_query(pin_dir, ifindex, prog_fd, &old);

	if (err)
		return err;
	err = bpf_tc_hook_create(&hook);
	if (!err)
		err = pins_mark(pin_dir, DATAPATH_MADE_CLSACT);
	if (err && err != -EEXIST)
		return err;
	/* Pinned before it is attached: a filter of ours is known as ours whatever interrupts us.
	 */
	err = pins_put(pin_dir, PROGRAM_NEXT, prog_fd);
	if (!err)
		err = bpf_tc_attach(&hook, &opts);
	if (!err)
		err = pins_put(pin_dir, PROGRAM, prog_fd);
	return err ?: pins_drop(pin_dir, PROGRAM_NEXT);
}

/* The qdisc stays: whether others use it by now is for the caller to see. */
static int filter_detach(const char *pin_dir, uint32_t ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = FILTER_HANDLE, .priority = FILTER_PRIORITY);
	uint32_t id;
	int err = filter_query(pin_dir, ifindex, -1, &id);

	if (err || !id)
		return err == -EBUSY ? 0 : err;
	err = bpf_tc_detach(&hook, &opts);
	return err == -ENOENT || err == -EINVAL || err == -ENODEV ? 0 : err;
}

int hook_attach(enum datapath_attach attach, const char *pin_dir, uint32_t ifindex, int prog_fd)
{
	if (attach == DATAPATH_CLSACT)
		return filter_attach(pin_dir, ifindex, prog_fd);
	return link_attach(attach, pin_dir, ifindex, prog_fd);
}

int hook_detach(enum datapath_attach attach, const char *pin_dir, uint32_t ifindex)
{
	if (attach == DATAPATH_CLSACT)
		return ifindex ? filter_detach(pin_dir, ifindex) : 0;
	return link_detach(attach, pin_dir);
}

int hook_program_id(enum datapath_attach attach, const char *pin_dir, uint32_t ifindex,
		    uint32_t *ret_id)
{
	int err;

	if (attach != DATAPATH_CLSACT)
		return link_program_id(attach, pin_dir, ifindex, ret_id);
	err = filter_query(pin_dir, ifindex, -1, ret_id);
	return err == -EBUSY ? 0 : err;
}

int hook_link_ifindex(enum datapath_attach attach, const char *pin_dir, uint32_t *ret_ifindex)
{
	auto_close int fd = pins_open(pin_dir, link_name(attach));
	struct bpf_link_info info;
	int err;

	*ret_ifindex = 0;
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	err = link_info(fd, &info);
	if (!err)
		*ret_ifindex = info.xdp.ifindex;
	return err;
}
