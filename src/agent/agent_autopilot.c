/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What autopilot knows of the servers, for people.
 */
#include "agent/agent_state.h"

static void put_z(struct jwrite *w, const char *name, const char *value)
{
    jwrite_name(w, name);
    jwrite_z(w, value);
}

static void put_i64(struct jwrite *w, const char *name, int64_t value)
{
    jwrite_name(w, name);
    jwrite_i64(w, value);
}

static void put_bool(struct jwrite *w, const char *name, bool value)
{
    jwrite_name(w, name);
    jwrite_bool(w, value);
}

static void put_server(struct agent *a, const struct autopilot_health *h, bool is_state,
                       struct jwrite *w)
{
    struct consensus_stats stats;
    struct buf contact;
    char since[32];
    consensus_get_stats(a->consensus, &stats);
    buf_init(&contact, 0);
    duration_format(h->leader ? (struct duration){0} : h->last_contact, &contact);
    clock_format_wall(clock_wall_ns() - instant_since(clock_now(), h->since).ns, since);
    jwrite_object(w);
    put_z(w, "ID", h->id);
    put_z(w, "Name", h->name);
    put_z(w, "Address", h->address);
    put_z(w, is_state ? "NodeStatus" : "SerfStatus", member_status_text(h->serf));
    put_z(w, "Version", h->version);
    if (is_state)
        put_z(w, "Status", h->leader ? "leader" : h->voter ? "voter" : "non-voter");
    else
        put_bool(w, "Leader", h->leader);
    put_z(w, "LastContact", buf_z(&contact));
    put_i64(w, "LastTerm", (int64_t)stats.last_log_term);
    put_i64(w, "LastIndex", (int64_t)h->last_index);
    put_bool(w, "Healthy", h->healthy);
    if (!is_state)
        put_bool(w, "Voter", h->voter);
    put_z(w, "StableSince", since);
    jwrite_close(w);
    buf_fini(&contact);
}

static void put_state(struct agent *a, const struct autopilot *p, struct jwrite *w)
{
    jwrite_name(w, "Servers");
    jwrite_object(w);
    for (size_t i = 0; i < p->n; i++) {
        jwrite_name(w, p->servers[i].id);
        put_server(a, &p->servers[i], true, w);
    }
    jwrite_close(w);
    put_z(w, "Leader", a->node_id);
    jwrite_name(w, "Voters");
    jwrite_array(w);
    for (size_t i = 0; i < p->n; i++) {
        if (p->servers[i].voter)
            jwrite_z(w, p->servers[i].id);
    }
    jwrite_close(w);
}

bool agent_render_autopilot(struct agent *a, bool is_state, struct jwrite *w)
{
    bool healthy;
    if (!a->is_leader || !a->autopilot)
        return false;
    autopilot_run_look(a->autopilot);
    const struct autopilot *p = autopilot_run_state(a->autopilot);
    int tolerance = autopilot_tolerance(p, &healthy);
    jwrite_object(w);
    put_bool(w, "Healthy", healthy);
    put_i64(w, "FailureTolerance", tolerance);
    if (is_state) {
        put_i64(w, "OptimisticFailureTolerance", tolerance);
        put_state(a, p, w);
    } else {
        jwrite_name(w, "Servers");
        jwrite_array(w);
        for (size_t i = 0; i < p->n; i++)
            put_server(a, &p->servers[i], false, w);
        jwrite_close(w);
    }
    jwrite_close(w);
    return true;
}
