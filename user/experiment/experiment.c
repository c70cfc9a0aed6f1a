// SPDX-License-Identifier: GPL-2.0-only
#include "experiment/netchaos.h"
#include "experiment/parse.h"
#include "lib/cleanup.h"
#include "lib/clock.h"

#include <ctype.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#define API_VERSION "netchaos.dev/v1alpha1"
#define DURATION_MAX_NS (30 * 24 * 3600 * NS_PER_S)

/* --- the tables of the outer mappings ------------------------------------------------------------ */

static void read_seed(struct reader *r, const struct yaml_node *n, void *obj)
{
	struct experiment *e = obj;

	if (reader__u64(r, n, 0, EXPERIMENT_SEED_MAX, &e->seed))
		e->seed_drawn = false;
}

static void read_run_duration(struct reader *r, const struct yaml_node *n, void *obj)
{
	struct experiment *e = obj;

	if (n->kind == YAML_SCALAR && !strcmp(n->text, "until-stopped")) {
		e->until_stopped = true;
		e->duration_ns = DURATION_MAX_NS;
		return;
	}
	reader__duration(r, n, 1, DURATION_MAX_NS, &e->duration_ns);
}

static const struct option metadata_options[] = {
	FIELD("name", STRING, experiment, name),
	FIELD("description", STRING, experiment, description),
};

static void read_metadata(struct reader *r, const struct yaml_node *n, void *obj)
{
	struct experiment *e = obj;

	if (reader__map(r, n, "metadata", metadata_options, ARRAY_SIZE(metadata_options), e) &&
	    e->name)
		reader__check_name(r, yaml__get(n, "name")->pos, e->name);
}

/* In the order in which sections refer back to each other. */
static const struct option spec_options[] = {
	OPTION("seed", CUSTOM, .parse = read_seed),
	OPTION("duration", CUSTOM, .required = true, .parse = read_run_duration),
	FIELD("allowHost", BOOL, experiment, allow_host),
	FIELD("maxEndpoints", UINT, experiment, max_endpoints, .lo = 1, .hi = 1000000),
	OPTION("lab", CUSTOM, .parse = parse_lab),
	OPTION("endpoints", CUSTOM, .parse = parse_endpoints),
	OPTION("systems", CUSTOM, .parse = parse_systems),
	OPTION("faults", CUSTOM, .parse = parse_faults),
	OPTION("observe", CUSTOM, .parse = parse_observe),
	OPTION("guard", CUSTOM, .parse = parse_guards),
	OPTION("expect", CUSTOM, .parse = parse_expect),
};

static void read_spec(struct reader *r, const struct yaml_node *n, void *obj)
{
	reader__map(r, n, "spec", spec_options, ARRAY_SIZE(spec_options), obj);
}

static const struct option root_options[] = {
	OPTION("apiVersion", HANDLED, .required = true),
	OPTION("kind", HANDLED, .required = true),
	OPTION("metadata", CUSTOM, .parse = read_metadata),
	OPTION("spec", CUSTOM, .required = true, .parse = read_spec),
};

/* What the document says it is. False when the rest would only be noise. */
static bool check_kind(struct reader *r, const struct yaml_node *root)
{
	const struct yaml_node *kind = yaml__get(root, "kind");
	const struct yaml_node *version = yaml__get(root, "apiVersion");
	char found[FOUND_SIZE];

	if (kind && (kind->kind != YAML_SCALAR || strcmp(kind->text, "Experiment"))) {
		reader__fault(r, kind->pos,
			      "kind %s; expected Experiment, or a manifest of Chaos Mesh",
			      reader__found(kind, found));
		return false;
	}
	if (version && (version->kind != YAML_SCALAR || strcmp(version->text, API_VERSION)))
		reader__fault(r, version->pos, "apiVersion %s; expected " API_VERSION,
			      reader__found(version, found));
	return true;
}

/* --- what is filled in ---------------------------------------------------------------------------- */

/* The file's name without folder and ending, as far as it makes a name. */
static char *name_from_file(const char *file)
{
	const char *base = strrchr(file, '/');
	char name[64];
	size_t n = 0;

	base = base ? base + 1 : file;
	for (; *base && *base != '.' && n < sizeof(name) - 1; base++) {
		bool ok = isalnum((unsigned char)*base) || (n && strchr("-_", *base));

		if (ok || n)
			name[n++] = *base;
		if (!ok && n)
			name[n - 1] = '-';
	}
	name[n] = '\0';
	return strdup(n ? name : "experiment");
}

/* Seed and name in the tree where it has none, then the tree as text. */
static int resolve(struct yaml *y, struct experiment *e)
{
	struct yaml_node *spec = yaml__get(y->root, "spec"), *meta = yaml__get(y->root, "metadata");
	char seed[24];
	int r = 0;

	snprintf(seed, sizeof(seed), "%" PRIu64, e->seed);
	if (e->seed_drawn)
		r = yaml__prepend(y, spec, "seed", yaml__new_scalar(y, seed));
	if (!r && !meta) {
		meta = yaml__new_mapping(y);
		r = meta ? yaml__prepend(y, y->root, "metadata", meta) : -ENOMEM;
	}
	if (!r && !yaml__get(meta, "name"))
		r = yaml__prepend(y, meta, "name", yaml__new_scalar(y, e->name));
	if (r)
		return r;
	e->resolved = yaml__emit(y->root);
	return e->resolved ? 0 : -ENOMEM;
}

/* Manifests of another tool, one or several; the first document that holds something says so. */
static bool is_foreign(const struct yaml *y)
{
	const struct yaml_node *first = y->root;

	for (size_t i = 0; i < y->n_more && yaml__is_null(first); i++)
		first = y->more[i];
	return chaosmesh__is(first);
}

/* --- entry points --------------------------------------------------------------------------------- */

static void cleanup_yaml(struct yaml *y)
{
	yaml__reset(y);
}

/* What findings call the fields of selectors later: the tree is gone then. */
static void note_paths(struct reader *r, struct experiment *e)
{
	char path[256];

	for (size_t i = 0; i < e->n_endpoints; i++)
		for (size_t k = 0; k < e->endpoints[i].n_selectors; k++) {
			struct selector *s = &e->endpoints[i].selectors[k];

			s->path = reader__strdup(
				r, reader__path_to(r->root, s->pos, path, sizeof(path)));
		}
}

static struct experiment *new_experiment(const char *file, uint64_t draw_seed)
{
	struct experiment *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->file = strdup(file);
	e->seed = draw_seed;
	e->seed_drawn = true;
	e->traffic_bin_ns = 100 * NS_PER_MS;
	e->capture.snaplen = 256;
	e->capture.max = (struct moving){.from = 64 << 20, .to = 64 << 20};
	if (!e->file) {
		experiment__free(e);
		return NULL;
	}
	return e;
}

/* What cannot be read as YAML at all. */
static int not_yaml(const char *file, int r, struct pos pos, const struct error *why, bool paths,
		    struct error *err)
{
	if (r == -ENOMEM)
		return err__set(err, r, "%s: out of memory", file);
	if (paths)
		return err__set(err, -EINVAL, "%s", why->msg);
	return err__set(err, -EINVAL, "%s:%d:%d: %s%s", file, pos.line, pos.col, why->msg,
			r == -ENODATA ? "; expected an experiment" : "");
}

int experiment__parse_with(const char *file, const char *text, size_t len, uint64_t draw_seed,
			   const struct experiment_source *source, struct experiment **ret,
			   struct error *err)
{
	return experiment__parse_as(file, text, len, draw_seed, source, NULL, ret, err);
}

int experiment__parse(const char *file, const char *text, size_t len, uint64_t draw_seed,
		      struct experiment **ret, struct error *err)
{
	return experiment__parse_as(file, text, len, draw_seed, NULL, NULL, ret, err);
}

int experiment__parse_as(const char *file, const char *text, size_t len, uint64_t draw_seed,
			 const struct experiment_source *source, const struct experiment_mode *mode,
			 struct experiment **ret, struct error *err)
{
	static const struct experiment_mode here = {.place = EXPERIMENT_HERE};
	_cleanup_(cleanup_experiment) struct experiment *e = new_experiment(file, draw_seed);
	_cleanup_(cleanup_yaml) struct yaml y = {0};
	struct reader reader = {.file = file, .e = e};
	struct error why = {0};
	struct pos pos = {0};
	int r;

	if (!e)
		return err__set(err, -ENOMEM, "%s: out of memory", file);
	mode = mode ? mode : &here;
	reader.place = mode->place;
	reader.ns = mode->ns;
	r = yaml__parse(text, len, &y, &pos, &why);
	if (r)
		return not_yaml(file, r, pos, &why, mode->paths, err);
	reader.root = mode->paths ? y.root : NULL;
	if (is_foreign(&y)) {
		struct yaml_node *root = chaosmesh__translate(&reader, &y);

		r = reader__finish(&reader, err);
		if (r)
			return r;
		y.root = root;
	} else if (y.n_more) {
		reader__fault(
			&reader, y.more[0]->pos,
			"a second document; expected one in a file, or manifests of Chaos Mesh");
	}
	if (!reader.n_findings && check_kind(&reader, y.root)) {
		parse_include_systems(&reader, &y, len, source);
		if (mode->place == EXPERIMENT_CLUSTER)
			parse_cluster_namespaces(&reader, &y);
		reader__map(&reader, y.root, "an experiment", root_options,
			    ARRAY_SIZE(root_options), e);
		if (mode->place == EXPERIMENT_CLUSTER)
			parse_cluster_check(&reader, &y, mode);
		if (reader.root)
			note_paths(&reader, e);
	}
	r = reader__finish(&reader, err);
	if (r)
		return r;
	if (!e->name)
		e->name = name_from_file(file);
	if (!e->name || resolve(&y, e))
		return err__set(err, -ENOMEM, "%s: out of memory", file);
	*ret = TAKE_PTR(e);
	return 0;
}

static int read_file(const char *path, void *arg, char **ret_text, size_t *ret_len,
		     struct error *err)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	_cleanup_free_ char *text = NULL;
	size_t len = 0;
	ssize_t n;

	(void)arg;
	if (fd < 0)
		return err__set(err, -errno, "%s", strerror(errno));
	/* one byte more than allowed tells a file that is too big */
	text = malloc(EXPERIMENT_MAX_BYTES + 1);
	if (!text)
		return err__set(err, -ENOMEM, "out of memory");
	do {
		n = read(fd, text + len, EXPERIMENT_MAX_BYTES + 1 - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err__set(err, -errno, "%s", strerror(errno));
		len += (size_t)n;
	} while (n && len <= EXPERIMENT_MAX_BYTES);
	if (len > EXPERIMENT_MAX_BYTES)
		return err__set(err, -EFBIG, "more than 1 MiB is no experiment");
	*ret_text = TAKE_PTR(text);
	*ret_len = len;
	return 0;
}

int experiment__load(const char *path, uint64_t draw_seed, struct experiment **ret,
		     struct error *err)
{
	return experiment__load_as(path, draw_seed, NULL, ret, err);
}

int experiment__load_as(const char *path, uint64_t draw_seed, const struct experiment_mode *mode,
			struct experiment **ret, struct error *err)
{
	static const struct experiment_source files = {.read = read_file};
	_cleanup_free_ char *text = NULL;
	size_t len = 0;
	int r = read_file(path, NULL, &text, &len, err);

	if (r)
		return err__prefix(err, "%s", path);
	return experiment__parse_as(path, text, len, draw_seed, &files, mode, ret, err);
}

const struct endpoint *experiment__endpoint(const struct experiment *e, const char *name)
{
	for (size_t i = 0; i < e->n_endpoints; i++) {
		if (e->endpoints[i].name && !strcmp(e->endpoints[i].name, name))
			return &e->endpoints[i];
	}
	return NULL;
}
