/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 *     the key                            its form in LMDB
 *     up to 478 bytes                    itself
 *       but NULs only, or nothing        one NUL more: "" cannot be stored; all-NUL keys come
 *                                        before all others, so moving them up keeps the order
 *     more                               its first 479 bytes, SHA-256 of the key (511 bytes);
 *                                        the value is: key size (4 bytes), key, value
 *
 * The length tells which form it is. Forms are in key order, but for long keys
 * with the same 479 bytes at their start: such a run lies together, in order
 * of the hashes. A cursor that comes to a run reads all of it and sorts it. A
 * short key never lies inside of a run: when it is a prefix of the run's, it
 * sorts before.
 */
#include "store/forms.h"

#include "base/buf.h"
#include "base/digest.h"

bool forms_is_long(struct str key)
{
    return key.n > FORMS_SHORT_SIZE_MAX;
}

static bool is_nul_only(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (p[i])
            return false;
    return true;
}

static MDB_val make_short(struct str key, struct forms_room *room)
{
    union { /* LMDB's values are not const, and not written to */
        const char *in;
        char *out;
    } p = {key.p};

    if (key.n == 0 || (key.p[0] == '\0' && is_nul_only(key.p, key.n))) {
        memset(room->bytes, 0, key.n + 1);
        return (MDB_val){key.n + 1, room->bytes};
    }
    return (MDB_val){key.n, p.out};
}

MDB_val forms_make(struct str key, struct forms_room *room)
{
    if (!forms_is_long(key))
        return make_short(key, room);
    memcpy(room->bytes, key.p, FORMS_RUN_PREFIX_SIZE);
    digest_sha256(key, (uint8_t *)room->bytes + FORMS_RUN_PREFIX_SIZE);
    return (MDB_val){FORMS_LONG_SIZE, room->bytes};
}

MDB_val forms_copy(struct str key, struct forms_room *room)
{
    MDB_val form = forms_make(key, room);

    memmove(room->bytes, form.mv_data, form.mv_size);
    return (MDB_val){form.mv_size, room->bytes};
}

bool forms_has_hash(MDB_val form)
{
    return form.mv_size == FORMS_LONG_SIZE;
}

static void split_long_value(MDB_val v, struct str *ret_key, struct str *ret_value)
{
    struct cursor in = cursor_make(str_make(v.mv_data, v.mv_size));

    *ret_key = cursor_bytes(&in, cursor_u32(&in));
    *ret_value = cursor_bytes(&in, cursor_left(&in));
    ASSERT(!in.bad);
}

void forms_row(MDB_val k, MDB_val v, struct str *ret_key, struct str *ret_value)
{
    const char *p = k.mv_data;

    if (forms_has_hash(k)) {
        split_long_value(v, ret_key, ret_value);
        return;
    }
    *ret_key = str_make(p, k.mv_size - (p[0] == '\0' && is_nul_only(p, k.mv_size)));
    *ret_value = str_make(v.mv_data, v.mv_size);
}
