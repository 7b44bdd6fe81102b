// SPDX-License-Identifier: Apache-2.0
#include "check/leak.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/prefix_class.h"
#include "tunnel/link.h"
#include "tunnel/route_ask.h"
#include "tunnel/rule.h"

#define FLIPPED_BITS 16 /* of an address: neighbours at each distance below that are tried */

/* Does a rule say where to go for what enters by @ifname? Return: 1, 0, or negative errno. */
static int has_rule(uint8_t family, const char *ifname)
{
	AUTO(rules_done) struct rules rules = {};
	int err = rules_read(family, &rules);

	for (size_t i = 0; !err && i < rules.n; i++)
		if (!strcmp(rules.at[i].iif, ifname))
			return 1;
	return err;
}

/* Return: 1 with @ret; 0 when all neighbours of @own go into the tunnel, or nowhere. */
static int find_near(const struct prefix *own, uint32_t ifindex, struct leak *ret)
{
	for (int bit = FLIPPED_BITS - 1; bit >= 0; bit--) {
		struct prefix host = *own;
		uint32_t by;

		host.bits = host.family == PREFIX_IPV4 ? 32 : 128;
		host.addr[host.bits / 8 - 1 - bit / 8] ^= 1u << bit % 8;
		if (route_ask(&host, &by) || by == ifindex || !if_indextoname(by, ret->by))
			continue;
		ret->example = host;
		return 1;
	}
	return 0;
}

static bool is_of_family(const struct leak *leaks, size_t n, uint8_t family)
{
	for (size_t i = 0; i < n; i++)
		if (leaks[i].example.family == family)
			return true;
	return false;
}

int leaks_find(const char *ifname, struct leak ret[static LEAKS_MAX], size_t *ret_n)
{
	auto_free struct link_addr *addrs = NULL;
	struct link link;
	size_t n_addrs = 0, n = 0;
	int err = link_get(ifname, &link) ?: link_addrs(&addrs, &n_addrs);

	for (size_t i = 0; !err && n < LEAKS_MAX && i < n_addrs; i++) {
		const struct prefix *own = &addrs[i].addr;
		int is_ruled;

		if (addrs[i].ifindex != link.ifindex || prefix_is_special(own) ||
		    is_of_family(ret, n, own->family))
			continue;
		is_ruled = has_rule(own->family, ifname);
		if (is_ruled < 0)
			err = is_ruled;
		else if (!is_ruled)
			n += find_near(own, link.ifindex, &ret[n]);
	}
	if (!err)
		*ret_n = n;
	return err;
}

const char *leak_remedy(const struct leak *leak, const char *ifname,
			char text[static LEAK_REMEDY_MAX])
{
	const char *ip = leak->example.family == PREFIX_IPV4 ? "ip" : "ip -6";

	snprintf(text, LEAK_REMEDY_MAX,
		 "%s rule add pref 1000 iif %s lookup main suppress_prefixlength 0 && "
		 "%s rule add pref 1001 iif %s unreachable (or let `run` make the interface)",
		 ip, ifname, ip, ifname);
	return text;
}
