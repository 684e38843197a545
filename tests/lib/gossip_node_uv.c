/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One member of a pool and nothing else: the machine of src/gossip with its
 * shell, for tests against other programs.
 *
 *     gossip_node_uv -node NAME -bind IP:PORT [-join IP:PORT]... [-tag K=V]... [-key BASE64]
 *                    [-keyring FILE] [-snapshot FILE] [-label TEXT]
 *
 * News go to stdout, a line each: "member-join NAME", "event NAME PAYLOAD",
 * "query NAME FROM", "ready IP:PORT", "joined N". Commands come from stdin:
 *
 *     event NAME PAYLOAD · query NAME PAYLOAD · members · stats · join IP:PORT · leave
 *     force-leave NAME · tag K=V · keys list|install|use|remove [BASE64]
 *
 * The end of stdin ends it at once, without a good-bye.
 */
#include <stdio.h>
#include <uv.h>

#include "agent/loop.h"
#include "base/log.h"
#include "base/mem.h"
#include "gossip/gossip_keys.h"
#include "gossip/gossip_net.h"

#define JOIN_MAX 8

struct node {
    struct loop *loop;
    struct gossip_net *net;
    struct gossip *pool;
    struct rng rng;
    struct buf tags; /* items of a list */
    uint32_t tag_n;
    struct str name;
    struct addr joins[JOIN_MAX];
    size_t join_n;
    uv_pipe_t in;
    struct buf line;
};

static void say(const char *fmt, ...) PRINTF_LIKE(1, 2);
static void say(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    putchar('\n');
    fflush(stdout);
}

/* ---- news ---- */

static void on_news(void *data, enum gossip_news news, const struct gossip_member *m)
{
    struct node *n = data;
    struct gossip_info info;

    gossip_get_info(n->pool, m, &info);
    say("%s %.*s", gossip_news_text(news), STR_ARG(info.name));
}

static void on_event(void *data, const struct gossip_event *e)
{
    (void)data;
    say("event %.*s %.*s", STR_ARG(e->name), STR_ARG(e->payload));
}

static void on_question(void *data, const struct gossip_question *q)
{
    struct node *n = data;
    struct buf answer;

    say("query %.*s %.*s", STR_ARG(q->name), STR_ARG(q->from));
    buf_init(&answer, 0);
    buf_putf(&answer, "echo %.*s", STR_ARG(q->payload));
    if (gossip_respond(n->pool, clock_now(), q->handle, buf_str(&answer)) < 0)
        say("error respond");
    buf_fini(&answer);
}

static void on_keyring(void *data)
{
    struct node *n = data;

    gossip_net_keep_keyring(n->net);
}

static void on_trace(void *data, int level, const char *text)
{
    (void)data;
    log_line((enum log_level)level, "gossip", "%s", text);
}

static void on_joined(void *data, size_t joined, int status, const struct addr *failed)
{
    (void)data;
    (void)failed;
    say("joined %zu %s", joined, joined > 0 ? "" : error_text(status));
}

static void on_left(void *data)
{
    struct node *n = data;

    say("left");
    loop_stop(n->loop);
}

static void on_keys(void *data, const struct gossip_keys_result *r)
{
    (void)data;
    for (size_t i = 0; i < r->key_n; i++)
        say("key %.*s %u", STR_ARG(r->keys[i].key), r->keys[i].n);
    if (r->messages.n > 0)
        say("refusals %.*s", STR_ARG(r->messages));
    say("keys %u/%u errors=%u", r->answers, r->members, r->errors);
}

static void on_reply(void *data, enum gossip_reply_kind kind, struct str from, struct str payload)
{
    (void)data;
    if (kind == GOSSIP_REPLY_PAYLOAD)
        say("reply %.*s %.*s", STR_ARG(from), STR_ARG(payload));
    else if (kind == GOSSIP_REPLY_END)
        say("query-end");
}

/* ---- commands ---- */

static void print_members(struct node *n)
{
    for (uint32_t i = 0; i < gossip_count(n->pool); i++) {
        struct gossip_info info;
        struct str key, value;
        struct buf line;

        gossip_get_info(n->pool, gossip_at(n->pool, i), &info);
        buf_init(&line, 0);
        buf_putf(&line, "member %.*s %s", STR_ARG(info.name), gossip_status_text(info.status));
        while (gossip_list_next_pair(&info.tags, &key, &value))
            buf_putf(&line, " %.*s=%.*s", STR_ARG(key), STR_ARG(value));
        say("%s", buf_z(&line));
        buf_fini(&line);
    }
    say("members-end");
}

static void print_stats(struct node *n)
{
    struct gossip_net_stats net;
    struct gossip_stats s;
    uint64_t dropped = 0;

    gossip_get_stats(n->pool, &s);
    gossip_net_get_stats(n->net, &net);
    for (int i = 0; i < GOSSIP_DROPS; i++)
        dropped += net.packets_dropped[i];
    say("stats alive=%u failed=%u left=%u suspicions=%llu dropped=%llu streams=%llu bad=%llu "
        "received=%llu sent=%llu bytes=%llu",
        s.alive, s.failed, s.left, (unsigned long long)s.suspicions, (unsigned long long)dropped,
        (unsigned long long)net.streams_dropped, (unsigned long long)s.messages_bad,
        (unsigned long long)s.packets_received, (unsigned long long)s.packets_sent,
        (unsigned long long)s.bytes_sent);
}

static void add_tag(struct node *n, struct str text)
{
    struct str name = str_split(&text, '=');

    gossip_list_put_pair(&n->tags, name, text);
    n->tag_n++;
}

static void encode_tags(const struct node *n, struct buf *meta)
{
    struct gossip_list l = {n->tag_n, buf_str(&n->tags)};

    gossip_tags_encode(&l, meta);
}

static int change_keys(struct node *n, struct str rest)
{
    static const char *const words[] = {"install", "use", "remove", "list"};
    struct str op = str_split(&rest, ' ');
    struct buf key;
    int rc = ERR_INVALID;

    buf_init(&key, 0);
    if (rest.n > 0 && gossip_keyring_parse_key(rest, &key, NULL) < 0)
        op = STR_NONE;
    for (int i = 0; i < 4; i++)
        if (str_eq_z(op, words[i]))
            rc = gossip_keys(n->pool, clock_now(), (enum gossip_keys_op)i, buf_str(&key), 0,
                             on_keys, n);
    buf_fini(&key);
    return rc;
}

static int run(struct node *n, struct str line)
{
    struct instant now = clock_now();
    struct str rest = line, word = str_split(&rest, ' '), name;
    struct addr addr;

    if (str_eq_z(word, "members")) {
        print_members(n);
        return 0;
    }
    if (str_eq_z(word, "stats")) {
        print_stats(n);
        return 0;
    }
    if (str_eq_z(word, "leave"))
        return gossip_leave(n->pool, now, on_left, n);
    if (str_eq_z(word, "force-leave"))
        return gossip_force_leave(n->pool, now, rest, false);
    if (str_eq_z(word, "keys"))
        return change_keys(n, rest);
    if (str_eq_z(word, "join"))
        return addr_parse_port(rest, 0, &addr) < 0
                   ? ERR_INVALID
                   : gossip_join(n->pool, now, &addr, 1, on_joined, n);
    if (str_eq_z(word, "tag")) {
        struct buf meta;
        int rc;

        add_tag(n, rest);
        buf_init(&meta, 0);
        encode_tags(n, &meta);
        rc = gossip_set_meta(n->pool, now, buf_str(&meta));
        buf_fini(&meta);
        return rc;
    }
    name = str_split(&rest, ' ');
    if (str_eq_z(word, "event"))
        return gossip_event(n->pool, now, name, rest, false);
    if (str_eq_z(word, "query")) {
        struct gossip_query q = {.name = name, .payload = rest, .reply = on_reply, .data = n};
        uint64_t id;

        return gossip_query(n->pool, now, &q, &id);
    }
    return ERR_INVALID;
}

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *buf)
{
    struct node *n = handle->data;

    (void)size;
    *buf = uv_buf_init(buf_reserve(&n->line, 4096), 4096);
}

static void on_input(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf)
{
    struct node *n = stream->data;
    struct str all;
    size_t end;

    (void)buf;
    if (got < 0) {
        loop_stop(n->loop);
        return;
    }
    n->line.n += (size_t)got;
    all = buf_str(&n->line);
    while ((end = str_find(all, '\n', 0)) < all.n) {
        int rc = run(n, str_take(all, end));

        if (rc < 0)
            say("error %s", error_text(rc));
        all = str_drop(all, end + 1);
    }
    memmove(n->line.p, all.p, all.n);
    n->line.n = all.n;
}

/* ---- life ---- */

struct args {
    struct gossip_net_options net;
    struct str key, label;
};

static int parse(struct node *n, struct args *a, int argc, char **argv)
{
    for (int i = 1; i + 1 < argc; i += 2) {
        struct str word = str_z(argv[i]), value = str_z(argv[i + 1]);
        int rc = 0;

        if (str_eq_z(word, "-node"))
            n->name = value;
        else if (str_eq_z(word, "-bind"))
            rc = addr_parse_port(value, 0, &a->net.bind);
        else if (str_eq_z(word, "-join") && n->join_n < JOIN_MAX)
            rc = addr_parse_port(value, 0, &n->joins[n->join_n++]);
        else if (str_eq_z(word, "-tag"))
            add_tag(n, value);
        else if (str_eq_z(word, "-key"))
            a->key = value;
        else if (str_eq_z(word, "-keyring"))
            a->net.keyring_path = argv[i + 1];
        else if (str_eq_z(word, "-snapshot"))
            a->net.snapshot_path = argv[i + 1];
        else if (str_eq_z(word, "-label"))
            a->label = value;
        else
            rc = ERR_INVALID;
        if (rc < 0) {
            fprintf(stderr, "gossip_node: %s %s\n", argv[i], argv[i + 1]);
            return rc;
        }
    }
    return 0;
}

static int open_net(struct node *n, struct args *a, struct error *err)
{
    struct buf key;
    int rc = gossip_net_open(&a->net, &n->net, err);

    if (rc < 0)
        return rc;
    gossip_net_packet(n->net)->label = a->label;
    if (a->key.n == 0)
        return 0;
    buf_init(&key, 0);
    rc = gossip_keyring_parse_key(a->key, &key, err);
    if (rc == 0)
        rc = gossip_net_add_key(n->net, buf_str(&key), err);
    buf_fini(&key);
    return rc;
}

static int open_pool(struct node *n, struct args *a, struct error *err)
{
    struct gossip_options o;
    struct buf meta;
    int rc;

    gossip_options_init(&o, GOSSIP_LAN);
    o.name = n->name;
    gossip_net_addr(n->net, &o.addr);
    buf_init(&meta, 0);
    encode_tags(n, &meta);
    o.meta = buf_str(&meta);
    o.packet = gossip_net_packet(n->net);
    o.timers = loop_timers(n->loop);
    o.rng = &n->rng;
    gossip_net_outputs(n->net, &o.out);
    o.hooks = (struct gossip_hooks){.data = n,
                                    .news = on_news,
                                    .event = on_event,
                                    .question = on_question,
                                    .keyring = on_keyring,
                                    .trace = on_trace};
    rc = gossip_new(&o, &n->pool, err);
    buf_fini(&meta);
    if (rc == 0)
        rc = gossip_net_restore(n->net, n->pool, false, err);
    (void)a;
    return rc;
}

static void go(struct node *n)
{
    char text[ADDR_TEXT_MAX];
    struct addr addr;

    gossip_net_attach(n->net, n->pool);
    gossip_start(n->pool, clock_now());
    gossip_net_addr(n->net, &addr);
    addr_format(&addr, text);
    say("ready %s", text);
    if (n->join_n > 0 && gossip_join(n->pool, clock_now(), n->joins, n->join_n, on_joined, n) < 0)
        say("error join");
    uv_pipe_init(loop_uv(n->loop), &n->in, 0);
    n->in.data = n;
    ASSERT(uv_pipe_open(&n->in, 0) == 0);
    ASSERT(uv_read_start((uv_stream_t *)&n->in, on_alloc, on_input) == 0);
    loop_run(n->loop);
    uv_close((uv_handle_t *)&n->in, NULL);
}

int main(int argc, char **argv)
{
    struct node n = {.loop = NULL};
    struct args a = {.net = {.log_name = "gossip", .stream_timeout = DURATION_S(10)}};
    struct error err = {0};
    int rc;

    log_set_output(2, false);
    log_set_level(LOG_DEBUG);
    rng_system(&n.rng);
    if (parse(&n, &a, argc, argv) < 0 || loop_open(&n.loop, &err) < 0)
        return 2;
    a.net.loop = loop_uv(n.loop);
    a.net.timers = loop_timers(n.loop);
    rc = open_net(&n, &a, &err);
    if (rc == 0)
        rc = open_pool(&n, &a, &err);
    if (rc == 0)
        go(&n);
    else
        fprintf(stderr, "gossip_node: %s\n", err.text);
    if (n.net)
        gossip_net_attach(n.net, NULL);
    gossip_free(n.pool);
    if (n.net)
        gossip_net_close(n.net, NULL, NULL);
    loop_close(n.loop);
    buf_fini(&n.line);
    buf_fini(&n.tags);
    return rc == 0 ? 0 : 1;
}
