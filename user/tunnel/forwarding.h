/* SPDX-License-Identifier: Apache-2.0 */
/*
 * forwarding.h - the host's forwarding sysctls, for the slow path.
 *
 * What is changed is written down in a record file first, so that `down` can restore it even after
 * a crash. Sysctls belong to a network namespace, and to one boot: so does the record (below /run).
 *
 * Two that change them at once would each take what the other has written for the host's own value:
 * callers hold the lock of the network namespace (node/instance.h) around both functions. It also
 * makes the record's temporary file theirs alone.
 */
#ifndef TUNNEL_FORWARDING_H
#define TUNNEL_FORWARDING_H

#include <stdbool.h>

/**
 * ipv6_support() - can this host do IPv6? As nexd tests it: /proc/net/if_inet6 exists and
 * /proc/sys/net/ipv6/conf/all/disable_ipv6 is not 1.
 * @ret_reason: set to a static text when the answer is no, else to NULL.
 */
bool ipv6_support(const char **ret_reason);

/** What forwarding_look() found, as bits. */
enum forwarding_wrong {
	FORWARDING_IPV4 = 1 << 0,           /* net.ipv4.ip_forward is 0 */
	FORWARDING_IPV6 = 1 << 1,           /* net.ipv6.conf.all.forwarding is 0 */
	FORWARDING_ADVERTISEMENTS = 1 << 2, /* an interface would ignore them because of us */
	FORWARDING_ERRORS = 1 << 3,         /* net.ipv4.icmp_errors_use_inbound_ifaddr is 0 */
};

/* What is to be switched on. IPv4 always is. */
struct forwarding_want {
	const char
		*ifname; /* the relay's interface, on which advertisements are nobody's business */
	bool ipv6;       /* the host has IPv6 */
	/*
	 * The interface has rules and a table of its own (tunnel_rules.h). They route IPv4's ICMP
	 * errors back into the tunnel when those come from the tunnel's address, and so
	 * net.ipv4.icmp_errors_use_inbound_ifaddr has to be 1. IPv6 does that by itself.
	 */
	bool errors;
};

struct forwarding_error {
	char sysctl[128]; /* path below /proc/sys that could not be read or written */
};

/**
 * forwarding_enable() - net.ipv4.ip_forward = 1 and, with IPv6, net.ipv6.conf.all.forwarding = 1.
 * @record:  path of the record file; replaced atomically, mode 0600. A record that exists is
 *           extended, never overwritten: its values are the host's original ones.
 * @ret_err: says which sysctl failed; may be NULL.
 *
 * Nothing is written that already has the wanted value. Before IPv6 forwarding is switched on, and
 * on later calls as long as it is on because of us, interfaces with accept_ra = 1 get accept_ra =
 * 2, because a forwarding host ignores advertisements otherwise
 * (Documentation/networking/ip-sysctl.rst): also those that have not had one yet. Left alone are
 * WireGuard's interfaces, and those that were a router's on their own. Of the values that the
 * kernel changes as a side effect (the per-interface forwarding flags,
 * net.ipv4.conf.all.accept_redirects) those are recorded that switching forwarding off again would
 * not bring back.
 *
 * A forwarding switch that is on, but with another number than 1, counts as on. Where /proc/sys is
 * read-only, @want->errors is left undone: most spokes do without, and `nex-relay check` names it.
 *
 * Return: 0; -EBADMSG when the record is no record of ours; negative errno, with what was changed
 *         so far in the record.
 */
int forwarding_enable(const char *record, const struct forwarding_want *want,
		      struct forwarding_error *ret_err);

/**
 * forwarding_look() - what would forwarding_enable() change? Needs no lock.
 * @ret_wrong: bits of enum forwarding_wrong.
 *
 * Return: as forwarding_enable().
 */
int forwarding_look(const char *record, const struct forwarding_want *want, unsigned int *ret_wrong,
		    struct forwarding_error *ret_err);

/**
 * forwarding_enable_on() - forwarding of the relay's own interface. Where the host forwards, but
 * new interfaces do not (net.ipv4.conf.default.forwarding = 0), the kernel would not answer what
 * is left to it: no Time Exceeded, no Packet Too Big. Not recorded: it goes with the interface.
 * @ret_changed: it was off.
 *
 * Return: 0, also when there is no such interface; negative errno.
 */
int forwarding_enable_on(const char *ifname, bool ipv6, bool *ret_changed,
			 struct forwarding_error *ret_err);

/**
 * forwarding_restore() - put back what the record says, and remove it.
 *
 * A sysctl that no longer has the value we wrote was changed by somebody else and is left alone,
 * and one of an interface that is gone is skipped.
 *
 * Return: 0, also when there is no record; -EBADMSG as above; negative errno; the record stays when
 *         a write failed.
 */
int forwarding_restore(const char *record, struct forwarding_error *ret_err);

#endif
