/* SPDX-License-Identifier: GPL-3.0-or-later */
/* User events on the core: what is fired goes to the pool, what arrives from it to the workers. */
#include "config.h"

#include "agent/agent_event.h"

#include "agent/agent_state.h"
#include "agent/cluster.h"
#include "agent/local.h"
#include "base/log.h"
#include "base/pack.h"
#include "gossip/gossip_message_event.h"

static int too_large(struct error *err)
{
    return error_set(err, ERR_INVALID,
                     "1 error occurred:\n\t* error broadcasting event to segment \"\": user event "
                     "exceeds configured limit of %d bytes before encoding\n\n",
                     GOSSIP_EVENT_SIZE_MAX);
}

int agent_fire_event(struct agent *a, struct event *e, struct error *err)
{
    struct buf name, bytes;
    int rc = event_check(e, err);

    if (rc)
        return rc;
    buf_init(&name, 0);
    buf_init(&bytes, 0);
    buf_put_z(&name, GOSSIP_MESSAGE_EVENT_PREFIX);
    buf_put_str(&name, e->name);
    e->version = EVENT_VERSION;
    event_encode(e, &bytes);
    rc = gossip_event(pool_gossip(cluster_lan(a->cluster)), clock_now(), buf_str(&name),
                      buf_str(&bytes), false);
    buf_fini(&bytes);
    buf_fini(&name);
    if (rc == ERR_TOO_LARGE)
        return too_large(err);
    return rc ? error_set(err, rc, "%s", error_text(rc)) : 0;
}

struct service_search {
    const struct event *event;
    bool found;
};

static bool has_fitting_tag(const struct event *e, struct str tags)
{
    struct unpack u = unpack_make(tags);
    uint32_t n = tags.n ? unpack_array(&u) : 0;

    if (e->tag_filter.n == 0)
        return true;
    while (n-- > 0)
        if (event_filter_fits(e->tag_filter, unpack_str(&u)))
            return true;
    return false;
}

static void on_service(void *data, const struct local_service_info *s)
{
    struct service_search *search = data;

    search->found =
        search->found || (event_filter_fits(search->event->service_filter, s->row->name) &&
                          has_fitting_tag(search->event, s->row->tags));
}

/* Is the event meant for this agent: its name, its own services? */
static bool is_for_us(struct agent *a, const struct event *e)
{
    struct service_search search = {.event = e};

    if (!event_filter_fits(e->node_filter, str_z(a->config->node_name)))
        return false;
    if (e->service_filter.n == 0)
        return true;
    local_services(agent_local(a), on_service, &search);
    return search.found;
}

void agent_event_arrived(struct agent *a, uint64_t ltime, struct str name, struct str payload)
{
    struct event e;

    if (!str_has_prefix(name, STR_LIT(GOSSIP_MESSAGE_EVENT_PREFIX)))
        return;
    if (event_decode(payload, &e) < 0) {
        log_warn("agent", "a user event that cannot be read: name=%.*s", STR_ARG(name));
        return;
    }
    e.ltime = ltime;
    if (!is_for_us(a, &e) || str_eq_z(e.name, "_rexec")) /* remote execution: not done here */
        return;
    log_debug("agent", "new event: event_name=%.*s event_id=%.*s", STR_ARG(e.name), STR_ARG(e.id));
    LIST_FOREACH (&a->subscribers, l) {
        struct agent_subscriber *s = LIST_ITEM(l, struct agent_subscriber, link);
        if (s->event)
            s->event(s, &e);
    }
}
