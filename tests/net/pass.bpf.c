// SPDX-License-Identifier: Apache-2.0
/*
 * pass.bpf.c - an XDP and a TC program that are not nex-relay's and let everything pass.
 */
__attribute__((section("xdp"), used)) int pass_xdp(void *context)
{
	(void)context;
	return 2; /* XDP_PASS */
}

__attribute__((section("tc"), used)) int pass_tc(void *context)
{
	(void)context;
	return -1; /* TC_ACT_UNSPEC */
}

char LICENSE[] __attribute__((section("license"), used)) = "GPL";
