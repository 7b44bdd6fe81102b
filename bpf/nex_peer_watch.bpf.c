// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * nex_peer_watch.bpf.c - tell that somebody has changed a WireGuard interface.
 *
 * WireGuard notifies nobody. Every change of key, port, peers and AllowedIPs is the work of one
 * function of its module; when that has returned, a record without content goes into a ring
 * buffer, whose descriptor wakes the node: it looks at its peers then. The node's own changes are
 * counted, and no news. No field of a kernel structure is read, so this loads without BTF.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096); /* one is enough: when there is no room, the node is awake */
} nex_peer_news SEC(".maps");

/* Set by user/datapath/peer_watch.c between open and load: who the node is, in its namespace. */
const volatile __u64 cfg_pid_ns_dev = 0, cfg_pid_ns_ino = 0;
const volatile __u32 cfg_tgid = 0;

__u64 own_changes = 0;

static __always_inline int is_own(void)
{
	struct bpf_pidns_info task = {};

	/* Fails for who is in another namespace. */
	return !bpf_get_ns_current_pid_tgid(cfg_pid_ns_dev, cfg_pid_ns_ino, &task, sizeof(task)) &&
	       task.tgid == cfg_tgid;
}

SEC("kretprobe")
int nex_peer_watch(void *ctx)
{
	__u32 *record;

	(void)ctx;
	if (is_own()) {
		__sync_fetch_and_add(&own_changes, 1);
		return 0;
	}
	record = bpf_ringbuf_reserve(&nex_peer_news, sizeof(*record), 0);
	if (!record)
		return 0;
	*record = 0;
	bpf_ringbuf_submit(record, 0);
	return 0;
}

/* The kernel lets only GPL programs be probes; that is one of the two licenses above. */
char LICENSE[] SEC("license") = "Dual BSD/GPL";
