/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dns/dns_conf.h"

#include <libknot/dname.h>

#include "base/mem.h"

static int fill_names(struct dns_conf *c, struct error *err);
static int fill_ttls(struct dns_conf *c, struct error *err);

int dns_conf_new(const struct config *config, struct dns_conf **ret, struct error *err)
{
    struct dns_conf *c = mem_new(struct dns_conf);
    c->config = config;
    c->has_recursors = config->recursors.n > 0;
    c->node_ttl = (uint32_t)(config->dns_node_ttl.ns / 1000000000);
    int status = fill_names(c, err);
    if (status == 0)
        status = fill_ttls(c, err);
    if (status != 0) {
        dns_conf_free(c);
        return status;
    }
    *ret = c;
    return 0;
}

void dns_conf_free(struct dns_conf *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < c->ttl_n; i++)
        mem_free(c->ttls[i].name);
    mem_free(c->ttls);
    mem_free(c);
}

static int fill_names(struct dns_conf *c, struct error *err)
{
    const struct config *config = c->config;
    uint8_t with_dc[DNS_CONF_NAME_MAX];

    if (dns_conf_name(str_z(config->domain), NULL, c->domain) == 0)
        return error_set(err, ERR_INVALID, "domain: not a DNS name: %s", config->domain);
    knot_dname_to_lower(c->domain);
    c->zones[c->zone_n++] = c->domain;
    if (config->alt_domain && config->alt_domain[0] != '\0') {
        if (dns_conf_name(str_z(config->alt_domain), NULL, c->alt_domain) == 0)
            return error_set(err, ERR_INVALID, "alt_domain: not a DNS name: %s",
                             config->alt_domain);
        knot_dname_to_lower(c->alt_domain);
        c->zones[c->zone_n++] = c->alt_domain;
    }
    if (dns_conf_name(str_z(config->datacenter), c->domain, with_dc) == 0 ||
        dns_conf_name(STR_LIT("node"), with_dc, c->node_suffix) == 0 ||
        dns_conf_name(STR_LIT("service"), with_dc, c->service_suffix) == 0 ||
        dns_conf_name(STR_LIT("addr"), with_dc, c->addr_suffix) == 0 ||
        dns_conf_name(STR_LIT("ns"), c->domain, c->soa_ns) == 0 ||
        dns_conf_name(STR_LIT("hostmaster"), c->domain, c->soa_mailbox) == 0)
        return error_set(err, ERR_INVALID, "datacenter and domain: no DNS name: %s.%s",
                         config->datacenter, config->domain);
    return 0;
}

static int fill_ttls(struct dns_conf *c, struct error *err)
{
    const struct config_pairs *pairs = &c->config->dns_service_ttl;

    c->ttls = mem_alloc(pairs->n * sizeof(c->ttls[0]));
    for (size_t i = 0; i < pairs->n; i++) {
        struct str name = str_z(pairs->names[i]);
        struct duration d;
        if (duration_parse(str_z(pairs->values[i]), DURATION_S(1), &d) != 0 || d.ns < 0)
            return error_set(err, ERR_INVALID, "dns_config.service_ttl.%s: not a duration: %s",
                             pairs->names[i], pairs->values[i]);
        struct dns_conf_ttl *t = &c->ttls[c->ttl_n++];
        t->is_prefix = str_has_suffix(name, STR_LIT("*"));
        t->name_n = name.n - t->is_prefix;
        t->name = str_dup_z(name);
        str_lower(name, t->name);
        t->ttl = (uint32_t)(d.ns / 1000000000);
    }
    return 0;
}

uint32_t dns_conf_service_ttl(const struct dns_conf *c, struct str service)
{
    const struct dns_conf_ttl *best = NULL;

    for (size_t i = 0; i < c->ttl_n; i++) {
        const struct dns_conf_ttl *t = &c->ttls[i];
        struct str name = str_make(t->name, t->name_n);
        if (!t->is_prefix && str_eq(service, name))
            return t->ttl;
        if (t->is_prefix && str_has_prefix(service, name) && (!best || best->name_n < t->name_n))
            best = t;
    }
    return best ? best->ttl : 0;
}

size_t dns_conf_name(struct str text, const uint8_t *suffix, uint8_t *dst)
{
    static const uint8_t root[] = {0};
    size_t at = 0;

    if (text.n > 1 && text.p[text.n - 1] == '.')
        text.n--;
    if (text.n == 0 || text.n > DNS_CONF_NAME_MAX)
        return 0;
    while (text.p) {
        struct str label = str_split(&text, '.');
        if (label.n == 0 || label.n > 63 || at + 1 + label.n >= DNS_CONF_NAME_MAX)
            return 0;
        dst[at] = (uint8_t)label.n;
        memcpy(dst + at + 1, label.p, label.n);
        at += 1 + label.n;
    }
    if (!suffix)
        suffix = root;
    size_t suffix_size = knot_dname_size(suffix);
    if (at + suffix_size > DNS_CONF_NAME_MAX)
        return 0;
    memcpy(dst + at, suffix, suffix_size);
    return at + suffix_size;
}
