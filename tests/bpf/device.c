// SPDX-License-Identifier: Apache-2.0
/*
 * device.c - a network namespace with tun devices, which stand in for WireGuard interfaces.
 *
 * The devices are made without IFF_NO_PI: with it the driver refuses what is neither IPv4 nor IPv6,
 * and empty packets. IFF_VNET_HDR is for super-packets.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/cleanup.h"
#include "device.h"

#define RECEIVE_MS 1000

/* Younger than the headers that we build with. */
#define ATTACH_TCX_INGRESS 46 /* BPF_TCX_INGRESS, kernel 6.6 */
#define OFFLOAD_USO4 0x20     /* TUN_F_USO4, kernel 6.2 */
#define OFFLOAD_USO6 0x40
#define GSO_UDP_L4 5 /* VIRTIO_NET_HDR_GSO_UDP_L4 */

#define OFFLOAD (TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6)

/* What stands before each packet on the descriptor. */
struct preamble {
	struct tun_pi info;
	struct virtio_net_hdr vnet;
};
_Static_assert(sizeof(struct preamble) == 14, "both headers, without padding");

static int switch_off_ipv6(void)
{
	auto_close int fd = open("/proc/sys/net/ipv6/conf/default/disable_ipv6", O_WRONLY);

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	return write(fd, "1", 1) == 1 ? 0 : -EIO;
}

static int bring_up(int control, struct ifreq *request, int mtu)
{
	request->ifr_mtu = mtu;
	if (ioctl(control, SIOCSIFMTU, request))
		return -errno;
	request->ifr_flags = IFF_UP;
	return ioctl(control, SIOCSIFFLAGS, request) ? -errno : 0;
}

static int make(const char *name, int mtu, struct device *ret_device)
{
	auto_close int control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct device device = { .program = -1, .link = -1 };
	struct ifreq request = { .ifr_flags = IFF_TUN | IFF_VNET_HDR };
	int err;

	if (control < 0)
		return -errno;
	device.fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (device.fd < 0)
		return -errno;
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	if (ioctl(device.fd, TUNSETIFF, &request))
		return -errno;
	device.uso = !ioctl(device.fd, TUNSETOFFLOAD, OFFLOAD | OFFLOAD_USO4 | OFFLOAD_USO6);
	if (!device.uso && ioctl(device.fd, TUNSETOFFLOAD, OFFLOAD))
		return -errno;
	err = bring_up(control, &request, mtu);
	if (err)
		return err;
	device.ifindex = if_nametoindex(name);
	*ret_device = device;
	return 0;
}

int devices_make(struct devices *ret_devices)
{
	static const char *const names[HOOK_COUNT][PLACE_COUNT] = { { "tc0", "tc1" },
								    { "xdp0", "xdp1" } };
	static const int mtus[PLACE_COUNT] = { MTU_FIRST, MTU_SECOND };
	int err;

	if (unshare(CLONE_NEWNET))
		return -errno;
	err = switch_off_ipv6();
	for (int hook = 0; !err && hook < HOOK_COUNT; hook++)
		for (int place = 0; !err && place < PLACE_COUNT; place++)
			err = make(names[hook][place], mtus[place],
				   &ret_devices->device[hook][place]);
	return err;
}

/* In place of an earlier filter, if there is one. */
static int attach_clsact(struct device *device, int program)
{
	DECLARE_LIBBPF_OPTS(bpf_tc_hook, where, .ifindex = device->ifindex,
			    .attach_point = BPF_TC_INGRESS);
	DECLARE_LIBBPF_OPTS(bpf_tc_opts, filter, .prog_fd = program, .handle = 1, .priority = 1,
			    .flags = BPF_TC_F_REPLACE);
	int err = device->program < 0 ? bpf_tc_hook_create(&where) : 0;

	if (err && err != -EEXIST)
		return err;
	return bpf_tc_attach(&where, &filter);
}

int device_attach(struct device *device, enum hook hook, int program)
{
	DECLARE_LIBBPF_OPTS(bpf_link_create_opts, generic, .flags = XDP_FLAGS_SKB_MODE);
	int err = 0;

	if (device->program == program)
		return 0;
	if (device->link >= 0) {
		err = bpf_link_update(device->link, program, NULL);
	} else if (hook == HOOK_XDP) {
		device->link = bpf_link_create(program, device->ifindex, BPF_XDP, &generic);
		err = device->link < 0 ? device->link : 0;
	} else {
		device->link = bpf_link_create(program, device->ifindex,
					       (enum bpf_attach_type)ATTACH_TCX_INGRESS, NULL);
		if (device->link < 0)
			err = attach_clsact(device, program);
	}
	if (!err)
		device->program = program;
	return err;
}

/* The transport checksum is left to the device, as it must be for a super-packet. */
static void describe_gso(const uint8_t *bytes, const struct gso *gso, struct virtio_net_hdr *vnet)
{
	bool ipv6 = bytes[0] >> 4 == 6;

	vnet->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	vnet->csum_start = ipv6 ? 40 : 20;
	vnet->csum_offset = gso->udp ? 6 : 16;
	vnet->gso_size = gso->size;
	if (gso->udp)
		vnet->gso_type = GSO_UDP_L4;
	else
		vnet->gso_type = ipv6 ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4;
}

int device_send(const struct device *device, const uint8_t *bytes, size_t n, const struct gso *gso)
{
	struct preamble preamble = {};
	struct iovec parts[] = { { &preamble, sizeof(preamble) }, { (void *)bytes, n } };
	uint8_t version = n ? bytes[0] >> 4 : 0;

	preamble.info.proto = htons(version == 4   ? ETH_P_IP
				    : version == 6 ? ETH_P_IPV6
						   : ETH_P_802_EX1);
	/* From a page on, no more than hdr_len is linear; with 0 the driver chooses. */
	preamble.vnet.hdr_len = n > 0;
	if (gso->size)
		describe_gso(bytes, gso, &preamble.vnet);
	return writev(device->fd, parts, 2) < 0 ? -errno : 0;
}

int device_receive(const struct device *device, bool wait, uint8_t *bytes)
{
	struct preamble preamble;
	struct iovec parts[] = { { &preamble, sizeof(preamble) }, { bytes, PACKET_BYTES_MAX } };
	struct pollfd ready = { .fd = device->fd, .events = POLLIN };
	ssize_t n;

	if (wait && poll(&ready, 1, RECEIVE_MS) < 0)
		return -errno;
	n = readv(device->fd, parts, 2);
	if (n < 0)
		return -errno;
	return n < (ssize_t)sizeof(preamble) ? -EPROTO : n - (ssize_t)sizeof(preamble);
}
