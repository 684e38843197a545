/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/member.h"

const char *member_status_text(enum member_status s)
{
    static const char *const texts[] = {"none", "alive", "leaving", "left", "failed", "reaped"};
    return (size_t)s < sizeof texts / sizeof texts[0] ? texts[s] : "none";
}

struct str member_tag(const struct member *m, const char *name)
{
    for (size_t i = 0; i < m->tag_n; i++) {
        if (str_eq_z(m->tags[i].name, name))
            return m->tags[i].value;
    }
    return STR_NONE;
}

static bool has_tag(const struct member *m, const char *name)
{
    for (size_t i = 0; i < m->tag_n; i++) {
        if (str_eq_z(m->tags[i].name, name))
            return true;
    }
    return false;
}

/* An absent tag is 0; one that is no number makes the member unreadable. */
static bool number_tag(const struct member *m, const char *name, int64_t max, int64_t *ret)
{
    *ret = 0;
    return !has_tag(m, name) ||
           (str_to_i64(member_tag(m, name), ret) == 0 && *ret >= 0 && *ret <= max);
}

static bool is_digit(char b)
{
    return b >= '0' && b <= '9';
}

/* The first \d+.\d+.\d+ in the text. */
static bool read_version(struct str build, char dst[MEMBER_VERSION_MAX])
{
    for (size_t from = 0; from < build.n; from++) {
        size_t at = from;
        int part = 0;
        for (; part < 3; part++) {
            size_t digits = at;
            while (at < build.n && is_digit(build.p[at]))
                at++;
            if (at == digits || (part < 2 && (at == build.n || build.p[at++] != '.')))
                break;
        }
        if (part == 3 && at - from < MEMBER_VERSION_MAX) {
            (void)str_copy_z(str_make(build.p + from, at - from), dst, MEMBER_VERSION_MAX);
            return true;
        }
    }
    return false;
}

static bool read_server(struct member *m)
{
    int64_t port, vsn, wan;
    if (!has_tag(m, "port") || !number_tag(m, "port", 65535, &port) || port == 0 ||
        !has_tag(m, "vsn") || !number_tag(m, "vsn", 1000, &vsn) ||
        !number_tag(m, "expect", 1000000, &m->expect) ||
        !number_tag(m, "raft_vsn", 1000, &m->raft_vsn) ||
        !number_tag(m, "wan_join_port", 65535, &wan) ||
        !read_version(member_tag(m, "build"), m->version))
        return false;
    m->rpc = m->addr;
    addr_set_port(&m->rpc, (uint16_t)port);
    m->wan_join_port = (uint16_t)wan;
    m->bootstrap = has_tag(m, "bootstrap");
    m->read_replica = has_tag(m, "nonvoter") || has_tag(m, "read_replica");
    return true;
}

void member_read_tags(struct member *m)
{
    struct str role = member_tag(m, "role");
    m->role = MEMBER_OTHER;
    m->id = member_tag(m, "id");
    m->dc = member_tag(m, "dc");
    m->segment = member_tag(m, "segment");
    m->short_name = m->name;
    if (m->dc.n && m->name.n > m->dc.n + 1 && str_has_suffix(m->name, m->dc) &&
        m->name.p[m->name.n - m->dc.n - 1] == '.')
        m->short_name = str_take(m->name, m->name.n - m->dc.n - 1);
    m->version[0] = 0;
    if (str_eq_z(role, "node")) {
        m->role = MEMBER_CLIENT;
        (void)read_version(member_tag(m, "build"), m->version);
    } else if (str_eq_z(role, "consul") && read_server(m)) {
        m->role = MEMBER_SERVER;
    }
}
