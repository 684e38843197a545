/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The encoder works in units: an escape (%XX, three bytes) or one UTF-8 character. Parsing into
 * units has no memory, so that a component may be cut after any unit and both halves still parse
 * alike; which is why cutting greedily gives every key exactly one path.
 *
 * Being canonical is checked by encoding again: a name is good when the bytes it stands for have
 * that name and no other. Lower case hex, needless escapes, stray '%' fail by that one comparison.
 */
#include "fs/fs_path.h"

#include <errno.h>

static bool is_plain(struct str comp);
static size_t unit_size(struct str s, size_t at, bool label, bool *ret_escaped);
static void put_units(struct str raw, bool label, struct buf *out);
static size_t piece_end(struct str comp, size_t at);
static void put_piece(struct str raw, bool label, struct buf *out);
static bool unescape(struct str name, struct buf *out);

int fs_path_parse(struct str dir, struct str name, struct buf *key, enum fs_path_kind *ret_kind)
{
    enum fs_path_kind kind = FS_PATH_PLAIN;
    struct str base = name;
    if (name.n > FS_PATH_NAME_MAX)
        return -ENAMETOOLONG;
    if (str_has_suffix(name, STR_LIT("%v")))
        kind = FS_PATH_VALUE;
    else if (str_has_suffix(name, STR_LIT("%t")))
        kind = FS_PATH_TREE;
    else if (str_has_suffix(name, STR_LIT("%+")))
        kind = FS_PATH_CONTINUED;
    if (kind != FS_PATH_PLAIN)
        base = str_take(name, name.n - 2);

    buf_clear(key);
    buf_put_str(key, dir);
    if (base.n == 0 || (!str_eq_z(base, "%") && !unescape(base, key)))
        return ERR_INVALID;

    struct buf again;
    buf_init(&again, 0);
    bool is_canonical;
    if (kind == FS_PATH_CONTINUED) {
        /* Whether the cut is due shows only with what follows it; here the piece itself. A unit
         * has at most four bytes, so a piece that is cut is nearly full. */
        struct str raw = str_drop(buf_str(key), dir.n);
        put_units(raw, false, &again);
        is_canonical = raw.n > 0 && again.n + 4 > FS_PATH_PIECE_MAX &&
                       again.n <= FS_PATH_PIECE_MAX && str_eq(buf_str(&again), base) &&
                       str_find(raw, '/', 0) == raw.n;
    } else {
        struct fs_path_step step;
        is_canonical = fs_path_step(dir, buf_str(key), &again, &step) && step.is_last &&
                       str_eq(buf_str(&again), base);
    }
    buf_fini(&again);
    if (!is_canonical)
        return ERR_INVALID;
    *ret_kind = kind;
    return 0;
}

bool fs_path_step(struct str dir, struct str key, struct buf *name, struct fs_path_step *ret)
{
    buf_clear(name);
    if (!str_has_prefix(key, dir))
        return false;
    size_t start = dir.n;
    while (start > 0 && dir.p[start - 1] != '/')
        start--;
    size_t end = str_find(key, '/', dir.n);
    struct str comp = str_make(key.p + start, end - start);
    if (start == dir.n && is_plain(comp)) { /* nearly all are */
        *ret = (struct fs_path_step){.key_n = end, .is_last = end == key.n};
        buf_put_str(name, comp);
        return true;
    }

    /* Inside a cut component: does this key's component have a cut just there? */
    size_t at = 0;
    while (at < dir.n - start) {
        size_t cut = piece_end(comp, at);
        if (cut == comp.n)
            return false;
        at = cut;
    }
    if (at != dir.n - start)
        return false;

    size_t stop = piece_end(comp, at);
    struct str raw = str_make(comp.p + at, stop - at);
    ret->continued = stop < comp.n;
    ret->key_n = start + stop;
    ret->is_last = ret->key_n == key.n;
    if (ret->continued) {
        put_units(raw, false, name);
        buf_put_z(name, "%+");
    } else {
        put_piece(raw, false, name);
    }
    return true;
}

void fs_path_encode(struct str key, struct buf *path)
{
    struct buf name;
    struct fs_path_step step;
    struct str dir = str_take(key, 0);
    buf_init(&name, 0);
    while (fs_path_step(dir, key, &name, &step)) {
        if (dir.n > 0)
            buf_put_c(path, '/');
        buf_put_str(path, buf_str(&name));
        if (step.is_last && !step.continued)
            break;
        dir = str_take(key, step.continued ? step.key_n : step.key_n + 1);
    }
    buf_fini(&name);
}

int fs_path_decode(struct str path, struct buf *key)
{
    struct buf next;
    struct str rest = path;
    int r = ERR_INVALID;
    buf_init(&next, 0);
    buf_clear(key);
    while (rest.p) {
        enum fs_path_kind kind;
        struct str name = str_split(&rest, '/');
        r = fs_path_parse(buf_str(key), name, &next, &kind);
        if (r == 0 && ((kind == FS_PATH_CONTINUED && !rest.p) || kind == FS_PATH_TREE))
            r = ERR_INVALID;
        if (r < 0)
            break;
        buf_clear(key);
        buf_put_str(key, buf_str(&next));
        if (rest.p && kind != FS_PATH_CONTINUED)
            buf_put_c(key, '/');
    }
    buf_fini(&next);
    return r;
}

bool fs_path_label(struct str text, struct buf *name)
{
    buf_clear(name);
    put_piece(text, true, name);
    return name->n <= FS_PATH_NAME_MAX;
}

int fs_path_label_parse(struct str name, struct buf *text)
{
    struct buf again;
    int r = ERR_INVALID;
    if (name.n > FS_PATH_NAME_MAX)
        return -ENAMETOOLONG;
    buf_clear(text);
    buf_init(&again, 0);
    if (name.n > 0 && (str_eq_z(name, "%") || unescape(name, text))) {
        put_piece(buf_str(text), true, &again);
        if (str_eq(buf_str(&again), name))
            r = 0;
    }
    buf_fini(&again);
    return r;
}

/* Is the component a name as it is: in one piece, nothing to escape? */
static bool is_plain(struct str comp)
{
    if (comp.n == 0 || comp.n > FS_PATH_PIECE_MAX || str_eq_z(comp, ".") || str_eq_z(comp, ".."))
        return false;
    for (size_t i = 0; i < comp.n; i++)
        if (comp.p[i] < 0x20 || comp.p[i] >= 0x7f || comp.p[i] == '%')
            return false;
    return true;
}

/* Bytes of the UTF-8 character at `at`, or 1 with *ret_escaped for a byte that must be escaped. */
static size_t unit_size(struct str s, size_t at, bool label, bool *ret_escaped)
{
    const unsigned char *p = (const unsigned char *)s.p + at;
    size_t left = s.n - at, size;
    *ret_escaped = false;
    if (p[0] < 0x80) {
        *ret_escaped = p[0] < 0x20 || p[0] == 0x7f || p[0] == '%' || (label && p[0] == '/');
        return 1;
    }
    /* RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF. */
    unsigned char low = 0x80, high = 0xbf;
    if (p[0] >= 0xc2 && p[0] <= 0xdf)
        size = 2;
    else if (p[0] >= 0xe0 && p[0] <= 0xef)
        size = 3;
    else if (p[0] >= 0xf0 && p[0] <= 0xf4)
        size = 4;
    else
        size = 0;
    if (p[0] == 0xe0)
        low = 0xa0;
    else if (p[0] == 0xed)
        high = 0x9f;
    else if (p[0] == 0xf0)
        low = 0x90;
    else if (p[0] == 0xf4)
        high = 0x8f;
    bool good = size > 0 && size <= left && p[1] >= low && p[1] <= high;
    for (size_t i = 2; good && i < size; i++)
        good = p[i] >= 0x80 && p[i] <= 0xbf;
    *ret_escaped = !good;
    return good ? size : 1;
}

static void put_units(struct str raw, bool label, struct buf *out)
{
    static const char hex[] = "0123456789ABCDEF";
    for (size_t at = 0; at < raw.n;) {
        bool escaped;
        size_t n = unit_size(raw, at, label, &escaped);
        if (escaped) {
            unsigned char c = (unsigned char)raw.p[at];
            char text[3] = {'%', hex[c >> 4], hex[c & 15]};
            buf_put(out, text, sizeof(text));
        } else {
            buf_put(out, raw.p + at, n);
        }
        at += n;
    }
}

/* Where the piece that begins at `at` ends: at the component's end when the rest fits. */
static size_t piece_end(struct str comp, size_t at)
{
    size_t size = 0, pos = at;
    while (pos < comp.n) {
        bool escaped;
        size_t n = unit_size(comp, pos, false, &escaped);
        size += escaped ? 3 : n;
        if (size > FS_PATH_PIECE_MAX)
            return pos;
        pos += n;
    }
    return comp.n;
}

/* The last (or only) piece of a component: the names that mean something else are escaped. */
static void put_piece(struct str raw, bool label, struct buf *out)
{
    if (raw.n == 0)
        buf_put_z(out, "%");
    else if (str_eq_z(raw, "."))
        buf_put_z(out, "%2E");
    else if (str_eq_z(raw, ".."))
        buf_put_z(out, "%2E%2E");
    else
        put_units(raw, label, out);
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool unescape(struct str name, struct buf *out)
{
    for (size_t i = 0; i < name.n; i++) {
        if (name.p[i] != '%') {
            buf_put_c(out, name.p[i]);
            continue;
        }
        int high = i + 2 < name.n ? hex_digit(name.p[i + 1]) : -1;
        int low = i + 2 < name.n ? hex_digit(name.p[i + 2]) : -1;
        if (high < 0 || low < 0)
            return false;
        buf_put_c(out, (char)(high << 4 | low));
        i += 2;
    }
    return true;
}
