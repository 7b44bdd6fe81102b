// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * nex_peer_watch.bpf.c - tell that somebody has changed a WireGuard interface.
 *
 * WireGuard notifies nobody. A record without content goes into a ring buffer whose descriptor
 * wakes the node, which looks at its peers then. The node's own changes are counted, and no news.
 *
 * The kernel's WireGuard: every change of key, port, peers and AllowedIPs is the work of one
 * function of its module. A userspace one: it answers every "set" (and "get": a look too many) on
 * its unix socket when it is carried out; whose answer goes to somebody else has been changed or
 * read by them.
 */
#include <linux/bpf.h>
#include <stdbool.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#define AF_UNIX 1
#define PATH_END_BYTES 24 /* "/" IFNAME ".sock" and NUL fit */

/* Parts of the kernel's structures, found by name (include/net/sock.h, include/net/af_unix.h). */
struct upid {
	int nr;
} __attribute__((preserve_access_index));

struct pid {
	struct upid numbers[1];
} __attribute__((preserve_access_index));

struct sock_common {
	unsigned short skc_family;
} __attribute__((preserve_access_index));

struct sock {
	struct sock_common __sk_common;
	struct pid *sk_peer_pid;
} __attribute__((preserve_access_index));

struct socket {
	struct sock *sk;
} __attribute__((preserve_access_index));

struct sockaddr_un {
	char sun_path[108];
} __attribute__((preserve_access_index));

struct unix_address {
	int len;
	struct sockaddr_un name[0];
} __attribute__((preserve_access_index));

struct unix_sock {
	struct unix_address *addr;
	struct sock *peer;
} __attribute__((preserve_access_index));

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096); /* one is enough: when there is no room, the node is awake */
} nex_peer_news SEC(".maps");

/* Set by user/datapath/peer_watch.c between open and load: who the node is, in its namespace. */
const volatile __u64 cfg_pid_ns_dev = 0, cfg_pid_ns_ino = 0;
const volatile __u32 cfg_tgid = 0;
/* The end of the path of the userspace one's socket, at the end of the array. */
const volatile char cfg_path_end[PATH_END_BYTES] = {};
const volatile __u32 cfg_path_end_at = 0;

__u64 own_changes = 0;
/* Known from when the node last asked the userspace one: */
int own_root_tgid = 0;      /* as the first PID namespace sees it */
unsigned long own_addr = 0; /* whom it asked: others of that name are in other namespaces */

static __always_inline bool is_own(void)
{
	struct bpf_pidns_info task = {};

	/* Fails for who is in another namespace. */
	return !bpf_get_ns_current_pid_tgid(cfg_pid_ns_dev, cfg_pid_ns_ino, &task, sizeof(task)) &&
	       task.tgid == cfg_tgid;
}

static __always_inline void tell(void)
{
	__u32 *record = bpf_ringbuf_reserve(&nex_peer_news, sizeof(*record), 0);

	if (!record)
		return;
	*record = 0;
	bpf_ringbuf_submit(record, 0);
}

SEC("kretprobe")
int nex_peer_watch(void *ctx)
{
	(void)ctx;
	if (is_own())
		__sync_fetch_and_add(&own_changes, 1);
	else
		tell();
	return 0;
}

/* The address of a socket; an accepted one shares that of the listener. */
static __always_inline struct unix_address *address(struct sock *sk)
{
	return BPF_CORE_READ((struct unix_sock *)sk, addr);
}

static __always_inline bool is_uapi(struct unix_address *addr)
{
	char end[PATH_END_BYTES];
	const char *path;
	int n;

	if (!addr)
		return false;
	/* The length counts the family before the path and the NUL behind it. What is before a
	 * short path is memory of the kernel, which may be read and is not looked at. */
	n = BPF_CORE_READ(addr, len) - (int)sizeof(short) - (int)sizeof(end);
	path = (const char *)addr + bpf_core_field_offset(struct unix_address, name) +
	       bpf_core_field_offset(struct sockaddr_un, sun_path);
	if (n + (int)cfg_path_end_at < 0 || bpf_probe_read_kernel(end, sizeof(end), path + n))
		return false;
	for (unsigned int i = 0; i < sizeof(end); i++)
		if (i >= cfg_path_end_at && end[i] != cfg_path_end[i])
			return false;
	return true;
}

/* @sk sends something, or has just sent it. */
static __always_inline void sends(struct sock *sk)
{
	struct unix_address *addr;

	if (is_own()) {
		addr = address(BPF_CORE_READ((struct unix_sock *)sk, peer));
		if (!is_uapi(addr))
			return;
		own_root_tgid = (int)(bpf_get_current_pid_tgid() >> 32);
		own_addr = (unsigned long)addr;
		__sync_fetch_and_add(&own_changes, 1);
		return;
	}
	addr = address(sk);
	if (addr && (unsigned long)addr == own_addr &&
	    BPF_CORE_READ(sk, sk_peer_pid, numbers[0].nr) != own_root_tgid)
		tell();
}

/* Where functions of the kernel can be hooked (BPF trampolines). */
SEC("fentry/unix_stream_sendmsg")
int BPF_PROG(nex_peer_fentry, struct socket *sock)
{
	(void)ctx;
	sends(sock->sk);
	return 0;
}

/* Else, since Linux 6.3. All that sends is seen: that is 70 ns for each datagram. */
SEC("tp_btf/sock_send_length")
int BPF_PROG(nex_peer_trace, struct sock *sk)
{
	(void)ctx;
	if (sk->__sk_common.skc_family == AF_UNIX)
		sends(sk);
	return 0;
}

/* The kernel lets only GPL programs be probes; that is one of the two licenses above. */
char LICENSE[] SEC("license") = "Dual BSD/GPL";
