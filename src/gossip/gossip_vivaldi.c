/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The order of the floating-point operations is part of the specification: with the same inputs
 * the results agree with Serf's library to the last bit.
 */
#include "config.h"

#include "gossip/gossip_vivaldi.h"

#include <math.h>

#define DIMENSIONS GOSSIP_COORDINATE_DIMENSIONS

static const double ZERO = 1.0e-6;
static const double ERROR_MAX = 1.5, CE = 0.25, CC = 0.25;
static const double HEIGHT_MIN = 10.0e-6, GRAVITY_RHO = 150.0;
static const int64_t RTT_MAX_NS = INT64_C(10000000000);

void gossip_vivaldi_start(struct gossip_coordinate *ret)
{
    *ret = (struct gossip_coordinate){.error = ERROR_MAX, .height = HEIGHT_MIN};
}

void gossip_vivaldi_init(struct gossip_vivaldi *v)
{
    *v = (struct gossip_vivaldi){0};
    gossip_vivaldi_start(&v->own);
}

bool gossip_vivaldi_is_valid(const struct gossip_coordinate *c)
{
    for (int i = 0; i < DIMENSIONS; i++) {
        if (!isfinite(c->vec[i]))
            return false;
    }
    return isfinite(c->error) && isfinite(c->adjustment) && isfinite(c->height);
}

static double magnitude(const double v[DIMENSIONS])
{
    double sum = 0;

    for (int i = 0; i < DIMENSIONS; i++)
        sum += v[i] * v[i];
    return sqrt(sum);
}

static double raw_distance(const struct gossip_coordinate *a, const struct gossip_coordinate *b)
{
    double d[DIMENSIONS];

    for (int i = 0; i < DIMENSIONS; i++)
        d[i] = a->vec[i] - b->vec[i];
    return magnitude(d) + a->height + b->height;
}

struct duration gossip_vivaldi_distance(const struct gossip_coordinate *a,
                                        const struct gossip_coordinate *b)
{
    double d = raw_distance(a, b), adjusted = d + a->adjustment + b->adjustment;
    double ns = (adjusted > 0 ? adjusted : d) * 1.0e9;

    /* Two peers may say that they are anywhere: what no duration can hold is the longest. */
    return (struct duration){ns < 9.0e18 ? (int64_t)ns : INT64_MAX};
}

static double distance_s(const struct gossip_coordinate *a, const struct gossip_coordinate *b)
{
    int64_t ns = gossip_vivaldi_distance(a, b).ns;

    /* as Go's Duration.Seconds() adds its parts */
    return (double)(ns / 1000000000) + (double)(ns % 1000000000) / 1e9;
}

/* A unit vector from `from` to `to`, and how far they are; at the same place: any direction. */
static double unit_vector(const double to[DIMENSIONS], const double from[DIMENSIONS],
                          double u[DIMENSIONS], struct rng *rng)
{
    double m;

    for (int i = 0; i < DIMENSIONS; i++)
        u[i] = to[i] - from[i];
    m = magnitude(u);
    if (m > ZERO) {
        for (int i = 0; i < DIMENSIONS; i++)
            u[i] *= 1.0 / m;
        return m;
    }
    for (int i = 0; i < DIMENSIONS; i++)
        u[i] = rng_unit(rng) - 0.5;
    m = magnitude(u);
    for (int i = 0; i < DIMENSIONS; i++)
        u[i] = m > ZERO ? u[i] * (1.0 / m) : i == 0;
    return 0;
}

static void apply_force(struct gossip_coordinate *c, double force,
                        const struct gossip_coordinate *other, struct rng *rng)
{
    double u[DIMENSIONS], m = unit_vector(c->vec, other->vec, u, rng);

    for (int i = 0; i < DIMENSIONS; i++)
        c->vec[i] += u[i] * force;
    if (m > ZERO) {
        c->height = (c->height + other->height) * force / m + c->height;
        if (!(c->height > HEIGHT_MIN))
            c->height = HEIGHT_MIN;
    }
}

/* The median of the last few: one slow answer says little. */
static double filtered(struct gossip_vivaldi_filter *f, double rtt)
{
    double sorted[GOSSIP_VIVALDI_FILTER];

    f->rtt[f->i] = rtt;
    f->i = (uint8_t)((f->i + 1) % GOSSIP_VIVALDI_FILTER);
    if (f->n < GOSSIP_VIVALDI_FILTER)
        f->n++;
    for (int i = 0; i < f->n; i++) {
        int at = i;

        for (; at > 0 && sorted[at - 1] > f->rtt[i]; at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = f->rtt[i];
    }
    return sorted[f->n / 2];
}

static void update_vivaldi(struct gossip_vivaldi *v, const struct gossip_coordinate *other,
                           double rtt, struct rng *rng)
{
    double distance = distance_s(&v->own, other), r = rtt > ZERO ? rtt : ZERO;
    double wrongness = fabs(distance - r) / r, total = v->own.error + other->error, weight, force;

    if (!(total > ZERO))
        total = ZERO;
    weight = v->own.error / total;
    v->own.error = CE * weight * wrongness + v->own.error * (1.0 - CE * weight);
    if (v->own.error > ERROR_MAX)
        v->own.error = ERROR_MAX;
    force = CC * weight * (r - distance);
    apply_force(&v->own, force, other, rng);
}

static void update_adjustment(struct gossip_vivaldi *v, const struct gossip_coordinate *other,
                              double rtt)
{
    double sum = 0;

    v->window[v->window_i] = rtt - raw_distance(&v->own, other);
    v->window_i = (v->window_i + 1) % GOSSIP_VIVALDI_WINDOW;
    for (int i = 0; i < GOSSIP_VIVALDI_WINDOW; i++)
        sum += v->window[i];
    v->own.adjustment = sum / (2.0 * GOSSIP_VIVALDI_WINDOW);
}

int gossip_vivaldi_update(struct gossip_vivaldi *v, struct gossip_vivaldi_filter *f,
                          const struct gossip_coordinate *other, struct duration rtt,
                          struct rng *rng)
{
    struct gossip_coordinate origin;
    double far, seconds;

    if (!gossip_vivaldi_is_valid(other) || rtt.ns < 0 || rtt.ns > RTT_MAX_NS)
        return ERR_INVALID;
    seconds = filtered(f, (double)(rtt.ns / 1000000000) + (double)(rtt.ns % 1000000000) / 1e9);
    update_vivaldi(v, other, seconds, rng);
    update_adjustment(v, other, seconds);

    gossip_vivaldi_start(&origin);
    far = distance_s(&origin, &v->own) / GRAVITY_RHO;
    apply_force(&v->own, -1.0 * (far * far), &origin, rng);
    if (!gossip_vivaldi_is_valid(&v->own)) {
        uint64_t resets = v->resets + 1;

        gossip_vivaldi_init(v);
        v->resets = resets;
    }
    return 0;
}
