/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "plan/plan_answer.h"

#include "base/jcopy.h"

void plan_answer_init(struct plan_answer *a)
{
    *a = (struct plan_answer){0};
    buf_init(&a->told, 0);
    buf_init(&a->event, 64);
}

void plan_answer_fini(struct plan_answer *a)
{
    buf_fini(&a->told);
    buf_fini(&a->event);
}

void plan_answer_fail(struct plan_answer *a)
{
    a->index = 0;
}

/* As Consul's client writes a pair: its order, and a session even when there is none. */
static int put_pair(struct jwrite *w, const struct jvalue *v)
{
    static const char *const names[] = {"Key",   "CreateIndex", "ModifyIndex", "LockIndex",
                                        "Flags", "Value",       "Session"};
    int status = 0;

    jwrite_object(w);
    for (size_t i = 0; status == 0 && i < sizeof(names) / sizeof(*names); i++) {
        const struct jvalue *member = jread_get(v, names[i]);
        jwrite_name(w, names[i]);
        if (!member && strcmp(names[i], "Session") == 0)
            jwrite_z(w, "");
        else
            status = jcopy_value(w, member);
    }
    jwrite_close(w);
    return status;
}

/* Those after the one that was told last; all when it is not among them. */
static int put_events(struct jwrite *w, const struct jvalue *root, struct buf *last)
{
    size_t n = jread_count(root), from = 0;
    struct str id = STR_NONE;
    int status = 0;

    for (size_t i = 0; i < n && last->n > 0; i++)
        if (jread_str(jread_get(jread_at(root, i), "ID"), &id) == 0 && str_eq(id, buf_str(last)))
            from = i + 1;
    jwrite_array(w);
    for (size_t i = from; status == 0 && i < n; i++)
        status = jcopy_value(w, jread_at(root, i));
    jwrite_close(w);
    if (n > from && jread_str(jread_get(jread_at(root, n - 1), "ID"), &id) == 0) {
        buf_clear(last);
        buf_put_str(last, id);
    }
    return status;
}

static int put_document(struct plan_answer *a, const struct plan *p, const struct jvalue *root,
                        struct buf *out)
{
    struct jwrite w;
    int status = 0;

    jwrite_init(&w, out, false);
    if (p->type == PLAN_KEY && jread_count(root) > 0) {
        status = put_pair(&w, jread_at(root, 0));
    } else if (p->type == PLAN_KEYPREFIX && root) {
        jwrite_array(&w);
        for (size_t i = 0; status == 0 && i < jread_count(root); i++)
            status = put_pair(&w, jread_at(root, i));
        jwrite_close(&w);
    } else if (p->type == PLAN_EVENT && root) {
        status = put_events(&w, root, &a->event);
    } else {
        status = jcopy_value(&w, p->type == PLAN_KEY ? NULL : root);
    }
    return out->failed ? ERR_TOO_LARGE : status;
}

static void take_index(struct plan_answer *a, const struct plan *p, uint64_t index)
{
    /* An index that goes backwards is of another history (a restored state): begin again. Those of
     * events are no numbers that grow. */
    if (p->type != PLAN_EVENT && index < a->index)
        index = 0;
    a->index = index;
}

int plan_answer_take(struct plan_answer *a, const struct plan *p, int status, uint64_t index,
                     struct str body)
{
    struct jvalue *root = NULL;
    struct buf document;
    int is_new = 0;

    if (status == 200 && (jread_parse(body, &root, NULL) < 0 ||
                          (p->type != PLAN_SERVICES && jread_type(root) == JREAD_OBJECT))) {
        jread_free(root);
        return ERR_INVALID;
    }
    buf_init(&document, 0);
    bool had_events = a->event.n > 0;
    int failure = put_document(a, p, root, &document);
    jread_free(root);
    if (failure == 0) {
        take_index(a, p, index);
        /* Of events only news are told, and the same event twice is two. */
        bool quiet = p->type == PLAN_EVENT && document.n == 2 && (had_events || a->has_told);
        if (!quiet && (p->type == PLAN_EVENT || !a->has_told ||
                       !str_eq(buf_str(&document), buf_str(&a->told)))) {
            buf_clear(&a->told);
            buf_put_str(&a->told, buf_str(&document));
            a->has_told = true;
            is_new = 1;
        }
    }
    buf_fini(&document);
    return failure < 0 ? ERR_INVALID : is_new;
}

void plan_answer_pretty(const struct plan_answer *a, struct buf *out)
{
    struct jvalue *root = NULL;
    struct jwrite w;

    jwrite_init(&w, out, true);
    if (jread_parse(buf_str(&a->told), &root, NULL) < 0 || jcopy_value(&w, root) < 0)
        buf_put_str(out, buf_str(&a->told));
    else
        jwrite_end(&w);
    jread_free(root);
}
