/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/lib/gossip_vectors.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/encode.h"
#include "tests/lib/unit.h"

static void read_file(const char *file, struct buf *out)
{
    const char *top = getenv("TOP_SRCDIR");
    struct buf path = {0};
    FILE *f;
    size_t n;

    buf_putf(&path, "%s/tests/gossip-vectors/%s.jsonl", top ? top : ".", file);
    f = fopen(buf_z(&path), "r");
    if (!f)
        fail_msg("%s is not there", buf_z(&path));
    do {
        char *p = buf_reserve(out, 65536);

        n = fread(p, 1, 65536, f);
        out->n += n;
    } while (n > 0);
    fclose(f);
    buf_fini(&path);
}

static struct str text_of(const struct jvalue *object, const char *name)
{
    struct str s = STR_NONE;

    if (jread_str(jread_get(object, name), &s) < 0)
        fail_msg("%s is no text", name);
    return s;
}

int gossip_vectors_each(const char *file, void (*each)(const struct vector *v))
{
    struct buf text = {0};
    struct str rest, line;
    int n = 0;

    read_file(file, &text);
    for (rest = buf_str(&text); rest.p && rest.n > 0; n++) {
        struct vector v = {.is_error = false};
        struct error err = {0};

        line = str_split(&rest, '\n');
        if (jread_parse(line, &v.root, &err) < 0)
            fail_msg("%s line %d: %s", file, n + 1, err.text);
        v.name = text_of(v.root, "name");
        v.transport = text_of(v.root, "transport");
        v.label = text_of(v.root, "label");
        assert_int_equal(encode_hex_parse(text_of(v.root, "hex"), &v.bytes), 0);
        assert_int_equal(encode_hex_parse(text_of(v.root, "key"), &v.key), 0);
        v.decoded = jread_get(v.root, "decoded");
        assert_int_equal(jread_bool(jread_get(v.root, "expect_error"), &v.is_error), 0);
        each(&v);
        buf_fini(&v.bytes);
        buf_fini(&v.key);
        jread_free(v.root);
    }
    buf_fini(&text);
    return n;
}

const struct jvalue *gossip_vectors_layer(const struct vector *v, const char *name)
{
    const struct jvalue *layers = jread_get(v->decoded, "layers");

    for (size_t i = 0; i < jread_count(layers); i++)
        if (str_eq_z(text_of(jread_at(layers, i), "layer"), name))
            return jread_at(layers, i);
    return NULL;
}

void gossip_vectors_bytes(const struct jvalue *value, struct buf *out)
{
    struct str s = STR_NONE;

    buf_clear(out);
    if (jread_type(value) == JREAD_OBJECT)
        assert_int_equal(encode_hex_parse(text_of(value, "$hex"), out), 0);
    else if (jread_str(value, &s) == 0)
        buf_put_str(out, s);
}

void gossip_vectors_same_text(const struct vector *v, const struct jvalue *body, const char *name,
                              struct str got)
{
    struct buf want = {0};

    gossip_vectors_bytes(jread_get(body, name), &want);
    if (!str_eq(got, buf_str(&want)))
        fail_msg("%.*s: %s is not as recorded", STR_ARG(v->name), name);
    buf_fini(&want);
}

void gossip_vectors_same_number(const struct vector *v, const struct jvalue *body, const char *name,
                                int64_t got)
{
    const struct jvalue *value = jread_get(body, name);
    bool is_true = false;
    int64_t want = 0;

    if (jread_type(value) == JREAD_BOOL) {
        assert_int_equal(jread_bool(value, &is_true), 0);
        want = is_true;
    } else if (value) {
        assert_int_equal(jread_i64(value, &want), 0);
    }
    if (got != want)
        fail_msg("%.*s: %s is %lld, recorded is %lld", STR_ARG(v->name), name, (long long)got,
                 (long long)want);
}
