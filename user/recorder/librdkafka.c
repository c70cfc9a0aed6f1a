// SPDX-License-Identifier: GPL-2.0-only
#include "recorder/librdkafka.h"
#include "lib/cleanup.h"

struct librdkafka rd;

#define NAME(result, name, arguments) "rd_kafka_" #name,

static const char *const names[] = {RD_FUNCTIONS(NAME)};
_Static_assert(sizeof(rd) == sizeof(void *) * ARRAY_SIZE(names), "nothing but functions");

static struct library library = {.soname = "librdkafka.so.1",
				 .package = "librdkafka1",
				 .names = names,
				 .n = ARRAY_SIZE(names),
				 .functions = (void **)&rd,
				 .lock = PTHREAD_MUTEX_INITIALIZER};

int librdkafka__load(struct error *err)
{
	return library__load(&library, err);
}
