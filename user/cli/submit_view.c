// SPDX-License-Identifier: GPL-2.0-only
/* submit_view.c: the status of an object, in words. */
#include "cli/submit.h"
#include "cli/targets.h"

#include "lib/clock.h"

#include <stdio.h>
#include <string.h>

enum { BAR_CELLS = 36 };

static const char *text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

bool submit_view__is_over(const json_t *status)
{
	static const char *const phases[] = {"Finished", "Failed", "Stopped", "Refused"};

	for (size_t i = 0; i < ARRAY_SIZE(phases); i++) {
		if (!strcmp(text(status, "phase"), phases[i]))
			return true;
	}
	return false;
}

/* What the server says is printed on a terminal. */
static void print_clean(FILE *f, const char *s)
{
	char buf[2048];

	fputs(target_text__clean(s, false, buf, sizeof(buf)), f);
}

/* "Running: words" of @now if it is not what @before has. */
static void tell_change(FILE *f, const char *who, const json_t *before, const json_t *now)
{
	const char *phase = text(now, "phase"), *words = text(now, "message");

	if (!strcmp(phase, text(before, "phase")) && !strcmp(words, text(before, "message")))
		return;
	print_clean(f, who);
	fputs(*who ? " " : "", f);
	print_clean(f, phase);
	if (*words) {
		fputs(": ", f);
		print_clean(f, words);
	}
	putc('\n', f);
}

static void tell_pods(FILE *f, const char *node, const json_t *before, const json_t *now)
{
	const json_t *pod;
	const char *name;

	json_object_foreach((json_t *)now, name, pod) {
		const json_t *was = json_object_get(before, name);
		char who[300];

		snprintf(who, sizeof(who), "%s: pod %s", node, name);
		/* Before anything happens all of them wait. */
		if (was || strcmp(text(pod, "phase"), "Waiting") != 0)
			tell_change(f, who, was, pod);
	}
}

char *submit_view__news(const json_t *before, const json_t *now)
{
	const json_t *nodes = json_object_get(now, "nodes"), *node;
	const json_t *old = json_object_get(before, "nodes");
	char *out = NULL;
	const char *name;
	size_t size = 0;
	FILE *f = open_memstream(&out, &size);

	if (!f)
		return NULL;
	tell_change(f, "", before, now);
	json_object_foreach((json_t *)nodes, name, node) {
		const json_t *was = json_object_get(old, name);

		tell_change(f, name, was, node);
		tell_pods(f, name, json_object_get(was, "pods"), json_object_get(node, "pods"));
	}
	return fclose(f) ? NULL : out;
}

static void print_bar(FILE *f, int64_t t_ns, int64_t duration_ns)
{
	int64_t cells = t_ns <= 0	      ? 0
			: t_ns >= duration_ns ? BAR_CELLS
					      : t_ns * BAR_CELLS / duration_ns;

	for (int i = 0; i < BAR_CELLS; i++)
		putc(i < cells ? '=' : '-', f);
}

static void print_head(FILE *f, const struct submission *s, const json_t *status, int64_t t_ns)
{
	const char *phase = text(status, "phase");
	double t = (double)t_ns / NS_PER_S;

	fprintf(f, "%s/%s  ", s->ns, s->name);
	print_clean(f, *phase ? phase : "waits for an agent");
	if (*text(status, "startAt") && t_ns < 0)
		fprintf(f, "  starts in %.1f s", -t);
	else if (*text(status, "startAt") && s->duration_ns > 0) {
		fputs("  ", f);
		print_bar(f, t_ns, s->duration_ns);
		fprintf(f, "  %.1f of %.0f s",
			t_ns < s->duration_ns ? t : (double)s->duration_ns / NS_PER_S,
			(double)s->duration_ns / NS_PER_S);
	} else if (*text(status, "startAt")) {
		fprintf(f, "  %.1f s, until Ctrl-C", t);
	}
	putc('\n', f);
}

/* What the faults did on a node: the hits of its pods together. */
static void print_hits(FILE *f, const json_t *pods)
{
	json_t *sum = json_object();
	const json_t *pod, *n;
	const char *name, *before = "  ";

	json_object_foreach((json_t *)pods, name, pod) {
		json_object_foreach(json_object_get(pod, "hits"), name, n)
			json_object_set_new(
				sum, name,
				json_integer(json_integer_value(json_object_get(sum, name)) +
					     json_integer_value(n)));
	}
	json_object_foreach(sum, name, n) {
		fprintf(f, "%s%lld ", before, (long long)json_integer_value(n));
		print_clean(f, name);
		before = ", ";
	}
	json_decref(sum);
}

static void print_node(FILE *f, const char *name, const json_t *node)
{
	const json_t *pods = json_object_get(node, "pods"), *pod;
	size_t n = json_object_size(pods), injected = 0;
	const char *pod_name;

	json_object_foreach((json_t *)pods, pod_name, pod)
		injected += !strcmp(text(pod, "phase"), "Injected");
	fprintf(f, "  %-16.16s %-8.8s  %zu pod%s, %zu under a fault", name, text(node, "phase"), n,
		n == 1 ? " " : "s", injected);
	if (*text(node, "mechanism"))
		fprintf(f, " (%.16s)", text(node, "mechanism"));
	print_hits(f, pods);
	putc('\n', f);
}

char *submit_view__text(const struct submission *s, const json_t *status, int64_t t_ns, size_t most)
{
	const json_t *nodes = json_object_get(status, "nodes"), *node;
	size_t size = 0, left = json_object_size(nodes);
	char *out = NULL;
	const char *name;
	FILE *f = open_memstream(&out, &size);

	if (!f)
		return NULL;
	print_head(f, s, status, t_ns);
	json_object_foreach((json_t *)nodes, name, node) {
		if (!most--)
			break;
		print_node(f, name, node);
		left--;
	}
	if (left)
		fprintf(f, "  and %zu more nodes\n", left);
	return fclose(f) ? NULL : out;
}
