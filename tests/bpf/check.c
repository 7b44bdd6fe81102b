// SPDX-License-Identifier: Apache-2.0
/*
 * check.c - run one row through one hook, and compare everything that must come of it.
 *
 * Most rows use BPF_PROG_RUN, which says which action the program returned. It takes no packet
 * shorter than an Ethernet header: those rows, and the ones about super-packets and large ones, are
 * live. There the action is seen in what comes out of the device.
 */
#include <assert.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "counters.h"

#define PROG_RUN_BYTES_MIN 14 /* ETH_HLEN, net/bpf/test_run.c */
#define LOOPBACK_IFINDEX 1
#define CHECKSUMS 65535 /* 0x0000 to 0xfffe */

/* One row under one hook. */
struct run {
	const struct row *row;
	enum hook hook;
	const struct fixture *fixture;
	struct device *device; /* NULL: loopback */
	uint32_t ifindex;
	bool live;
	enum nex_verdict verdict; /* expected */
	char *text;
};

static uint8_t in[PACKET_BYTES_MAX], out[PACKET_BYTES_MAX], want[PACKET_BYTES_MAX];

static enum check_result failed(const struct run *run, const char *what, int err)
{
	snprintf(run->text, CHECK_TEXT, "%s: %s", what, strerror(-err));
	return CHECK_FAILED;
}

static int prog_run(const struct run *run, size_t n, int *ret_action, size_t *ret_n)
{
	struct __sk_buff skb = {
		.ifindex = run->ifindex,
		.gso_size = run->row->gso.size,
		.gso_segs = run->row->gso.segs,
	};
	struct xdp_md xdp = { .ingress_ifindex = run->ifindex, .data_end = n };
	bool tc = run->hook == HOOK_TC;
	DECLARE_LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = in, .data_size_in = n,
			    .data_out = out, .data_size_out = sizeof(out),
			    .ctx_in = tc ? (void *)&skb : (void *)&xdp,
			    .ctx_size_in = tc ? sizeof(skb) : sizeof(xdp), .repeat = 1);
	int err = bpf_prog_test_run_opts(run->fixture->program[run->hook], &opts);

	*ret_action = opts.retval;
	*ret_n = opts.data_size_out;
	return err;
}

static int action_of(const struct run *run)
{
	bool tc = run->hook == HOOK_TC;

	if (run->verdict == NEX_V_FORWARDED)
		return tc ? TC_ACT_REDIRECT : XDP_TX;
	if (run->verdict == NEX_V_NOT_ALLOWED && run->row->settings & STRICT)
		return tc ? TC_ACT_SHOT : XDP_DROP;
	return tc ? TC_ACT_UNSPEC : XDP_PASS;
}

/* What must come out: the packet as it was, or with one hop less. */
static bool check_bytes(const struct run *run, size_t n, size_t n_out)
{
	memcpy(want, in, n);
	if (run->verdict == NEX_V_FORWARDED)
		packet_forward(want);
	if (n_out != n) {
		snprintf(run->text, CHECK_TEXT, "%zu bytes out; got %zu", n, n_out);
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		if (out[i] == want[i])
			continue;
		snprintf(run->text, CHECK_TEXT, "byte %zu out is %02x; got %02x", i, want[i],
			 out[i]);
		return false;
	}
	return true;
}

static enum check_result run_once(const struct run *run, size_t n)
{
	int action, err;
	size_t n_out;

	err = prog_run(run, n, &action, &n_out);
	if (err)
		return failed(run, "BPF_PROG_RUN", err);
	if (action != action_of(run)) {
		snprintf(run->text, CHECK_TEXT, "action %d; got %d", action_of(run), action);
		return CHECK_FAILED;
	}
	return check_bytes(run, n, n_out) ? CHECK_OK : CHECK_FAILED;
}

static enum check_result run_live(const struct run *run, size_t n)
{
	bool forwarded = run->verdict == NEX_V_FORWARDED;
	int err = device_attach(run->device, run->hook, run->fixture->program[run->hook]);

	if (err)
		return failed(run, "attach", err);
	err = device_send(run->device, in, n, &run->row->gso);
	if (err)
		return failed(run, "write to the tun device", err);
	err = device_receive(run->device, forwarded, out);
	if (!forwarded && err == -EAGAIN)
		return CHECK_OK;
	if (!forwarded && err >= 0) {
		snprintf(run->text, CHECK_TEXT, "nothing comes out; got %d bytes", err);
		return CHECK_FAILED;
	}
	if (err < 0)
		return failed(run, "read from the tun device", err);
	return check_bytes(run, n, err) ? CHECK_OK : CHECK_FAILED;
}

static void add(struct nex_count *count, uint64_t packets, uint64_t bytes)
{
	count->packets += packets;
	count->bytes += bytes;
}

/* What the counters must be after @times packets of @n bytes. */
static void expect(const struct run *run, size_t n, uint32_t times, struct counters *counters)
{
	struct nex_verdict_stats *verdict = &counters->verdict[run->verdict];
	bool segments = run->hook == HOOK_TC && run->row->segments;
	uint64_t packets = (uint64_t)times * (segments ? run->row->segments : 1);
	uint64_t bytes = times * (segments ? run->row->wire_bytes : n);
	uint8_t version = n ? in[0] >> 4 : 0;

	add(version == 4   ? &verdict->ipv4
	    : version == 6 ? &verdict->ipv6
			   : &verdict->other,
	    packets, bytes);
	if (run->verdict != NEX_V_FORWARDED)
		return;
	add(&counters->slot[run->row->from].from_peer, packets, bytes);
	add(&counters->slot[run->row->to].to_peer, packets, bytes);
}

/* Return: how often the row is to be run. */
static uint32_t times_of(const struct row *row)
{
	return row->every_checksum ? CHECKSUMS : 1;
}

static enum check_result check_counted(const struct run *run)
{
	struct counters before, after, expected;
	struct packet packet = run->row->packet;
	uint32_t times = times_of(run->row);
	enum check_result result = CHECK_OK;
	size_t n = 0;
	int err;

	err = counters_read(run->fixture, &before);
	if (err)
		return failed(run, "read the counters", err);
	for (uint32_t i = 0; i < times && result == CHECK_OK; i++) {
		if (run->row->every_checksum)
			packet.old_checksum = i;
		n = packet_build(&packet, in);
		result = run->live || n < PROG_RUN_BYTES_MIN ? run_live(run, n) : run_once(run, n);
	}
	if (result != CHECK_OK)
		return result;

	expected = before;
	expect(run, n, times, &expected);
	err = counters_read(run->fixture, &after);
	if (err)
		return failed(run, "read the counters", err);
	return counters_compare(&before, &expected, &after, run->text, CHECK_TEXT) ? CHECK_OK
										   : CHECK_FAILED;
}

static enum check_result check_with_maps(const struct run *run)
{
	enum check_result result;
	int err = 0;

	if (run->row->maps)
		err = fixture_change(run->fixture, run->ifindex, run->row->maps);
	if (!err && run->row->wrap)
		err = counters_preset(run->fixture, UINT64_MAX);
	if (err)
		return failed(run, "prepare the maps", err);
	result = check_counted(run);
	if (run->row->maps)
		err = fixture_restore(run->fixture, run->ifindex, run->row->place, run->row->maps);
	return err ? failed(run, "restore the maps", err) : result;
}

enum check_result check_row(const struct row *row, enum hook hook, const struct fixture *fixture,
			    struct devices *devices, char text[static CHECK_TEXT])
{
	struct run run = {
		.row = row,
		.hook = hook,
		.fixture = fixture,
		.ifindex = LOOPBACK_IFINDEX,
		.live = row->live,
		.verdict = row->verdict,
		.text = text,
	};

	*text = '\0';
	if (row->place != LOOPBACK) {
		run.device = &devices->device[hook][row->place];
		run.ifindex = run.device->ifindex;
	}
	if (hook == HOOK_XDP && row->too_big_for_xdp)
		run.verdict = NEX_V_TOO_BIG;
	assert(run.device || !row->live);
	if (row->live && row->gso.udp && run.device && !run.device->uso) {
		snprintf(text, CHECK_TEXT, "no UDP super-packets through tun before kernel 6.2");
		return CHECK_SKIPPED;
	}
	return check_with_maps(&run);
}
