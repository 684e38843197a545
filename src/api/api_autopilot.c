/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "api/api_autopilot.h"

#include "base/jread.h"
#include "state/pilot.h"

/* ---- configuration ---- */

static void put_z(struct jwrite *w, const char *name, const char *value)
{
    jwrite_name(w, name);
    jwrite_z(w, value);
}

static void put_duration(struct jwrite *w, const char *name, int64_t ns)
{
    struct buf text;

    buf_init(&text, 0);
    duration_format((struct duration){ns}, &text);
    put_z(w, name, buf_z(&text));
    buf_fini(&text);
}

static void put_bool(struct jwrite *w, const char *name, bool value)
{
    jwrite_name(w, name);
    jwrite_bool(w, value);
}

static void put_i64(struct jwrite *w, const char *name, int64_t value)
{
    jwrite_name(w, name);
    jwrite_i64(w, value);
}

int api_autopilot_get(struct api_call *c, struct view *v, uint64_t *ret_index)
{
    const struct config_autopilot *base = &c->env->config->autopilot;
    struct pilot p = {.cleanup_dead_servers = base->cleanup_dead_servers,
                      .last_contact_ns = base->last_contact_threshold.ns,
                      .stabilization_ns = base->server_stabilization_time.ns,
                      .max_trailing_logs = base->max_trailing_logs,
                      .min_quorum = base->min_quorum,
                      .create_index = 1,
                      .modify_index = 1};
    struct jwrite w = api_json(c);

    (void)pilot_get(v, &p);
    *ret_index = p.modify_index;
    jwrite_object(&w);
    put_bool(&w, "CleanupDeadServers", p.cleanup_dead_servers);
    put_duration(&w, "LastContactThreshold", p.last_contact_ns);
    put_i64(&w, "MaxTrailingLogs", p.max_trailing_logs);
    put_i64(&w, "MinQuorum", p.min_quorum);
    put_duration(&w, "ServerStabilizationTime", p.stabilization_ns);
    put_z(&w, "RedundancyZoneTag", "");
    put_bool(&w, "DisableUpgradeMigration", false);
    put_z(&w, "UpgradeVersionTag", "");
    put_i64(&w, "CreateIndex", (int64_t)p.create_index);
    put_i64(&w, "ModifyIndex", (int64_t)p.modify_index);
    jwrite_close(&w);
    jwrite_end(&w);
    return 0;
}

/* Durations are texts, or nanoseconds. What is absent is zero, as in Consul: the whole is set. */
static bool take_duration(const struct jvalue *root, const char *name, int64_t *ret,
                          struct error *err)
{
    const struct jvalue *v = jread_get(root, name);
    struct duration d;
    struct str text;

    if (jread_type(v) == JREAD_NULL)
        return true;
    if (jread_i64(v, ret) == 0)
        return true;
    if (jread_str(v, &text) == 0 && duration_parse(text, (struct duration){0}, &d) == 0) {
        *ret = d.ns;
        return true;
    }
    (void)error_set(err, ERR_INVALID, "time: invalid duration \"%.*s\"",
                    STR_ARG(jread_type(v) == JREAD_STRING ? text : STR_LIT("?")));
    return false;
}

static bool take_number(const struct jvalue *root, const char *name, int64_t *ret,
                        struct error *err)
{
    const struct jvalue *v = jread_get(root, name);

    if (jread_type(v) == JREAD_NULL || (jread_i64(v, ret) == 0 && *ret >= 0))
        return true;
    (void)error_set(err, ERR_INVALID, "%s is not a number", name);
    return false;
}

bool api_autopilot_set(struct api_call *c, struct buf *command)
{
    struct pilot p = {0};
    struct jvalue *root = NULL;
    struct error err = {0};
    uint64_t index = 0;
    bool cas = param_has(&c->params, "cas");

    if (cas && param_u64(param_get(&c->params, "cas"), &index, &err))
        return api_fail(c, 400, "Bad request: Error parsing cas value: %s", err.text);
    bool ok = jread_parse(c->request.body, &root, &err) == 0;
    if (ok && jread_type(root) != JREAD_OBJECT && error_set(&err, ERR_INVALID, "not an object"))
        ok = false;
    ok = ok && take_duration(root, "LastContactThreshold", &p.last_contact_ns, &err) &&
         take_duration(root, "ServerStabilizationTime", &p.stabilization_ns, &err) &&
         take_number(root, "MaxTrailingLogs", &p.max_trailing_logs, &err) &&
         take_number(root, "MinQuorum", &p.min_quorum, &err);
    const struct jvalue *cleanup = ok ? jread_get(root, "CleanupDeadServers") : NULL;
    if (ok && jread_type(cleanup) != JREAD_NULL && jread_bool(cleanup, &p.cleanup_dead_servers)) {
        (void)error_set(&err, ERR_INVALID, "CleanupDeadServers is not a boolean");
        ok = false;
    }
    jread_free(root);
    if (!ok)
        return api_fail(c, 400, "Bad request: Error parsing autopilot config: %s", err.text);
    pilot_encode(&p, cas, index, command);
    return true;
}

void api_autopilot_done(struct api_call *c, const struct result *result)
{
    struct unpack u = unpack_make(buf_str(&result->body));
    api_true(c, unpack_bool(&u));
}

/* ---- health: on the leader ---- */

void api_autopilot_health(struct api_call *c, struct agent *agent)
{
    struct jwrite w = api_json(c);

    if (!agent_render_autopilot(agent, false, &w))
        (void)api_fail_code(c, ERR_NO_LEADER, NULL);
    else
        jwrite_end(&w);
}

void api_autopilot_state(struct api_call *c, struct agent *agent)
{
    struct jwrite w = api_json(c);

    if (!agent_render_autopilot(agent, true, &w))
        (void)api_fail_code(c, ERR_NO_LEADER, NULL);
    else
        jwrite_end(&w);
}
