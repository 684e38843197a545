/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/env.h"
#include "base/list.h"

static struct ask *ask_of(struct mail *m)
{
    return LIST_ITEM(m, struct ask, mail);
}

static void on_answer(struct mail *m)
{
    struct ask *a = ask_of(m);
    ASSERT(a->env->flight_n > 0);
    a->env->flight_n--;
    a->done(a);
}

static void on_question(struct mail *m)
{
    struct ask *a = ask_of(m);
    a->later = false;
    a->running = true;
    a->run(a, a->env->agent);
    a->running = false;
    /* With `later` set it is answered by ask_answer, and may be gone by the next line. */
    if (!a->later)
        ask_answer(a);
}

void ask_core(struct env *env, struct ask *a)
{
    ASSERT(a->run && a->done);
    a->env = env;
    env->flight_n++;
    a->mail.deliver = on_question;
    mailbox_post(env->core, &a->mail);
}

void ask_answer(struct ask *a)
{
    if (a->running) { /* answered from inside run after all: on_question posts it */
        a->later = false;
        return;
    }
    a->mail.deliver = on_answer;
    mailbox_post(a->env->self, &a->mail);
}
