/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/watchers.h"

#include "base/mem.h"
#include "plan/plan.h"

int watchers_check_config(const struct config *c, struct error *err)
{
    if (c->watches.n > WATCHERS_MAX)
        return error_set(err, ERR_TOO_LARGE, "watches: more than %d", WATCHERS_MAX);
    for (size_t i = 0; i < c->watches.n; i++) {
        struct plan *p = mem_new(struct plan);
        int rc = plan_parse(str_z(c->watches.items[i]), p, err);
        if (rc == 0 && p->handler == PLAN_HANDLER_NONE)
            rc = error_set(err, ERR_INVALID, "Must define a watch handler (args)");
        if (p->root)
            plan_fini(p);
        mem_free(p);
        if (rc)
            return error_wrap(err, "watches[%zu]", i);
    }
    return 0;
}
