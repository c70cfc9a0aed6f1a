/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * compile_internal.h: the stages of compile(), in order: sides (edges and the sets of members on
 * their sides), idents (addresses to classes), owners
 * (processes to classes), pairs (classes to rules), hooks (devices).
 */
#ifndef CHAOS_COMPILE_INTERNAL_H
#define CHAOS_COMPILE_INTERNAL_H

#include "datapath/compile.h"
#include "datapath/ports.h"

#define SET_ANY UINT32_MAX
/* In place of a member: none, but the address is behind our hooks. */
#define MEMBER_NONE UINT32_MAX

/* An edge of a fault: set of members -> set of members, on some ports. */
struct cedge {
	uint32_t fault;
	uint32_t box;	   /* in boxes */
	uint32_t from, to; /* sets, or SET_ANY */
};

/* Rows of numbers: row i is v[off[i] .. off[i + 1]). */
struct csr {
	size_t *off;
	uint32_t *v;
	size_t n;
};

/* A class as this compilation has it. */
struct cclass {
	uint32_t node;	 /* one that is in it, for words */
	bool of_address; /* not by way of an owner */
};

/* An address of a namespace, with the class that it has there. */
struct own_addr {
	uint32_t netns;
	int ifindex;
	uint32_t class_id;
};

/* An address or prefix, by way of one member. */
struct entry {
	struct chaos_addr addr;
	uint8_t len;
	bool found; /* on a device of netns; else given in the plan */
	int ifindex;
	int32_t netns;	 /* -1: none */
	uint32_t member; /* or MEMBER_NONE */
	uint32_t node;
	bool elsewhere;
	uint64_t since;
};

struct compiler {
	const struct compile_input *in;
	const struct dp_plan *plan;
	struct compile_numbers *num;
	struct compiled *out;
	struct error *err;

	uint32_t *member_node; /* per member */
	uint32_t *place_node;  /* per place of the input */

	struct intern sets;  /* sorted member numbers */
	struct intern boxes; /* struct port_box */
	struct cedge *edges;
	size_t n_edges;
	struct csr member_sets;	 /* member -> sets that it is in, ascending */
	struct csr netns_places; /* of members that are all of it, or a device of it */
	ssize_t *member_netns;	 /* the first that it is all or a device of; -1: none */
	bool *by_socket;	 /* per netns: members are in it by their sockets */

	struct intern sigs;   /* sorted set numbers */
	uint32_t *member_sig; /* per member */
	bool *member_here;    /* has an address behind a hook */

	struct own_addr *own;
	size_t n_own, cap_own;
	struct entry *entries; /* sorted: addr, len, given ones first, then by netns */
	size_t n_entries, cap_entries;

	struct cclass *classes; /* by class number */
	size_t cap_classes;
	uint32_t exempt_owner; /* 0: none */
	bool joining;	       /* classes that come now are by way of an owner */
	bool *lo_needed;       /* per netns */
};

/* Signature of all members of a namespace that are on every device (whole), and on @ifindex.
 * @ret_member is the one to name, by @ret_node; MEMBER_NONE if members are there by their sockets only; -ENOENT if
 * none is there at all. */
int compiler__device_sig(struct compiler *c, size_t netns, const struct link_info *link,
			 uint32_t *ret_sig, size_t *ret_member, uint32_t *ret_node);

/* The number of the node called @name, which lives as long as the plan; 0 or -ENOMEM. */
int compiler__node(struct compiler *c, const char *name, uint32_t *ret);

int compiler__sides(struct compiler *c);
int compiler__idents(struct compiler *c);
int compiler__owners(struct compiler *c);
int compiler__pairs(struct compiler *c);
int compiler__hooks(struct compiler *c);

/*
 * An address that is on side @from by way of one member and on side @to by way of another, when
 * neither member is on both. -ENOENT if there is none.
 */
struct conflict {
	struct chaos_addr addr;
	uint8_t len;
	uint32_t from_member, to_member;
};
int compiler__conflict(struct compiler *c, uint32_t from, uint32_t to, struct conflict *ret);
bool compiler__set_has(const struct compiler *c, uint32_t set, uint32_t member);

/* The union of two signatures. */
int compiler__sig_union(struct compiler *c, uint32_t a, uint32_t b, uint32_t *ret);
/* Whose hooks packets to an address pass: nobody's, of one of the namespaces that share a table
 * of pairs, another machine's, or (HOME_OWN + its number) of a namespace that forwards. */
enum { HOME_NONE, HOME_SHARED, HOME_ELSEWHERE, HOME_OWN };
static inline bool home__is_here(uint32_t home)
{
	return home != HOME_NONE && home != HOME_ELSEWHERE;
}
uint32_t compiler__home(const struct compiler *c, size_t netns);
/* The table that hooks of this home look pairs up in. */
static inline uint32_t home__scope(uint32_t home)
{
	return home < HOME_OWN ? 0 : home - HOME_OWN + 1;
}
/* The class of addresses with @sig and @home. */
int compiler__class(struct compiler *c, uint32_t sig, uint32_t home, uint32_t node, uint32_t *ret);
uint32_t compiler__class_home(const struct compiler *c, uint32_t class_id);
/* The sets of a class, ascending. */
const uint32_t *compiler__class_sets(const struct compiler *c, uint32_t class_id, size_t *ret_n);

/* Rows from (row, value) pairs, in the order of @n pairs within each row. */
struct csr_pair {
	uint32_t row, value;
};
int csr__make(struct csr *ret, size_t n_rows, const struct csr_pair *pairs, size_t n);
void csr__reset(struct csr *c);

bool dp_addr__is_loopback(const struct chaos_addr *a);
/* An address of AF_INET or AF_INET6 as the packet path has it. */
struct chaos_addr dp_addr__from(uint8_t family, const uint8_t *bytes);
/* "10.0.0.1", "fd00::/8"; @len of 128 bits. */
const char *dp_addr__text(const struct chaos_addr *a, uint8_t len, char *buf, size_t size);

/* Room for one more in a vector that grows by doubling. */
#define grow_vec(v, n, cap)                                                     \
	({                                                                      \
		int grow_r_ = 0;                                                \
		if ((n) == (cap)) {                                             \
			size_t grow_cap_ = (cap) ? (cap)*2 : 64;                \
			void *grow_v_ = realloc((v), grow_cap_ * sizeof(*(v))); \
			if (grow_v_) {                                          \
				(v) = grow_v_;                                  \
				(cap) = grow_cap_;                              \
			} else {                                                \
				grow_r_ = -ENOMEM;                              \
			}                                                       \
		}                                                               \
		grow_r_;                                                        \
	})

#endif
