/* SPDX-License-Identifier: GPL-2.0-only */
/* librdkafka.h: Kafka's C client library, loaded when a file asks for Kafka, so that nobody else needs it. */
#ifndef CHAOS_RECORDER_LIBRDKAFKA_H
#define CHAOS_RECORDER_LIBRDKAFKA_H

#include "lib/error.h"
#include "recorder/library.h"

#include <stddef.h>
#include <stdint.h>

/* What we use of rdkafka.h; the interface of librdkafka.so.1 does not change. */
typedef struct rd_kafka_s rd_t;
typedef struct rd_kafka_conf_s rd_conf_t;
typedef struct rd_kafka_topic_s rd_topic_t;
typedef struct rd_kafka_queue_s rd_queue_t;
typedef struct rd_kafka_op_s rd_event_t; /* of an answer to an administrator */
typedef struct rd_kafka_NewTopic_s rd_new_topic_t;
typedef struct rd_kafka_AdminOptions_s rd_admin_t;
typedef struct rd_kafka_topic_result_s rd_topic_result_t;
struct rd_message {
	int error;
	rd_topic_t *topic;
	int32_t partition;
	void *payload;
	size_t len;
	void *key;
	size_t key_len;
	int64_t offset;
	void *opaque;
};
struct rd_metadata_topic {
	char *name;
	int n_partitions;
	void *partitions;
	int error;
};
struct rd_metadata {
	int n_brokers;
	void *brokers;
	int n_topics;
	struct rd_metadata_topic *topics;
};
typedef void (*rd_on_delivery)(rd_t *, const struct rd_message *, void *);
typedef void (*rd_on_error)(rd_t *, int error, const char *reason, void *);
typedef void (*rd_on_log)(const rd_t *, int level, const char *, const char *);
typedef int (*rd_on_new)(rd_t *, const rd_conf_t *, void *, char *, size_t);
typedef int (*rd_on_sent)(rd_t *, int fd, const char *, int32_t, int16_t key, int16_t version,
			  int32_t, size_t, void *);

enum {
	RD_PRODUCER = 0,
	RD_CONSUMER = 1,
	RD_MSG_COPY = 2,
	RD_CREATE_TOPICS = 1,
	RD_API_PRODUCE = 0
};
enum {
	RD_PURGE_QUEUE = 1,
	RD_PURGE_INFLIGHT = 2,
	RD_PURGE_NON_BLOCKING = 4,
	RD_NO_CONSUMER_CLOSE = 8
};
enum { RD_NOT_PERSISTED = 0, RD_PERSISTED = 2 };
enum {
	RD_ERR_PURGED_IN_FLIGHT = -151,
	RD_ERR_PURGED = -152,
	RD_ERR_ALL_DOWN = -187,
	RD_ERR_UNKNOWN_TOPIC = -188,
	RD_ERR_END = -191, /* of the partition */
	RD_ERR_NO_TOPIC = 3,
	RD_ERR_EXISTS = 36,
};

#define RD_FUNCTIONS(X)                                                                     \
	X(rd_conf_t *, conf_new, (void))                                                    \
	X(void, conf_destroy, (rd_conf_t *))                                                \
	X(int, conf_set, (rd_conf_t *, const char *, const char *, char *, size_t))         \
	X(void, conf_set_opaque, (rd_conf_t *, void *))                                     \
	X(void, conf_set_dr_msg_cb, (rd_conf_t *, rd_on_delivery))                          \
	X(void, conf_set_error_cb, (rd_conf_t *, rd_on_error))                              \
	X(void, conf_set_log_cb, (rd_conf_t *, rd_on_log))                                  \
	X(int, conf_interceptor_add_on_new, (rd_conf_t *, const char *, rd_on_new, void *)) \
	X(int, interceptor_add_on_request_sent, (rd_t *, const char *, rd_on_sent, void *)) \
	X(rd_t *, new, (int, rd_conf_t *, char *, size_t))                                  \
	X(void, destroy_flags, (rd_t *, int))                                               \
	X(int, poll, (rd_t *, int))                                                         \
	X(int, purge, (rd_t *, int))                                                        \
	X(const char *, err2str, (int))                                                     \
	X(int, last_error, (void))                                                          \
	X(rd_topic_t *, topic_new, (rd_t *, const char *, void *))                          \
	X(void, topic_destroy, (rd_topic_t *))                                              \
	X(int, produce,                                                                     \
	  (rd_topic_t *, int32_t, int, void *, size_t, const void *, size_t, void *))       \
	X(int, message_status, (const struct rd_message *))                                 \
	X(int, metadata, (rd_t *, int, rd_topic_t *, const struct rd_metadata **, int))     \
	X(void, metadata_destroy, (const struct rd_metadata *))                             \
	X(rd_new_topic_t *, NewTopic_new, (const char *, int, int, char *, size_t))         \
	X(int, NewTopic_set_config, (rd_new_topic_t *, const char *, const char *))         \
	X(void, NewTopic_destroy, (rd_new_topic_t *))                                       \
	X(rd_admin_t *, AdminOptions_new, (rd_t *, int))                                    \
	X(int, AdminOptions_set_request_timeout, (rd_admin_t *, int, char *, size_t))       \
	X(int, AdminOptions_set_operation_timeout, (rd_admin_t *, int, char *, size_t))     \
	X(void, AdminOptions_destroy, (rd_admin_t *))                                       \
	X(void, CreateTopics,                                                               \
	  (rd_t *, rd_new_topic_t **, size_t, const rd_admin_t *, rd_queue_t *))            \
	X(rd_queue_t *, queue_new, (rd_t *))                                                \
	X(rd_event_t *, queue_poll, (rd_queue_t *, int))                                    \
	X(void, queue_destroy, (rd_queue_t *))                                              \
	X(int, event_error, (rd_event_t *))                                                 \
	X(const void *, event_CreateTopics_result, (rd_event_t *))                          \
	X(void, event_destroy, (rd_event_t *))                                              \
	X(const rd_topic_result_t **, CreateTopics_result_topics, (const void *, size_t *)) \
	X(int, topic_result_error, (const rd_topic_result_t *))                             \
	X(int, query_watermark_offsets,                                                     \
	  (rd_t *, const char *, int32_t, int64_t *, int64_t *, int))                       \
	X(int, consume_start, (rd_topic_t *, int32_t, int64_t))                             \
	X(int, consume_stop, (rd_topic_t *, int32_t))                                       \
	X(struct rd_message *, consume, (rd_topic_t *, int32_t, int))                       \
	X(void, message_destroy, (struct rd_message *))

struct librdkafka {
	RD_FUNCTIONS(LIBRARY_MEMBER)
};

extern struct librdkafka rd; /* after librdkafka__load() has returned 0 */

/* Once for the process; the error names the package. Thread-safe. */
int librdkafka__load(struct error *err);

#endif
