/* SPDX-License-Identifier: GPL-3.0-or-later */
/* JSON in and out: what is accepted, written and read again is the same. */
#include "base/jread.h"
#include "base/jwrite.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_value(struct jwrite *w, const struct jvalue *v);

static void write_number(struct jwrite *w, const struct jvalue *v)
{
    uint64_t u;
    int64_t i;
    double d;

    if (jread_u64(v, &u) == 0)
        jwrite_u64(w, u);
    else if (jread_i64(v, &i) == 0)
        jwrite_i64(w, i);
    else if (jread_double(v, &d) == 0)
        jwrite_double(w, d == 0 ? 0 : d); /* "-0" comes back as the integer 0 */
    else
        jwrite_null(w);
}

static void write_object(struct jwrite *w, const struct jvalue *v)
{
    const struct jvalue *member;
    struct str name;
    size_t pos = 0;

    jwrite_object(w);
    while (jread_next(v, &pos, &name, &member)) {
        jwrite_name_str(w, name);
        write_value(w, member);
    }
    jwrite_close(w);
}

static void write_value(struct jwrite *w, const struct jvalue *v)
{
    struct duration ignored;
    struct str s;
    bool b;

    if (w->depth == JWRITE_DEPTH_MAX) {
        jwrite_null(w);
        return;
    }
    if (jread_duration(v, &ignored) == 0)
        ignored.ns = 0;
    switch (jread_type(v)) {
    case JREAD_NULL:
        jwrite_null(w);
        break;
    case JREAD_BOOL:
        ASSERT(jread_bool(v, &b) == 0);
        jwrite_bool(w, b);
        break;
    case JREAD_NUMBER:
        write_number(w, v);
        break;
    case JREAD_STRING:
        ASSERT(jread_str(v, &s) == 0);
        jwrite_str(w, s);
        break;
    case JREAD_ARRAY:
        jwrite_array(w);
        for (size_t i = 0; i < jread_count(v); i++)
            write_value(w, jread_at(v, i));
        jwrite_close(w);
        break;
    case JREAD_OBJECT:
        write_object(w, v);
        break;
    }
}

static void rewrite(const struct jvalue *v, bool pretty, struct buf *out)
{
    struct jwrite w;

    jwrite_init(&w, out, pretty);
    write_value(&w, v);
    jwrite_end(&w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct jvalue *v = NULL, *again = NULL;
    struct buf once = {0}, twice = {0};
    struct error err = {0};

    if (jread_parse(str_make(data, size), &v, &err) < 0) {
        ASSERT(err.text[0] != '\0');
        return 0;
    }
    rewrite(v, true, &once);
    ASSERT(jread_parse(buf_str(&once), &again, NULL) == 0);
    rewrite(again, true, &twice);
    ASSERT(str_eq(buf_str(&once), buf_str(&twice)));
    jread_free(v);
    jread_free(again);
    buf_fini(&once);
    buf_fini(&twice);
    return 0;
}
