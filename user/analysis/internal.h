/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * internal.h: what the modules of this room compute from a history, one struct each, in the order
 * in which they are made. Times are nanoseconds of run time, HISTORY_NONE where there is none.
 */
#ifndef CHAOS_ANALYSIS_INTERNAL_H
#define CHAOS_ANALYSIS_INTERNAL_H

#include "analysis/analysis.h"
#include "analysis/history.h"

#define CMP(a, b) (((a) > (b)) - ((a) < (b)))

/* ---- timing.c: the cut, the heal, and who was on which side ---- */

struct text;

struct timing {
	int64_t end_ns; /* when the timeline ended: the final reads come after it */
	int64_t first_fault_ns, last_clear_ns; /* of any fault */

	/*
	 * The cut is the time in which partitions were in force, or any fault if there was no
	 * partition: windows, merged and in order. cut_ns is where the first begins, heal_ns
	 * where the last ends (NONE if it never did).
	 */
	bool partitioned;
	struct history_window *cut;
	size_t n_cut;
	int64_t cut_ns, heal_ns;

	/*
	 * Sides: nodes that no partition ever separated. Without a partition every node is a side
	 * of its own.
	 */
	int *side_of;	   /* by node */
	char **side_names; /* members joined by "," */
	size_t *side_size;
	size_t n_sides;
};

int timing__make(const struct history *h, struct timing *ret);
void timing__free(struct timing *t);

/* ---- claims.c: who said that it leads, and when it was not asked ---- */

enum claim_end {
	CLAIM_DENIED, /* a sample says no */
	CLAIM_EPOCH,  /* the next claim of this node is in another epoch */
	CLAIM_UNSEEN, /* not sampled for too long; the next sample claims in the same epoch */
	CLAIM_RECORD, /* the record ends */
};

struct claim {
	int node;
	int host; /* whose clock its times are of, or HISTORY_NO_HOST */
	int64_t epoch;
	struct history_window inner; /* certain; start > end if only one sample says so */
	struct history_window outer; /* possible */
	enum claim_end end;
};

/* A time in which a node may have claimed anything: no valid sample for longer than a probe gap. */
struct unseen {
	int node;
	int64_t from_ns, to_ns;
};

struct claims {
	bool leads;	 /* its system has nodes that lead; a Sentinel only watches */
	bool sampled;	 /* there is a valid sample */
	struct claim *v; /* by node, then time */
	size_t n;
	struct unseen *unseen; /* by node, then time */
	size_t n_unseen;
};

/* @ret: one for each resource. */
int claims__make(const struct history *h, const struct timing *t, struct claims **ret);
void claims__free(struct claims *c, size_t n);

/* ---- writes.c: set accounting, and reads that miss a write ---- */

struct workload_writes {
	bool has_final;
	int diverged; /* 0, 1, or -1: not known, for want of final reads */
	int64_t final, lost, recovered, unexpected;
};

struct writes {
	int64_t attempted, acked, failed, unknown; /* adds; the sum of the others is attempted */
	int64_t set_acked;			   /* of these, to sets */
	struct workload_writes *workloads;
	size_t n_sets;	/* workloads that are */
	bool has_final; /* all of those have a final read */
	int64_t lost_first_ns, lost_last_ns;
	int64_t *
		lost_by_side; /* number of lost writes that clients on that side had acknowledged */
	int64_t reads, reads_ok, max_staleness_ns;
	int64_t reads_set, reads_stale; /* of reads_ok: of sets, and those that are stale */
	int64_t requests, requests_ok;	/* of workloads that check nothing */
	bool *op_lost, *op_stale;	/* by op */
	int64_t *staleness_ns;		/* by op, of those that are stale */
};

int writes__make(const struct history *h, const struct timing *t, const struct claims *claims,
		 struct writes *ret);
void writes__free(struct writes *w);

/*
 * What set workload @w has in the end: sorted, disjoint. False in @ret_known: there is no final
 * read. @ret is to be freed.
 */
int writes__final(const struct history *h, size_t w, const struct claims *claims,
		  struct history_run **ret, size_t *ret_n, bool *ret_known);
/* Of each node the last final read of workload @w, or NULL; by node, to be freed. */
const struct history_final **writes__last_finals(const struct history *h, size_t w);

/* Does workload @w tell about resource @r? */
bool writes__about(const struct history *h, size_t w, size_t r);

/* ---- epochs.c: epochs that no protocol would have ---- */

struct epoch_doubt {
	int64_t t_ns;
	int64_t before, now; /* before: HISTORY_NONE if there was none */
};

/* Did @node's claims on @resource have an epoch that cannot be right? The first, in @ret. */
bool epochs__doubtful(const struct history *h, size_t resource, int node, struct epoch_doubt *ret);

/* ---- split.c: overlaps of claims, and how bad it got ---- */

struct span {
	int node;
	int64_t from_ns, to_ns;
};

/*
 * The times in which spans of two or more different nodes intersect, merged and in order;
 * touching is no intersection. O(n log n). @ret is to be freed.
 */
int overlap__sweep(const struct span *spans, size_t n, size_t n_nodes, struct history_window **ret,
		   size_t *ret_n);
int64_t overlap__measure(const struct history_window *w, size_t n);

struct split_resource {
	int level; /* -1: not watched */
	struct history_window *must;
	size_t n_must;
	int64_t must_ns, may_ns;
	int64_t outlived_ns; /* NONE without a partition that was healed */
	int same_epoch;	     /* 0, 1, or -1: no epochs known */
	int *nodes;	     /* who took part in a certain overlap */
	size_t n_nodes;
};

struct split {
	int level; /* -1: no role was watched */
	struct split_resource *v;
};

/*
 * With @pessimist, a node that was not sampled for longer than a probe gap counts as having
 * claimed all that time: the worst that may have happened unseen.
 */
int split__make(const struct history *h, const struct timing *t, const struct claims *claims,
		const struct writes *w, bool pessimist, struct split *ret);
void split__free(struct split *s, size_t n_resources);

/* ---- availability.c ---- */

struct availability {
	int64_t *side_gap;		     /* longest gap by side; NONE: no client there */
	int64_t *stepdown, *elect, *old_end; /* by resource */
	int *old, *elected; /* by resource: the node that led at the cut, and that led next; -1 */
	int64_t *
		elected_end; /* by resource: when the claim of the latter ended, from the heal on */
	int64_t stepdown_ns, elect_ns, old_end_after_heal_ns, first_ack_everywhere_ns,
		replicas_equal_ns, heal_tail_ns;
};

int availability__make(const struct history *h, const struct timing *t, const struct claims *claims,
		       struct availability *ret);
void availability__free(struct availability *a);
/*
 * By side the longest time without an acknowledgement within @w, of the operations of @h; NONE: no
 * client there.
 */
int availability__gaps(const struct history *h, const struct timing *t,
		       const struct history_window *w, int64_t *ret);

/* ---- goodput.c: goodput and latencies ---- */

struct quantiles {
	bool known;
	int64_t p50, p90, p99, p999, max;
};

struct goodput {
	double baseline_per_s, after_per_s; /* -1: not known */
	int64_t recovery_ns;
	struct quantiles intended, service, lateness;
};

int goodput__make(const struct history *h, const struct timing *t, const struct writes *w,
		  struct goodput *ret);

/*
 * When something that happened at @v (sorted) was back at what it was before the first fault, from
 * the last clear on: the first of 5 windows of 500 ms that each reach enough of it. NONE: never, or
 * not known (@ret_known).
 */
int64_t goodput__recovery(const int64_t *v, size_t n, const struct timing *t, bool *ret_known);

/* ---- herd.c: many clients at once ---- */

enum herd_kind { HERD_NONE, HERD_STAMPEDE, HERD_FLOOD, HERD_CONNECTIONS, HERD_RETRIES };
const char *herd_kind__name(enum herd_kind k); /* NULL: HERD_NONE */

/* Of one window; -1 = not known. */
struct herd_rate {
	double per_s, peak_per_s, fano;
};

struct synchrony {
	int64_t period_ns; /* NONE: none was found */
	double r;	   /* of it, or the greatest that was seen; -1: not known */
	double p;	   /* that arrivals without any period do as much, of all that was tried */
};

/* In each window, and in the end of the recovery: per s; -1 = not known. */
struct herd_load {
	double baseline, fault, recovery, end;
};

struct herd_metric {
	const char *metric;
	char *service;		   /* "web:80", or NULL */
	int workload;		   /* or -1; both absent: all nodes together */
	bool connects;		   /* it counts connections that were tried */
	int first_bins, last_bins; /* of a service: h->bins[first] to before last */
	struct herd_rate baseline, fault, recovery, heal, later;
	double pbr, fault_pbr, recovery_pbr, amplification; /* -1 = not known */
	struct synchrony synchrony;
	int64_t answer_ns;  /* of a service: SYN to the first byte of an answer, mean */
	int64_t settled_ns; /* when the load was as before, from the last clear on */
	/* of a workload; -1 = not known */
	double attempts_per_intent;
	struct herd_load offered, goodput,
		load; /* intents that were due, answers, attempts: per s */
	int64_t recovery_ns;
	bool recovery_known;
	int metastable; /* 0, 1, -1: not known */
};

struct herd_evidence {
	enum herd_kind kind;
	char *words;
};

struct herd {
	/* start == end: there is none */
	struct history_window baseline, fault, recovery, heal;
	struct herd_metric *v;
	size_t n;
	enum herd_kind kind;
	int metastable;			/* 0, 1, -1: not known */
	struct herd_evidence *evidence; /* the kind's own first */
	size_t n_evidence;
};

int herd__make(const struct history *h, const struct timing *t, struct herd *ret);
void herd__free(struct herd *x);
/* herd, traffic of summary.json (new references) */
json_t *herd__json(const struct history *h, const struct herd *x);
json_t *traffic__json(const struct history *h);
/* findings_herd.c */
void findings__herd(const struct history *h, const struct herd *x, json_t *out);

/* ---- checks.c: what the checkers say of each workload ---- */

/* checks of summary.json (new reference); NULL: no memory. */
json_t *checks__json(const struct history *h, const struct claims *claims);

/* ---- all of it ---- */

struct analysis {
	const struct history *h;
	struct timing timing;
	struct claims *claims;
	struct writes writes;
	struct split split, worst;
	struct availability availability;
	struct goodput goodput;
	struct herd herd;
};

int analysis__make(const struct history *h, struct analysis *ret);
void analysis__free(struct analysis *a);

/* summary.json but for the verdict, what was expected, the findings and the checks */
json_t *summary__numbers(const struct analysis *a);
/* split_brain of summary.json, from @s */
json_t *summary__split(const struct analysis *a, const struct split *s);

/*
 * verdict.c: sets expectations, verdict and verdict_reasons in @summary; @ret_doubts (new
 * reference): what keeps expectations from being settled, each once.
 */
int verdict__decide(const struct analysis *a, json_t *summary, json_t **ret_doubts);

/* ---- window.c: the same of a part of the run ---- */

/* In order, disjoint. */
struct stretches {
	struct history_window *v;
	size_t n;
};
static inline void cleanup_stretches(struct stretches *s)
{
	free(s->v);
}

struct expect;

/*
 * What @e speaks of, within its window: the numbers of a summary, and the same if all nodes had
 * claimed while they were not sampled (new references). -ENOENT: there was no such window, with
 * the reason in @why; -ENOMEM.
 */
int window__summary(const struct analysis *a, const struct expect *e, json_t **ret,
		    json_t **ret_worst, struct error *why);

/* findings.c: plain sentences, most important first */
json_t *findings__make(const struct analysis *a, const json_t *doubts, const json_t *checks);
void findings__say(json_t *out, struct text *t); /* if there is anything to say; frees @t */
/* findings_roles.c, of resource @r */
void findings__split(const struct analysis *a, size_t r, json_t *out);
void findings__no_split(const struct analysis *a, size_t r, json_t *out);
void findings__epochs(const struct analysis *a, size_t r, json_t *out); /* epochs.c */
void findings__wire(const struct analysis *a, json_t *out);		/* findings_vrrp.c */
void findings__succession(const struct analysis *a, size_t r, json_t *out);

/* ---- text.c: numbers that may be missing, strings that grow ---- */

json_t *json_seconds(int64_t ns);  /* null if NONE */
json_t *json_count(int64_t n);	   /* null if NONE */
json_t *json_rate(double x);	   /* null if negative or not finite */
json_t *json_words(const char *s); /* null if NULL; what is no UTF-8 as question marks */

/* Zeroed at first. */
struct text {
	char *v;
	size_t n, size;
	bool failed;
};
void text__add(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void text__put(struct text *t, const char *s, size_t n);
void text__count(struct text *t, int64_t n);	/* 1,208 */
void text__seconds(struct text *t, int64_t ns); /* 22.4 s, 0.48 s, 7 ms */
void text__at(struct text *t, int64_t ns);	/* an instant of run time: +10.1 s */
/* "0.28", "29.5", "1,177": a rate, three digits or all before the point; .v is the text. */
struct text_rate {
	char v[32];
};
struct text_rate text__rate(double per_s);
void text__several(struct text *t, int64_t n, const char *one, const char *many);
char *text__take(struct text *t); /* NULL if memory ran out */
static inline void cleanup_text(struct text *t)
{
	free(t->v);
}

#endif
