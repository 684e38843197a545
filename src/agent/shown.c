/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "agent/shown.h"

#include "base/mem.h"

struct shown_mail {
    struct mail mail;
    struct shown *shown;
    uint64_t index;
};

static void release(struct shown *s, uint64_t up_to);
static void on_late(struct timer *t, struct instant now);
static void on_told(struct mail *m);

void shown_init(struct shown *s, struct timers *timers, struct instant (*clock)(void))
{
    *s = (struct shown){.timers = timers, .clock = clock, .timer.fire = on_late};
    list_init(&s->held);
}

void shown_fini(struct shown *s)
{
    shown_reach(s, SHOWN_OFF);
}

void shown_published(struct shown *s, uint64_t index)
{
    if (index > s->published)
        s->published = index;
}

void shown_hold(struct shown *s, struct shown_wait *w, uint64_t index)
{
    /* A command that changed nothing was in no batch. */
    w->index = index < s->published ? index : s->published;
    if (!s->is_on || s->is_late || w->index <= s->index) {
        w->go(w);
        return;
    }
    if (list_is_empty(&s->held))
        timers_set(s->timers, &s->timer, instant_add(s->clock(), DURATION_MS(SHOWN_WAIT_MS)));
    list_push(&s->held, &w->link);
}

void shown_reach(struct shown *s, uint64_t index)
{
    if (s->is_gone)
        return;
    s->is_gone = index == SHOWN_OFF;
    s->is_on = !s->is_gone;
    if (index > s->index && s->is_on)
        s->index = index;
    if (s->index >= s->published)
        s->is_late = false;
    release(s, index);
}

static void release(struct shown *s, uint64_t up_to)
{
    LIST_FOREACH (&s->held, l) {
        struct shown_wait *w = LIST_ITEM(l, struct shown_wait, link);
        if (w->index > up_to)
            continue;
        list_remove(l);
        w->go(w);
    }
    if (list_is_empty(&s->held))
        timers_cancel(s->timers, &s->timer);
}

/* The kernel does not let go: some process holds the directory. */
static void on_late(struct timer *t, struct instant now)
{
    struct shown *s = LIST_ITEM(t, struct shown, timer);
    s->is_late = true;
    release(s, SHOWN_OFF);
}

void shown_tell(struct mailbox *core, struct shown *s, uint64_t index)
{
    struct shown_mail *m = mem_new(struct shown_mail);
    m->mail.deliver = on_told;
    m->shown = s;
    m->index = index;
    mailbox_post(core, &m->mail);
}

static void on_told(struct mail *mail)
{
    struct shown_mail *m = LIST_ITEM(mail, struct shown_mail, mail);
    shown_reach(m->shown, m->index);
    mem_free(m);
}
