/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/buf.h"
#include "base/rng.h"
#include "store/forms.h"
#include "tests/lib/unit.h"

static struct str random_key(struct rng *rng, char dst[700])
{
    static const char alphabet[] = {0, 1, 'a', '\xff'};
    size_t n = rng_below(rng, 4) ? rng_below(rng, 5) : 470 + rng_below(rng, 60);
    char fill = alphabet[rng_below(rng, 4)];

    memset(dst, fill, n);
    for (int i = 0; n && i < 2; i++)
        dst[rng_below(rng, n)] = alphabet[rng_below(rng, 4)];
    return str_make(dst, n);
}

static struct str as_str(MDB_val v)
{
    return str_make(v.mv_data, v.mv_size);
}

/* Forms are of 1 to 511 bytes, differ when keys do, and have their order but inside of a run. */
static void test_order(void **state)
{
    struct rng rng;
    char a_room[700], b_room[700];

    (void)state;
    rng_init(&rng, 17);
    for (int i = 0; i < 100000; i++) {
        struct str a = random_key(&rng, a_room), b = random_key(&rng, b_room);
        struct forms_room a_form, b_form;
        struct str fa = as_str(forms_make(a, &a_form)), fb = as_str(forms_copy(b, &b_form));

        assert_in_range(fa.n, 1, 511);
        assert_int_equal(str_eq(fa, fb), str_eq(a, b));
        if (forms_is_long(a) && forms_is_long(b) && !memcmp(a.p, b.p, FORMS_RUN_PREFIX_SIZE))
            continue;
        assert_int_equal(str_cmp(fa, fb) < 0, str_cmp(a, b) < 0);
    }
}

/* A key comes back from its form, a long one from its value. */
static void test_back(void **state)
{
    struct rng rng;
    char room[700];
    struct buf value = {0};

    (void)state;
    rng_init(&rng, 18);
    for (int i = 0; i < 10000; i++) {
        struct str key = random_key(&rng, room), key_back, value_back;
        struct forms_room form;
        MDB_val k = forms_make(key, &form);

        buf_clear(&value);
        assert_int_equal(forms_has_hash(k), forms_is_long(key));
        if (forms_is_long(key)) {
            buf_put_u32(&value, (uint32_t)key.n);
            buf_put_str(&value, key);
        }
        buf_put_z(&value, "value");
        forms_row(k, (MDB_val){value.n, value.p}, &key_back, &value_back);
        assert_str(key_back, key);
        assert_str(value_back, STR_LIT("value"));
    }
    buf_fini(&value);
}

UNIT_MAIN(UNIT(test_order), UNIT(test_back))
