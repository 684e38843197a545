/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dns/dns_node.h"

#include <libknot/libknot.h>

#include "dns/dns_cname.h"
#include "state/wan.h"

#define TXT_MAX 2048 /* of one meta pair; a longer one is left out */

static void add_address(struct dns_reply *r, const struct catalog_node *node);

void dns_node_answer(struct dns_reply *r, const struct dns_name *name, bool is_here)
{
    struct catalog_node node;
    uint16_t qtype = r->qtype;

    /* consul: nodeLookup; for any other type not even the name is looked at */
    if (qtype != KNOT_RRTYPE_ANY && qtype != KNOT_RRTYPE_A && qtype != KNOT_RRTYPE_AAAA &&
        qtype != KNOT_RRTYPE_TXT)
        return;
    if (is_here && !r->view) {
        r->rcode = KNOT_RCODE_SERVFAIL;
        return;
    }
    if (!is_here || !catalog_node_get(r->view, name->name, &node)) {
        dns_reply_no_name(r);
        return;
    }
    if (qtype != KNOT_RRTYPE_TXT)
        add_address(r, &node);
    if (qtype == KNOT_RRTYPE_TXT || qtype == KNOT_RRTYPE_ANY)
        dns_node_add_meta(r, DNS_ANSWER, node.meta, r->conf->node_ttl, NULL, 0);
    else if (r->conf->config->dns_node_meta_txt)
        dns_node_add_meta(r, DNS_ADDITIONAL, node.meta, r->conf->node_ttl, NULL, 0);
}

static void add_address(struct dns_reply *r, const struct catalog_node *node)
{
    struct dns_addresses all;

    dns_node_addresses(node, r->is_wan, &all);
    const struct dns_address *at = dns_reply_pick(r->qtype, &all);
    if (at->ip_n == 0)
        dns_cname_answer(r, at->text, r->conf->node_ttl, false);
    else if (dns_reply_wants_ip(r->qtype, at->ip_n))
        dns_reply_add_ip(r, DNS_ANSWER, at->ip, at->ip_n, r->conf->node_ttl);
}

void dns_node_addresses(const struct catalog_node *node, bool is_wan, struct dns_addresses *ret)
{
    struct catalog_node seen = *node;
    struct str v4 = STR_NONE, v6 = STR_NONE;

    (void)pairs_get(node->tagged_addresses, STR_LIT("lan_ipv4"), &v4);
    (void)pairs_get(node->tagged_addresses, STR_LIT("lan_ipv6"), &v6);
    if (is_wan) {
        wan_node(&seen);
        (void)pairs_get(node->tagged_addresses, STR_LIT("wan_ipv4"), &v4);
        (void)pairs_get(node->tagged_addresses, STR_LIT("wan_ipv6"), &v6);
    }
    ret->plain = dns_reply_address(seen.address);
    ret->v4 = dns_reply_address(v4);
    ret->v6 = dns_reply_address(v6);
}

/* RFC 1464 2: '=' and leading or trailing blanks of an attribute are quoted with '`', as is that.
 * dst has room for twice s. Returns how many octets it took. */
static size_t quote(char *dst, struct str s, bool is_key)
{
    size_t first = 0, last = s.n, n = 0;
    while (first < s.n && s.p[first] == ' ')
        first++;
    while (last > first && s.p[last - 1] == ' ')
        last--;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (c == '`' || (is_key && (c == '=' || (c == ' ' && (i < first || i >= last)))))
            dst[n++] = '`';
        dst[n++] = c;
    }
    return n;
}

/* consul: a key that starts with "rfc1035-" gives its value bare, any other "key=value". */
static bool is_bare(struct str key)
{
    struct str prefix = STR_LIT("rfc1035-");
    return str_eq_nocase(str_take(key, prefix.n), prefix);
}

/* Character strings of at most 255 octets each (RFC 1035 3.3.14). Returns the size. */
static size_t put_strings(uint8_t *dst, struct str text)
{
    size_t n = 0;
    do {
        struct str part = str_take(text, 255);
        dst[n++] = (uint8_t)part.n;
        memcpy(dst + n, part.p, part.n);
        n += part.n;
        text = str_drop(text, part.n);
    } while (text.n > 0);
    return n;
}

void dns_node_add_meta(struct dns_reply *r, enum dns_section section, struct pairs meta,
                       uint32_t ttl, const uint8_t *owner, size_t answer_i)
{
    struct str key, value;
    struct pairs_iter i = pairs_begin(meta);

    while (pairs_next(&i, &key, &value)) {
        char text[TXT_MAX];
        uint8_t data[TXT_MAX + TXT_MAX / 255 + 1];
        struct str whole = value;
        if (2 * key.n + 1 + 2 * value.n > sizeof(text))
            continue;
        if (!is_bare(key)) {
            size_t n = quote(text, key, true);
            text[n++] = '=';
            whole = str_make(text, n + quote(text + n, value, false));
        }
        struct dns_record *txt = dns_reply_add(r, section, KNOT_RRTYPE_TXT, ttl);
        txt->is_optional = section == DNS_ADDITIONAL;
        if (owner) {
            txt->name = owner;
            txt->owner = DNS_OWNER_FULL;
        }
        txt->answer_i = (uint16_t)answer_i;
        dns_reply_data(r, txt, data, put_strings(data, whole));
    }
}

void dns_node_answer_addr(struct dns_reply *r, const struct dns_name *name)
{
    uint8_t owner[DNS_CONF_NAME_MAX];

    if (name->ip_n == 0)
        return;
    /* consul: given whatever type is asked for */
    struct dns_record *a = dns_reply_add_ip(r, DNS_ANSWER, name->ip, name->ip_n, r->conf->node_ttl);
    /* consul: owned by the name in the first domain, also when asked for in the alternative one.
     * Ours: within one domain the letters stay as asked, for resolvers that check them (0x20). */
    if (knot_dname_in_bailiwick(r->qname_lower, r->conf->domain) < 0 &&
        dns_conf_name(name->whole, r->conf->domain, owner) > 0) {
        a->name = dns_reply_name(r, owner);
        a->owner = DNS_OWNER_FULL;
    }
}

void dns_node_answer_reverse(struct dns_reply *r, const struct dns_name *name)
{
    uint8_t target[DNS_CONF_NAME_MAX];
    struct str owner;
    bool is_service;
    size_t n = 0;

    if (name->ip_n > 0 && r->view &&
        dns_reverse_find(r->reverse, r->view, name->ip, name->ip_n, &owner, &is_service))
        n = dns_conf_name(owner, is_service ? r->conf->service_suffix : r->conf->node_suffix,
                          target);
    if (n == 0) {
        r->is_forward = true;
        return;
    }
    struct dns_record *ptr = dns_reply_add(r, DNS_ANSWER, KNOT_RRTYPE_PTR, 0);
    dns_reply_data(r, ptr, target, n);
}
