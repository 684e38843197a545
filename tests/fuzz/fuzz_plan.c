/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A definition of a watch on the first line, an agent's answers on those that follow. */
#include "base/mem.h"
#include "plan/plan_answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str rest = str_make(data, size), definition = str_split(&rest, '\n');
    struct plan *p = mem_new(struct plan);
    struct plan_answer a;
    struct error err = {0};
    struct buf out;
    uint64_t index = 9;

    if (plan_parse(definition, p, &err) < 0) {
        mem_free(p);
        return 0;
    }
    plan_answer_init(&a);
    while (rest.p) {
        struct str line = str_split(&rest, '\n');
        int status = plan_answer_take(&a, p, line.n ? 200 : 404, index, line);
        ASSERT(status == 0 || status == 1 || status == ERR_INVALID);
        index = index * 5 % 11; /* also backwards */
        buf_init(&out, 0);
        plan_url(p, a.index, &out);
        ASSERT(out.n > 4 && out.p[0] == '/');
        buf_clear(&out);
        if (a.has_told)
            plan_answer_pretty(&a, &out);
        buf_fini(&out);
    }
    plan_answer_fini(&a);
    plan_fini(p);
    mem_free(p);
    return 0;
}
