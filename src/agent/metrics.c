/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/metrics.h"

#include <stdio.h>

static const char *const names[METRIC_N] = {
#define X(name, text) [name] = text,
    METRICS_TABLE(X)
#undef X
};

static const char *const timer_names[METRICS_TIMER_N] = {
#define X(name, text) [name] = text,
    METRICS_TIMERS(X)
#undef X
};
#define SAMPLE_MAX INT64_C(1000000000000000) /* thirty years */

void metrics_add(struct metrics *m, enum metric name, int64_t n)
{
    if (m && n)
        published_add(&m->counters[name], n);
}

void metrics_time(struct metrics *m, enum metrics_timer name, struct duration took)
{
    int64_t us = took.ns / 1000;

    if (!m || took.ns < 0 || us > SAMPLE_MAX)
        return;
    published_add(&m->samples[name].sum_us, us);
    published_raise(&m->samples[name].max_us, us);
    published_raise(&m->samples[name].below_us, SAMPLE_MAX - us);
    published_add(&m->samples[name].n, 1);
}

int64_t metrics_get(const struct metrics *m, enum metric name)
{
    return published_read(&m->counters[name]);
}

/* A counter that also goes down is shown as a gauge. */
static bool is_gauge(int i)
{
    return i == METRIC_READS_PARKED || i == METRIC_HTTP_AWAY || i == METRIC_HTTP_IDLE ||
           i == METRIC_FS_INODES;
}

/* Go: "2006-01-02 15:04:05 +0000 UTC" */
static void timestamp(int64_t wall_ns, char dst[40])
{
    char iso[32];
    clock_format_wall(wall_ns, iso);
    snprintf(dst, 40, "%.10s %.8s +0000 UTC", iso, iso + 11);
}

static void render_labels(struct jwrite *w)
{
    jwrite_name(w, "Labels");
    jwrite_object(w);
    jwrite_close(w);
}

static void render_gauge(const char *name, double value, struct jwrite *w)
{
    jwrite_object(w);
    jwrite_name(w, "Name");
    jwrite_z(w, name);
    jwrite_name(w, "Value");
    jwrite_double(w, value);
    render_labels(w);
    jwrite_close(w);
}

struct statistics {
    double sum, min, max;
};

static void render_counter(const char *name, int64_t count, double seconds,
                           const struct statistics *s, struct jwrite *w)
{
    jwrite_object(w);
    jwrite_name(w, "Name");
    jwrite_z(w, name);
    jwrite_name(w, "Count");
    jwrite_i64(w, count);
    jwrite_name(w, "Rate");
    jwrite_double(w, seconds > 0 ? s->sum / seconds : 0);
    jwrite_name(w, "Sum");
    jwrite_double(w, s->sum);
    jwrite_name(w, "Min");
    jwrite_double(w, s->min);
    jwrite_name(w, "Max");
    jwrite_double(w, s->max);
    jwrite_name(w, "Mean");
    jwrite_double(w, s->sum / (double)count);
    jwrite_name(w, "Stddev");
    jwrite_i64(w, 0);
    render_labels(w);
    jwrite_close(w);
}

/* A plain counter adds one each time: so says its statistics. */
static void render_counters(const struct metrics *m, double seconds, struct jwrite *w)
{
    for (int i = 0; i < METRIC_N; i++) {
        int64_t count = metrics_get(m, (enum metric)i);
        struct statistics s = {(double)count, 1, 1};

        if (count > 0 && !is_gauge(i))
            render_counter(names[i], count, seconds, &s, w);
    }
}

static void render_samples(const struct metrics *m, double seconds, struct jwrite *w)
{
    for (int i = 0; i < METRICS_TIMER_N; i++) {
        const struct metrics_sample *t = &m->samples[i];
        int64_t count = published_read(&t->n);
        struct statistics s = {(double)published_read(&t->sum_us) / 1000,
                               (double)(SAMPLE_MAX - published_read(&t->below_us)) / 1000,
                               (double)published_read(&t->max_us) / 1000};

        if (count > 0)
            render_counter(timer_names[i], count, seconds, &s, w);
    }
}

void metrics_render(const struct metrics *m, const struct metrics_gauge *gauges, size_t gauge_n,
                    struct instant now, int64_t wall_ns, struct jwrite *w)
{
    char text[40];
    double seconds = (double)instant_since(now, m->since).ns / 1e9;
    timestamp(wall_ns, text);
    jwrite_object(w);
    jwrite_name(w, "Timestamp");
    jwrite_z(w, text);
    jwrite_name(w, "Gauges");
    jwrite_array(w);
    for (size_t i = 0; i < gauge_n; i++)
        render_gauge(gauges[i].name, gauges[i].value, w);
    for (int i = 0; i < METRIC_N; i++) {
        if (is_gauge(i))
            render_gauge(names[i], (double)metrics_get(m, (enum metric)i), w);
    }
    jwrite_close(w);
    jwrite_name(w, "Points");
    jwrite_array(w);
    jwrite_close(w);
    jwrite_name(w, "Counters");
    jwrite_array(w);
    render_counters(m, seconds, w);
    jwrite_close(w);
    jwrite_name(w, "Samples");
    jwrite_array(w);
    render_samples(m, seconds, w);
    jwrite_close(w);
    jwrite_close(w);
}

static void put_number(const char *flat, const char *suffix, double value, struct buf *out)
{
    struct jwrite w;

    buf_putf(out, "%s%s ", flat, suffix);
    jwrite_init(&w, out, false);
    jwrite_double(&w, value);
    buf_put_c(out, '\n');
}

static void put_head(const char *name, const char *type, char flat[64], struct buf *out)
{
    size_t n = 0;

    for (; name[n] && n < 63; n++)
        flat[n] = name[n] == '.' || name[n] == '-' ? '_' : name[n];
    flat[n] = '\0';
    buf_putf(out, "# HELP %s %s\n# TYPE %s %s\n", flat, name, flat, type);
}

static void put_prometheus(const char *name, const char *type, double value, struct buf *out)
{
    char flat[64];

    put_head(name, type, flat, out);
    put_number(flat, "", value, out);
}

void metrics_render_prometheus(const struct metrics *m, const struct metrics_gauge *gauges,
                               size_t gauge_n, struct buf *out)
{
    char flat[64];

    for (size_t i = 0; i < gauge_n; i++)
        put_prometheus(gauges[i].name, "gauge", gauges[i].value, out);
    for (int i = 0; i < METRIC_N; i++)
        put_prometheus(names[i], is_gauge(i) ? "gauge" : "counter",
                       (double)metrics_get(m, (enum metric)i), out);
    for (int i = 0; i < METRICS_TIMER_N; i++) {
        put_head(timer_names[i], "summary", flat, out);
        put_number(flat, "_sum", (double)published_read(&m->samples[i].sum_us) / 1000, out);
        put_number(flat, "_count", (double)published_read(&m->samples[i].n), out);
    }
}

void metrics_print(const struct metrics *m, const struct metrics_gauge *gauges, size_t gauge_n,
                   int64_t wall_ns, struct buf *out)
{
    char text[40];
    timestamp(wall_ns, text);
    for (size_t i = 0; i < gauge_n; i++)
        buf_putf(out, "[%s][G] '%s': %.3f\n", text, gauges[i].name, gauges[i].value);
    for (int i = 0; i < METRIC_N; i++)
        buf_putf(out, "[%s][%c] '%s': %lld\n", text, is_gauge(i) ? 'G' : 'C', names[i],
                 (long long)metrics_get(m, (enum metric)i));
    for (int i = 0; i < METRICS_TIMER_N; i++)
        buf_putf(out, "[%s][S] '%s': Count: %lld Sum: %.3f\n", text, timer_names[i],
                 (long long)published_read(&m->samples[i].n),
                 (double)published_read(&m->samples[i].sum_us) / 1000);
}
