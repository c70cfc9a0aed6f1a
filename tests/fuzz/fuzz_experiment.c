// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any bytes as an experiment file: a message or an experiment, never a crash. What parses has a resolved copy
 * that parses to the same schedule and resolves to itself.
 */
#include "experiment/schedule.h"
#include "fuzz_yaml.h"

#include <errno.h>

/* What stands behind a line `#file`, else all of it, is the file that the experiment may name. */
struct input {
	const char *text, *file;
	size_t len, file_len;
};

static struct input cut(const uint8_t *data, size_t size)
{
	static const char line[] = "\n#file\n";
	struct input in = {(const char *)data, (const char *)data, size, size};
	const char *at = memmem(data, size, line, sizeof(line) - 1);

	if (at) {
		in.len = (size_t)(at + 1 - in.text);
		in.file = at + sizeof(line) - 1;
		in.file_len = size - (size_t)(in.file - in.text);
	}
	return in;
}

static int read_file(const char *path, void *arg, char **ret_text, size_t *ret_len,
		     struct error *err)
{
	const struct input *in = arg;

	(void)path;
	*ret_text = malloc(in->file_len + 1);
	if (!*ret_text)
		return err__set(err, -ENOMEM, "out of memory");
	memcpy(*ret_text, in->file, in->file_len);
	*ret_len = in->file_len;
	return 0;
}

static void check_windows(const struct experiment *e, size_t fault, const struct windows *w)
{
	int64_t last = e->faults[fault].at_ns;

	for (size_t i = 0; i < w->n; i++) {
		MUST(w->v[i].start_ns >= last && w->v[i].end_ns > w->v[i].start_ns);
		last = w->v[i].end_ns;
	}
	MUST(last <= e->duration_ns);
}

static void check_edges(const struct experiment *e, const struct edges *edges)
{
	for (size_t i = 0; i < edges->n; i++) {
		MUST(edges->v[i].from == EDGE_ANY || edges->v[i].from < e->n_endpoints);
		MUST(edges->v[i].to == EDGE_ANY || edges->v[i].to < e->n_endpoints);
		MUST(edges->v[i].from != edges->v[i].to);
	}
}

/* Values in their bounds, and the same words from both. */
static void check_parts(const struct fault *f, const struct fault *again)
{
	char words[2][256];
	bool moves;

	MUST(f->parts && f->parts == again->parts);
	MUST(!strcmp(experiment__describe_fault(f, words[0], sizeof(words[0])),
		     experiment__describe_fault(again, words[1], sizeof(words[1]))));
	experiment__describe_fault(f, words[1], 20);
	MUST(f->delay.latency_ns.to + 4 * f->delay.jitter_ns.to <= 60e9);
	MUST(f->loss.chance.p.from >= 0 && f->loss.chance.p.from <= 1);
	MUST(f->delay.correlation >= 0 && f->delay.correlation < 1);
	MUST(!(f->parts & FAULT_RATE) || f->rate.bytes_per_s.to > 0);
	MUST(!(f->parts & FAULT_REORDER) || f->parts & FAULT_DELAY);
	MUST(f->match.length_lo <= f->match.length_hi && f->match.length_hi <= 65535);
	moves = f->loss.chance.p.from != f->loss.chance.p.to ||
		f->delay.latency_ns.from != f->delay.latency_ns.to;
	MUST(!moves || f->ramp_ns > 0);
}

static void check_fault(const struct experiment *e, const struct experiment *again, size_t i)
{
	struct windows w[2] = {{0}, {0}};
	struct edges edges[2] = {{0}, {0}};
	int *side = calloc(e->n_endpoints + 1, sizeof(*side));
	int r = schedule__windows(e, i, &w[0]);

	MUST(side && r == schedule__windows(again, i, &w[1]) && (!r || r == -E2BIG));
	MUST(w[0].n == w[1].n && (!w[0].n || !memcmp(w[0].v, w[1].v, w[0].n * sizeof(*w[0].v))));
	check_windows(e, i, &w[0]);
	r = schedule__edges(e, i, &edges[0]);
	MUST(r == schedule__edges(again, i, &edges[1]) && (!r || r == -E2BIG));
	MUST(edges[0].n == edges[1].n &&
	     (!edges[0].n || !memcmp(edges[0].v, edges[1].v, edges[0].n * sizeof(*edges[0].v))));
	check_edges(e, &edges[0]);
	MUST(schedule__sides(e, i, side) >= 0);
	check_parts(&e->faults[i], &again->faults[i]);
	free(w[0].v);
	free(w[1].v);
	free(edges[0].v);
	free(edges[1].v);
	free(side);
}

/* The same again, and no deeper than one `not`. */
static void check_endpoint(const struct endpoint *ep, const struct endpoint *again)
{
	char words[300];

	MUST(ep->n_selectors == again->n_selectors);
	for (size_t i = 0; i < ep->n_selectors; i++) {
		const struct selector *s = &ep->selectors[i];

		MUST(!selector__compare(s, &again->selectors[i]));
		MUST(*s->value &&
		     strlen(selector__describe(s, words, sizeof(words))) < sizeof(words));
		for (size_t k = 0; s->target && k < s->target->n_excludes; k++)
			MUST(!s->target->excludes[k].n_excludes);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct experiment *e = NULL, *again = NULL;
	struct error err = {0};
	struct input in = cut(data, size);
	struct experiment_source source = {.read = read_file, .arg = &in};
	int r = experiment__parse_with("f", in.text, in.len, 42, &source, &e, &err);

	if (r) {
		MUST(r == -EINVAL && !e && err.code == r && *err.msg);
		return 0;
	}
	again = fuzz__again(e, NULL);
	for (size_t i = 0; i < e->n_endpoints; i++)
		check_endpoint(&e->endpoints[i], &again->endpoints[i]);
	for (size_t i = 0; i < e->n_faults; i++)
		check_fault(e, again, i);
	experiment__free(again);
	experiment__free(e);
	return 0;
}
