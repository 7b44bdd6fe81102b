/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * maps.bpf.h - the maps of the relay. Keys and values are in headers/nex_abi.h.
 *
 * Names have at most 15 characters: the kernel cuts there, and bpftool finds maps by name.
 */
#ifndef NEX_MAPS_BPF_H
#define NEX_MAPS_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "nex_abi.h"

/* Host addresses. Not preallocated: a table for 100,000 peers costs a small relay only its buckets.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, NEX_ADDRS_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct nex_addr4);
	__type(value, struct nex_owner);
} nex_addr4 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, NEX_ADDRS_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct nex_addr6);
	__type(value, struct nex_owner);
} nex_addr6 SEC(".maps");

/* Advertised prefixes, looked at only when the host tables have no answer. */
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, NEX_CIDRS_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct nex_cidr4);
	__type(value, struct nex_owner);
} nex_cidr4 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, NEX_CIDRS_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct nex_cidr6);
	__type(value, struct nex_owner);
} nex_cidr6 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, NEX_SCOPES_MAX);
	__type(key, __u32);
	__type(value, struct nex_scope);
} nex_scopes SEC(".maps");

/* For people and for the next daemon: no program reads it. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, NEX_SLOTS_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, struct nex_slot);
} nex_slots SEC(".maps");

/* max_entries is set before load, from the number of peers. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct nex_slot_stats);
} nex_slot_stats SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, NEX_V_COUNT);
	__type(key, __u32);
	__type(value, struct nex_verdict_stats);
} nex_verdicts SEC(".maps");

#endif
