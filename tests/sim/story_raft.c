/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Stories: a script and what happens, side by side in one file, for people to
 * read; in the manner of etcd's interaction tests. Nothing happens by chance:
 * time passes, messages arrive and disks finish when the script says so.
 *
 *     story_raft [--update] [FILE...]     without: all of tests/sim/traces
 *
 * A file has blocks of commands, "----", and what they bring about, up to an empty line. --update
 * writes what does happen in the place of what should. The commands:
 *
 *     batch BYTES             goal for an append's entries, of clusters to come
 *     cluster N [LEARNERS]    servers 1 to N, founders but for so many learners that nobody knows
 *     wait MS                 time passes; nobody's alarm is looked at
 *     timeout S               time passes until the alarm of S, which goes off
 *     deliver [once]          messages arrive, and those that they cause; or only those there are
 *     drop [FROM>TO]          messages under way are lost
 *     cut FROM>TO, heal       messages are lost from now on ("*" is everybody); no longer
 *     slow S, synced S        the disk of S keeps what it is given; it is done now, and quick again
 *     fails S, works S        the disk of S
 *     crash S, start S        what the disk has not done is lost
 *     propose S TEXT [N]      N times
 *     read S, lease S
 *     add | promote | demote | remove | address  S SERVER
 *     transfer S SERVER
 *     snapshot S KEEP         of what is applied; gone S: its file cannot be read
 *     log S, status
 *     quiet | loud            messages and writes are not told | told
 */
#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "raft/raft.h"

#define SERVERS 9

struct letter {
    int from, to;
    struct raft_message *m;
};
struct batch {
    struct raft_persist p;
    struct raft_entry *entries[64];
    size_t n;
};
struct server {
    struct raft *r;
    struct rng rng;
    char name[8];
    uint64_t id;
    bool up, founder, slow, failed, gone;
    uint64_t reads;
    /* the disk */
    struct raft_state state;
    uint64_t base, base_term, snap, snap_term;
    struct raft_entry *log[1024];
    size_t log_n, batch_n;
    struct batch batches[32];
    struct raft_configuration snap_conf, part_conf;
    uint64_t part, part_have;
};
static struct server servers[SERVERS + 1]; /* from 1 */
static struct letter letters[4096];
static size_t letter_n;
static bool blocked[SERVERS + 1][SERVERS + 1];
static int server_n;
static bool loud;
static size_t batch_bytes;
static int64_t now_ns;
static struct raft_configuration founders;
static struct buf out;

static void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void say(const char *fmt, ...)
{
    va_list ap;
    char line[400];

    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    buf_put_str(&out, str_z(line));
    buf_put_u8(&out, '\n');
}

static struct instant now(void)
{
    return (struct instant){now_ns};
}

static int number_of(uint64_t id)
{
    for (int i = 1; i <= server_n; i++)
        if (servers[i].id == id)
            return i;
    return 0;
}

static void tell(void *data, enum raft_trace_kind kind, uint64_t a, uint64_t b)
{
    const char *name = ((struct server *)data)->name;

    switch (kind) {
    case RAFT_TRACE_FOLLOWER:
        a ? say("%s follows s%d", name, number_of(a)) : say("%s follows nobody", name);
        break;
    case RAFT_TRACE_TIMEOUT:
        a ? say("%s has lost its leader s%d", name, number_of(a)) : say("%s has waited", name);
        break;
    case RAFT_TRACE_PRE_VOTE:
        say("%s asks whether it would be elected in term %llu", name, (unsigned long long)a);
        break;
    case RAFT_TRACE_CANDIDATE:
        say("%s stands in term %llu and needs %llu votes", name, (unsigned long long)a,
            (unsigned long long)b);
        break;
    case RAFT_TRACE_VOTE:
        say("%s has a vote of s%d: %llu", name, number_of(a), (unsigned long long)b);
        break;
    case RAFT_TRACE_WON:
        break;
    case RAFT_TRACE_LEADER:
        say("%s LEADS", name);
        break;
    case RAFT_TRACE_NO_QUORUM:
        say("%s has not heard a majority", name);
        break;
    case RAFT_TRACE_NOT_VOTER:
        say("%s may not stand", name);
        break;
    case RAFT_TRACE_CONFIGURATION:
        say("%s has the configuration of entry %llu", name, (unsigned long long)a);
        break;
    }
}

/* ---- words for things ---- */

static const char *text_of(const struct raft_entry *e, char dst[200])
{
    struct raft_configuration c;
    size_t n = 0;

    if (e->kind == RAFT_ENTRY_NOOP)
        return "noop";
    if (e->kind == RAFT_ENTRY_COMMAND) {
        snprintf(dst, 200, "\"%.*s\"", (int)e->size, e->bytes);
        return dst;
    }
    if (raft_configuration_decode(raft_entry_str(e), &c) < 0)
        return "?";
    n += (size_t)snprintf(dst, 200, "voters");
    for (uint32_t i = 0; i < c.n; i++)
        if (c.servers[i].suffrage == RAFT_VOTER)
            n += (size_t)snprintf(dst + n, 200 - n, " %s", c.servers[i].name);
    for (uint32_t i = 0; i < c.n; i++)
        if (c.servers[i].suffrage == RAFT_LEARNER)
            n += (size_t)snprintf(dst + n, 200 - n, ", learner %s", c.servers[i].name);
    return dst;
}

static void say_entries(const char *what, struct raft_entry **entries, size_t n)
{
    char line[300] = "", text[200];
    size_t at = 0;

    for (size_t i = 0; i < n && i < 4; i++)
        at += (size_t)snprintf(line + at, sizeof line - at, "%s%llu/%llu %.60s", i ? ", " : "",
                               (unsigned long long)entries[i]->index,
                               (unsigned long long)entries[i]->term, text_of(entries[i], text));
    if (n > 4)
        snprintf(line + at, sizeof line - at, " ... %llu",
                 (unsigned long long)entries[n - 1]->index);
    say("%s%s", what, line);
}

#define U(x) ((unsigned long long)(x))

static void say_message(const char *what, int from, int to, const struct raft_message *m)
{
    char line[200];

    switch (m->kind) {
    case RAFT_VOTE:
        snprintf(line, sizeof line, "%s in term %llu? last entry %llu/%llu%s",
                 m->pre ? "would you vote for me" : "vote for me", U(m->term), U(m->index),
                 U(m->log_term), m->transfer ? " (the leader asked me to)" : "");
        break;
    case RAFT_VOTE_REPLY:
        snprintf(line, sizeof line, "%s in term %llu",
                 m->reject ? "no," : (m->pre ? "I would" : "you have my vote"), U(m->term));
        break;
    case RAFT_APPEND:
        snprintf(line, sizeof line,
                 "term %llu, after %llu/%llu: %u entries, commit %llu, round %llu", U(m->term),
                 U(m->index), U(m->log_term), m->entry_n, U(m->commit), U(m->round));
        break;
    case RAFT_APPEND_REPLY:
        if (m->reject)
            snprintf(line, sizeof line, "term %llu, NOT after %llu, try after %llu/%llu",
                     U(m->term), U(m->index), U(m->hint), U(m->hint_term));
        else
            snprintf(line, sizeof line, "term %llu, have %llu, round %llu", U(m->term), U(m->index),
                     U(m->round));
        break;
    case RAFT_SNAPSHOT:
        snprintf(line, sizeof line, "snapshot %llu/%llu from %llu%s", U(m->index), U(m->log_term),
                 U(m->offset), m->last ? ", the last piece" : "");
        break;
    case RAFT_SNAPSHOT_REPLY:
        snprintf(line, sizeof line, "of snapshot %llu send from %llu", U(m->index), U(m->offset));
        break;
    default:
        snprintf(line, sizeof line, "stand now, in my place");
        break;
    }
    if (loud)
        say("%s s%d>s%d %s", what, from, to, line);
}

/* ---- a server ---- */

static void truncate_log(struct server *s, uint64_t from)
{
    while (s->log_n && s->base + s->log_n >= from)
        raft_entry_unref(s->log[--s->log_n]);
}

static void finish_batch(struct server *s, bool written)
{
    struct batch b = s->batches[0];

    memmove(s->batches, s->batches + 1, --s->batch_n * sizeof *s->batches);
    if (written && b.p.has_reset) {
        truncate_log(s, 0);
        s->base = b.p.reset_index;
        s->base_term = b.p.reset_term;
    }
    if (written && b.p.truncate_from)
        truncate_log(s, b.p.truncate_from);
    if (written && b.p.has_state)
        s->state = b.p.state;
    for (size_t i = 0; i < b.n; i++)
        if (written)
            s->log[s->log_n++] = b.entries[i];
        else
            raft_entry_unref(b.entries[i]);
    if (written)
        raft_persisted(s->r, now(), b.p.seq);
}

static void on_persist(struct server *s, const struct raft_persist *p)
{
    ASSERT(s->batch_n < 32);
    struct batch *b = &s->batches[s->batch_n++];
    char line[100] = "";
    size_t n = 0;

    *b = (struct batch){.p = *p};
    for (uint64_t i = p->first; i <= p->last; i++)
        b->entries[b->n++] = raft_entry_ref(raft_entry_at(s->r, i));
    n += (size_t)snprintf(line, sizeof line, "%s %s", s->name,
                          s->slow ? "begins to write" : "writes");
    if (p->has_reset)
        n += (size_t)snprintf(line + n, sizeof line - n, " reset to %llu", U(p->reset_index));
    if (p->truncate_from)
        n +=
            (size_t)snprintf(line + n, sizeof line - n, " truncate from %llu", U(p->truncate_from));
    if (p->has_state)
        n += (size_t)snprintf(line + n, sizeof line - n, " term %llu vote s%d", U(p->state.term),
                              number_of(p->state.vote));
    if (b->n)
        snprintf(line + n, sizeof line - n, " ");
    if (loud)
        say_entries(line, b->entries, b->n);
    if (!s->slow)
        finish_batch(s, true);
}

static void on_send(struct server *s, struct raft_message *m)
{
    int from = (int)(s - servers), to = number_of(m->to);
    struct buf b;

    if (m->kind == RAFT_SNAPSHOT) {
        if (s->gone || m->index != s->snap) {
            say("%s cannot read its snapshot %llu", s->name, U(m->index));
            raft_snapshot_gone(s->r, m->index, m->log_term);
            raft_message_free(m);
            return;
        }
        buf_init(&b, 0);
        if (m->offset == 0)
            raft_configuration_encode(&s->snap_conf, &b);
        else
            buf_put_u64(&b, s->snap_conf.index);
        m->last = m->offset > 0;
        m->chunk = buf_take(&b);
    }
    if (blocked[from][to] || !to) {
        if (to)
            say_message("LOST", from, to, m);
        raft_message_free(m);
        return;
    }
    ASSERT(letter_n < 4096);
    letters[letter_n++] = (struct letter){from, to, m};
}

/* Two pieces: the configuration, and its index. */
static void on_chunk(struct server *s, struct raft_message *m)
{
    struct cursor in = cursor_make(m->chunk);

    if (m->offset == 0 && raft_configuration_decode(m->chunk, &s->part_conf) == 0) {
        s->part = m->index;
        s->part_have = 1;
    }
    if (!m->last || s->part != m->index || s->part_have != 1) {
        raft_chunk_stored(s->r, m->index, m->log_term, s->part == m->index ? s->part_have : 0);
    } else if (raft_snapshot_install(s->r, m->index)) {
        s->part_conf.index = cursor_u64(&in);
        s->snap = m->index;
        s->snap_term = m->log_term;
        s->snap_conf = s->part_conf;
        s->part_have = 0;
        say("%s has the state of entry %llu", s->name, U(m->index));
        raft_snapshot_installed(s->r, m->index, m->log_term, &s->part_conf);
    }
    raft_message_free(m);
}

static void on_apply(struct server *s, uint64_t first, uint64_t last)
{
    struct raft_entry *entries[RAFT_APPLY_MAX];
    char what[40];

    for (uint64_t i = first; i <= last; i++)
        entries[i - first] = raft_entry_at(s->r, i);
    snprintf(what, sizeof what, "%s applies ", s->name);
    say_entries(what, entries, (size_t)(last - first + 1));
}

static void drain(struct server *s)
{
    struct raft_effect e;

    while (s->up && raft_next_effect(s->r, now(), &e))
        switch (e.kind) {
        case RAFT_EFFECT_PERSIST:
            on_persist(s, &e.u.persist);
            break;
        case RAFT_EFFECT_SEND:
            on_send(s, e.u.message);
            break;
        case RAFT_EFFECT_CHUNK:
            on_chunk(s, e.u.message);
            break;
        case RAFT_EFFECT_APPLY:
            on_apply(s, e.u.apply.first, e.u.apply.last);
            break;
        case RAFT_EFFECT_READ:
            if (e.u.read.status == 0)
                say("%s may answer reads up to %llu when it has applied %llu", s->name,
                    U(e.u.read.id), U(e.u.read.index));
            else
                say("%s refuses reads up to %llu", s->name, U(e.u.read.id));
            break;
        case RAFT_EFFECT_ROLE:
            break;
        }
}

static void start(struct server *s)
{
    struct raft_options o = {.id = s->id,
                             .election = DURATION_MS(100),
                             .heartbeat = DURATION_MS(20),
                             .sole = DURATION_MS(10),
                             .drift = DURATION_MS(10),
                             .inflight_max = 8,
                             .inflight_bytes_max = 1000,
                             .batch_bytes = batch_bytes};

    s->r = raft_new(&o, &s->rng, tell, s);
    s->up = true;
    if (s->founder && s->state.term == 0 && s->log_n == 0 && s->snap == 0) {
        raft_bootstrap(s->r, &founders);
    } else {
        raft_restore_state(s->r, s->state);
        if (s->snap)
            raft_restore_snapshot(s->r, s->snap, s->snap_term, &s->snap_conf);
        raft_restore_base(s->r, s->base, s->base_term);
        for (size_t i = 0; i < s->log_n; i++)
            ASSERT(raft_restore_entry(s->r, raft_entry_ref(s->log[i])) == 0);
    }
    raft_start(s->r, now());
    drain(s);
}

static void crash(struct server *s)
{
    while (s->batch_n)
        finish_batch(s, false);
    raft_free(s->r);
    s->r = NULL;
    s->up = s->slow = s->failed = false;
}

static void forget_everything(void)
{
    while (letter_n)
        raft_message_free(letters[--letter_n].m);
    for (int i = 1; i <= server_n; i++) {
        if (servers[i].up)
            crash(&servers[i]);
        truncate_log(&servers[i], 0);
    }
    server_n = 0;
    memset(blocked, 0, sizeof blocked);
    memset(servers, 0, sizeof servers);
}

/* ---- commands ---- */

static void do_cluster(int n, int learners)
{
    forget_everything();
    server_n = n;
    now_ns = 1000000000;
    loud = true;
    founders = (struct raft_configuration){0};
    for (int i = 1; i <= n; i++) {
        struct server *s = &servers[i];
        snprintf(s->name, sizeof s->name, "s%d", i);
        s->id = raft_server_id(str_z(s->name));
        s->founder = i <= n - learners;
        rng_init(&s->rng, (uint64_t)i);
        if (s->founder)
            ASSERT(raft_configuration_put(&founders, str_z(s->name), STR_LIT("a"), RAFT_VOTER) ==
                   0);
    }
    loud = false;
    for (int i = 1; i <= n; i++)
        start(&servers[i]);
    loud = true;
    buf_fini(&out);
    buf_init(&out, 0);
    say("%d voters, %d others", n - learners, learners);
}

static void do_deliver(bool once)
{
    size_t n = letter_n;

    for (int turn = 0; letter_n > 0 && (!once || n > 0) && turn < 5000; turn++) {
        struct letter l = letters[0];
        memmove(letters, letters + 1, --letter_n * sizeof *letters);
        n--;
        if (blocked[l.from][l.to] || !servers[l.to].up) {
            say_message("LOST", l.from, l.to, l.m);
            raft_message_free(l.m);
            continue;
        }
        say_message("    ", l.from, l.to, l.m);
        raft_receive(servers[l.to].r, now(), l.m);
        drain(&servers[l.to]);
    }
}

static void do_drop(int from, int to)
{
    size_t kept = 0;

    for (size_t i = 0; i < letter_n; i++)
        if ((from && letters[i].from != from) || (to && letters[i].to != to)) {
            letters[kept++] = letters[i];
        } else {
            say_message("LOST", letters[i].from, letters[i].to, letters[i].m);
            raft_message_free(letters[i].m);
        }
    letter_n = kept;
}

static void do_propose(struct server *s, const char *text, int n)
{
    for (int i = 0; i < n; i++) {
        struct raft_entry *e = raft_entry_new(RAFT_ENTRY_COMMAND, str_z(text));
        uint64_t index;
        int rc = raft_propose(s->r, e, &index);
        if (rc < 0) {
            raft_entry_unref(e);
            say("%s: %s", s->name, error_name(rc));
            return;
        }
    }
}

static void do_snapshot(struct server *s, uint64_t keep)
{
    struct raft_facts f;
    size_t n;

    raft_get_facts(s->r, &f);
    raft_configuration_at(s->r, f.applied, &s->snap_conf);
    s->snap = f.applied;
    s->snap_term = f.applied_term;
    s->gone = false;
    uint64_t to = s->snap > keep ? s->snap - keep : 0;
    raft_compact(s->r, s->snap, to);
    n = to > s->base ? (size_t)(to - s->base) : 0;
    for (size_t i = 0; i < n; i++) {
        s->base_term = s->log[i]->term;
        raft_entry_unref(s->log[i]);
    }
    memmove(s->log, s->log + n, (s->log_n - n) * sizeof *s->log);
    s->log_n -= n;
    s->base += n;
    say("%s has a snapshot of %llu and keeps its log from %llu", s->name, U(s->snap),
        U(s->base + 1));
}

static void do_status(void)
{
    static const char *const roles[] = {"follower", "pre-candidate", "candidate", "LEADER"};
    struct raft_facts f;

    for (int i = 1; i <= server_n; i++) {
        if (!servers[i].up) {
            say("s%d is down", i);
            continue;
        }
        raft_get_facts(servers[i].r, &f);
        say("s%d %s term %llu, leader s%d, log %llu..%llu, durable %llu, commit %llu, applied %llu",
            i, roles[f.role], U(f.term), number_of(f.leader), U(f.first), U(f.last), U(f.stable),
            U(f.commit), U(f.applied));
    }
}

static void do_log(const struct server *s)
{
    char what[20];
    struct raft_facts f;

    raft_get_facts(s->r, &f);
    snprintf(what, sizeof what, "%s ", s->name);
    for (uint64_t i = f.first; i <= f.last; i++) {
        struct raft_entry *e = raft_entry_at(s->r, i);
        say_entries(what, &e, 1);
    }
}

static void do_lease(const struct server *s)
{
    struct raft_facts f;

    raft_get_facts(s->r, &f);
    if (instant_before(now(), f.lease))
        say("%s may answer without asking for %lld ms", s->name,
            (long long)duration_ms(instant_since(f.lease, now())));
    else
        say("%s has no lease", s->name);
}

static void answer(const struct server *s, int rc)
{
    if (rc < 0)
        say("%s: %s", s->name, error_name(rc));
}

static bool do_change(const char *verb, struct server *s, int target)
{
    static const char *const verbs[] = {"add", "promote", "demote", "remove", "address"};
    uint64_t index;

    for (int i = 0; i < 5; i++)
        if (strcmp(verb, verbs[i]) == 0) {
            answer(s, raft_change(s->r, (enum raft_change_kind)i, str_z(servers[target].name),
                                  STR_LIT("b"), &index));
            return true;
        }
    return false;
}

static bool do_to_server(const char *verb, struct server *s, const char *more, int n)
{
    if (strcmp(verb, "timeout") == 0) {
        if (now_ns < raft_deadline(s->r).ns && raft_deadline(s->r).ns != INSTANT_NEVER.ns)
            now_ns = raft_deadline(s->r).ns;
        raft_expire(s->r, now());
    } else if (strcmp(verb, "slow") == 0) {
        s->slow = true;
    } else if (strcmp(verb, "synced") == 0) {
        s->slow = false;
        while (s->batch_n)
            finish_batch(s, true);
    } else if (strcmp(verb, "fails") == 0) {
        while (s->batch_n)
            finish_batch(s, false);
        raft_storage_failed(s->r, now(), ERR_STORAGE);
    } else if (strcmp(verb, "works") == 0) {
        raft_storage_back(s->r, now());
    } else if (strcmp(verb, "crash") == 0) {
        crash(s);
    } else if (strcmp(verb, "start") == 0) {
        start(s);
    } else if (strcmp(verb, "propose") == 0) {
        do_propose(s, more, n ? n : 1);
    } else if (strcmp(verb, "read") == 0) {
        int rc = raft_read(s->r, &s->reads);
        answer(s, rc);
    } else if (strcmp(verb, "transfer") == 0) {
        answer(s, raft_transfer(s->r, now(), servers[strtol(more, NULL, 10)].id));
    } else if (strcmp(verb, "snapshot") == 0) {
        do_snapshot(s, strtoull(more, NULL, 10));
    } else if (strcmp(verb, "gone") == 0) {
        s->gone = true;
    } else if (strcmp(verb, "log") == 0) {
        do_log(s);
    } else if (strcmp(verb, "lease") == 0) {
        do_lease(s);
    } else {
        return do_change(verb, s, (int)strtol(more, NULL, 10));
    }
    drain(s);
    return true;
}

static int end_of(const char *text)
{
    return *text == '*' ? 0 : (int)strtol(text, NULL, 10);
}

/* False: not a command. */
static bool obey(const char *line)
{
    char verb[20] = "", a[40] = "", b[40] = "";
    int n = 0, words = sscanf(line, "%19s %39s %39s %d", verb, a, b, &n);
    const char *to = strchr(a, '>');

    if (strcmp(verb, "cluster") == 0) {
        do_cluster((int)strtol(a, NULL, 10), (int)strtol(b, NULL, 10));
    } else if (strcmp(verb, "batch") == 0) {
        batch_bytes = strtoul(a, NULL, 10);
    } else if (strcmp(verb, "wait") == 0) {
        now_ns += strtoll(a, NULL, 10) * 1000000;
    } else if (strcmp(verb, "deliver") == 0) {
        do_deliver(words > 1);
    } else if (strcmp(verb, "drop") == 0) {
        do_drop(to ? end_of(a) : 0, to ? end_of(to + 1) : 0);
    } else if (strcmp(verb, "cut") == 0 && to) {
        for (int i = 1; i <= server_n; i++)
            for (int k = 1; k <= server_n; k++)
                if ((end_of(a) == 0 || end_of(a) == i) &&
                    (end_of(to + 1) == 0 || end_of(to + 1) == k))
                    blocked[i][k] = true;
    } else if (strcmp(verb, "heal") == 0) {
        memset(blocked, 0, sizeof blocked);
    } else if (strcmp(verb, "status") == 0) {
        do_status();
    } else if (strcmp(verb, "quiet") == 0 || strcmp(verb, "loud") == 0) {
        loud = *verb == 'l';
    } else {
        int i = (int)strtol(a, NULL, 10);
        if (i < 1 || i > server_n ||
            (!servers[i].up && strcmp(verb, "start") != 0 && strcmp(verb, "crash") != 0))
            return false;
        if (!do_to_server(verb, &servers[i], b, n))
            return false;
    }
    for (int i = 1; i <= server_n; i++)
        if (servers[i].up)
            drain(&servers[i]);
    return true;
}

/* ---- files ---- */

/* What the file should be. False when a command is none. */
static bool play(FILE *f, struct buf *should, char *bad, size_t bad_n)
{
    char line[300];
    bool expected = false;

    buf_init(&out, 0);
    while (fgets(line, sizeof line, f)) {
        if (expected) { /* skip what is there */
            if (line[0] != '\n')
                continue;
            expected = false;
            buf_put_str(should, buf_str(&out));
            buf_fini(&out);
            buf_init(&out, 0);
            buf_put_u8(should, '\n');
            continue;
        }
        buf_put_str(should, str_z(line));
        if (strcmp(line, "----\n") == 0) {
            expected = true;
        } else if (line[0] != '#' && line[0] != '\n' && !obey(line)) {
            snprintf(bad, bad_n, "%.*s", (int)strcspn(line, "\n"), line);
            return false;
        }
    }
    buf_put_str(should, buf_str(&out));
    return true;
}

static void tell_difference(struct str is, struct str should)
{
    size_t i = 0, line = 1, begin = 0;

    while (i < is.n && i < should.n && is.p[i] == should.p[i]) {
        if (is.p[i] == '\n') {
            line++;
            begin = i + 1;
        }
        i++;
    }
    const char *a = is.p + begin, *b = should.p + begin;
    printf("# line %zu\n# the file: %.*s\n# happened: %.*s\n", line,
           (int)(begin < is.n ? strcspn(a, "\n") : 0), a,
           (int)(begin < should.n ? strcspn(b, "\n") : 0), b);
}

static int story(int number, const char *path, bool update)
{
    struct buf should, is;
    char bad[300] = "";
    int rc = 0, c;
    FILE *f = fopen(path, "r");

    if (!f) {
        printf("not ok %d - %s: cannot be read\n", number, path);
        return 1;
    }
    buf_init(&should, 0);
    buf_init(&is, 0);
    while ((c = fgetc(f)) != EOF)
        buf_put_u8(&is, (uint8_t)c);
    rewind(f);
    bool ok = play(f, &should, bad, sizeof bad);
    fclose(f);
    forget_everything();
    batch_bytes = 0;
    buf_fini(&out);
    const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    if (!ok) {
        printf("not ok %d - %s: not a command here: %s\n", number, name, bad);
        rc = 1;
    } else if (str_eq(buf_str(&is), buf_str(&should))) {
        printf("ok %d - %s\n", number, name);
    } else if (update && (f = fopen(path, "w")) != NULL) {
        fwrite(buf_str(&should).p, 1, should.n, f);
        fclose(f);
        printf("ok %d - %s: rewritten\n", number, name);
    } else {
        printf("not ok %d - %s tells another story\n", number, name);
        buf_put_u8(&is, '\0');
        buf_put_u8(&should, '\0');
        tell_difference(buf_str(&is), buf_str(&should));
        rc = 1;
    }
    buf_fini(&is);
    buf_fini(&should);
    return rc;
}

static int is_story(const struct dirent *d)
{
    return strstr(d->d_name, ".txt") != NULL;
}

int main(int argc, char **argv)
{
    bool update = argc > 1 && strcmp(argv[1], "--update") == 0;
    const char *top = getenv("TOP_SRCDIR");
    struct dirent **found;
    char dir[400], path[800];
    int rc = 0, first = update ? 2 : 1;

    if (first < argc) {
        printf("1..%d\n", argc - first);
        for (int i = first; i < argc; i++)
            rc |= story(i - first + 1, argv[i], update);
        return rc;
    }
    snprintf(dir, sizeof dir, "%s/tests/sim/traces", top ? top : ".");
    int n = scandir(dir, &found, is_story, alphasort);
    if (n <= 0) {
        printf("Bail out! no stories in %s\n", dir);
        return 1;
    }
    printf("1..%d\n", n);
    for (int i = 0; i < n; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, found[i]->d_name);
        rc |= story(i + 1, path, update);
        free(found[i]);
    }
    free(found);
    return rc;
}
