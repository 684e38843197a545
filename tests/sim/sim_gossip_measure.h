/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a pool of a given size costs and how fast it is, under named faults: sim_gossip.c tells the
 * options.
 */
#ifndef DISCO_TESTS_SIM_GOSSIP_MEASURE_H
#define DISCO_TESTS_SIM_GOSSIP_MEASURE_H

#include "tests/lib/gossip_world.h"

struct measure_options {
    uint64_t seed;
    uint32_t nodes, rounds;
    double loss, duplicate, pause;
    int64_t delay_ns, crowd_ns, seconds;
    bool no_lifeguard, no_resend;
    enum gossip_profile profile;
};
/* False: no options but the seed, so that nothing is to be measured. Exits when they are wrong. */
bool measure_parse(int argc, char **argv, struct measure_options *ret);
void measure(const struct measure_options *o);

#endif
