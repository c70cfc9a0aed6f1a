// SPDX-License-Identifier: GPL-2.0-only
/* submit.c: create, follow, stop, bring back, delete. */
#include "cli/submit.h"

#include "agent/coordinate.h"
#include "lib/clock.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#define TICK_MS 200
#define PLAIN_EVERY_NS (5 * NS_PER_S)
#define AGENT_WARN_NS (15 * NS_PER_S)	/* no agent has taken it up */
#define VERDICT_WAIT_NS (90 * NS_PER_S) /* behind the end, for the record and the collector */
#define STOP_WAIT_NS (20 * NS_PER_S)	/* behind Ctrl-C, of what has no start */
#define STOP_AGAIN_NS (2 * NS_PER_S)	/* when it was not taken */
#define REPLACE_WAIT_NS (60 * NS_PER_S)
#define MERGE_PATCH "application/merge-patch+json"

struct following {
	const struct submit_options *opts;
	struct submission s;
	struct kube *k;
	struct kube_watch *watch;
	json_t *obj;   /* as last seen */
	bool seen;     /* the watch has told of it */
	bool gone;     /* it was deleted */
	bool lost;     /* no contact at the moment */
	bool warned;   /* that no agent is there */
	bool stopping; /* the annotation is set, or on its way */
	bool refused;  /* it was said that the annotation cannot be set */
	bool leave;    /* a second signal */
	bool tty, quiet;
	unsigned int drawn; /* lines on the screen */
	int64_t began_ns, over_ns, stop_ns, plain_ns;
	int64_t ask_ns; /* the annotation is asked for again then */
};

static const json_t *status_of(const struct following *f)
{
	return json_object_get(f->obj, "status");
}

static bool phase_is(const struct following *f, const char *phase)
{
	const char *s = json_string_value(json_object_get(status_of(f), "phase"));

	return s && !strcmp(s, phase);
}

/* --- the screen ----------------------------------------------------------------------------------- */

static void erase(struct following *f)
{
	if (f->drawn)
		printf("\033[%uA\033[J", f->drawn);
	f->drawn = 0;
}

static void warn(struct following *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* To stderr, in the place of what is drawn, which comes back below it. */
static void warn(struct following *f, const char *fmt, ...)
{
	va_list ap;

	erase(f);
	fflush(stdout);
	fputs("chaos: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

/* Run time: on the server's clock, as well as it is known. */
static int64_t run_time(const struct following *f)
{
	int64_t start = coordinate__start_at(f->obj), lo = 0, hi = 0;

	if (!start)
		return 0;
	kube__clock(f->k, &lo, &hi);
	return clock__realtime() - (lo / 2 + hi / 2) - start;
}

static void say(struct following *f, const char *text)
{
	if (f->quiet || !*text)
		return;
	erase(f);
	printf("%+8.1fs  ", (double)run_time(f) / NS_PER_S);
	for (const char *p = text; *p; p++) {
		putchar(*p);
		if (*p == '\n' && p[1])
			printf("           ");
	}
	if (text[strlen(text) - 1] != '\n')
		putchar('\n');
	fflush(stdout);
}

/* Nodes that find room: what has gone out of the screen at its top cannot be erased. */
static size_t rows_for_nodes(const struct following *f)
{
	struct winsize w;

	if (!f->tty || ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) || !w.ws_row)
		return SIZE_MAX;
	/* The head, what is left out, and the cursor's line. */
	return w.ws_row > 4 ? w.ws_row - 3 : 1;
}

static void draw(struct following *f)
{
	int64_t now = clock__now();
	char *text;

	if (f->quiet || (!f->tty && now < f->plain_ns))
		return;
	f->plain_ns = now + PLAIN_EVERY_NS;
	text = submit_view__text(&f->s, status_of(f), run_time(f), rows_for_nodes(f));
	if (!text)
		return;
	erase(f);
	/* A narrow terminal cuts lines instead of wrapping them. */
	printf(f->tty ? "\033[?7l%s\033[?7h" : "%s", text);
	for (const char *p = text; f->tty && *p; p++)
		f->drawn += *p == '\n';
	fflush(stdout);
	free(text);
}

/* --- the object ----------------------------------------------------------------------------------- */

static void collection_path(const struct submission *s, char *buf, size_t size)
{
	snprintf(buf, size, "/apis/%s/namespaces/%s/%s", s->group_version, s->ns, s->plural);
}

static void object_path(const struct submission *s, char *buf, size_t size)
{
	snprintf(buf, size, "/apis/%s/namespaces/%s/%s/%s", s->group_version, s->ns, s->plural,
		 s->name);
}

static int delete (struct following *f, struct kube_answer *a)
{
	json_t *body = json_pack("{s:s,s:s,s:s}", "kind", "DeleteOptions", "apiVersion", "v1",
				 "propagationPolicy", "Background");
	char path[512];
	struct kube_request rq = {.method = "DELETE", .path = path, .body = body};
	int r;

	object_path(&f->s, path, sizeof(path));
	r = kube__call(f->k, &rq, a, NULL);
	json_decref(body);
	return r;
}

/* The object of this name that is there, or NULL. */
static json_t *get(struct following *f)
{
	char path[512];
	struct kube_request rq = {.method = "GET", .path = path};
	struct kube_answer a;
	json_t *obj = NULL;

	object_path(&f->s, path, sizeof(path));
	return kube__call(f->k, &rq, &a, &obj) ? NULL : obj;
}

/* --replace: its run ends with it. Wait until the name is free. */
static int replace(struct following *f, struct error *err)
{
	int64_t end = clock__now() + REPLACE_WAIT_NS;
	struct kube_answer a;
	int r = delete (f, &a);

	if (r && r != -ENOENT)
		return err__set(err, r, "%s %s/%s cannot be deleted: %s", f->s.kind, f->s.ns,
				f->s.name, a.why);
	for (json_t *there; (there = get(f)); json_decref(there)) {
		if (*f->opts->stop || clock__now() > end) {
			json_decref(there);
			if (*f->opts->stop)
				return err__set(err, -EINTR, "interrupted");
			return err__set(err, -ETIMEDOUT,
					"%s %s/%s is still there; who holds it? See its finalizers",
					f->s.kind, f->s.ns, f->s.name);
		}
		kube__wait(f->k, NULL, 0, TICK_MS);
	}
	return 0;
}

static int post(struct following *f, struct kube_answer *a)
{
	char path[512];
	struct kube_request rq = {.method = "POST", .path = path, .body = f->s.obj};

	collection_path(&f->s, path, sizeof(path));
	return kube__call(f->k, &rq, a, &f->obj);
}

static int say_taken(struct following *f, struct error *err)
{
	json_t *there = get(f);
	const char *phase =
		json_string_value(json_object_get(json_object_get(there, "status"), "phase"));

	err__set(err, -EEXIST,
		 "%s %s/%s is there already%s%s%s; give it another name, or delete it first by "
		 "--replace",
		 f->s.kind, f->s.ns, f->s.name, phase ? " (" : "", phase ? phase : "",
		 phase ? ")" : "");
	json_decref(there);
	return -EEXIST;
}

/* The request may have been done: nobody said that it was not. */
static bool unsure(const struct kube_answer *a)
{
	return a->status ? a->status / 100 == 2 || a->status >= 500
			 : a->error != -ECONNREFUSED && a->error != -EHOSTUNREACH;
}

/* Who may create it but not look at it would never hear of its end, and it would go on. */
static int check_followed(struct following *f, struct error *err)
{
	char path[900];
	struct kube_request rq = {.method = "GET", .path = path};
	struct kube_answer a;
	json_t *list = NULL;
	size_t n;

	collection_path(&f->s, path, sizeof(path));
	n = strlen(path);
	snprintf(path + n, sizeof(path) - n, "?limit=1%s%s",
		 f->s.name ? "&fieldSelector=metadata.name%3D" : "", f->s.name ? f->s.name : "");
	if (kube__call(f->k, &rq, &a, &list) == -EACCES)
		return err__set(err, -EACCES, "%s cannot be followed in namespace %s: %s",
				f->s.kind, f->s.ns, a.why);
	/* What else may be wrong the creation says. */
	json_decref(list);
	return 0;
}

static int create(struct following *f, struct error *err)
{
	struct kube_answer a;
	int r = check_followed(f, err);

	if (r)
		return r;
	r = post(f, &a);
	if (r == -EEXIST && f->s.name && f->opts->replace) {
		r = replace(f, err);
		if (r)
			return r;
		r = post(f, &a);
	}
	if (r == -EEXIST && f->s.name)
		return say_taken(f, err);
	if (r == -ENOENT)
		return err__set(err, r,
				"the cluster knows no %s (%s): is the agent installed? "
				"kubectl apply -k chaos/k8s (%s)",
				f->s.kind, f->s.group_version, a.why);
	if (r)
		return err__set(err, r, "%s cannot be created in namespace %s: %s%s", f->s.kind,
				f->s.ns, a.why, unsure(&a) ? "; it may be there all the same" : "");
	if (!f->s.name) {
		const char *name = json_string_value(
			json_object_get(json_object_get(f->obj, "metadata"), "name"));

		f->s.name = name ? strdup(name) : NULL;
		if (!f->s.name)
			return err__set(err, -EPROTO, "the server has given the object no name");
	}
	return 0;
}

/* --- following it --------------------------------------------------------------------------------- */

static bool is_ours(const struct following *f, const json_t *obj)
{
	const char *a = json_string_value(json_object_get(json_object_get(obj, "metadata"), "uid"));
	const char *b =
		json_string_value(json_object_get(json_object_get(f->obj, "metadata"), "uid"));

	return a && b && !strcmp(a, b);
}

static void on_event(void *arg, enum kube_event ev, const json_t *obj, const char *words)
{
	struct following *f = arg;
	char *news;

	if (ev == KUBE_LOST) {
		f->lost = true;
		warn(f, "no contact: %s; the agents go on", words);
		return;
	}
	if (ev == KUBE_SYNCED) {
		if (f->lost)
			say(f, "contact is back");
		f->lost = false;
		/* Deleted before the first list: of what was never told nothing is told as gone. */
		f->gone = f->gone || !f->seen;
		return;
	}
	if (!is_ours(f, obj))
		return;
	f->seen = true;
	if (ev == KUBE_GONE) {
		f->gone = true;
		return;
	}
	news = submit_view__news(status_of(f), json_object_get(obj, "status"));
	json_decref(f->obj);
	f->obj = json_incref((json_t *)obj);
	say(f, news ? news : "");
	free(news);
}

static int watch(struct following *f, struct error *err)
{
	char path[512], field[300];
	struct kube_watch_spec spec = {
		.path = path, .field_selector = field, .event = on_event, .arg = f};

	collection_path(&f->s, path, sizeof(path));
	snprintf(field, sizeof(field), "metadata.name=%s", f->s.name);
	return kube__watch(f->k, &spec, &f->watch) ? err__set(err, -ENOMEM, "out of memory") : 0;
}

static void stop_answered(void *arg, const struct kube_answer *a)
{
	struct following *f = arg;

	if (a->status / 100 == 2 || a->status == 404)
		return;
	if (!f->refused)
		warn(f, "it cannot be stopped: %s; it is tried again", a->why);
	f->refused = true;
	f->stopping = false;
	f->ask_ns = clock__now() + STOP_AGAIN_NS;
}

static void ask_stop(struct following *f)
{
	json_t *patch =
		json_pack("{s:{s:{s:s}}}", "metadata", "annotations", "netchaos.dev/stop", "true");
	char path[512];
	struct kube_request rq = {.method = "PATCH",
				  .path = path,
				  .content_type = MERGE_PATCH,
				  .body = patch,
				  .done = stop_answered,
				  .arg = f};

	object_path(&f->s, path, sizeof(path));
	f->stopping = patch && !kube__request(f->k, &rq);
	f->ask_ns = clock__now() + STOP_AGAIN_NS;
	json_decref(patch);
}

static void on_signal(struct following *f)
{
	uint64_t n;

	if (read(f->opts->wake_fd, &n, sizeof(n)) < 0)
		return;
	if (f->stop_ns) {
		f->leave = true;
		return;
	}
	f->stop_ns = clock__now();
	say(f, "stopping; once more to leave it alone");
	ask_stop(f);
}

static bool verdict_is_there(const struct following *f)
{
	return json_is_string(json_object_get(status_of(f), "verdict"));
}

/* All that can be waited for has been. */
static bool is_done(struct following *f)
{
	const json_t *phase = json_object_get(status_of(f), "phase");
	int64_t now = clock__now();

	if (f->gone || f->leave || phase_is(f, "Refused"))
		return true;
	/* No agent has it in its hands. */
	if (f->stop_ns && !coordinate__start_at(f->obj) &&
	    (!json_is_string(phase) || now > f->stop_ns + STOP_WAIT_NS))
		return true;
	if (!submit_view__is_over(status_of(f)))
		return false;
	f->over_ns = f->over_ns ? f->over_ns : now;
	return verdict_is_there(f) || now > f->over_ns + VERDICT_WAIT_NS;
}

static void warn_agent(struct following *f)
{
	if (f->warned || f->lost || json_object_size(status_of(f)) ||
	    clock__now() < f->began_ns + AGENT_WARN_NS)
		return;
	f->warned = true;
	warn(f, "no agent has taken it up yet; do they run? kubectl get daemonset -A");
}

static void follow(struct following *f)
{
	struct pollfd p = {.fd = f->opts->wake_fd, .events = POLLIN};

	f->began_ns = clock__now();
	f->plain_ns = f->began_ns + PLAIN_EVERY_NS;
	while (!is_done(f)) {
		p.revents = 0;
		if (kube__wait(f->k, &p, 1, TICK_MS) < 0)
			break;
		if (p.revents)
			on_signal(f);
		/* What must end must not depend on one request. */
		if (f->stop_ns && !f->stopping && clock__now() >= f->ask_ns)
			ask_stop(f);
		warn_agent(f);
		draw(f);
	}
	erase(f);
	fflush(stdout);
}

/* --- the end -------------------------------------------------------------------------------------- */

static int fail(int status, struct error *err)
{
	cli__fail(status, err);
	return status;
}

/* The exit status of the run whose record says @summary. */
static int judge(const struct following *f, const json_t *summary)
{
	const char *status = json_string_value(json_object_get(summary, "status"));

	if (phase_is(f, "Failed") || (status && !strcmp(status, "aborted")))
		return EXIT_RUNTIME;
	/* Ctrl-C is how a run without an end is meant to end. */
	if (phase_is(f, "Stopped") && f->s.duration_ns > 0)
		return EXIT_INTERRUPTED;
	return summary__verdict(summary) == VERDICT_PASS ? EXIT_HOLDS : EXIT_EXPECTATION;
}

/* @ret_keep: the object holds what we could not bring here. */
static int bring_back(struct following *f, bool *ret_keep)
{
	struct error err = {0};
	json_t *summary = NULL, *obj;
	char *dir = NULL;
	int r = submit__folder(f->opts->out, f->s.name, &dir, &err), status;
	bool unread = false;

	/* A newer version may come meanwhile and take its place. */
	obj = json_incref(f->obj);
	if (!r)
		r = submit__fetch(f->k, &f->s, obj, dir, f->opts->wake_fd, &summary, &unread, &err);
	json_decref(obj);
	/* What failed before anything was recorded holds nothing. */
	*ret_keep = unread || (r && !(r == -ENOENT && phase_is(f, "Failed")));
	if (r) {
		free(dir);
		return fail(r == -EINTR ? EXIT_INTERRUPTED : EXIT_RUNTIME, &err);
	}
	status = judge(f, summary);
	if (f->opts->json)
		cli__print_json(summary);
	else if (!cli_quiet)
		cli__print_summary(summary, dir);
	json_decref(summary);
	free(dir);
	return status;
}

/* What became of it, in an exit status; @ret_keep: the object is not to be deleted. */
static int conclude(struct following *f, bool *ret_keep)
{
	const char *words = json_string_value(json_object_get(status_of(f), "message"));
	struct error err = {0};

	*ret_keep = false;
	if (f->gone) {
		err__set(&err, -ENOENT,
			 "%s %s/%s was deleted before its end; its record went with it", f->s.kind,
			 f->s.ns, f->s.name);
		return fail(EXIT_RUNTIME, &err);
	}
	if (f->leave) {
		*ret_keep = true;
		err__set(&err, -EINTR,
			 "left alone; it goes on in the cluster: kubectl delete -n %s %s.%.*s %s",
			 f->s.ns, f->s.plural, (int)strcspn(f->s.group_version, "/"),
			 f->s.group_version, f->s.name);
		return fail(EXIT_INTERRUPTED, &err);
	}
	if (phase_is(f, "Refused")) {
		err__set(&err, -EINVAL, "refused by the agents: %s", words ? words : "no words");
		return fail(EXIT_USAGE, &err);
	}
	if (!coordinate__start_at(f->obj)) {
		err__set(&err, -EINTR, "interrupted before an agent took it up");
		return fail(EXIT_INTERRUPTED, &err);
	}
	if (phase_is(f, "Failed"))
		fprintf(stderr, "chaos: failed: %s\n", words ? words : "no words");
	return bring_back(f, ret_keep);
}

static void clean_up(struct following *f, bool keep)
{
	struct kube_answer a;

	if (f->gone)
		return;
	if (keep || f->opts->keep) {
		if (keep || !f->quiet)
			fprintf(keep ? stderr : stdout, "%s%s %s/%s stays in the cluster\n",
				keep ? "chaos: " : "", f->s.kind, f->s.ns, f->s.name);
		return;
	}
	if (delete (f, &a) && a.status != 404)
		fprintf(stderr, "chaos: %s %s/%s stays, it cannot be deleted: %s\n", f->s.kind,
			f->s.ns, f->s.name, a.why);
}

static int run(struct following *f)
{
	struct error err = {0};
	bool keep = false;
	int r, status;

	/* While a command made credentials, or in the file before this one. */
	r = *f->opts->stop ? err__set(&err, -EINTR, "interrupted; nothing was created")
			   : create(f, &err);
	if (r == -EINTR)
		return fail(EXIT_INTERRUPTED, &err);
	if (r)
		return fail(r == -EEXIST || r == -ENOENT || r == -EINVAL || r == -EACCES
				    ? EXIT_USAGE
				    : EXIT_RUNTIME,
			    &err);
	if (!f->quiet)
		printf("%s %s/%s created\n", f->s.kind, f->s.ns, f->s.name);
	fflush(stdout);
	r = watch(f, &err);
	if (r)
		return fail(EXIT_RUNTIME, &err);
	follow(f);
	status = conclude(f, &keep);
	clean_up(f, keep);
	kube_watch__end(f->watch);
	return status;
}

int submit__verb(const char *file, const struct submit_options *opts)
{
	struct following f = {.opts = opts};
	struct kube_config c = {0};
	struct error err = {0};
	const char *term = getenv("TERM");
	int r, status;

	f.quiet = cli_quiet || opts->json;
	f.tty = isatty(STDOUT_FILENO) && term && strcmp(term, "dumb") != 0;
	r = kube_config__load(opts->kubeconfig, opts->context, &c, &err);
	if (!r)
		r = submission__load(file, opts->ns, c.ns, &f.s, &err);
	if (!r && opts->out && !access(opts->out, F_OK))
		r = err__set(&err, -EINVAL,
			     "run folder `%s` exists already; a record is never written over: "
			     "choose another with --out, or move it away",
			     opts->out);
	if (!r)
		r = kube__open(&c, &f.k, &err);
	kube_config__reset(&c);
	status = r ? cli__fail(EXIT_USAGE, &err) : run(&f);
	json_decref(f.obj);
	kube__close(f.k);
	submission__reset(&f.s);
	return status;
}
