// SPDX-License-Identifier: GPL-2.0-only
/* What an answer of each system means, for the answers that real servers gave, and for bad ones. */
#include "experiment/parse.h"
#include "lib/clock.h"
#include "recorder/probe_internal.h"
#include "recorder/resp.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define FRESH ((struct sample){.epoch = -1})

static void is(const struct sample *s, enum probe_role role, int64_t epoch, const char *leader)
{
	assert_string_equal(probe_role_names[s->role], probe_role_names[role]);
	assert_int_equal(s->claim, role == PROBE_LEADER);
	assert_int_equal(s->epoch, epoch);
	assert_string_equal(s->leader, leader);
	assert_int_equal(s->error[0] != '\0', role == PROBE_ERROR);
}

static void test_names(void **state)
{
	(void)state;
	assert_int_equal(n_role_systems, n_probe_all);
	for (size_t i = 0; i < n_probe_all; i++)
		assert_string_equal(role_systems[i], probe_all[i]->name);
}

static void test_zookeeper(void **state)
{
	static const char leader[] =
		"Zookeeper version: 3.8.0-${mvngit.commit.id}, built on 2023-02-11 12:44 UTC\n"
		"Latency min/avg/max: 0/0.0/0\nReceived: 5\nSent: 4\nConnections: 1\nOutstanding: "
		"0\n"
		"Zxid: 0x200000001\nMode: leader\nNode count: 5\nProposal sizes last/min/max: "
		"-1/-1/-1\n";
	static const char *const bad[] = {
		"",
		"Mode",
		"Mode: \n",
		"Mode: king\n",
		"mode: leader\n",
		" Mode: leader\n",
		"srvr is not executed because it is not in the whitelist.\n"};
	struct sample s = FRESH;

	(void)state;
	zookeeper__srvr(leader, &s);
	is(&s, PROBE_LEADER, 2, "");
	s = FRESH;
	zookeeper__srvr("Zxid: 0x0\r\nMode: follower\r\n", &s);
	is(&s, PROBE_FOLLOWER, 0, "");
	s = FRESH;
	zookeeper__srvr("Mode: standalone\nZxid: 0x1zz\n", &s);
	is(&s, PROBE_LEADER, -1, "");
	s = FRESH;
	zookeeper__srvr("Mode: leader\nZxid: 0xffffffffffffffffff\n", &s);
	is(&s, PROBE_LEADER, -1, "");
	s = FRESH;
	zookeeper__srvr("This ZooKeeper instance is not currently serving requests\n", &s);
	is(&s, PROBE_CANDIDATE, -1, "");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		s = FRESH;
		zookeeper__srvr(bad[i], &s);
		is(&s, PROBE_ERROR, -1, "");
	}
}

static struct sample cluster(const char *info, const char *nodes, unsigned int slot)
{
	redisReply i = {.type = REDIS_REPLY_STRING, .str = (char *)info, .len = strlen(info)};
	redisReply n = {.type = REDIS_REPLY_STRING, .str = (char *)nodes, .len = strlen(nodes)};
	struct sample s = FRESH;

	redis_cluster__view(&i, &n, slot, &s);
	return s;
}

#define NODE1 "07c37dfeb235213a872192d90877d0cd55635b91 127.0.0.1:30001@31001,host1 "
#define NODE2 "67ed2db8d677e59ec4a4cefb06858cf2a1a89fa1 127.0.0.1:30002@31002 "
#define NODE3 "292f8b365bb7edb5e285caf0b7e6ddc7265d2f4f 127.0.0.1:30003@31003 "
#define OK_INFO                                                                                   \
	"cluster_state:ok\r\ncluster_slots_assigned:16384\r\ncluster_current_epoch:6\r\ncluster_" \
	"my_epoch:2\r\n"
#define FAIL_INFO "cluster_state:fail\r\ncluster_current_epoch:6\r\ncluster_my_epoch:2\r\n"

static void test_redis_cluster(void **state)
{
	static const char nodes[] = NODE1
		"slave 67ed2db8d677e59ec4a4cefb06858cf2a1a89fa1 0 1426238317239 4 connected\n" NODE2
		"myself,master - 0 0 2 connected 0-5460 7000 "
		"[93-<-292f8b365bb7edb5e285caf0b7e6ddc7265d2f4f]\n" NODE3
		"master,fail - 1426238316232 0 3 disconnected 5461-6999 7001-16383\n";
	static const char *const bad[] = {"", "x\n", NODE1 "master\n", "a b c d e f g h\n", "\n\n"};
	struct sample s;

	(void)state;
	s = cluster(OK_INFO, nodes, 0);
	is(&s, PROBE_LEADER, 2, "127.0.0.1:30002");
	assert_string_equal(s.detail, "cluster_state:ok current_epoch:6");
	s = cluster(OK_INFO, nodes, 5460);
	is(&s, PROBE_LEADER, 2, "127.0.0.1:30002");
	s = cluster(OK_INFO, nodes, 7000);
	is(&s, PROBE_LEADER, 2, "127.0.0.1:30002");
	s = cluster(OK_INFO, nodes, 7001);
	is(&s, PROBE_FOLLOWER, 3, "127.0.0.1:30003");
	/* the owner refuses to serve */
	s = cluster(FAIL_INFO, nodes, 0);
	is(&s, PROBE_CANDIDATE, 2, "127.0.0.1:30002");
	s = cluster(FAIL_INFO, NODE1 "myself,master - 0 0 0 connected\n", 0);
	is(&s, PROBE_NONE, -1, "");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		s = cluster(OK_INFO, bad[i], 0);
		is(&s, PROBE_ERROR, -1, "");
	}
	s = cluster("nothing", nodes, 0);
	is(&s, PROBE_ERROR, -1, "");
}

static void test_patroni(void **state)
{
	/* Patroni 3.0, PostgreSQL 15 */
	static const char body[] =
		"{\"state\": \"running\", \"postmaster_start_time\": \"2023-08-18 "
		"11:03:37.966359+00:00\","
		" \"role\": \"master\", \"server_version\": 150004, \"xlog\": {\"location\": "
		"67395656},"
		" \"timeline\": 3, \"replication\": [], \"dcs_last_seen\": 1692356928,"
		" \"database_system_identifier\": \"7268616322854375442\","
		" \"patroni\": {\"version\": \"3.0.2\", \"scope\": \"demo\"}}";
	static const char replica[] = "{\"role\":\"replica\",\"timeline\":-4,\"patroni\":{}}";
	static const char *const bad[] = {
		"", "{}", "[]", "{\"role\":1,\"patroni\":{}}", "null", "{\"role\":\"master\"}"};
	struct sample s = FRESH;

	(void)state;
	patroni__status(body, strlen(body), true, &s);
	is(&s, PROBE_LEADER, 3, "");
	assert_string_equal(s.detail, "dcs_last_seen 1692356928");
	s = FRESH;
	patroni__status(body, strlen(body), false, &s);
	is(&s, PROBE_CANDIDATE, 3, "");
	s = FRESH;
	patroni__status(replica, strlen(replica), false, &s);
	is(&s, PROBE_FOLLOWER, -1, "");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		s = FRESH;
		patroni__status(bad[i], strlen(bad[i]), false, &s);
		is(&s, PROBE_ERROR, -1, "");
	}
}

static void test_postgres(void **state)
{
	struct sample s = FRESH;

	(void)state;
	postgres__row("f", "7", NULL, &s);
	is(&s, PROBE_LEADER, 7, "");
	s = FRESH;
	postgres__row("t", "6", "10.99.0.1:5432", &s);
	is(&s, PROBE_FOLLOWER, 6, "10.99.0.1:5432");
	s = FRESH;
	postgres__row("t", NULL, NULL, &s);
	is(&s, PROBE_FOLLOWER, -1, "");
	s = FRESH;
	postgres__row("f", "99999999999999999999", NULL, &s);
	is(&s, PROBE_LEADER, -1, "");
	s = FRESH;
	postgres__row(NULL, "1", NULL, &s);
	is(&s, PROBE_ERROR, -1, "");
	s = FRESH;
	postgres__row("true", "1", NULL, &s);
	is(&s, PROBE_ERROR, -1, "");
}

static struct sample galera(const char *status, const char *ready, const char *index,
			    const char *conf)
{
	struct galera_status g = {0};
	struct sample s = FRESH;

	galera__variable("wsrep_cluster_status", status, &g);
	galera__variable("wsrep_ready", ready, &g);
	galera__variable("wsrep_local_index", index, &g);
	galera__variable("wsrep_cluster_conf_id", conf, &g);
	galera__variable("wsrep_cluster_state_uuid", "e2c9a15e-5485-11e0-0800-6bbb637e7211", &g);
	galera__variable("wsrep_unheard_of", "x", &g);
	galera__variable(NULL, NULL, &g);
	galera__status(&g, &s);
	return s;
}

static void test_galera(void **state)
{
	struct galera_status none = {0};
	struct sample s;

	(void)state;
	s = galera("Primary", "ON", "0", "34");
	is(&s, PROBE_LEADER, 34, "");
	s = galera("Primary", "ON", "2", "34");
	is(&s, PROBE_FOLLOWER, 34, "");
	s = galera("Primary", "OFF", "0", "34");
	is(&s, PROBE_NONE, -1, "");
	s = galera("non-Primary", "OFF", "0", "18446744073709551615");
	is(&s, PROBE_CANDIDATE, -1, "");
	s = galera("Disconnected", "OFF", "18446744073709551615", "18446744073709551615");
	is(&s, PROBE_NONE, -1, "");
	s = galera("Primary", "ON", "x", "");
	is(&s, PROBE_FOLLOWER, -1, "");
	s = galera("something", "ON", "0", "1");
	is(&s, PROBE_ERROR, -1, "");
	s = FRESH;
	galera__status(&none, &s);
	is(&s, PROBE_ERROR, -1, "");
}

static void test_rabbitmq(void **state)
{
	static const char all[] = "[{\"name\":\"rabbit@n2\",\"running\":true,\"partitions\":[]},"
				  "{\"name\":\"rabbit@n1\",\"running\":true,\"partitions\":[]}]";
	static const char cut[] = "[{\"name\":\"rabbit@n2\",\"running\":true,\"partitions\":"
				  "[\"rabbit@n1\"]},{\"name\":\"rabbit@n1\",\"running\":false}]";
	static const char *const bad[] = {"", "{}", "[1]", "[{}]", "[{\"name\":7}]"};
	struct sample s = FRESH;
	char name[16];

	(void)state;
	rabbitmq__nodes(all, strlen(all), "rabbit@n1", &s);
	is(&s, PROBE_LEADER, -1, "rabbit@n1");
	s = FRESH;
	rabbitmq__nodes(all, strlen(all), "rabbit@n2", &s);
	is(&s, PROBE_FOLLOWER, -1, "rabbit@n1");
	/* alone, it leads its own component; partitions[] comes later */
	s = FRESH;
	rabbitmq__nodes(cut, strlen(cut), "rabbit@n2", &s);
	is(&s, PROBE_LEADER, -1, "rabbit@n2");
	assert_string_equal(s.detail, "partitions: rabbit@n1");
	s = FRESH;
	rabbitmq__nodes(cut, strlen(cut), "rabbit@n1", &s);
	is(&s, PROBE_NONE, -1, "rabbit@n2");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		s = FRESH;
		rabbitmq__nodes(bad[i], strlen(bad[i]), "rabbit@n1", &s);
		is(&s, PROBE_ERROR, -1, "");
	}
	assert_true(rabbitmq__self("{\"node\":\"rabbit@n1\"}", 20, name, sizeof(name)));
	assert_string_equal(name, "rabbit@n1");
	assert_false(rabbitmq__self("{\"node\":\"rabbit@much.too.long\"}", 31, name, sizeof(name)));
}

static void test_nats(void **state)
{
	static const char jsz[] =
		"{\"server_id\":\"NA\",\"memory\":0,\"meta_cluster\":{\"name\":\"c\","
		"\"leader\":\"s1\",\"peer\":\"x\",\"cluster_size\":3}}";
	static const char raftz[] = "{\"$SYS\":{\"_meta_\":{\"state\":\"LEADER\",\"term\":12}}}";
	static const char *const bad[] = {"", "[]", "{}", "{\"meta_cluster\":{\"leader\":7}}"};
	struct sample s = FRESH;
	char name[8];

	(void)state;
	nats__meta(jsz, raftz, "s1", &s);
	is(&s, PROBE_LEADER, 12, "s1");
	s = FRESH;
	nats__meta(jsz, "{\"$SYS\":7}", "s2", &s);
	is(&s, PROBE_FOLLOWER, -1, "s1");
	s = FRESH;
	nats__meta("{\"meta_cluster\":{\"name\":\"c\"}}", NULL, "s2", &s);
	is(&s, PROBE_CANDIDATE, -1, "");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		s = FRESH;
		nats__meta(bad[i], NULL, "s1", &s);
		is(&s, PROBE_ERROR, -1, "");
	}
	assert_true(nats__self("{\"server_name\":\"s1\"}", 20, name, sizeof(name)));
	assert_false(nats__self("{\"server_name\":\"\"}", 18, name, sizeof(name)));
}

static void test_vault(void **state)
{
	/* as documented: /v1/sys/leader */
	static const char active[] = "{\"ha_enabled\":true,\"is_self\":true,\"leader_address\":"
				     "\"https://10.0.0.1:8200/\"}";
	static const char standby[] = "{\"ha_enabled\":true,\"is_self\":false,\"leader_address\":"
				      "\"https://10.0.0.1:8200/\"}";
	static const char *const bad[] = {"", "{}", "{\"is_self\":1,\"ha_enabled\":true}"};
	struct sample s = FRESH;

	(void)state;
	vault__leader(active, strlen(active), 200, &s);
	is(&s, PROBE_LEADER, -1, "https://10.0.0.1:8200/");
	s = FRESH;
	vault__leader(active, strlen(active), 429, &s);
	is(&s, PROBE_CANDIDATE, -1, "https://10.0.0.1:8200/");
	s = FRESH;
	vault__leader(standby, strlen(standby), 429, &s);
	is(&s, PROBE_FOLLOWER, -1, "https://10.0.0.1:8200/");
	s = FRESH;
	vault__leader("{\"ha_enabled\":false,\"is_self\":false}", 36, 200, &s);
	is(&s, PROBE_LEADER, -1, "");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		s = FRESH;
		vault__leader(bad[i], strlen(bad[i]), 200, &s);
		is(&s, PROBE_ERROR, -1, "");
	}
}

static void test_consul(void **state)
{
	/* as documented: /v1/agent/self; numbers are strings in Stats */
	static const char leader[] = "{\"Config\":{\"NodeName\":\"a\"},\"Stats\":{\"consul\":{"
				     "\"leader_addr\":\"10.0.0.1:8300\"},"
				     "\"raft\":{\"state\":\"Leader\",\"term\":\"17\"}}}";
	static const char *const bad[] = {"", "{}", "{\"Stats\":{}}",
					  "{\"Stats\":{\"raft\":{\"state\":\"King\"}}}"};
	struct sample s = FRESH;

	(void)state;
	consul__self(leader, strlen(leader), &s);
	is(&s, PROBE_LEADER, 17, "10.0.0.1:8300");
	s = FRESH;
	consul__self("{\"Stats\":{\"raft\":{\"state\":\"Candidate\",\"term\":\"-1\"}}}", 52, &s);
	is(&s, PROBE_CANDIDATE, -1, "");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		s = FRESH;
		consul__self(bad[i], strlen(bad[i]), &s);
		is(&s, PROBE_ERROR, -1, "");
	}
	s = FRESH;
	consul__leader("\"10.0.0.1:8300\"", 15, "10.0.0.1", &s);
	is(&s, PROBE_LEADER, -1, "10.0.0.1:8300");
	s = FRESH;
	consul__leader("\"10.0.0.11:8300\"", 16, "10.0.0.1", &s);
	is(&s, PROBE_FOLLOWER, -1, "10.0.0.11:8300");
	s = FRESH;
	consul__leader("\"[fd00::1]:8300\"", 16, "fd00::1", &s);
	is(&s, PROBE_LEADER, -1, "[fd00::1]:8300");
	s = FRESH;
	consul__leader("\"\"", 2, "10.0.0.1", &s);
	is(&s, PROBE_CANDIDATE, -1, "");
	s = FRESH;
	consul__leader("7", 1, "10.0.0.1", &s);
	is(&s, PROBE_ERROR, -1, "");
}

static struct sample lease(const char *body, struct lease_watch *w, const char *identity,
			   int64_t now_ns)
{
	struct sample s = FRESH;
	struct lease_view v;

	if (lease__parse(body, strlen(body), &v, &s))
		lease__judge(&v, w, identity, now_ns, &s);
	return s;
}

#define LEASE(renew)                                                     \
	"{\"kind\":\"Lease\",\"apiVersion\":\"coordination.k8s.io/"      \
	"v1\",\"spec\":{\"holderIdentity\":"                             \
	"\"n1_0a8f\",\"leaseDurationSeconds\":15,\"renewTime\":\"" renew \
	"\",\"leaseTransitions\":4}}"

static void test_lease(void **state)
{
	static const char first[] = LEASE("2026-01-01T00:00:00.000000Z");
	static const char second[] = LEASE("2026-01-01T00:00:02.000000Z");
	struct lease_watch w = {0}, other = {0};
	struct sample s;

	(void)state;
	s = lease(first, &w, "n1", 100 * NS_PER_S);
	is(&s, PROBE_LEADER, 4, "n1_0a8f");
	s = lease(first, &other, "n", 100 * NS_PER_S);
	is(&s, PROBE_FOLLOWER, 4, "n1_0a8f");
	/* it is our clock that counts, not that of renewTime */
	s = lease(first, &w, "n1", 115 * NS_PER_S);
	is(&s, PROBE_LEADER, 4, "n1_0a8f");
	s = lease(first, &w, "n1", 116 * NS_PER_S);
	is(&s, PROBE_NONE, 4, "n1_0a8f");
	s = lease(second, &w, "n1", 117 * NS_PER_S);
	is(&s, PROBE_LEADER, 4, "n1_0a8f");
	s = lease("{\"kind\":\"Lease\",\"spec\":{}}", &other, "n1", 1);
	is(&s, PROBE_NONE, -1, "");
	s = lease("{\"kind\":\"Status\"}", &w, "n1", 1);
	is(&s, PROBE_ERROR, -1, "");
	s = lease("", &w, "n1", 1);
	is(&s, PROBE_ERROR, -1, "");
}

/* DescribeQuorum 0: leader 2, epoch 9, one voter, and a tag to skip */
static const uint8_t quorum[] = {
	0,   0,	  0,   7,   0,	 0,   0,   2,	19,  '_', '_', 'c', 'l', 'u', 's', 't', 'e',
	'r', '_', 'm', 'e', 't', 'a', 'd', 'a', 't', 'a', 2,   0,   0,	 0,   0,   0,	0,
	0,   0,	  0,   2,   0,	 0,   0,   9,	0,   0,	  0,   0,   0,	 0,   0,   5,	2,
	0,   0,	  0,   2,   0,	 0,   0,   0,	0,   0,	  0,   5,   0,	 1,   0,   0,	0};

static void test_kafka(void **state)
{
	static const uint8_t versions[] = {0, 0, 0, 3, 0,  0, 0,  0, 0, 2, 0,
					   0, 0, 0, 0, 11, 0, 55, 0, 0, 0, 1};
	uint8_t request[KAFKA_REQUEST_MAX], copy[sizeof(quorum)];
	struct sample s = FRESH;
	bool has = false;
	size_t n = kafka__ask_quorum(request, 7);

	(void)state;
	assert_int_equal(n, 4 + request[3]);
	assert_int_equal(request[5], 55);
	assert_int_equal(request[11], 7);
	n = kafka__ask_versions(request, 1);
	assert_int_equal(n, 4 + request[3]);
	assert_int_equal(0, kafka__versions(versions, sizeof(versions), 3, &has));
	assert_true(has);
	assert_int_equal(-EPROTO, kafka__versions(versions, sizeof(versions), 4, &has));
	for (size_t i = 0; i < sizeof(versions); i++)
		assert_int_equal(-EPROTO, kafka__versions(versions, i, 3, &has));

	kafka__quorum(quorum, sizeof(quorum), 7, -1, &s);
	is(&s, PROBE_LEADER, 9, "2");
	s = FRESH;
	kafka__quorum(quorum, sizeof(quorum), 7, 2, &s);
	is(&s, PROBE_LEADER, 9, "2");
	s = FRESH;
	kafka__quorum(quorum, sizeof(quorum), 7, 3, &s);
	is(&s, PROBE_FOLLOWER, 9, "2");
	/* another question's answer */
	s = FRESH;
	kafka__quorum(quorum, sizeof(quorum), 8, -1, &s);
	is(&s, PROBE_ERROR, -1, "");
	/* cut off before what matters: 42 bytes are up to the epoch's end */
	for (size_t i = 0; i < 42; i++) {
		uint8_t *part = malloc(i ? i : 1); /* so that a byte too far is seen */

		memcpy(part, quorum, i);
		s = FRESH;
		kafka__quorum(part, i, 7, -1, &s);
		is(&s, PROBE_ERROR, -1, "");
		free(part);
	}
	/* who is asked is not the leader */
	memcpy(copy, quorum, sizeof(copy));
	copy[33] = 6;
	s = FRESH;
	kafka__quorum(copy, sizeof(copy), 7, -1, &s);
	is(&s, PROBE_FOLLOWER, -1, "");
	copy[33] = 58;
	s = FRESH;
	kafka__quorum(copy, sizeof(copy), 7, -1, &s);
	is(&s, PROBE_ERROR, -1, "");
	/* one byte at a time is another: no crash, and whatever claims has a leader */
	for (size_t i = 0; i < sizeof(quorum); i++)
		for (int v = 0; v < 256; v += 15) {
			memcpy(copy, quorum, sizeof(copy));
			copy[i] = (uint8_t)v;
			s = FRESH;
			kafka__quorum(copy, sizeof(copy), 7, -1, &s);
			assert_true(!s.claim || s.leader[0]);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),	      cmocka_unit_test(test_zookeeper),
		cmocka_unit_test(test_redis_cluster), cmocka_unit_test(test_patroni),
		cmocka_unit_test(test_postgres),      cmocka_unit_test(test_galera),
		cmocka_unit_test(test_rabbitmq),      cmocka_unit_test(test_nats),
		cmocka_unit_test(test_vault),	      cmocka_unit_test(test_consul),
		cmocka_unit_test(test_lease),	      cmocka_unit_test(test_kafka),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
