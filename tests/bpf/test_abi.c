// SPDX-License-Identifier: GPL-2.0-only
/*
 * The objects of both architectures have every ABI struct as user space has it: size, members, offsets, types'
 * sizes. A member that is added must be added here, or its count is wrong.
 */
#include "harness.h"
#include "owner.skel.h"
#include "traffic.skel.h"

#include <bpf/btf.h>
#include <linux/types.h>

#include "../../bpf/capture_abi.h"

struct member {
	const char *name;
	uint32_t offset, size;
};

enum { HOOK = 1 << 0, LINE = 1 << 1, OWNER = 1 << 2, TRACE = 1 << 3, BOTH = HOOK | LINE };


struct layout {
	const char *name;
	unsigned int objects; /* that have it: of the hooks, of the line, of sockets' owners */
	uint32_t size, n_members;
	struct member members[23];
};

#define M(s, m)                                                          \
	{                                                                \
#m, offsetof(struct s, m), sizeof(((struct s *)NULL)->m) \
	}
#define S(in, s, n, ...)                     \
	{                                    \
#s, in, sizeof(struct s), n, \
		{                            \
			__VA_ARGS__          \
		}                            \
	}

/* struct chaos_held is in no object's BTF: the header's own assertion has to do. */
static const struct layout LAYOUTS[] = {
	S(BOTH, chaos_addr, 1, M(chaos_addr, w)),
	S(BOTH, chaos_prefix, 2, M(chaos_prefix, prefixlen), M(chaos_prefix, addr)),
	S(BOTH, chaos_ident, 2, M(chaos_ident, class_id), M(chaos_ident, node)),
	S(BOTH, chaos_hook, 3, M(chaos_hook, ident), M(chaos_hook, flags), M(chaos_hook, netns)),
	S(BOTH | OWNER, chaos_control, 7, M(chaos_control, t0_ns), M(chaos_control, n_exempt),
	  M(chaos_control, tap_ifindex), M(chaos_control, owners_epoch), M(chaos_control, scan),
	  M(chaos_control, n_ended), M(chaos_control, pad)),
	S(HOOK | OWNER, chaos_socket, 5, M(chaos_socket, tgid), M(chaos_socket, scan),
	  M(chaos_socket, epoch), M(chaos_socket, owner), M(chaos_socket, joined)),
	S(HOOK | OWNER, chaos_process, 3, M(chaos_process, owner), M(chaos_process, heirs),
	  M(chaos_process, born_ns)),
	S(BOTH, chaos_join_key, 2, M(chaos_join_key, owner), M(chaos_join_key, class_id)),
	S(BOTH, chaos_window, 2, M(chaos_window, start_ns), M(chaos_window, end_ns)),
	S(BOTH, chaos_windows, 1, M(chaos_windows, slot)),
	S(BOTH, chaos_pair_key, 3, M(chaos_pair_key, src_class), M(chaos_pair_key, dst_class),
	  M(chaos_pair_key, direction)),
	S(BOTH, chaos_pair, 2, M(chaos_pair, n_rules), M(chaos_pair, rule)),
	S(BOTH, chaos_port_range, 2, M(chaos_port_range, lo), M(chaos_port_range, hi)),
	S(BOTH, chaos_match, 16, M(chaos_match, proto), M(chaos_match, flags),
	  M(chaos_match, tcp_mask), M(chaos_match, tcp_flags), M(chaos_match, n_sport),
	  M(chaos_match, n_dport), M(chaos_match, n_port), M(chaos_match, dscp),
	  M(chaos_match, sport), M(chaos_match, dport), M(chaos_match, port),
	  M(chaos_match, length_lo), M(chaos_match, length_hi), M(chaos_match, nth),
	  M(chaos_match, first), M(chaos_match, pad)),
	S(BOTH, chaos_param, 2, M(chaos_param, from), M(chaos_param, to)),
	S(BOTH, chaos_chance, 2, M(chaos_chance, p), M(chaos_chance, correlation)),
	S(BOTH, chaos_loss, 7, M(chaos_loss, chance), M(chaos_loss, n_states), M(chaos_loss, every),
	  M(chaos_loss, first), M(chaos_loss, pad), M(chaos_loss, move), M(chaos_loss, lost)),
	S(BOTH, chaos_delay, 9, M(chaos_delay, latency_ns), M(chaos_delay, jitter_ns),
	  M(chaos_delay, table), M(chaos_delay, table_len), M(chaos_delay, correlation),
	  M(chaos_delay, innovation), M(chaos_delay, flags), M(chaos_delay, gap),
	  M(chaos_delay, overtake)),
	S(BOTH, chaos_rate, 4, M(chaos_rate, bytes_per_s), M(chaos_rate, burst_bytes),
	  M(chaos_rate, queue_bytes), M(chaos_rate, queue_ns)),
	S(BOTH, chaos_rule, 18, M(chaos_rule, fault), M(chaos_rule, actions), M(chaos_rule, seed),
	  M(chaos_rule, match), M(chaos_rule, ramp_step_ns), M(chaos_rule, effects),
	  M(chaos_rule, icmp4_code), M(chaos_rule, icmp6_code), M(chaos_rule, pad),
	  M(chaos_rule, duplicate), M(chaos_rule, reset), M(chaos_rule, reject), M(chaos_rule, mtu),
	  M(chaos_rule, corrupt), M(chaos_rule, ecn), M(chaos_rule, loss), M(chaos_rule, rate),
	  M(chaos_rule, delay)),
	S(HOOK, chaos_device_key, 2, M(chaos_device_key, netns), M(chaos_device_key, ifindex)),
	S(BOTH, chaos_capture, 2, M(chaos_capture, lost), M(chaos_capture, packet)),
	S(BOTH, chaos_captured, 13, M(chaos_captured, ts_ns), M(chaos_captured, delay_ns),
	  M(chaos_captured, faults), M(chaos_captured, wire_len), M(chaos_captured, len),
	  M(chaos_captured, netns), M(chaos_captured, ifindex), M(chaos_captured, flags),
	  M(chaos_captured, segs), M(chaos_captured, direction), M(chaos_captured, raw),
	  M(chaos_captured, pad), M(chaos_captured, data)),
	S(HOOK, chaos_device, 2, M(chaos_device, port), M(chaos_device, line)),
	S(LINE, chaos_port, 5, M(chaos_port, hook), M(chaos_port, ifindex),
	  M(chaos_port, direction), M(chaos_port, line), M(chaos_port, loopback)),
	S(LINE, chaos_link_key, 3, M(chaos_link_key, rule), M(chaos_link_key, src_node),
	  M(chaos_link_key, dst_node)),
	S(BOTH, chaos_edge_key, 3, M(chaos_edge_key, fault), M(chaos_edge_key, src_node),
	  M(chaos_edge_key, dst_node)),
	S(BOTH, chaos_edge_counts, 14, M(chaos_edge_counts, matched),
	  M(chaos_edge_counts, matched_bytes), M(chaos_edge_counts, dropped),
	  M(chaos_edge_counts, first_hit_ns), M(chaos_edge_counts, last_hit_ns),
	  M(chaos_edge_counts, delayed), M(chaos_edge_counts, reordered),
	  M(chaos_edge_counts, duplicated), M(chaos_edge_counts, corrupted),
	  M(chaos_edge_counts, shaped), M(chaos_edge_counts, overflowed),
	  M(chaos_edge_counts, reset), M(chaos_edge_counts, rejected),
	  M(chaos_edge_counts, marked)),
	S(BOTH, chaos_traffic, 9, M(chaos_traffic, rx_packets), M(chaos_traffic, rx_bytes),
	  M(chaos_traffic, tx_packets), M(chaos_traffic, tx_bytes), M(chaos_traffic, rx_syn),
	  M(chaos_traffic, tx_syn), M(chaos_traffic, rx_rst), M(chaos_traffic, tx_rst),
	  M(chaos_traffic, dropped)),
	S(BOTH, chaos_stats, 6, M(chaos_stats, packets), M(chaos_stats, unparsed),
	  M(chaos_stats, exempted), M(chaos_stats, edge_overflow), M(chaos_stats, no_line),
	  M(chaos_stats, stray)),
	S(BOTH | TRACE, chaos_subject, 5, M(chaos_subject, client), M(chaos_subject, server),
	  M(chaos_subject, port), M(chaos_subject, proto), M(chaos_subject, pad)),
	S(BOTH | TRACE, chaos_bin, 23, M(chaos_bin, bytes), M(chaos_bin, back_bytes),
	  M(chaos_bin, connect_us), M(chaos_bin, first_byte_us), M(chaos_bin, rtt_us),
	  M(chaos_bin, packets), M(chaos_bin, back_packets), M(chaos_bin, syn),
	  M(chaos_bin, syn_again), M(chaos_bin, synack), M(chaos_bin, rst), M(chaos_bin, back_rst),
	  M(chaos_bin, fin), M(chaos_bin, back_fin), M(chaos_bin, retransmits),
	  M(chaos_bin, back_retransmits), M(chaos_bin, opened), M(chaos_bin, closed),
	  M(chaos_bin, dropped), M(chaos_bin, connect_n), M(chaos_bin, first_byte_n),
	  M(chaos_bin, rtt_n), M(chaos_bin, pad)),
	S(BOTH | TRACE, chaos_bins, 1, M(chaos_bins, bin)),
	S(HOOK, chaos_recording, 5, M(chaos_recording, n_subjects), M(chaos_recording, reserve),
	  M(chaos_recording, max), M(chaos_recording, refused), M(chaos_recording, last_syn_ns)),
	S(BOTH | TRACE, chaos_services, 1, M(chaos_services, tcp)),
	S(HOOK | TRACE, chaos_conn_key, 4, M(chaos_conn_key, client), M(chaos_conn_key, server),
	  M(chaos_conn_key, client_port), M(chaos_conn_key, server_port)),
	S(HOOK | TRACE, chaos_conn, 5, M(chaos_conn, syn_ns), M(chaos_conn, isn),
	  M(chaos_conn, subject), M(chaos_conn, flags), M(chaos_conn, pad)),
	S(TRACE, chaos_space, 2, M(chaos_space, node), M(chaos_space, shown)),
	S(TRACE, chaos_reason_key, 2, M(chaos_reason_key, node), M(chaos_reason_key, reason)),
	S(BOTH, chaos_exempt_key, 4, M(chaos_exempt_key, addr), M(chaos_exempt_key, port),
	  M(chaos_exempt_key, proto), M(chaos_exempt_key, pad)),
};

static void assert_layout(const struct btf *btf, const struct layout *l)
{
	int id = btf__find_by_name_kind(btf, l->name, BTF_KIND_STRUCT);
	const struct btf_type *t;

	if (id < 0)
		fail_msg("the object's BTF has no struct %s", l->name);
	t = btf__type_by_id(btf, (uint32_t)id);
	assert_int_equal(t->size, l->size);
	assert_int_equal(btf_vlen(t), l->n_members);
	for (uint32_t i = 0; i < l->n_members; i++) {
		const struct btf_member *m = btf_members(t) + i;

		assert_string_equal(btf__name_by_offset(btf, m->name_off), l->members[i].name);
		assert_int_equal(btf_member_bit_offset(t, i), 8 * l->members[i].offset);
		assert_int_equal(btf__resolve_size(btf, m->type), l->members[i].size);
	}
}

static void assert_layouts(const struct btf *btf, unsigned int object)
{
	for (size_t i = 0; i < sizeof(LAYOUTS) / sizeof(LAYOUTS[0]); i++)
		if (LAYOUTS[i].objects & object)
			assert_layout(btf, &LAYOUTS[i]);
}

static void test_skeletons(void **state)
{
	struct chaos_bpf *skel = chaos_bpf__open();
	struct line_bpf *line = line_bpf__open();
	struct owner_bpf *owner = owner_bpf__open();
	struct traffic_bpf *trace = traffic_bpf__open();

	(void)state;
	assert_non_null(skel);
	assert_non_null(line);
	assert_non_null(owner);
	assert_layouts(bpf_object__btf(skel->obj), HOOK);
	assert_layouts(bpf_object__btf(line->obj), LINE);
	assert_layouts(bpf_object__btf(owner->obj), OWNER);
	assert_layouts(bpf_object__btf(trace->obj), TRACE);
	traffic_bpf__destroy(trace);
	owner_bpf__destroy(owner);
	line_bpf__destroy(line);
	chaos_bpf__destroy(skel);
}

/* The objects as built, in the output folder $O. */
static void test_built_objects(void **state)
{
	static const struct {
		const char *path;
		unsigned int object;
	} built[] = {{"x86_64/chaos", HOOK},
		     {"x86_64/line", LINE},
		     {"x86_64/owner", OWNER},
		     {"x86_64/traffic", TRACE},
		     {"arm64/chaos", HOOK},
		     {"arm64/line", LINE},
		     {"arm64/owner", OWNER},
		     {"arm64/traffic", TRACE}};
	const size_t n = sizeof(built) / sizeof(built[0]);
	const char *out = getenv("O");
	unsigned int checked = 0;

	(void)state;
	for (size_t i = 0; i < n; i++) {
		char path[4096];
		struct btf *btf;

		snprintf(path, sizeof(path), "%s/bpf/%s.bpf.o", out ? out : ".output",
			 built[i].path);
		if (access(path, R_OK))
			continue;
		btf = btf__parse_elf(path, NULL);
		assert_non_null(btf);
		assert_layouts(btf, built[i].object);
		btf__free(btf);
		checked++;
	}
	if (checked < n) {
		print_message("only %u of the %zu objects are built\n", checked, n);
		skip();
	}
}

/* Every map of @obj that the hooks have too is the same one there: what bpf_map__reuse_fd() demands. Returns how many. */
static unsigned int shared_maps(const struct bpf_object *obj)
{
	struct chaos_bpf *skel = chaos_bpf__open();
	const struct bpf_map *map;
	unsigned int shared = 0;

	assert_non_null(skel);
	bpf_object__for_each_map(map, obj)
	{
		const struct bpf_map *other =
			bpf_object__find_map_by_name(skel->obj, bpf_map__name(map));

		if (!other || bpf_map__is_internal(map))
			continue;
		shared++;
		assert_int_equal(bpf_map__type(map), bpf_map__type(other));
		assert_int_equal(bpf_map__key_size(map), bpf_map__key_size(other));
		assert_int_equal(bpf_map__value_size(map), bpf_map__value_size(other));
		assert_int_equal(bpf_map__max_entries(map), bpf_map__max_entries(other));
		assert_int_equal(bpf_map__map_flags(map), bpf_map__map_flags(other));
	}
	chaos_bpf__destroy(skel);
	return shared;
}

static void test_shared_maps(void **state)
{
	struct line_bpf *line = line_bpf__open();
	struct owner_bpf *owner = owner_bpf__open();
	struct traffic_bpf *trace = traffic_bpf__open();

	(void)state;
	assert_non_null(line);
	assert_non_null(owner);
	assert_non_null(trace);
	assert_int_equal(shared_maps(line->obj), 17);
	/* All but cgroups. */
	assert_int_equal(shared_maps(owner->obj), 3);
	/* All but spaces, drops and resets. */
	assert_int_equal(shared_maps(trace->obj), 7);
	traffic_bpf__destroy(trace);
	owner_bpf__destroy(owner);
	line_bpf__destroy(line);
}

/* Keys and values of the maps are these structs. */
static void test_maps(void **state)
{
	struct chaos_bpf *skel = chaos_bpf__open();
	struct line_bpf *line = line_bpf__open();

	(void)state;
	assert_non_null(skel);
	assert_non_null(line);
#define MAP(in, name, key, value)                                                      \
	do {                                                                           \
		assert_int_equal(bpf_map__key_size((in)->maps.name), sizeof(key));     \
		assert_int_equal(bpf_map__value_size((in)->maps.name), sizeof(value)); \
	} while (0)
	MAP(skel, control, uint32_t, struct chaos_control);
	MAP(skel, windows, uint32_t, struct chaos_windows);
	MAP(skel, rules, uint32_t, struct chaos_rule);
	MAP(skel, pairs, struct chaos_pair_key, struct chaos_pair);
	MAP(skel, idents, struct chaos_addr, struct chaos_ident);
	MAP(skel, prefixes, struct chaos_prefix, struct chaos_ident);
	MAP(skel, exempt, struct chaos_exempt_key, uint8_t);
	MAP(skel, edges, struct chaos_edge_key, struct chaos_edge_counts);
	MAP(skel, traffic, uint32_t, struct chaos_traffic);
	MAP(skel, stats, uint32_t, struct chaos_stats);
	MAP(skel, devices, struct chaos_device_key, struct chaos_device);
	MAP(skel, subjects, struct chaos_subject, uint32_t);
	MAP(skel, subject_keys, uint32_t, struct chaos_subject);
	MAP(skel, bins, uint32_t, struct chaos_bins);
	MAP(skel, recording, uint32_t, struct chaos_recording);
	MAP(skel, services, uint32_t, struct chaos_services);
	MAP(skel, conns, struct chaos_conn_key, struct chaos_conn);
	MAP(skel, captures, uint32_t, struct chaos_capture);
	MAP(line, ports, uint32_t, struct chaos_port);
	MAP(line, tables, uint32_t, int32_t);
	assert_int_equal(bpf_map__key_size(line->maps.links), sizeof(struct chaos_link_key));
#undef MAP
	assert_int_equal(sizeof(skel->rodata->hook), sizeof(struct chaos_hook));
	line_bpf__destroy(line);
	chaos_bpf__destroy(skel);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_skeletons),
		cmocka_unit_test(test_built_objects),
		cmocka_unit_test(test_shared_maps),
		cmocka_unit_test(test_maps),
	};

	return cmocka_run_group_tests_name("abi", tests, NULL, NULL);
}
