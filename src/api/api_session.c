/* SPDX-License-Identifier: GPL-3.0-or-later */
/* consul: agent/session_endpoint.go, agent/consul/session_endpoint.go */
#include "config.h"

#include "api/api_session.h"

#include "base/jread.h"
#include "base/rng.h"
#include "state/policy.h"
#include "state/session.h"

#define SESSION_ID_SIZE    36
#define SESSION_TTL_MAX    DURATION_S(24 * 3600) /* structs.SessionTTLMax */
#define LOCK_DELAY_DEFAULT DURATION_S(15)
#define LOCK_DELAY_SECONDS_MAX                                                                     \
    1000 /* a smaller number is meant as seconds: lockDelayMinThreshold */
#define CHECKS_MAX 256

/* ---- create ---- */

struct body { /* in the call's arena, but for what the root holds */
    struct session session;
    struct buf node_checks, service_checks, checks;
    char id[SESSION_ID_SIZE + 1];
};

static bool decode_failed(struct api_call *c, const char *why)
{
    return api_fail(c, 400, "Request decode failed: %s", why);
}

static bool take_lock_delay(struct api_call *c, const struct jvalue *v, struct session *s)
{
    struct duration delay = LOCK_DELAY_DEFAULT;

    if (jread_duration(v, &delay))
        return decode_failed(c, "time: invalid duration");
    if (jread_type(v) == JREAD_NUMBER && delay.ns > 0 && delay.ns < LOCK_DELAY_SECONDS_MAX)
        delay = DURATION_S(delay.ns);
    s->lock_delay_ns = delay.ns > 0 ? delay.ns : 0;
    return true;
}

/* Ids of checks as a packed array; with `id_name` the elements are objects. */
static bool take_checks(struct api_call *c, const struct jvalue *list, bool are_objects,
                        struct buf *out)
{
    size_t n = jread_count(list);

    if (jread_type(list) != JREAD_ARRAY || n > CHECKS_MAX)
        return decode_failed(c, "json: cannot unmarshal the list of checks");
    pack_array(out, (uint32_t)n);
    for (size_t i = 0; i < n; i++) {
        const struct jvalue *v = jread_at(list, i);
        struct str id = STR_LIT(""), ns = STR_LIT("");

        if (are_objects && (jread_type(v) != JREAD_OBJECT || jread_str(jread_get(v, "ID"), &id) ||
                            jread_str(jread_get(v, "Namespace"), &ns)))
            return decode_failed(c, "json: cannot unmarshal into a check of a service");
        if (!are_objects && jread_str(v, &id))
            return decode_failed(c, "json: cannot unmarshal into the id of a check");
        if (are_objects)
            pack_array(out, 2);
        pack_str(out, id);
        if (are_objects)
            pack_str(out, ns);
    }
    return true;
}

/* The older Checks holds ids of both kinds; of them Consul shows serfHealth among NodeChecks too.
 */
static bool take_older_checks(struct api_call *c, const struct jvalue *older, struct body *b)
{
    bool has_serf = false;
    struct str id;

    if (!take_checks(c, older, false, &b->checks))
        return false;
    for (size_t i = 0; i < jread_count(older); i++)
        if (jread_str(jread_at(older, i), &id) == 0 && str_eq_z(id, "serfHealth"))
            has_serf = true;
    pack_array(&b->node_checks, has_serf);
    if (has_serf)
        pack_str(&b->node_checks, STR_LIT("serfHealth"));
    if (jread_count(older))
        b->session.checks = buf_str(&b->checks);
    return true;
}

/* consul: a session is bound to its node's serfHealth unless it says otherwise. */
static bool take_all_checks(struct api_call *c, const struct jvalue *root, struct body *b)
{
    const struct jvalue *node = jread_get(root, "NodeChecks"), *older = jread_get(root, "Checks");
    const struct jvalue *service = jread_get(root, "ServiceChecks");

    if (jread_type(node) == JREAD_NULL && jread_type(older) != JREAD_NULL) {
        if (!take_older_checks(c, older, b))
            return false;
    } else if (jread_type(node) == JREAD_NULL) {
        pack_array(&b->node_checks, 1);
        pack_str(&b->node_checks, STR_LIT("serfHealth"));
    } else if (!take_checks(c, node, false, &b->node_checks)) {
        return false;
    }
    if (jread_type(service) == JREAD_NULL)
        pack_array(&b->service_checks, 0);
    else if (!take_checks(c, service, true, &b->service_checks))
        return false;
    b->session.node_checks = buf_str(&b->node_checks);
    b->session.service_checks = buf_str(&b->service_checks);
    return true;
}

static bool take_behavior(struct api_call *c, struct str behavior, struct session *s)
{
    s->delete_keys = str_eq(behavior, STR_LIT("delete"));
    if (behavior.n == 0 || s->delete_keys || str_eq(behavior, STR_LIT("release")))
        return true;
    return api_fail(c, 500, "Invalid Behavior setting '%.*s'", STR_ARG(behavior));
}

static bool check_ttl(struct api_call *c, struct str ttl)
{
    struct duration d, min = c->env->config->session_ttl_min;
    struct buf text;

    if (ttl.n == 0)
        return true;
    if (duration_parse(ttl, (struct duration){0}, &d))
        return api_fail(c, 500, "Session TTL '%.*s' invalid: time: invalid duration \"%.*s\"",
                        STR_ARG(ttl), STR_ARG(ttl));
    if (d.ns == 0 || (d.ns >= min.ns && d.ns <= SESSION_TTL_MAX.ns))
        return true;
    buf_init(&text, 0);
    duration_format(min, &text);
    buf_put_c(&text, '=');
    duration_format(SESSION_TTL_MAX, &text);
    api_fail(c, 500, "Invalid Session TTL '%lld', must be between [%.*s]", (long long)d.ns,
             STR_ARG(buf_str(&text)));
    buf_fini(&text);
    return false;
}

static bool take_body(struct api_call *c, const struct jvalue *root, struct body *b)
{
    struct session *s = &b->session;
    struct str behavior = STR_NONE;

    s->node = api_asked_node(c);
    if (root && jread_type(root) != JREAD_OBJECT)
        return decode_failed(c, "json: cannot unmarshal into a session");
    if (jread_str(jread_get(root, "Name"), &s->name) ||
        jread_str(jread_get(root, "Node"), &s->node) ||
        jread_str(jread_get(root, "TTL"), &s->ttl) ||
        jread_str(jread_get(root, "Behavior"), &behavior))
        return decode_failed(c, "json: cannot unmarshal into a string of the session");
    if (!take_lock_delay(c, jread_get(root, "LockDelay"), s) || !take_all_checks(c, root, b))
        return false;
    if (s->node.n == 0)
        return api_fail(c, 500, "Must provide Node");
    return take_behavior(c, behavior, s) && check_ttl(c, s->ttl);
}

bool api_session_create(struct api_call *c, struct buf *command)
{
    struct body *b = arena_new(&c->arena, struct body);
    struct jvalue *root = NULL;
    struct error err;
    bool ok;

    if (c->request.body.n && jread_parse(c->request.body, &root, &err))
        return decode_failed(c, err.text);
    buf_init(&b->node_checks, 0);
    buf_init(&b->service_checks, 0);
    buf_init(&b->checks, 0);
    ok = take_body(c, root, b);
    if (ok) {
        rng_uuid(b->id);
        b->session.id = str_z(b->id);
        session_encode_create(&b->session, command);
    }
    buf_fini(&b->node_checks);
    buf_fini(&b->service_checks);
    buf_fini(&b->checks);
    jread_free(root);
    c->scratch = b->id;
    return ok;
}

void api_session_created(struct api_call *c, const struct result *result)
{
    struct jwrite w = api_json(c);

    (void)result;
    jwrite_object(&w);
    jwrite_name(&w, "ID");
    jwrite_z(&w, c->scratch);
    jwrite_close(&w);
    jwrite_end(&w);
}

/* ---- the others ---- */

bool api_session_check_id(struct api_call *c)
{
    if (c->rest.n == 0)
        return api_fail(c, 400, "Missing session");
    if (c->rest.n != SESSION_ID_SIZE)
        return api_fail(c, 500, "failed session lookup: index error: UUID must be 36 characters");
    return true;
}

bool api_session_check_node(struct api_call *c)
{
    return c->rest.n || api_fail(c, 400, "Missing node name");
}

bool api_session_destroy(struct api_call *c, struct buf *command)
{
    session_encode_destroy(c->rest, command);
    return true;
}

static void put_node_checks(struct jwrite *w, struct str packed)
{
    struct unpack u = unpack_make(packed);

    jwrite_array(w);
    for (uint32_t n = unpack_array(&u); n && !u.bad; n--)
        jwrite_str(w, unpack_str(&u));
    jwrite_close(w);
}

static void put_service_checks(struct jwrite *w, struct str packed)
{
    struct unpack u = unpack_make(packed);
    uint32_t n = unpack_array(&u);

    if (n == 0) {
        jwrite_null(w);
        return;
    }
    jwrite_array(w);
    for (; n && !u.bad; n--) {
        unpack_array(&u);
        jwrite_object(w);
        jwrite_name(w, "ID");
        jwrite_str(w, unpack_str(&u));
        jwrite_name(w, "Namespace");
        jwrite_str(w, unpack_str(&u));
        jwrite_close(w);
    }
    jwrite_close(w);
}

static bool put_session(void *data, const struct session *s)
{
    struct jwrite *w = data;

    jwrite_object(w);
    jwrite_name(w, "ID");
    jwrite_str(w, s->id);
    jwrite_name(w, "Name");
    jwrite_str(w, s->name);
    jwrite_name(w, "Node");
    jwrite_str(w, s->node);
    jwrite_name(w, "LockDelay");
    jwrite_i64(w, s->lock_delay_ns);
    jwrite_name(w, "Behavior");
    jwrite_z(w, s->delete_keys ? "delete" : "release");
    jwrite_name(w, "TTL");
    jwrite_str(w, s->ttl);
    jwrite_name(w, "NodeChecks");
    put_node_checks(w, s->node_checks);
    jwrite_name(w, "ServiceChecks");
    put_service_checks(w, s->service_checks);
    if (s->checks.n) {
        jwrite_name(w, "Checks");
        put_node_checks(w, s->checks);
    }
    jwrite_name(w, "CreateIndex");
    jwrite_u64(w, s->create_index);
    jwrite_name(w, "ModifyIndex");
    jwrite_u64(w, s->modify_index);
    jwrite_close(w);
    return !w->out->failed;
}

int api_session_info(struct api_call *c, struct view *v, uint64_t *ret_index)
{
    struct jwrite w = api_json(c);
    struct session s;

    jwrite_array(&w);
    if (session_get(v, c->rest, &s, ret_index))
        put_session(&w, &s);
    jwrite_close(&w);
    jwrite_end(&w);
    return 0;
}

/* The leader keeps the deadlines; whether there is such a session is the view's to say. */
void api_session_renew(struct api_call *c, struct agent *agent)
{
    struct view v = agent_view_begin(agent, c->token);
    struct view all = {.store = v.store}; /* whether it may be seen is another question */
    struct session s;
    bool may =
        !session_get(&all, c->rest, &s, NULL) || policy_permits(&v, ACL_SESSION, s.node, ACL_WRITE);

    agent_view_end(&v);
    if (may)
        (void)agent_renew_session(agent, c->rest);
    else
        api_fail_code(c, ERR_DENIED, NULL);
}

int api_session_renewed(struct api_call *c, struct view *v, uint64_t *ret_index)
{
    struct session s;

    if (session_get(v, c->rest, &s, ret_index))
        return api_session_info(c, v, ret_index);
    api_fail(c, 404, "Session id '%.*s' not found", STR_ARG(c->rest));
    return 0;
}

static int list_sessions(struct api_call *c, struct view *v, struct str node, uint64_t *ret_index)
{
    struct jwrite w = api_json(c);

    jwrite_array(&w);
    session_list(v, node, put_session, &w, ret_index);
    jwrite_close(&w);
    jwrite_end(&w);
    return 0;
}

int api_session_node(struct api_call *c, struct view *v, uint64_t *ret_index)
{
    return list_sessions(c, v, c->rest, ret_index);
}

int api_session_list(struct api_call *c, struct view *v, uint64_t *ret_index)
{
    return list_sessions(c, v, STR_NONE, ret_index);
}
