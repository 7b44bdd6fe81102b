// SPDX-License-Identifier: Apache-2.0
/* ipv6_support.c - can this host do IPv6? Implements part of forwarding.h. */
#include <stddef.h>
#include <unistd.h>

#include "tunnel/forwarding.h"
#include "tunnel/sysctl.h"

bool ipv6_support(const char **ret_reason)
{
	int disabled = 0;

	*ret_reason = NULL;
	if (access("/proc/net/if_inet6", F_OK))
		*ret_reason = "the kernel has no IPv6 (no /proc/net/if_inet6)";
	/* A sysctl that cannot be read does not say no. */
	else if (!sysctl_read("net/ipv6/conf/all/disable_ipv6", &disabled) && disabled == 1)
		*ret_reason = "switched off by net.ipv6.conf.all.disable_ipv6 = 1";
	return !*ret_reason;
}
