/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/metrics.h"
#include "tests/lib/unit.h"

/* The object of /v1/agent/metrics: counters that counted, gauges as given, a parked read as a
 * gauge. */
static void renders_as_consul(void **state)
{
    struct metrics m = {.since = {0}};
    struct metrics_gauge gauges[] = {{"consul.raft.term", 3}};
    struct buf out;
    struct jwrite w;
    metrics_add(NULL, METRIC_WRITES, 1); /* nowhere */
    metrics_add(&m, METRIC_WRITES, 4);
    metrics_time(&m, METRICS_KV, (struct duration){4500000});
    metrics_time(&m, METRICS_KV, (struct duration){1500000});
    metrics_time(&m, METRICS_KV, (struct duration){-1}); /* a clock that went back */
    metrics_add(&m, METRIC_READS_PARKED, 2);
    metrics_add(&m, METRIC_READS_PARKED, -1);
    buf_init(&out, 0);
    jwrite_init(&w, &out, false);
    metrics_render(&m, gauges, 1, (struct instant){2000000000}, 1700000000000000000, &w);
    jwrite_end(&w);
    assert_str(buf_str(&out),
               STR_LIT("{\"Timestamp\":\"2023-11-14 22:13:20 +0000 UTC\",\"Gauges\":["
                       "{\"Name\":\"consul.raft.term\",\"Value\":3,\"Labels\":{}},"
                       "{\"Name\":\"consul.http.away\",\"Value\":0,\"Labels\":{}},"
                       "{\"Name\":\"consul.http.idle\",\"Value\":0,\"Labels\":{}},"
                       "{\"Name\":\"consul.fs.inodes\",\"Value\":0,\"Labels\":{}},"
                       "{\"Name\":\"consul.reads.parked\",\"Value\":1,\"Labels\":{}}],"
                       "\"Points\":[],\"Counters\":[{\"Name\":\"consul.raft.apply\",\"Count\":4,"
                       "\"Rate\":2,\"Sum\":4,\"Min\":1,\"Max\":1,\"Mean\":1,\"Stddev\":0,"
                       "\"Labels\":{}}],\"Samples\":[{\"Name\":\"consul.kvs.apply\",\"Count\":2,"
                       "\"Rate\":3,\"Sum\":6,\"Min\":1.5,\"Max\":4.5,\"Mean\":3,"
                       "\"Stddev\":0,\"Labels\":{}}]}"));
    buf_clear(&out);
    struct buf text;
    buf_init(&text, 0);
    metrics_render_prometheus(&m, gauges, 1, &text);
    assert_true(str_search(buf_str(&text), STR_LIT("# HELP consul_raft_apply consul.raft.apply\n"
                                                   "# TYPE consul_raft_apply counter\n"
                                                   "consul_raft_apply 4\n")) < text.n);
    assert_true(str_search(buf_str(&text), STR_LIT("# TYPE consul_kvs_apply summary\n"
                                                   "consul_kvs_apply_sum 6\n"
                                                   "consul_kvs_apply_count 2\n")) < text.n);
    assert_true(str_search(buf_str(&text), STR_LIT("# TYPE consul_reads_parked gauge\n")) < text.n);
    buf_fini(&text);
    metrics_print(&m, gauges, 1, 1700000000000000000, &out);
    assert_true(str_has_prefix(
        buf_str(&out), STR_LIT("[2023-11-14 22:13:20 +0000 UTC][G] 'consul.raft.term': 3.000\n")));
    assert_true(str_search(buf_str(&out), STR_LIT("[C] 'consul.raft.apply': 4\n")) < out.n);
    buf_fini(&out);
}

UNIT_MAIN(UNIT(renders_as_consul))
