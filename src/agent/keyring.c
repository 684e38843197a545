/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "agent/keyring.h"

#include "agent/agent_state.h"
#include "base/encode.h"
#include "base/jwrite.h"
#include "base/mem.h"

struct keyring_pool {
    struct keyring_ask *ask;
    bool is_wan;
    /* what its members said */
    struct buf error;           /* "1/2 nodes reported failure" */
    struct buf messages;        /* "NAME: text" a line each */
    struct buf keys, primaries; /* members of JSON objects */
    uint32_t members;
};

/* ---- the answer ---- */

static void put_errors(const struct keyring_pool *p, struct buf *lines, int *n)
{
    const char *dc = p->ask->agent->config->datacenter;
    struct str rest = buf_str(&p->messages), line;

    if (p->error.n == 0)
        return;
    buf_putf(lines, "\t* %s%s error: %.*s\n", p->is_wan ? "" : dc, p->is_wan ? "WAN" : " (LAN)",
             STR_ARG(buf_str(&p->error)));
    ++*n;
    while (rest.p && rest.n > 0) {
        line = str_split(&rest, '\n');
        buf_putf(lines, "\t* %.*s\n", STR_ARG(line));
        ++*n;
    }
}

static void put_pool(const struct keyring_pool *p, struct jwrite *w)
{
    struct str rest = buf_str(&p->messages), line;

    jwrite_object(w);
    jwrite_name(w, "WAN");
    jwrite_bool(w, p->is_wan);
    jwrite_name(w, "Datacenter");
    jwrite_z(w, p->ask->agent->config->datacenter);
    jwrite_name(w, "Segment");
    jwrite_z(w, "");
    if (rest.n > 0) {
        jwrite_name(w, "Messages");
        jwrite_object(w);
        while (rest.p && rest.n > 0) {
            size_t colon;

            line = str_split(&rest, '\n');
            colon = str_search(line, STR_LIT(": "));
            jwrite_name_str(w, str_take(line, colon));
            jwrite_str(w, str_drop(line, colon + 2));
        }
        jwrite_close(w);
    }
    jwrite_name(w, "Keys");
    jwrite_raw(w, buf_str(&p->keys));
    jwrite_name(w, "PrimaryKeys");
    jwrite_raw(w, buf_str(&p->primaries));
    jwrite_name(w, "NumNodes");
    jwrite_u64(w, p->members);
    jwrite_close(w);
}

static void pool_free(struct keyring_pool *p)
{
    if (!p)
        return;
    buf_fini(&p->error);
    buf_fini(&p->messages);
    buf_fini(&p->keys);
    buf_fini(&p->primaries);
    mem_free(p);
}

static void finish(struct keyring_ask *k)
{
    struct buf lines = {0};
    struct jwrite w;
    int n = 0;

    for (int i = 0; i < 2; i++)
        if (k->pools[i])
            put_errors(k->pools[i], &lines, &n);
    if (n > 0)
        buf_putf(&k->errors, "%d error%s occurred:\n%s\n", n, n == 1 ? "" : "s", buf_z(&lines));
    jwrite_init(&w, &k->json, k->pretty);
    jwrite_array(&w);
    for (int i = 0; i < 2; i++)
        if (k->pools[i])
            put_pool(k->pools[i], &w);
    jwrite_close(&w);
    jwrite_end(&w);
    for (int i = 0; i < 2; i++)
        pool_free(k->pools[i]);
    buf_fini(&lines);
    k->done(k);
}

/* ---- asking ---- */

/* Keys by name, as Go writes a map. */
static void put_counts(const struct gossip_keys_count *counts, size_t n, struct buf *out)
{
    struct str last = STR_NONE;
    struct jwrite w;

    jwrite_init(&w, out, false);
    jwrite_object(&w);
    for (size_t done = 0; done < n; done++) {
        const struct gossip_keys_count *next = NULL;

        for (size_t i = 0; i < n; i++)
            if ((!last.p || str_cmp(counts[i].key, last) > 0) &&
                (!next || str_cmp(counts[i].key, next->key) < 0))
                next = &counts[i];
        if (!next)
            break;
        jwrite_name_str(&w, next->key);
        jwrite_u64(&w, next->n);
        last = next->key;
    }
    jwrite_close(&w);
    jwrite_end(&w);
}

static void settle(struct keyring_pool *p)
{
    if (--p->ask->left == 0)
        finish(p->ask);
}

static void on_answers(void *data, const struct gossip_keys_result *r)
{
    struct keyring_pool *p = data;

    p->members = r->members;
    if (r->errors > 0)
        buf_putf(&p->error, "%u/%u nodes reported failure", r->errors, r->members);
    else if (r->answers != r->members)
        buf_putf(&p->error, "%u/%u nodes reported success", r->answers, r->members);
    buf_put_str(&p->messages, r->messages);
    put_counts(r->keys, r->key_n, &p->keys);
    put_counts(r->primaries, r->primary_n, &p->primaries);
    settle(p);
}

/* Go's base64 says where the text stops making sense. */
static size_t base64_offset(struct str text)
{
    size_t i = 0;

    while (i < text.n && text.p[i] != '=' &&
           (text.p[i] == '+' || text.p[i] == '/' || (text.p[i] >= '0' && text.p[i] <= '9') ||
            (text.p[i] >= 'A' && text.p[i] <= 'Z') || (text.p[i] >= 'a' && text.p[i] <= 'z')))
        i++;
    return i < text.n ? i : text.n - text.n % 4;
}

static void ask_pool(struct keyring_pool *p, struct gossip *g)
{
    static const enum gossip_keys_op ops[] = {
        [KEYRING_INSTALL] = GOSSIP_KEYS_INSTALL,
        [KEYRING_USE] = GOSSIP_KEYS_USE,
        [KEYRING_REMOVE] = GOSSIP_KEYS_REMOVE,
        [KEYRING_LIST] = GOSSIP_KEYS_LIST,
    };
    struct keyring_ask *k = p->ask;
    struct buf key;
    int rc;

    buf_init(&key, 0);
    if (encode_base64_parse(k->key, &key) < 0) {
        buf_putf(&p->error, "illegal base64 data at input byte %zu", base64_offset(k->key));
        settle(p);
    } else {
        rc = gossip_keys(g, clock_now(), ops[k->op], buf_str(&key), k->relay, on_answers, p);
        if (rc < 0) {
            buf_put_z(&p->error, error_text(rc));
            settle(p);
        }
    }
    if (key.p)
        memset(key.p, 0, key.n);
    buf_fini(&key);
}

static struct keyring_pool *pool_new(struct keyring_ask *k, bool is_wan)
{
    struct keyring_pool *p = mem_new(struct keyring_pool);

    p->ask = k;
    p->is_wan = is_wan;
    return p;
}

void keyring_ask(struct agent *a, struct keyring_ask *k)
{
    struct pool *wan = k->local_only ? NULL : cluster_wan(a->cluster);
    struct keyring_pool *first, *second;

    k->agent = a;
    k->pools[0] = first = wan ? pool_new(k, true) : NULL;
    k->pools[1] = second = pool_new(k, false);
    k->left = wan ? 2 : 1;
    if (first)
        ask_pool(first, pool_gossip(wan));
    ask_pool(second, pool_gossip(cluster_lan(a->cluster)));
}
