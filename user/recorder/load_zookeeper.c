// SPDX-License-Identifier: GPL-2.0-only
/*
 * load_zookeeper.c: ZooKeeper by its C client with threads, which is loaded when it is needed. A set is the children
 * of /chaos-NAME, register K is /chaos-NAME-K, a counter /chaos-NAME-0; what compares and then changes sets by the
 * version that it has read. Reads are plain ones, which a server answers from what it knows; final reads sync first.
 */
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "recorder/library.h"
#include "recorder/load_internal.h"

#include <inttypes.h>
#include <pthread.h>
#include <string.h>

/* zookeeper.h and zookeeper.jute.h, as far as we use them: part of the library's ABI. */
typedef struct _zhandle zhandle_t;
struct zk_stat {
	int64_t czxid, mzxid, ctime, mtime;
	int32_t version, cversion, aversion;
	int64_t ephemeral_owner;
	int32_t data_length, num_children;
	int64_t pzxid;
};
struct zk_strings {
	int32_t count;
	char **data;
};
struct zk_acl {
	int32_t perms;
	struct {
		const char *scheme, *id;
	} id;
};
struct zk_acls {
	int32_t count;
	const struct zk_acl *data;
};
enum {
	ZOK = 0,
	ZINVALIDSTATE = -9,
	ZAPIERROR = -100,
	ZNONODE = -101,
	ZBADVERSION = -103,
	ZNODEEXISTS = -110,
	ZSESSIONEXPIRED = -112,
	ZCLOSING = -116,
};
enum { STATE_EXPIRED = -112, STATE_AUTH_FAILED = -113, STATE_CONNECTED = 3, PERM_ALL = 0x1f };

typedef void (*watcher)(zhandle_t *, int type, int state, const char *path, void *arg);
typedef void (*on_stat)(int rc, const struct zk_stat *, const void *);
typedef void (*on_data)(int rc, const char *, int len, const struct zk_stat *, const void *);
typedef void (*on_string)(int rc, const char *, const void *);
typedef void (*on_strings)(int rc, const struct zk_strings *, const void *);

#define FUNCTIONS(X)                                                                             \
	X(zhandle_t *, zookeeper_init, (const char *, watcher, int, const void *, void *, int))  \
	X(int, zookeeper_close, (zhandle_t *))                                                   \
	X(int, zoo_state, (zhandle_t *))                                                         \
	X(void, zoo_set_debug_level, (int))                                                      \
	X(int, zoo_acreate,                                                                      \
	  (zhandle_t *, const char *, const char *, int, const struct zk_acls *, int, on_string, \
	   const void *))                                                                        \
	X(int, zoo_aset,                                                                         \
	  (zhandle_t *, const char *, const char *, int, int, on_stat, const void *))            \
	X(int, zoo_aget, (zhandle_t *, const char *, int, on_data, const void *))                \
	X(int, zoo_aexists, (zhandle_t *, const char *, int, on_stat, const void *))             \
	X(int, zoo_async, (zhandle_t *, const char *, on_string, const void *))                  \
	X(int, zoo_aget_children, (zhandle_t *, const char *, int, on_strings, const void *))    \
	X(const char *, zerror, (int))

static struct {
	FUNCTIONS(LIBRARY_MEMBER)
} zk;
static const char *const names[] = {FUNCTIONS(LIBRARY_NAME)};
_Static_assert(sizeof(zk) == sizeof(void *) * ARRAY_SIZE(names), "nothing but functions");

static struct library library = {.soname = "libzookeeper_mt.so.2",
				 .package = "libzookeeper-mt2",
				 .names = names,
				 .n = ARRAY_SIZE(names),
				 .functions = (void **)&zk,
				 .lock = PTHREAD_MUTEX_INITIALIZER};

/* Of a session; the client looks for the server again after two thirds of it. */
#define SESSION_MS 4000
#define PATH_SIZE 320

struct zookeeper {
	struct store_spec spec;
	zhandle_t *handle; /* NULL = none */
	char path[256];
	/* signalled by the watcher */
	pthread_mutex_t lock;
	pthread_cond_t changed;
};

/* One request; freed by whoever comes last, its caller or its completion. */
struct call {
	pthread_mutex_t lock;
	pthread_cond_t cond;
	bool done, abandoned;
	int rc, error;
	bool has_value;
	int64_t value;
	int32_t version;
	struct values values;
};

/* --- pure ------------------------------------------------------------------------------------- */

enum outcome zookeeper__outcome(int rc)
{
	if (rc == ZOK)
		return OUTCOME_OK;
	/* The server has said no, before it proposed anything to the others. */
	if (rc < ZAPIERROR && rc != ZSESSIONEXPIRED && rc != ZCLOSING)
		return OUTCOME_FAIL;
	/* The client's own: the connection or the session was lost while the request was under way. */
	return OUTCOME_UNKNOWN;
}

/* --- requests --------------------------------------------------------------------------------- */

static void init_cond(pthread_cond_t *c)
{
	pthread_condattr_t a;

	pthread_condattr_init(&a);
	pthread_condattr_setclock(&a, CLOCK_MONOTONIC);
	pthread_cond_init(c, &a);
	pthread_condattr_destroy(&a);
}

static struct call *call_new(void)
{
	struct call *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	pthread_mutex_init(&c->lock, NULL);
	init_cond(&c->cond);
	return c;
}

static void call_free(struct call *c)
{
	pthread_mutex_destroy(&c->lock);
	pthread_cond_destroy(&c->cond);
	values__reset(&c->values);
	free(c);
}

/* In the library's thread, with the lock held. */
static void complete(struct call *c, int rc)
{
	bool last = c->abandoned;

	c->rc = rc;
	c->done = true;
	pthread_cond_signal(&c->cond);
	pthread_mutex_unlock(&c->lock);
	if (last)
		call_free(c);
}

static void stat_done(int rc, const struct zk_stat *stat, const void *arg)
{
	struct call *c = (void *)arg;

	(void)stat;
	pthread_mutex_lock(&c->lock);
	complete(c, rc);
}

static void string_done(int rc, const char *s, const void *arg)
{
	struct call *c = (void *)arg;

	(void)s;
	pthread_mutex_lock(&c->lock);
	complete(c, rc);
}

static void data_done(int rc, const char *data, int len, const struct zk_stat *stat,
		      const void *arg)
{
	struct call *c = (void *)arg;

	pthread_mutex_lock(&c->lock);
	if (rc == ZOK && stat)
		c->version = stat->version;
	if (rc == ZOK && data && len > 0)
		c->has_value = value__parse(data, (size_t)len, &c->value);
	complete(c, rc);
}

static void strings_done(int rc, const struct zk_strings *s, const void *arg)
{
	struct call *c = (void *)arg;
	int64_t v;

	pthread_mutex_lock(&c->lock);
	for (int32_t i = 0; rc == ZOK && s && i < s->count && !c->error; i++)
		if (value__parse(s->data[i], strlen(s->data[i]), &v))
			c->error = values__add(&c->values, v);
	complete(c, rc);
}

/* The answer of what was submitted with @rc; a negative errno, or 0 and the call, to be freed. */
static int await(struct call *c, int rc, int64_t deadline_ns)
{
	struct timespec until = ns_timespec(deadline_ns);
	bool late;

	if (rc != ZOK) {
		/* Not submitted: nobody will complete it. */
		c->rc = rc == ZINVALIDSTATE ? ZINVALIDSTATE : rc;
		c->done = true;
		return -ENOTCONN;
	}
	pthread_mutex_lock(&c->lock);
	while (!c->done && !pthread_cond_timedwait(&c->cond, &c->lock, &until))
		;
	late = !c->done;
	c->abandoned = late;
	pthread_mutex_unlock(&c->lock);
	return late ? -ETIMEDOUT : 0;
}

/* What came of it, for @a; the return code, or 1 if there is none. Takes @c unless @keep. */
static int finish(struct call *c, int rc, int64_t deadline_ns, struct call *ret, struct answer *a)
{
	int r = await(c, rc, deadline_ns);
	const char *text;

	if (r == -ETIMEDOUT) {
		answer__errno(a, r, true);
		return 1; /* it is the completion's now */
	}
	rc = c->rc;
	if (r) {
		answer__errno(a, r, false);
		rc = 1;
	} else if (rc != ZOK) {
		text = zk.zerror(rc);
		answer__error(a, zookeeper__outcome(rc), text, strlen(text));
	}
	if (ret) {
		ret->has_value = c->has_value;
		ret->value = c->value;
		ret->version = c->version;
		ret->error = c->error;
		ret->values = c->values;
		c->values = (struct values){0};
	}
	call_free(c);
	return rc;
}

static const struct zk_acl open_acl[] = {{PERM_ALL, {"world", "anyone"}}};
static const struct zk_acls acls = {1, open_acl};

static int no_memory(struct answer *a)
{
	answer__errno(a, -ENOMEM, false);
	return 1;
}

static int create(struct zookeeper *z, const char *path, const char *text, int64_t deadline_ns,
		  struct answer *a)
{
	struct call *c = call_new();

	*a = (struct answer){.value = NOTHING};
	return c ? finish(c,
			  zk.zoo_acreate(z->handle, path, text, (int)strlen(text), &acls, 0,
					 string_done, c),
			  deadline_ns, NULL, a)
		 : no_memory(a);
}

static int set(struct zookeeper *z, const char *path, const char *text, int32_t version,
	       int64_t deadline_ns, struct answer *a)
{
	struct call *c = call_new();

	*a = (struct answer){.value = NOTHING};
	return c ? finish(c,
			  zk.zoo_aset(z->handle, path, text, (int)strlen(text), version, stat_done,
				      c),
			  deadline_ns, NULL, a)
		 : no_memory(a);
}

static int get(struct zookeeper *z, const char *path, int64_t deadline_ns, struct call *ret,
	       struct answer *a)
{
	struct call *c = call_new();

	*a = (struct answer){.value = NOTHING};
	return c ? finish(c, zk.zoo_aget(z->handle, path, 0, data_done, c), deadline_ns, ret, a)
		 : no_memory(a);
}

/* --- the session ------------------------------------------------------------------------------- */

static void on_change(zhandle_t *h, int type, int state, const char *path, void *arg)
{
	struct zookeeper *z = arg;

	(void)h, (void)type, (void)state, (void)path;
	pthread_mutex_lock(&z->lock);
	pthread_cond_broadcast(&z->changed);
	pthread_mutex_unlock(&z->lock);
}

static void drop(struct zookeeper *z)
{
	if (z->handle)
		zk.zookeeper_close(z->handle);
	z->handle = NULL;
}

/* Connected: else nothing is sent. A request to a client that is not would be sent when it is, however late. */
static bool begin(struct zookeeper *z, int64_t deadline_ns, struct answer *a)
{
	struct timespec until = ns_timespec(deadline_ns);
	bool v6 = strchr(z->spec.ip, ':');
	char host[80];
	int r = 0, state;

	state = z->handle ? zk.zoo_state(z->handle) : STATE_EXPIRED;
	if (state == STATE_EXPIRED || state == STATE_AUTH_FAILED) {
		drop(z);
		snprintf(host, sizeof(host), "%s%s%s:%u", v6 ? "[" : "", z->spec.ip, v6 ? "]" : "",
			 z->spec.port);
		z->handle = zk.zookeeper_init(host, on_change, SESSION_MS, NULL, z, 0);
	}
	if (!z->handle) {
		answer__errno(a, -errno, false);
		return false;
	}
	pthread_mutex_lock(&z->lock);
	while (zk.zoo_state(z->handle) != STATE_CONNECTED && !r)
		r = pthread_cond_timedwait(&z->changed, &z->lock, &until);
	pthread_mutex_unlock(&z->lock);
	if (r)
		answer__errno(a, -r, false);
	return !r;
}

/* --- operations ------------------------------------------------------------------------------- */

static void key_path(const struct zookeeper *z, unsigned int key, char *buf)
{
	snprintf(buf, PATH_SIZE, "%s-%u", z->path, key);
}

static void refuse(struct answer *a)
{
	static const char other[] = "the value was another one";

	answer__error(a, OUTCOME_FAIL, other, strlen(other));
	a->refused = true;
}

static void write_key(struct zookeeper *z, const char *path, const char *text, int64_t deadline_ns,
		      struct answer *a)
{
	int rc = set(z, path, text, -1, deadline_ns, a);

	if (rc == ZNONODE)
		rc = create(z, path, text, deadline_ns, a);
	if (rc == ZNODEEXISTS)
		set(z, path, text, -1, deadline_ns, a);
}

static void read_key(struct zookeeper *z, const char *path, int64_t deadline_ns, struct answer *a)
{
	struct call got = {0};
	int rc = get(z, path, deadline_ns, &got, a);

	if (rc == ZNONODE)
		*a = (struct answer){.value = NOTHING};
	else if (rc == ZOK && !got.has_value)
		answer__errno(a, -EPROTO, true);
	else if (rc == ZOK)
		a->value = got.value;
}

static void cas(struct zookeeper *z, const char *path, const char *text, int64_t expect,
		int64_t deadline_ns, struct answer *a)
{
	struct call got = {0};
	int rc;

	if (expect == NOTHING) {
		if (create(z, path, text, deadline_ns, a) == ZNODEEXISTS)
			refuse(a);
		return;
	}
	rc = get(z, path, deadline_ns, &got, a);
	if (rc != ZOK) {
		/* Nothing was asked to change. */
		a->outcome = OUTCOME_FAIL;
		if (rc == ZNONODE)
			refuse(a);
		return;
	}
	if (!got.has_value || got.value != expect ||
	    set(z, path, text, got.version, deadline_ns, a) == ZBADVERSION)
		refuse(a);
}

static void increment(struct zookeeper *z, const char *path, int64_t deadline_ns, struct answer *a)
{
	struct call got = {0};
	char text[24];
	int rc;

	do {
		rc = get(z, path, deadline_ns, &got, a);
		if (rc != ZOK && rc != ZNONODE) {
			a->outcome = OUTCOME_FAIL;
			return;
		}
		got.value = rc == ZOK && got.has_value ? got.value + 1 : 1;
		snprintf(text, sizeof(text), "%" PRId64, got.value);
		rc = rc == ZNONODE ? create(z, path, text, deadline_ns, a)
				   : set(z, path, text, got.version, deadline_ns, a);
	} while ((rc == ZBADVERSION || rc == ZNODEEXISTS) && clock__now() < deadline_ns);
	if (rc == ZOK)
		a->value = got.value;
}

static void store_act(void *store, const struct request *rq, int64_t deadline_ns,
		      struct answer *ret)
{
	struct zookeeper *z = store;
	char path[PATH_SIZE], text[24];

	ret->value = NOTHING;
	if (!begin(z, deadline_ns, ret))
		return;
	key_path(z, rq->key, path);
	snprintf(text, sizeof(text), "%" PRId64, rq->value);
	if (rq->action == ACTION_READ)
		read_key(z, path, deadline_ns, ret);
	else if (rq->action == ACTION_WRITE)
		write_key(z, path, text, deadline_ns, ret);
	else if (rq->action == ACTION_CAS)
		cas(z, path, text, rq->expect, deadline_ns, ret);
	else if (rq->action == ACTION_INC)
		increment(z, path, deadline_ns, ret);
	else
		answer__errno(ret, -EINVAL, false);
}

static void store_add(void *store, int64_t value, int64_t deadline_ns, struct answer *ret)
{
	struct zookeeper *z = store;
	char path[PATH_SIZE];
	int rc;

	if (!begin(z, deadline_ns, ret))
		return;
	snprintf(path, sizeof(path), "%s/%" PRId64, z->path, value);
	rc = create(z, path, "", deadline_ns, ret);
	if (rc == ZNONODE) {
		create(z, z->path, "", deadline_ns, ret);
		rc = create(z, path, "", deadline_ns, ret);
	}
	/* It may be there already, by an attempt that nobody heard of. */
	if (rc == ZNODEEXISTS)
		*ret = (struct answer){.outcome = OUTCOME_OK};
}

static void store_read(void *store, int64_t value, int64_t deadline_ns, struct answer *ret)
{
	struct zookeeper *z = store;
	char path[PATH_SIZE];
	struct call *c;
	int rc;

	if (!begin(z, deadline_ns, ret))
		return;
	snprintf(path, sizeof(path), "%s/%" PRId64, z->path, value);
	c = call_new();
	if (!c)
		return answer__errno(ret, -ENOMEM, false);
	rc = finish(c, zk.zoo_aexists(z->handle, path, 0, stat_done, c), deadline_ns, NULL, ret);
	if (rc == ZNONODE)
		*ret = (struct answer){.outcome = OUTCOME_OK};
	ret->found = rc == ZOK;
}

static int store_list(void *store, int64_t deadline_ns, struct values *ret, char *why,
		      size_t why_size)
{
	struct zookeeper *z = store;
	struct call *sync = call_new(), *c = call_new();
	struct call got = {0};
	struct answer a = {0};
	int rc = 1;

	if (!sync || !c || !begin(z, deadline_ns, &a)) {
		if (sync)
			call_free(sync);
		if (c)
			call_free(c);
		snprintf(why, why_size, "%s", *a.error ? a.error : "out of memory");
		return -EIO;
	}
	rc = finish(sync, zk.zoo_async(z->handle, z->path, string_done, sync), deadline_ns, NULL,
		    &a);
	if (rc != ZOK) {
		call_free(c);
	} else {
		rc = finish(c, zk.zoo_aget_children(z->handle, z->path, 0, strings_done, c),
			    deadline_ns, &got, &a);
	}
	for (size_t i = 0; rc == ZOK && !got.error && i < got.values.n; i++)
		got.error = values__add(ret, got.values.v[i]);
	values__reset(&got.values);
	if (rc == ZNONODE || (rc == ZOK && !got.error))
		return 0;
	snprintf(why, why_size, "%s", *a.error ? a.error : "too many children");
	return -EIO;
}

/* --- the store -------------------------------------------------------------------------------- */

static int load(struct error *err)
{
	int r = library__load(&library, err);

	if (!r)
		zk.zoo_set_debug_level(0); /* it would write to stderr */
	return r;
}

static int store_open(const struct store_spec *spec, void **ret_store)
{
	struct zookeeper *z = calloc(1, sizeof(*z));

	if (!z)
		return -ENOMEM;
	z->spec = *spec;
	snprintf(z->path, sizeof(z->path), "/chaos-%.240s", spec->name);
	pthread_mutex_init(&z->lock, NULL);
	init_cond(&z->changed);
	*ret_store = z;
	return 0;
}

static void store_close(void *store)
{
	struct zookeeper *z = store;

	drop(z);
	pthread_mutex_destroy(&z->lock);
	pthread_cond_destroy(&z->changed);
	free(z);
}

const struct store_ops store_zookeeper = {
	.name = "zookeeper",
	.port = 2181,
	.load = load,
	.open_for = store_open,
	.add = store_add,
	.read = store_read,
	.list = store_list,
	.close = store_close,
	.act = store_act,
};
