/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * chain.h: losses that are not independent, as one kind of Markov chain. For each packet the state
 * moves first, then the packet is lost with the probability of the state that it moved to. The chain
 * starts in state 0.
 */
#ifndef CHAOS_CHAIN_H
#define CHAOS_CHAIN_H

#include "lib/error.h"

#include <stdint.h>

enum { CHAIN_STATES = 4 };

struct loss_chain {
	unsigned int n; /* states, 1 ... CHAIN_STATES; the rest is 0 */
	double move[CHAIN_STATES]
		   [CHAIN_STATES]; /* from, to; each row of the first n adds up to 1 */
	double loss[CHAIN_STATES];
};

/*
 * All of these: -EINVAL with words in @err if a probability is not in [0, 1] or the model cannot be;
 * @ret is written on success only.
 */

/*
 * Ratio @p, the outcomes of successive packets correlated by @rho, [0, 1): lost again with
 * p + rho (1 - p), lost after one that was not with p (1 - rho). So the ratio is p whatever rho, and the
 * autocorrelation at lag k is rho^k. (netem's mixture of uniform draws keeps neither.) States:
 * delivered, lost.
 */
int chain__correlated(double p, double rho, struct loss_chain *ret, struct error *err);

/*
 * Ratio @p < 1 in bursts of geometric length, on average @mean_burst packets: a burst ends with
 * 1 / mean_burst and begins with p / (mean_burst (1 - p)). mean_burst must be at least 1 and p / (1 - p):
 * with shorter ones not even a single delivered packet between bursts makes p.
 */
int chain__burst(double p, double mean_burst, struct loss_chain *ret, struct error *err);

/*
 * Gilbert-Elliott: @p from good to bad, @r back; lost with 1 - @k in good and 1 - @h in bad. netem's
 * arguments are p, r, 1-h, 1-k. netem draws the loss by the state before the move: the same ratio.
 */
int chain__gemodel(double p, double r, double h, double k, struct loss_chain *ret,
		   struct error *err);

struct four_states {
	double p13, p31, p32, p23, p14;
};

/*
 * Salsano, Ludovici, Ordine, Giannuzzi, "Definition of a general and intuitive loss model for packet
 * networks and its implementation in the Netem module in the Linux kernel" (2012): 1 received in a gap,
 * 2 received in a burst, 3 lost in a burst, 4 lost alone in a gap, after which 1 follows. Our states
 * count from 0. p13 + p14 and p31 + p32 are at most 1.
 */
int chain__four_states(const struct four_states *p, struct loss_chain *ret, struct error *err);

/* --- what a chain does in the long run, from state 0, without simulation ------------------------ */

/* The share of packets that are lost. */
double chain__ratio(const struct loss_chain *c);

/* Packets in a row that are lost, on average; 0 if none is lost ever, INFINITY if it never ends. */
double chain__mean_burst(const struct loss_chain *c);

/* Of a packet's outcome (lost or not) with that of the one before it; 0 if all have the same. */
double chain__autocorrelation(const struct loss_chain *c);

/*
 * As the packet path reads it, 2^32 = 1: a 32-bit draw below @move[s][j] and not below
 * @move[s][j - 1] leads from s to j, one below none to the last state; a draw below @lost[s] is a loss.
 * Rows and states that the chain has not lead to state 0. Error of each at most 2^-33.
 */
void chain__thresholds(const struct loss_chain *c, uint64_t move[CHAIN_STATES][CHAIN_STATES - 1],
		       uint64_t lost[CHAIN_STATES]);

#endif
