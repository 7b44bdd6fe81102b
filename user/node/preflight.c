// SPDX-License-Identifier: Apache-2.0
#include "node/preflight.h"

#include <cap-ng.h>
#include <errno.h>
#include <net/if_arp.h>
#include <string.h>

#include "base/log.h"
#include "datapath/datapath.h"
#include "datapath/pins.h"

#ifndef CAP_BPF
#define CAP_BPF 39
#define CAP_PERFMON 38
#endif

int preflight_host(void)
{
	if (!capng_have_capability(CAPNG_EFFECTIVE, CAP_NET_ADMIN) ||
	    (!capng_have_capability(CAPNG_EFFECTIVE, CAP_BPF) &&
	     !capng_have_capability(CAPNG_EFFECTIVE, CAP_SYS_ADMIN)))
		return log_err(-EPERM, "needs CAP_NET_ADMIN and CAP_BPF: run it as root");
	if (datapath_supported())
		return log_err(-ENOSYS,
			       "this kernel has no bpf(2), or forbids it: use one that has "
			       "CONFIG_BPF_SYSCALL");
	if (!pins_bpffs_mounted())
		return log_err(-ENOENT, "no bpffs at " PINS_BPFFS ": mount it with "
					"`mount -t bpf -o mode=0700 bpf " PINS_BPFFS "`");
	return 0;
}

/* Before WireGuard is asked: tells a typing error from a wrong interface. */
static int check_link(const char *ifname, struct link *ret_link)
{
	int err = link_get(ifname, ret_link);

	if (err == -ENODEV)
		return log_err(err,
			       "%s: there is no such interface here: create it first, e.g. "
			       "with `wg-quick up %s`",
			       ifname, ifname);
	if (err)
		return log_err(err, "%s: look up the interface", ifname);
	if (ret_link->arphrd != ARPHRD_NONE)
		return log_err(-EMEDIUMTYPE,
			       "%s is no WireGuard interface: its packets have a "
			       "link-layer header",
			       ifname);
	return 0;
}

int preflight_interface(const char *ifname, struct link *ret_link, struct wg_device *ret_device)
{
	static const uint8_t zero[WG_KEY_BYTES];
	int err;

	err = check_link(ifname, ret_link);
	if (err)
		return err;
	err = wg_device_read(ifname, ret_device);
	if (err == -ENODEV)
		return log_err(err,
			       "%s is no WireGuard interface: neither the kernel nor "
			       "/var/run/wireguard/%s.sock knows it",
			       ifname, ifname);
	if (err)
		return log_err(err, "%s: read the WireGuard settings", ifname);
	if (!memcmp(ret_device->public_key, zero, sizeof(zero))) {
		wg_device_done(ret_device);
		return log_err(-ENOKEY,
			       "%s has no private key: set one with `wg set %s "
			       "private-key FILE`",
			       ifname, ifname);
	}
	return 0;
}

int preflight_drop_privileges(void)
{
	/*
	 * NET_ADMIN and BPF do the work. PERFMON lets the verifier leave out the speculation
	 * barriers it puts into programs of less trusted loaders. READ_SEARCH opens the peer file
	 * wherever it lies; SETUID, SETGID and KILL are for the source child.
	 */
	static const unsigned int kept[] = { CAP_NET_ADMIN, CAP_BPF,
					     CAP_PERFMON,   CAP_DAC_READ_SEARCH,
					     CAP_SETUID,    CAP_SETGID,
					     CAP_KILL };
	bool had[sizeof(kept) / sizeof(kept[0])];

	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		had[i] = capng_have_capability(CAPNG_EFFECTIVE, kept[i]);
	capng_clear(CAPNG_SELECT_BOTH);
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		if (had[i])
			capng_update(CAPNG_ADD,
				     CAPNG_EFFECTIVE | CAPNG_PERMITTED | CAPNG_BOUNDING_SET,
				     kept[i]);
	/* Only who has CAP_SETPCAP can lower the bounding set; a unit's does it already. */
	if (capng_apply(CAPNG_SELECT_BOTH) && capng_apply(CAPNG_SELECT_CAPS))
		return log_err(-EPERM, "give up capabilities");
	return 0;
}
