/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The grammar is Consul's: the last label that is a keyword decides the kind;
 * what stands before it are the parts, what stands behind it (at most one
 * label) the datacenter. Tags, node names and queries may contain dots, so
 * their labels are joined again. A label that itself contains a dot (possible
 * on the wire) fits no name that anybody registered through DNS and is
 * refused, so that two different names never mean the same.
 */
#include "dns/dns_name.h"

#include <libknot/dname.h>

#define LABELS_MAX 128 /* 255 octets of one-letter labels */

struct labels {
    struct str items[LABELS_MAX];
    size_t n;
};

static bool split(const uint8_t *name, size_t label_n, struct dns_name *ret, struct labels *labels);
static void parse_zone(struct labels *labels, bool is_srv, struct dns_name *ret);
static void parse_service(const struct str *parts, size_t n, struct dns_name *ret);
static void parse_addr(struct str hex, struct dns_name *ret);
static void parse_reverse(struct labels *labels, struct dns_name *ret);

void dns_name_parse(const uint8_t *name, const uint8_t *const *zones, size_t zone_n, bool is_srv,
                    struct dns_name *ret)
{
    static const uint8_t arpa[] = "\4arpa"; /* the NUL is the root label */
    struct labels labels;

    ret->name = ret->tag = ret->datacenter = ret->whole = STR_NONE;
    ret->ip_n = 0;
    /* The longest zone first, as one may lie in another. */
    size_t best_i = zone_n, best_size = 0;
    int below = -1;
    for (size_t i = 0; i < zone_n; i++) {
        int n = knot_dname_in_bailiwick(name, zones[i]);
        size_t size = knot_dname_size(zones[i]);
        if (n >= 0 && (best_i == zone_n || size > best_size)) {
            best_i = i;
            best_size = size;
            below = n;
        }
    }
    if (best_i < zone_n) {
        ret->kind = DNS_NAME_INVALID;
        if (split(name, (size_t)below, ret, &labels))
            parse_zone(&labels, is_srv, ret);
        return;
    }
    below = knot_dname_in_bailiwick(name, arpa);
    if (below >= 0) {
        ret->kind = DNS_NAME_REVERSE;
        if (split(name, (size_t)below, ret, &labels))
            parse_reverse(&labels, ret);
        return;
    }
    ret->kind = DNS_NAME_OUTSIDE;
}

/* The first label_n labels as slices of ret->text, in which a dot stands after each. False: a label
 * holds a dot. */
static bool split(const uint8_t *name, size_t label_n, struct dns_name *ret, struct labels *labels)
{
    char *at = ret->text;

    labels->n = 0;
    while (labels->n < label_n) {
        size_t n = *name++;
        ASSERT(n > 0 && n < 64 && labels->n < LABELS_MAX);
        if (memchr(name, '.', n))
            return false;
        memcpy(at, name, n);
        labels->items[labels->n++] = str_make(at, n);
        at[n] = '.';
        at += n + 1;
        name += n;
    }
    if (label_n > 0)
        ret->whole = str_make(ret->text, (size_t)(at - ret->text) - 1);
    return true;
}

/* Parts i..n-1 as one text. */
static struct str join(const struct str *parts, size_t n)
{
    if (n == 0)
        return STR_NONE;
    return str_make(parts[0].p, (size_t)(parts[n - 1].p - parts[0].p) + parts[n - 1].n);
}

static enum dns_name_kind keyword(struct str label)
{
    static const struct {
        const char *text;
        enum dns_name_kind kind;
    } table[] = {
        {"service", DNS_NAME_SERVICE}, {"connect", DNS_NAME_CONNECT}, {"ingress", DNS_NAME_INGRESS},
        {"node", DNS_NAME_NODE},       {"query", DNS_NAME_QUERY},     {"addr", DNS_NAME_ADDR},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (str_eq_z(label, table[i].text))
            return table[i].kind;
    return DNS_NAME_INVALID;
}

static void parse_zone(struct labels *labels, bool is_srv, struct dns_name *ret)
{
    enum dns_name_kind kind = DNS_NAME_INVALID;
    size_t part_n = 0, suffix_i = 0;

    for (size_t i = labels->n; i-- > 0;) {
        kind = keyword(labels->items[i]);
        part_n = i;
        suffix_i = i + 1;
        if (kind != DNS_NAME_INVALID)
            break;
        /* consul: for SRV the word "service" may be missing, the underscore tells as much */
        if (is_srv && labels->items[i].p[0] == '_') {
            kind = DNS_NAME_SERVICE;
            part_n = i + 1;
            break;
        }
    }
    if (kind == DNS_NAME_INVALID || part_n == 0)
        return;
    if (kind == DNS_NAME_ADDR) { /* consul: whatever follows "addr" is not looked at */
        if (part_n == 1)
            parse_addr(labels->items[0], ret);
        return;
    }
    if (labels->n - suffix_i > 1)
        return;
    if (labels->n > suffix_i)
        ret->datacenter = labels->items[suffix_i];
    ret->kind = kind;
    if (kind == DNS_NAME_SERVICE)
        parse_service(labels->items, part_n, ret);
    else
        ret->name = join(labels->items, part_n);
}

static void parse_service(const struct str *parts, size_t n, struct dns_name *ret)
{
    if (n == 2 && parts[0].p[0] == '_' && parts[1].p[0] == '_') { /* RFC 2782 */
        ret->name = str_drop(parts[0], 1);
        ret->tag = str_drop(parts[1], 1);
        if (str_eq_z(ret->tag, "tcp"))
            ret->tag = STR_NONE;
    } else {
        ret->name = parts[n - 1];
        ret->tag = join(parts, n - 1);
    }
    if (ret->name.n == 0)
        ret->kind = DNS_NAME_INVALID;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

static void parse_addr(struct str hex, struct dns_name *ret)
{
    ret->kind = DNS_NAME_ADDR;
    size_t n = hex.n / 2;
    if (n != 4 && n != 16)
        return; /* consul: NOERROR without an answer */
    bool is_good = hex.n % 2 == 0;
    for (size_t i = 0; is_good && i < n; i++) {
        int high = hex_digit(hex.p[2 * i]), low = hex_digit(hex.p[2 * i + 1]);
        is_good = high >= 0 && low >= 0;
        ret->ip[i] = (uint8_t)(high * 16 + low);
    }
    if (is_good)
        ret->ip_n = n;
    else
        ret->kind = DNS_NAME_INVALID;
}

/* A decimal octet as it is printed: no sign, no leading zero. */
static bool octet(struct str s, uint8_t *ret)
{
    uint64_t v;
    if (s.n > 3 || (s.n > 1 && s.p[0] == '0') || str_to_u64(s, &v) != 0 || v > 255)
        return false;
    *ret = (uint8_t)v;
    return true;
}

static void parse_reverse(struct labels *labels, struct dns_name *ret)
{
    if (labels->n == 5 && str_eq_z(labels->items[4], "in-addr")) {
        for (size_t i = 0; i < 4; i++)
            if (!octet(labels->items[3 - i], &ret->ip[i]))
                return;
        ret->ip_n = 4;
    } else if (labels->n == 33 && str_eq_z(labels->items[32], "ip6")) {
        for (size_t i = 0; i < 16; i++) {
            struct str high = labels->items[31 - 2 * i], low = labels->items[30 - 2 * i];
            if (high.n != 1 || low.n != 1 || hex_digit(high.p[0]) < 0 || hex_digit(low.p[0]) < 0)
                return;
            ret->ip[i] = (uint8_t)(hex_digit(high.p[0]) * 16 + hex_digit(low.p[0]));
        }
        ret->ip_n = 16;
    }
}
