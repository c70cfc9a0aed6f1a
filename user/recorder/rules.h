/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rules.h: what the answer of a system that the user describes means, by the patterns of an exchange.
 * Pure. Patterns meet one line at a time; a carriage return at its end is not part of it.
 */
#ifndef CHAOS_RECORDER_RULES_H
#define CHAOS_RECORDER_RULES_H

#include "experiment/custom.h"
#include "recorder/values.h"

#include <regex.h>

struct rules {
	bool has[CUSTOM_PATTERNS];
	regex_t re[CUSTOM_PATTERNS];
};

/* What an answer was found to say. */
struct reading {
	bool decided;
	enum custom_pattern by; /* CUSTOM_UNKNOWN ... CUSTOM_OK */
	bool has_value;		/* there is one */
	bool bad_value;		/* there is one that is no value of ours */
	int64_t value;
	struct values *all; /* where every value goes; NULL = only the first is of interest */
	int error;	    /* of that: -ENOMEM, -EMSGSIZE */
	char line[128];	    /* that decided, or the last one that has anything */
};

/* Patterns that are NULL are not there. -EINVAL with words. */
int rules__init(struct rules *ru, char *const patterns[CUSTOM_PATTERNS], struct error *err);
void rules__reset(struct rules *ru);

/* One line, of a text that ends with a NUL somewhere behind it, of an answer that comes in bits: the first line that fits a pattern decides. */
void rules__line(const struct rules *ru, const char *line, size_t len, struct reading *rd);
/* A whole answer: of all its lines the worst word counts, unknown before fail before none before ok. */
void rules__text(const struct rules *ru, const char *text, size_t len, struct reading *rd);

#endif
