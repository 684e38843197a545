/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/monitor.h"

#include "base/jwrite.h"
#include "base/mem.h"

struct monitor {
    struct mailbox *core;
    struct list subscribers;
    struct published_counter flight, dropped; /* lines to the core */
    bool is_closed;                           /* freed with the last of them */
};

/* A line on its way: first to the core (to NULL), then a copy to each subscriber. */
struct line {
    struct mail mail;
    struct monitor *m;
    struct monitor_subscriber *to;
    enum log_level level;
    uint64_t dropped_n;
    size_t n;
    char text[];
};

static void on_tap(void *data, enum log_level level, struct str text);
static void on_core(struct mail *mail);
static void on_worker(struct mail *mail);

struct monitor *monitor_new(struct mailbox *core)
{
    struct monitor *m = mem_new(struct monitor);

    m->core = core;
    list_init(&m->subscribers);
    log_set_tap(LOG_OFF, on_tap, m);
    return m;
}

void monitor_free(struct monitor *m)
{
    if (!m)
        return;
    ASSERT(list_is_empty(&m->subscribers));
    log_set_tap(LOG_OFF, NULL, NULL);
    m->is_closed = true;
    if (published_read(&m->flight) == 0)
        mem_free(m);
}

/* The tap's level is the lowest that anybody wants. */
static void set_level(struct monitor *m)
{
    enum log_level level = LOG_OFF;

    LIST_FOREACH (&m->subscribers, l) {
        const struct monitor_subscriber *s = LIST_ITEM(l, struct monitor_subscriber, link);
        if (s->level < level)
            level = s->level;
    }
    log_set_tap_level(level);
}

void monitor_add(struct monitor *m, struct monitor_subscriber *s)
{
    ASSERT(s->env && s->line);
    list_push(&m->subscribers, &s->link);
    set_level(m);
}

void monitor_remove(struct monitor *m, struct monitor_subscriber *s)
{
    list_remove(&s->link);
    set_level(m);
}

static struct line *line_new(struct monitor *m, enum log_level level, struct str text)
{
    struct line *line = mem_alloc(sizeof(*line) + text.n);

    line->m = m;
    line->level = level;
    line->n = text.n;
    memcpy(line->text, text.p, text.n);
    return line;
}

/* Any thread. */
static void on_tap(void *data, enum log_level level, struct str text)
{
    struct monitor *m = data;

    if (published_read(&m->flight) >= MONITOR_FLIGHT_MAX) {
        published_add(&m->dropped, 1);
        return;
    }
    published_add(&m->flight, 1);
    struct line *line = line_new(m, level, text);
    line->mail.deliver = on_core;
    mailbox_post(m->core, &line->mail);
}

static void on_core(struct mail *mail)
{
    struct line *line = LIST_ITEM(mail, struct line, mail);
    struct monitor *m = line->m;
    struct str text = str_make(line->text, line->n);
    int64_t dropped_n = published_read(&m->dropped);

    published_add(&m->flight, -1);
    published_add(&m->dropped, -dropped_n);
    LIST_FOREACH (&m->subscribers, l) {
        struct monitor_subscriber *s = LIST_ITEM(l, struct monitor_subscriber, link);
        s->dropped_n += (uint64_t)dropped_n;
        if (line->level < s->level)
            continue;
        if (published_read(&s->flight) >= MONITOR_FLIGHT_MAX) {
            s->dropped_n++;
            continue;
        }
        published_add(&s->flight, 1);
        struct line *copy = line_new(m, line->level, text);
        copy->to = s;
        copy->dropped_n = s->dropped_n;
        s->dropped_n = 0;
        copy->mail.deliver = on_worker;
        mailbox_post(s->env->self, &copy->mail);
    }
    mem_free(line);
    if (m->is_closed && published_read(&m->flight) == 0)
        mem_free(m);
}

static void on_worker(struct mail *mail)
{
    struct line *line = LIST_ITEM(mail, struct line, mail);

    published_add(&line->to->flight, -1);
    line->to->line(line->to, str_make(line->text, line->n), line->dropped_n);
    mem_free(line);
}

/* ---- text to JSON ---- */

/* Cuts "key=value" or "key=\"va lue\"" off the front of *rest. False when there is none. */
static bool pair_next(struct str *rest, struct str *ret_key, struct str *ret_value)
{
    struct str s = *rest;
    size_t equals = 0;

    while (equals < s.n && s.p[equals] != '=' && s.p[equals] != ' ' && s.p[equals] != '"')
        equals++;
    if (equals == 0 || equals == s.n || s.p[equals] != '=')
        return false;
    *ret_key = str_take(s, equals);
    s = str_drop(s, equals + 1);
    if (s.n > 0 && s.p[0] == '"') {
        size_t end = str_find(s, '"', 1);
        if (end == s.n)
            return false;
        *ret_value = str_drop(str_take(s, end), 1);
        s = str_drop(s, end + 1);
    } else {
        *ret_value = str_take(s, str_find(s, ' ', 0));
        s = str_drop(s, ret_value->n);
    }
    *rest = str_drop(s, s.n > 0 ? 1 : 0);
    return true;
}

/* Is all of `s` pairs? */
static bool is_pairs(struct str s)
{
    struct str key, value;

    if (s.n == 0)
        return false;
    while (s.n > 0)
        if (!pair_next(&s, &key, &value))
            return false;
    return true;
}

/* "TIME [LEVEL] module: message: k=v": the module ends at the first ": ", the message where the
 * pairs begin. */
void monitor_format_json(struct str line, struct buf *out)
{
    struct str time = str_take(line, str_find(line, ' ', 0)), rest = str_drop(line, time.n + 1);
    size_t open = str_find(rest, '[', 0), close = str_find(rest, ']', 0);
    struct str level = close > open ? str_drop(str_take(rest, close), open + 1) : STR_NONE;
    char lower[16];
    struct jwrite w;

    rest = str_trim(str_drop(rest, close + 1));
    size_t module_n = str_search(rest, STR_LIT(": "));
    struct str module = str_take(rest, module_n), message = str_drop(rest, module_n + 2),
               pairs = STR_NONE;
    for (size_t at = 0; at + 2 < message.n; at++) {
        struct str tail = str_drop(message, at + 2);
        if (message.p[at] == ':' && message.p[at + 1] == ' ' && is_pairs(tail)) {
            pairs = tail;
            message = str_take(message, at);
            break;
        }
    }
    level = str_take(level, sizeof(lower));
    str_lower(level, lower);
    jwrite_init(&w, out, false);
    jwrite_object(&w);
    jwrite_name(&w, "@level");
    jwrite_str(&w, str_make(lower, level.n));
    jwrite_name(&w, "@message");
    jwrite_str(&w, message);
    jwrite_name(&w, "@module");
    jwrite_str(&w, module);
    jwrite_name(&w, "@timestamp");
    jwrite_str(&w, time);
    /* consul sorts the members; the few there are are picked in order */
    struct str last = STR_NONE;
    for (;;) {
        struct str scan = pairs, key, value, best = STR_NONE, best_value = STR_NONE;
        while (scan.n > 0 && pair_next(&scan, &key, &value))
            if ((last.p == NULL || str_cmp(key, last) > 0) &&
                (best.p == NULL || str_cmp(key, best) < 0)) {
                best = key;
                best_value = value;
            }
        if (best.p == NULL)
            break;
        jwrite_name_str(&w, best);
        jwrite_str(&w, best_value);
        last = best;
    }
    jwrite_close(&w);
    jwrite_end(&w);
}
