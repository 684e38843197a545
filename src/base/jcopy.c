/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/jcopy.h"

static bool is_too_deep(const struct jvalue *v, int depth)
{
    const struct jvalue *value;
    struct str name;
    size_t pos = 0;
    if (depth > JCOPY_DEPTH_MAX)
        return true;
    if (jread_type(v) == JREAD_OBJECT)
        while (jread_next(v, &pos, &name, &value))
            if (is_too_deep(value, depth + 1))
                return true;
    if (jread_type(v) == JREAD_ARRAY)
        for (size_t i = 0; i < jread_count(v); i++)
            if (is_too_deep(jread_at(v, i), depth + 1))
                return true;
    return false;
}

static void put_number(struct jwrite *w, const struct jvalue *v)
{
    uint64_t u;
    int64_t i;
    double d = 0;
    if (jread_i64(v, &i) == 0)
        jwrite_i64(w, i);
    else if (jread_u64(v, &u) == 0)
        jwrite_u64(w, u);
    else if (jread_double(v, &d) == 0)
        jwrite_double(w, d);
}

static void put(struct jwrite *w, const struct jvalue *v)
{
    const struct jvalue *value;
    struct str text = STR_NONE;
    size_t pos = 0;
    bool b = false;
    switch (jread_type(v)) {
    case JREAD_NULL:
        jwrite_null(w);
        return;
    case JREAD_BOOL:
        if (jread_bool(v, &b) == 0)
            jwrite_bool(w, b);
        return;
    case JREAD_NUMBER:
        put_number(w, v);
        return;
    case JREAD_STRING:
        if (jread_str(v, &text) == 0)
            jwrite_str(w, text);
        return;
    case JREAD_ARRAY:
        jwrite_array(w);
        for (size_t n = 0; n < jread_count(v); n++)
            put(w, jread_at(v, n));
        jwrite_close(w);
        return;
    case JREAD_OBJECT:
        jwrite_object(w);
        while (jread_next(v, &pos, &text, &value)) {
            jwrite_name_str(w, text);
            put(w, value);
        }
        jwrite_close(w);
        return;
    }
}

int jcopy_value(struct jwrite *w, const struct jvalue *v)
{
    if (is_too_deep(v, 0))
        return ERR_TOO_LARGE;
    put(w, v);
    return 0;
}

int jcopy_text(const struct jvalue *v, struct buf *out)
{
    struct jwrite w;
    if (is_too_deep(v, 0))
        return ERR_TOO_LARGE;
    jwrite_init(&w, out, false);
    put(&w, v);
    jwrite_end(&w);
    return 0;
}
