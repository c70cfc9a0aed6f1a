/* SPDX-License-Identifier: GPL-2.0-only */
/* nearest.h: the word that was probably meant (optimal string alignment distance). */
#ifndef CHAOS_NEAREST_H
#define CHAOS_NEAREST_H

#include <stddef.h>

/*
 * The word of @words (@n of them) nearest to @word, or NULL when none is near: more than a third of
 * the longer word's letters would have to change. Ties go to the first.
 */
const char *nearest__word(const char *word, const char *const *words, size_t n);

#endif
