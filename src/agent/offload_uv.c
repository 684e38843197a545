/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <uv.h>

#include "agent/offload.h"
#include "base/list.h"
#include "base/mem.h"

static void on_done(struct mail *m)
{
    struct offload *o = LIST_ITEM(m, struct offload, mail);
    uv_thread_t *thread = o->thread;

    (void)uv_thread_join(thread); /* it is at its end: posting was the last thing it did */
    mem_free(thread);
    ASSERT(o->env->flight_n > 0 && o->env->offload_n > 0);
    o->env->flight_n--;
    o->env->offload_n--;
    o->done(o);
}

static void on_thread(void *data)
{
    struct offload *o = data;

    o->run(o);
    mailbox_post(o->env->self, &o->mail);
}

bool offload_start(struct env *env, struct offload *o)
{
    uv_thread_t *thread;

    if (env->offload_n >= OFFLOAD_MAX)
        return false;
    o->env = env;
    o->mail.deliver = on_done;
    o->thread = thread = mem_new(uv_thread_t);
    if (uv_thread_create(thread, on_thread, o)) {
        mem_free(thread);
        return false;
    }
    env->flight_n++;
    env->offload_n++;
    return true;
}
