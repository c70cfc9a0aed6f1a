// SPDX-License-Identifier: GPL-2.0-only
/*
 * load_nats.c: NATS JetStream by the C client, which is loaded when it is needed. A workload has a stream, chaos-CHECK-NAME,
 * in files and with three replicas, on a server that is in no cluster with one; who first writes makes it. Value V of a
 * set and of a queue is STREAM.V, key K of the others STREAM.K, which keeps its last message.
 *
 * A write is done when the stream acknowledges it: a majority has it, but no disk must have it yet. That nobody takes it
 * (503) is certain: the stream has no leader. Reads ask the stream's leader. What compares and then changes names the
 * sequence number that the key's message had.
 */
#include "recorder/load_nats.h"
#include "lib/clock.h"
#include "recorder/library.h"

#include <inttypes.h>
#include <string.h>

/* nats.h and status.h, as far as we use them: part of the library's ABI. */
typedef void nats_options, nats_conn, nats_msg;
enum { NATS_OK = 0, NATS_TIMEOUT = 26, NATS_NO_RESPONDERS = 34 };

#define FUNCTIONS(X)                                                                         \
	X(int, natsOptions_Create, (nats_options **))                                        \
	X(void, natsOptions_Destroy, (nats_options *))                                       \
	X(int, natsOptions_SetURL, (nats_options *, const char *))                           \
	X(int, natsOptions_SetUserInfo, (nats_options *, const char *, const char *))        \
	X(int, natsOptions_SetTimeout, (nats_options *, int64_t))                            \
	X(int, natsOptions_SetWriteDeadline, (nats_options *, int64_t))                      \
	X(int, natsOptions_SetAllowReconnect, (nats_options *, bool))                        \
	X(int, natsConnection_Connect, (nats_conn **, nats_options *))                       \
	X(bool, natsConnection_IsClosed, (nats_conn *))                                      \
	X(void, natsConnection_Destroy, (nats_conn *))                                       \
	X(int, natsConnection_RequestMsg, (nats_msg **, nats_conn *, nats_msg *, int64_t))   \
	X(int, natsMsg_Create, (nats_msg **, const char *, const char *, const char *, int)) \
	X(void, natsMsg_Destroy, (nats_msg *))                                               \
	X(const char *, natsMsg_GetReply, (const nats_msg *))                                \
	X(const char *, natsMsg_GetData, (const nats_msg *))                                 \
	X(int, natsMsg_GetDataLength, (const nats_msg *))                                    \
	X(int, natsMsgHeader_Set, (nats_msg *, const char *, const char *))                  \
	X(int, natsMsgHeader_Get, (nats_msg *, const char *, const char **))                 \
	X(const char *, natsStatus_GetText, (int))

static struct {
	FUNCTIONS(LIBRARY_MEMBER)
} nats;
static const char *const names[] = {FUNCTIONS(LIBRARY_NAME)};
_Static_assert(sizeof(nats) == sizeof(void *) * ARRAY_SIZE(names), "nothing but functions");

static struct library library = {.soname = "libnats.so.3.4",
				 .any_version = "libnats.so",
				 .package = "libnats3.4 (Debian 12) or libnats-dev",
				 .names = names,
				 .n = ARRAY_SIZE(names),
				 .functions = (void **)&nats,
				 .lock = PTHREAD_MUTEX_INITIALIZER};

/* Error codes of the API. */
enum {
	NO_MESSAGE = 10037,
	NAME_IN_USE = 10058,
	NO_STREAM = 10059,
	WRONG_LAST_SEQUENCE = 10071,
	NO_REPLICAS = 10074
};

/* --- the connection ----------------------------------------------------------------------------- */

static int64_t left_ms(int64_t deadline_ns)
{
	return (deadline_ns - clock__now()) / NS_PER_MS;
}

static void drop(struct nats_store *n)
{
	if (n->conn)
		nats.natsConnection_Destroy(n->conn);
	n->conn = NULL;
	n->made_stream = n->made_consumer = false;
}

static int set_options(const struct nats_store *n, nats_options *o, int64_t ms)
{
	const struct workload_login *l = n->spec.login;
	bool v6 = strchr(n->spec.ip, ':');
	char url[96];
	int s;

	snprintf(url, sizeof(url), "nats://%s%s%s:%u", v6 ? "[" : "", n->spec.ip, v6 ? "]" : "",
		 n->spec.port);
	s = nats.natsOptions_SetURL(o, url);
	if (!s)
		s = nats.natsOptions_SetTimeout(o, ms);
	/* What is sent fits a socket's buffer; one that is full is of a server that is gone. */
	if (!s)
		s = nats.natsOptions_SetWriteDeadline(o, 100);
	if (!s)
		s = nats.natsOptions_SetAllowReconnect(o, false);
	if (!s && l->user)
		s = nats.natsOptions_SetUserInfo(o, l->user, l->password ? l->password : "");
	return s;
}

static void say_status(int status, enum outcome outcome, struct answer *a)
{
	const char *text = nats.natsStatus_GetText(status);

	if (status == NATS_TIMEOUT)
		answer__errno(a, -ETIMEDOUT, outcome != OUTCOME_FAIL);
	else
		answer__error(a, outcome, text, strlen(text));
}

bool nats__begin(struct nats_store *n, int64_t deadline_ns, struct answer *a)
{
	int64_t ms = left_ms(deadline_ns);
	nats_options *o = NULL;
	int s;

	if (n->conn && !nats.natsConnection_IsClosed(n->conn))
		return true;
	drop(n);
	if (ms < 1) {
		answer__errno(a, -ETIMEDOUT, false);
		return false;
	}
	s = nats.natsOptions_Create(&o);
	if (!s)
		s = set_options(n, o, ms);
	if (!s)
		s = nats.natsConnection_Connect(&n->conn, o);
	if (o)
		nats.natsOptions_Destroy(o);
	if (!s)
		return true;
	n->conn = NULL;
	say_status(s, OUTCOME_FAIL, a);
	return false;
}

/* --- requests --------------------------------------------------------------------------------- */

void nats__reset_reply(struct nats_reply *r)
{
	free(r->body);
	*r = (struct nats_reply){0};
}

static int keep(nats_msg *m, struct nats_reply *ret)
{
	const char *data = nats.natsMsg_GetData(m), *reply = nats.natsMsg_GetReply(m), *status;
	int len = nats.natsMsg_GetDataLength(m);

	*ret = (struct nats_reply){.len = len > 0 ? (size_t)len : 0};
	if (!nats.natsMsgHeader_Get(m, "Status", &status) && status)
		ret->status = atoi(status);
	if (reply && strlen(reply) >= sizeof(ret->reply))
		return -EPROTO;
	snprintf(ret->reply, sizeof(ret->reply), "%s", reply ? reply : "");
	ret->body = malloc(ret->len + 1);
	if (!ret->body)
		return -ENOMEM;
	if (ret->len)
		memcpy(ret->body, data, ret->len);
	ret->body[ret->len] = '\0';
	return 0;
}

static nats_msg *make_request(const char *subject, const char *body, const char *sequence)
{
	nats_msg *m = NULL;

	if (nats.natsMsg_Create(&m, subject, NULL, body, (int)strlen(body)))
		return NULL;
	if (!sequence ||
	    !nats.natsMsgHeader_Set(m, "Nats-Expected-Last-Subject-Sequence", sequence))
		return m;
	nats.natsMsg_Destroy(m);
	return NULL;
}

enum asked nats__ask(struct nats_store *n, const char *subject, const char *body,
		     const char *sequence, enum outcome lost, int64_t deadline_ns,
		     struct nats_reply *ret, struct answer *a)
{
	static const char nobody[] = "nobody takes it: no stream, or none with a leader (503)";
	int64_t ms = left_ms(deadline_ns);
	nats_msg *rq = ms >= 1 ? make_request(subject, body, sequence) : NULL, *m = NULL;
	int s, r;

	if (!rq) {
		answer__errno(a, ms >= 1 ? -ENOMEM : -ETIMEDOUT, false);
		return NO_REPLY;
	}
	s = nats.natsConnection_RequestMsg(&m, n->conn, rq, ms);
	nats.natsMsg_Destroy(rq);
	if (s == NATS_NO_RESPONDERS) {
		answer__error(a, OUTCOME_FAIL, nobody, strlen(nobody));
		return NOBODY;
	}
	if (s) {
		say_status(s, lost, a);
		drop(n);
		return NO_REPLY;
	}
	r = keep(m, ret);
	nats.natsMsg_Destroy(m);
	if (!r)
		return ASKED;
	answer__errno(a, r, lost != OUTCOME_FAIL);
	return NO_REPLY;
}

json_t *nats__api(struct nats_store *n, const char *what, const char *more, const char *body,
		  enum outcome lost, int64_t deadline_ns, struct answer *a)
{
	_cleanup_nats_reply_ struct nats_reply reply = {0};
	char subject[NATS_SUBJECT_SIZE];
	json_t *o;

	snprintf(subject, sizeof(subject), "$JS.API.%s.%s%s%s", what, n->stream, more ? "." : "",
		 more ? more : "");
	if (nats__ask(n, subject, body, NULL, lost, deadline_ns, &reply, a) != ASKED)
		return NULL;
	o = nats__json(reply.body, reply.len);
	if (!o)
		answer__errno(a, -EPROTO, lost != OUTCOME_FAIL);
	return o;
}

/* --- the stream --------------------------------------------------------------------------------- */

static bool has_keys(const struct nats_store *n)
{
	return n->spec.object != OBJECT_SET && n->spec.object != OBJECT_QUEUE;
}

static int create(struct nats_store *n, int replicas, int64_t deadline_ns, struct answer *a)
{
	bool queue = n->spec.object == OBJECT_QUEUE;
	_cleanup_json_ json_t *o = NULL;
	char body[2 * NATS_STREAM_SIZE + 256];

	snprintf(
		body, sizeof(body),
		"{\"name\":\"%s\",\"subjects\":[\"%s.*\"],\"storage\":\"file\",\"num_replicas\":%d,"
		"\"retention\":\"%s\",\"max_msgs_per_subject\":%d}",
		n->stream, n->stream, replicas, queue ? "workqueue" : "limits",
		has_keys(n) ? 1 : -1);
	o = nats__api(n, "STREAM.CREATE", NULL, body, OUTCOME_FAIL, deadline_ns, a);
	return o ? nats__error(o, OUTCOME_FAIL, a) : -1;
}

bool nats__make_stream(struct nats_store *n, int64_t deadline_ns, struct answer *a)
{
	int code;

	if (n->made_stream)
		return true;
	code = create(n, 3, deadline_ns, a);
	if (code == NO_REPLICAS)
		code = create(n, 1, deadline_ns, a);
	/* Somebody else's serves as well. */
	n->made_stream = !code || code == NAME_IN_USE;
	return n->made_stream;
}

int nats__publish(struct nats_store *n, int64_t token, int64_t value, const char *sequence,
		  int64_t deadline_ns, struct answer *a)
{
	_cleanup_nats_reply_ struct nats_reply reply = {0};
	char subject[NATS_SUBJECT_SIZE], body[24];
	enum asked r;

	snprintf(subject, sizeof(subject), "%s.%" PRId64, n->stream, token);
	snprintf(body, sizeof(body), "%" PRId64, value);
	r = nats__ask(n, subject, body, sequence, OUTCOME_UNKNOWN, deadline_ns, &reply, a);
	if (r == NOBODY && !n->made_stream && nats__make_stream(n, deadline_ns, a)) {
		int64_t wait = clock__now() + 50 * NS_PER_MS;

		r = nats__ask(n, subject, body, sequence, OUTCOME_UNKNOWN, deadline_ns, &reply, a);
		/* Another client is making it at this moment. */
		if (r == NOBODY && wait < deadline_ns) {
			clock__sleep_until(wait);
			r = nats__ask(n, subject, body, sequence, OUTCOME_UNKNOWN, deadline_ns,
				      &reply, a);
		}
	}
	return r == ASKED ? nats__acknowledged(reply.body, reply.len, n->stream, a) : -1;
}

/* The message of STREAM.@token: 1; 0 if there is none; -EIO with @a set. */
static int look(struct nats_store *n, int64_t token, enum outcome lost, int64_t deadline_ns,
		struct answer *a, json_t **ret)
{
	_cleanup_json_ json_t *o = NULL;
	char body[NATS_SUBJECT_SIZE];
	int code;

	/* There is one at most, so the first is the last; nats-server 2.9.10 dies when it is asked for the last while
	 * that is replaced. */
	snprintf(body, sizeof(body), "{\"seq\":1,\"next_by_subj\":\"%s.%" PRId64 "\"}", n->stream,
		 token);
	o = nats__api(n, "STREAM.MSG.GET", NULL, body, lost, deadline_ns, a);
	if (!o)
		return -EIO;
	code = nats__error(o, OUTCOME_FAIL, a);
	if (code == NO_MESSAGE || code == NO_STREAM) {
		a->outcome = OUTCOME_OK;
		return 0;
	}
	if (code)
		return -EIO;
	*ret = TAKE_PTR(o);
	return 1;
}

/* --- operations ------------------------------------------------------------------------------- */

static void refuse(struct answer *a)
{
	static const char other[] = "the value was another one";

	answer__error(a, OUTCOME_FAIL, other, strlen(other));
	a->refused = true;
}

/* The key's value, NOTHING with sequence 0 if it has none. */
static bool get(struct nats_store *n, unsigned int key, enum outcome lost, int64_t deadline_ns,
		int64_t *ret_value, uint64_t *ret_sequence, struct answer *a)
{
	_cleanup_json_ json_t *o = NULL;
	int r = look(n, key, lost, deadline_ns, a, &o);

	*ret_value = NOTHING;
	*ret_sequence = 0;
	if (r <= 0)
		return r == 0;
	r = nats__message(o, ret_value, ret_sequence);
	if (r)
		answer__errno(a, r, lost != OUTCOME_FAIL);
	return !r;
}

/* Whether it was the last one is the server's to say: 0, or the error's code. */
static int replace(struct nats_store *n, unsigned int key, int64_t value, uint64_t sequence,
		   int64_t deadline_ns, struct answer *a)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, sequence);
	return nats__publish(n, key, value, text, deadline_ns, a);
}

static void cas(struct nats_store *n, const struct request *rq, int64_t deadline_ns,
		struct answer *a)
{
	uint64_t sequence = 0;
	int64_t value = NOTHING;

	/* Until it is sent nothing was asked to change. */
	if (rq->expect != NOTHING &&
	    !get(n, rq->key, OUTCOME_FAIL, deadline_ns, &value, &sequence, a))
		return;
	if (value != rq->expect ||
	    replace(n, rq->key, rq->value, sequence, deadline_ns, a) == WRONG_LAST_SEQUENCE)
		refuse(a);
}

static void increment(struct nats_store *n, unsigned int key, int64_t deadline_ns, struct answer *a)
{
	uint64_t sequence;
	int64_t value;
	int code;

	do {
		if (!get(n, key, OUTCOME_FAIL, deadline_ns, &value, &sequence, a))
			return;
		value = value == NOTHING ? 1 : value + 1;
		code = replace(n, key, value, sequence, deadline_ns, a);
	} while (code == WRONG_LAST_SEQUENCE && clock__now() < deadline_ns);
	if (!code)
		a->value = value;
}

static void store_act(void *store, const struct request *rq, int64_t deadline_ns,
		      struct answer *ret)
{
	struct nats_store *n = store;
	uint64_t sequence;
	int64_t value;

	ret->value = NOTHING;
	if (!nats__begin(n, deadline_ns, ret))
		return;
	if (rq->action == ACTION_READ) {
		if (get(n, rq->key, OUTCOME_UNKNOWN, deadline_ns, &value, &sequence, ret))
			ret->value = value;
	} else if (rq->action == ACTION_WRITE) {
		nats__publish(n, rq->key, rq->value, NULL, deadline_ns, ret);
	} else if (rq->action == ACTION_CAS) {
		cas(n, rq, deadline_ns, ret);
	} else if (rq->action == ACTION_INC) {
		increment(n, rq->key, deadline_ns, ret);
	} else if (rq->action == ACTION_PUSH) {
		nats__publish(n, rq->value, rq->value, NULL, deadline_ns, ret);
	} else if (rq->action == ACTION_POP) {
		nats__pop(n, deadline_ns, ret);
	} else {
		answer__errno(ret, -EINVAL, false);
	}
}

static void store_add(void *store, int64_t value, int64_t deadline_ns, struct answer *ret)
{
	if (nats__begin(store, deadline_ns, ret))
		nats__publish(store, value, value, NULL, deadline_ns, ret);
}

static void store_read(void *store, int64_t value, int64_t deadline_ns, struct answer *ret)
{
	_cleanup_json_ json_t *o = NULL;

	if (nats__begin(store, deadline_ns, ret))
		ret->found = look(store, value, OUTCOME_UNKNOWN, deadline_ns, ret, &o) > 0;
}

/* One page of the stream's subjects, as its leader has them. */
static int list_page(struct nats_store *n, int64_t offset, int64_t deadline_ns, struct values *ret,
		     int64_t *ret_n, int64_t *ret_total, struct answer *a)
{
	_cleanup_json_ json_t *o = NULL;
	char body[96];
	int r;

	*ret_n = *ret_total = 0;
	snprintf(body, sizeof(body), "{\"subjects_filter\":\">\",\"offset\":%" PRId64 "}", offset);
	o = nats__api(n, "STREAM.INFO", NULL, body, OUTCOME_FAIL, deadline_ns, a);
	if (!o)
		return -EIO;
	r = nats__error(o, OUTCOME_FAIL, a);
	if (r)
		return r == NO_STREAM ? 0 : -EIO;
	r = nats__page(o, n->stream, ret, ret_n, ret_total);
	if (r)
		answer__errno(a, r, false);
	return r;
}

/* Pages are sorted: what is added meanwhile moves others back, none is missed. What is taken out would be. */
static int store_list(void *store, int64_t deadline_ns, struct values *ret, char *why,
		      size_t why_size)
{
	static const char shrunk[] = "it became less while it was read";
	int64_t offset = 0, n = 0, total = 0, before = 0;
	struct answer a = {0};
	int r;

	do {
		r = nats__begin(store, deadline_ns, &a)
			    ? list_page(store, offset, deadline_ns, ret, &n, &total, &a)
			    : -EIO;
		offset += n;
		if (!r && total < before) {
			answer__error(&a, OUTCOME_FAIL, shrunk, strlen(shrunk));
			r = -EAGAIN;
		}
		before = total;
	} while (!r && n && offset < total);
	if (!r && offset < total) {
		answer__errno(&a, -EPROTO, false);
		r = -EIO;
	}
	if (r)
		snprintf(why, why_size, "%s", a.error);
	return r;
}

/* --- the store -------------------------------------------------------------------------------- */

static int load(struct error *err)
{
	return library__load(&library, err);
}

static int store_open(const struct store_spec *spec, void **ret_store)
{
	struct nats_store *n = calloc(1, sizeof(*n));

	if (!n)
		return -ENOMEM;
	n->spec = *spec;
	nats__stream_name(spec->object, spec->name, n->stream);
	*ret_store = n;
	return 0;
}

static void store_close(void *store)
{
	drop(store);
	free(store);
}

const struct store_ops store_nats = {
	.name = "nats",
	.port = 4222,
	.load = load,
	.open_for = store_open,
	.add = store_add,
	.read = store_read,
	.list = store_list,
	.close = store_close,
	.act = store_act,
	.list_queue = store_list,
};
