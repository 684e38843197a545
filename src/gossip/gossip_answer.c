/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Serf's own queries, which every member answers by itself: is it reachable, what does it know
 * about a name (when two claim it), and the keys of the pool. A member that does not answer those
 * about keys makes the operator's command fail for the whole pool.
 */
#include "config.h"

#include "base/encode.h"
#include "gossip/gossip_core.h"

#define KEY_LIST_MAX (GOSSIP_QUERY_SIZE_MAX / 25) /* serf: so many can fit */

/* ---- conflicts ---- */

static void answer_conflict(struct gossip *g, const struct gossip_asked *a, struct str name)
{
    const struct gossip_member *m = gossip_member_find(&g->table, name);
    struct gossip_serf_message message = {.kind = GOSSIP_SERF_CONFLICT};
    struct gossip_serf_conflict *c = &message.u.conflict;
    uint8_t ip[16];
    struct buf bytes;

    if (m && gossip_is_self(g, m))
        return; /* the accused does not judge */
    c->is_nil = !m;
    if (m) {
        c->node = gossip_member_name(m);
        c->addr = gossip_message_ip(&m->identity->addr, ip);
        c->port = addr_port(&m->identity->addr);
        memcpy(c->vsn, m->identity->vsn, GOSSIP_VSN_SIZE);
        c->status = m->status;
        if (gossip_tags_decode(gossip_member_meta(m), &c->tags) != 0)
            c->tags = (struct gossip_list){0, STR_NONE};
    }
    buf_init(&bytes, 0);
    gossip_serf_encode(&message, &bytes);
    (void)(gossip_query_reply(g, a, 0, buf_str(&bytes)) != 0);
    buf_fini(&bytes);
}

static void on_conflict_reply(void *data, enum gossip_reply_kind kind, struct str from,
                              struct str payload)
{
    struct gossip *g = data;
    struct gossip_serf_message m;
    struct addr addr;
    uint32_t majority = g->conflict_answers / 2 + 1;

    (void)from;
    if (kind == GOSSIP_REPLY_PAYLOAD) {
        if (gossip_serf_decode(payload, &m) != 0 || m.kind != GOSSIP_SERF_CONFLICT)
            return;
        g->conflict_answers++;
        if (!m.u.conflict.is_nil &&
            gossip_message_addr(m.u.conflict.addr, m.u.conflict.port, &addr) == 0 &&
            addr_eq(&addr, &g->o.addr))
            g->conflict_matching++;
    } else if (kind == GOSSIP_REPLY_END) {
        g->is_resolving = false;
        gossip_trace(g, LOG_INFO, "serf: conflict over our name: %u of %u say it is ours",
                     g->conflict_matching, g->conflict_answers);
        if (g->conflict_matching < majority && g->o.hooks.name_lost)
            g->o.hooks.name_lost(g->o.hooks.data);
    }
}

void gossip_answer_resolve(struct gossip *g, struct instant now)
{
    struct gossip_query q = {.name = STR_LIT("_serf_conflict"),
                             .payload = gossip_member_name(g->self),
                             .reply = on_conflict_reply,
                             .data = g};

    if (g->is_resolving)
        return;
    g->conflict_answers = g->conflict_matching = 0;
    g->is_resolving = gossip_query(g, now, &q, NULL) == 0;
}

/* ---- keys ---- */

static void encode_keys(const struct gossip_serf_key_response *r, struct buf *bytes)
{
    struct gossip_serf_message m = {.kind = GOSSIP_SERF_KEY_RESPONSE, .u.key_response = *r};

    buf_clear(bytes);
    gossip_serf_encode(&m, bytes);
}

static void answer_list(struct gossip *g, const struct gossip_asked *a)
{
    struct gossip_keyring *k = g->o.packet->keyring;
    size_t total = gossip_keyring_count(k), n = total < KEY_LIST_MAX ? total : KEY_LIST_MAX;
    struct gossip_serf_key_response r = {.result = total > 0};
    struct buf list, text, primary, message, bytes;
    bool is_sent = false;

    buf_init(&list, 0);
    buf_init(&text, 0);
    buf_init(&primary, 0);
    buf_init(&message, 0);
    buf_init(&bytes, 0);
    if (total)
        encode_base64(gossip_keyring_at(k, 0), &primary);
    r.primary = buf_str(&primary);
    for (; !is_sent; n--) {
        buf_clear(&list);
        for (size_t i = 0; i < n; i++) {
            buf_clear(&text);
            encode_base64(gossip_keyring_at(k, i), &text);
            gossip_list_put_text(&list, buf_str(&text));
        }
        r.keys = (struct gossip_list){(uint32_t)n, n ? buf_str(&list) : STR_NONE};
        buf_clear(&message);
        if (!total)
            buf_put_z(&message, "Keyring is empty (encryption not enabled)");
        else if (n < total)
            buf_putf(&message, "truncated key list response, showing first %zu of %zu keys", n,
                     total);
        r.message = buf_str(&message);
        encode_keys(&r, &bytes);
        is_sent = gossip_query_reply(g, a, 0, buf_str(&bytes)) == 0 || n == 0;
    }
    buf_fini(&list);
    buf_fini(&text);
    buf_fini(&primary);
    buf_fini(&message);
    buf_fini(&bytes);
}

enum change { CHANGE_INSTALL, CHANGE_USE, CHANGE_REMOVE };

static void answer_change(struct gossip *g, const struct gossip_asked *a, enum change change,
                          struct str payload)
{
    struct gossip_keyring *k = g->o.packet->keyring;
    struct gossip_serf_key_response r = {0};
    struct gossip_serf_message request;
    struct buf bytes;
    int status = ERR_INVALID;

    if (gossip_serf_decode(payload, &request) == 0 && request.kind == GOSSIP_SERF_KEY_REQUEST) {
        struct str key = request.u.key;

        if (gossip_keyring_count(k) == 0)
            status = ERR_UNSUPPORTED;
        else if (change == CHANGE_INSTALL)
            status = gossip_keyring_add(k, key);
        else if (change == CHANGE_USE)
            status = gossip_keyring_use(k, key);
        else
            status = gossip_keyring_remove(k, key);
    }
    r.result = status == 0;
    if (status == ERR_UNSUPPORTED)
        r.message = str_z("No keyring to modify (encryption not enabled)");
    else if (status == ERR_NOT_FOUND)
        r.message = str_z("Requested key is not in the keyring");
    else if (status == ERR_CONFLICT)
        r.message = str_z("Removing the primary key is not allowed");
    else if (status != 0)
        r.message = str_z(error_text(status));
    if (status == 0 && g->o.hooks.keyring)
        g->o.hooks.keyring(g->o.hooks.data);
    buf_init(&bytes, 0);
    encode_keys(&r, &bytes);
    (void)(gossip_query_reply(g, a, 0, buf_str(&bytes)) != 0);
    buf_fini(&bytes);
}

void gossip_answer_internal(struct gossip *g, const struct gossip_asked *a, struct str name,
                            struct str payload)
{
    if (str_eq_z(name, "_serf_conflict"))
        answer_conflict(g, a, payload);
    else if (str_eq_z(name, "_serf_list-keys"))
        answer_list(g, a);
    else if (str_eq_z(name, "_serf_install-key"))
        answer_change(g, a, CHANGE_INSTALL, payload);
    else if (str_eq_z(name, "_serf_use-key"))
        answer_change(g, a, CHANGE_USE, payload);
    else if (str_eq_z(name, "_serf_remove-key"))
        answer_change(g, a, CHANGE_REMOVE, payload);
    /* _serf_ping wants nothing but the acknowledgement; others we do not know. */
}
