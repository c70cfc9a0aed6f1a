// SPDX-License-Identifier: GPL-2.0-only
/*
 * The objects of both architectures have every ABI struct as user space has it: size, members, offsets, types'
 * sizes. A member that is added must be added here, or its count is wrong.
 */
#include "harness.h"

#include <bpf/btf.h>

struct member {
	const char *name;
	uint32_t offset, size;
};

struct layout {
	const char *name;
	uint32_t size, n_members;
	struct member members[11];
};

#define M(s, m)                                                          \
	{                                                                \
#m, offsetof(struct s, m), sizeof(((struct s *)NULL)->m) \
	}
#define S(s, n, ...)                     \
	{                                \
#s, sizeof(struct s), n, \
		{                        \
			__VA_ARGS__      \
		}                        \
	}

static const struct layout LAYOUTS[] = {
	S(chaos_addr, 1, M(chaos_addr, w)),
	S(chaos_prefix, 2, M(chaos_prefix, prefixlen), M(chaos_prefix, addr)),
	S(chaos_ident, 2, M(chaos_ident, class_id), M(chaos_ident, node)),
	S(chaos_hook, 3, M(chaos_hook, ident), M(chaos_hook, flags), M(chaos_hook, pad)),
	S(chaos_control, 3, M(chaos_control, t0_ns), M(chaos_control, n_exempt),
	  M(chaos_control, pad)),
	S(chaos_window, 2, M(chaos_window, start_ns), M(chaos_window, end_ns)),
	S(chaos_windows, 1, M(chaos_windows, slot)),
	S(chaos_pair_key, 3, M(chaos_pair_key, src_class), M(chaos_pair_key, dst_class),
	  M(chaos_pair_key, direction)),
	S(chaos_pair, 2, M(chaos_pair, n_rules), M(chaos_pair, rule)),
	S(chaos_port_range, 2, M(chaos_port_range, lo), M(chaos_port_range, hi)),
	S(chaos_match, 11, M(chaos_match, proto), M(chaos_match, flags), M(chaos_match, tcp_mask),
	  M(chaos_match, tcp_flags), M(chaos_match, n_sport), M(chaos_match, n_dport),
	  M(chaos_match, n_port), M(chaos_match, pad), M(chaos_match, sport), M(chaos_match, dport),
	  M(chaos_match, port)),
	S(chaos_loss, 1, M(chaos_loss, threshold)),
	S(chaos_rule, 5, M(chaos_rule, fault), M(chaos_rule, actions), M(chaos_rule, seed),
	  M(chaos_rule, match), M(chaos_rule, loss)),
	S(chaos_edge_key, 3, M(chaos_edge_key, fault), M(chaos_edge_key, src_node),
	  M(chaos_edge_key, dst_node)),
	S(chaos_edge_counts, 5, M(chaos_edge_counts, matched), M(chaos_edge_counts, matched_bytes),
	  M(chaos_edge_counts, dropped), M(chaos_edge_counts, first_hit_ns),
	  M(chaos_edge_counts, last_hit_ns)),
	S(chaos_traffic, 9, M(chaos_traffic, rx_packets), M(chaos_traffic, rx_bytes),
	  M(chaos_traffic, tx_packets), M(chaos_traffic, tx_bytes), M(chaos_traffic, rx_syn),
	  M(chaos_traffic, tx_syn), M(chaos_traffic, rx_rst), M(chaos_traffic, tx_rst),
	  M(chaos_traffic, dropped)),
	S(chaos_stats, 4, M(chaos_stats, packets), M(chaos_stats, unparsed),
	  M(chaos_stats, exempted), M(chaos_stats, edge_overflow)),
	S(chaos_exempt_key, 4, M(chaos_exempt_key, addr), M(chaos_exempt_key, port),
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

static void assert_layouts(const struct btf *btf)
{
	for (size_t i = 0; i < sizeof(LAYOUTS) / sizeof(LAYOUTS[0]); i++)
		assert_layout(btf, &LAYOUTS[i]);
}

static void test_skeleton(void **state)
{
	struct chaos_bpf *skel = chaos_bpf__open();

	(void)state;
	assert_non_null(skel);
	assert_layouts(bpf_object__btf(skel->obj));
	chaos_bpf__destroy(skel);
}

/* The objects as built, in the output folder $O. */
static void test_built_objects(void **state)
{
	static const char *const arches[] = {"x86_64", "arm64"};
	const char *out = getenv("O");
	unsigned int checked = 0;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		char path[4096];
		struct btf *btf;

		snprintf(path, sizeof(path), "%s/bpf/%s/chaos.bpf.o", out ? out : ".output",
			 arches[i]);
		if (access(path, R_OK))
			continue;
		btf = btf__parse_elf(path, NULL);
		assert_non_null(btf);
		assert_layouts(btf);
		btf__free(btf);
		checked++;
	}
	if (checked < 2) {
		print_message("only %u of both architectures is built\n", checked);
		skip();
	}
}

/* Keys and values of the maps are these structs. */
static void test_maps(void **state)
{
	struct chaos_bpf *skel = chaos_bpf__open();

	(void)state;
	assert_non_null(skel);
#define MAP(name, key, value)                                                          \
	do {                                                                           \
		assert_int_equal(bpf_map__key_size(skel->maps.name), sizeof(key));     \
		assert_int_equal(bpf_map__value_size(skel->maps.name), sizeof(value)); \
	} while (0)
	MAP(control, uint32_t, struct chaos_control);
	MAP(windows, uint32_t, struct chaos_windows);
	MAP(rules, uint32_t, struct chaos_rule);
	MAP(pairs, struct chaos_pair_key, struct chaos_pair);
	MAP(idents, struct chaos_addr, struct chaos_ident);
	MAP(prefixes, struct chaos_prefix, struct chaos_ident);
	MAP(exempt, struct chaos_exempt_key, uint8_t);
	MAP(edges, struct chaos_edge_key, struct chaos_edge_counts);
	MAP(traffic, uint32_t, struct chaos_traffic);
	MAP(stats, uint32_t, struct chaos_stats);
#undef MAP
	assert_int_equal(sizeof(skel->rodata->hook), sizeof(struct chaos_hook));
	assert_int_equal(bpf_map__max_entries(skel->maps.rules),
			 bpf_map__max_entries(skel->maps.rule_state));
	chaos_bpf__destroy(skel);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_skeleton),
		cmocka_unit_test(test_built_objects),
		cmocka_unit_test(test_maps),
	};

	return cmocka_run_group_tests_name("abi", tests, NULL, NULL);
}
