/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/cli_members.h"

#include <regex.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/jcopy.h"
#include "base/mem.h"
#include "cli/cli_table.h"

struct member {
    struct str name, address, segment;
    uint64_t port;
    int64_t status;
    const struct jvalue *tags, *whole;
};

static size_t members_select(const struct jvalue *root, const regex_t *filter, struct member *ret);
static void members_print(const struct member *members, size_t n);
static void members_print_detailed(const struct member *members, size_t n);
static void members_print_json(const struct member *members, size_t n);
static int order_members(const void *a, const void *b);
static const char *member_status_text(int64_t status);

static const char WHAT[] = "Error retrieving members";

int cli_members(struct cli *c)
{
    const char *segment = cli_flags_text(&c->flags, "segment"),
               *wanted = cli_flags_text(&c->flags, "status");
    struct error err = {0};
    struct cli_reply reply;
    struct jvalue *root = NULL;
    struct buf url;
    regex_t filter;
    int exit_status = 1;

    int failure = regcomp(&filter, wanted ? wanted : ".*", REG_EXTENDED | REG_NOSUB);
    if (failure != 0) {
        char text[128];
        (void)regerror(failure, &filter, text, sizeof(text));
        return cli_command_fail("Failed to compile status regexp: %s: `%s`", text, wanted);
    }
    buf_init(&url, 0);
    buf_put_z(&url, "/v1/agent/members");
    if (cli_flags_is_on(&c->flags, "wan"))
        cli_http_param(&url, "wan", "1");
    else
        cli_http_param(&url, "segment", segment ? segment : "_all");
    int status = cli_command_get(c, WHAT, &url, &reply);
    buf_fini(&url);
    if (status < 0) {
        regfree(&filter);
        return 1;
    }
    if (reply.status != 200) {
        (void)cli_command_fail_reply(WHAT, &reply, true);
    } else if (jread_parse(buf_str(&reply.body), &root, &err) < 0) {
        (void)cli_command_fail("%s: the answer cannot be read: %s", WHAT, err.text);
    } else {
        struct member *members = mem_alloc(jread_count(root) * sizeof(*members));
        size_t n = members_select(root, &filter, members);
        qsort(members, n, sizeof(*members), order_members);
        exit_status = n > 0 ? 0 : 2;
        if (cli_command_wants_json(c))
            members_print_json(members, n);
        else if (n > 0 && cli_flags_is_on(&c->flags, "detailed"))
            members_print_detailed(members, n);
        else if (n > 0)
            members_print(members, n);
        mem_free(members);
    }
    jread_free(root);
    cli_reply_fini(&reply);
    regfree(&filter);
    return exit_status;
}

static struct str text_of(const struct jvalue *v)
{
    struct str s = STR_NONE;

    return jread_str(v, &s) < 0 ? STR_NONE : s;
}

/* Servers are in all segments (consul: members shows them so, whatever the tag says). */
static struct str member_segment(const struct jvalue *tags)
{
    struct str segment = text_of(jread_get(tags, "segment"));

    if (str_eq_z(text_of(jread_get(tags, "role")), "consul"))
        return STR_LIT("<all>");
    return segment.n > 0 ? segment : STR_LIT("<default>");
}

static size_t members_select(const struct jvalue *root, const regex_t *filter, struct member *ret)
{
    size_t n = 0;

    for (size_t i = 0; i < jread_count(root); i++) {
        const struct jvalue *v = jread_at(root, i);
        struct member m = {.name = text_of(jread_get(v, "Name")),
                           .address = text_of(jread_get(v, "Addr")),
                           .tags = jread_get(v, "Tags"),
                           .whole = v};
        m.segment = member_segment(m.tags);
        if (jread_u64(jread_get(v, "Port"), &m.port) < 0 ||
            jread_i64(jread_get(v, "Status"), &m.status) < 0 ||
            regexec(filter, member_status_text(m.status), 0, NULL, 0) != 0)
            continue;
        ret[n++] = m;
    }
    return n;
}

/* The agent's objects, those wanted and in the order of the table, which gossip's is not. */
static void members_print_json(const struct member *members, size_t n)
{
    struct buf out;
    struct jwrite w;

    buf_init(&out, 0);
    jwrite_init(&w, &out, true);
    jwrite_array(&w);
    for (size_t i = 0; i < n; i++)
        if (jcopy_value(&w, members[i].whole) < 0)
            jwrite_null(&w); /* so deep is nothing that an agent sends */
    jwrite_close(&w);
    jwrite_end(&w);
    cli_command_out(buf_str(&out));
    buf_fini(&out);
}

/* Servers ("<all>") first, then segments, then names. */
static int order_members(const void *a, const void *b)
{
    const struct member *x = a, *y = b;
    int by_segment = str_cmp(x->segment, y->segment);

    return by_segment != 0 ? by_segment : str_cmp(x->name, y->name);
}

static const char *member_status_text(int64_t status)
{
    static const char *const texts[] = {"none", "alive", "leaving", "left", "failed"};

    return status >= 0 && status <= 4 ? texts[status] : "unknown";
}

static void member_address(const struct member *m, struct buf *out)
{
    bool is_v6 = str_find(m->address, ':', 0) < m->address.n;

    buf_clear(out);
    buf_putf(out, is_v6 ? "[%.*s]:%llu" : "%.*s:%llu", STR_ARG(m->address),
             (unsigned long long)m->port);
}

static void members_print(const struct member *members, size_t n)
{
    static const char *const head[] = {"Node",  "Address",  "Status", "Type",
                                       "Build", "Protocol", "DC",     "Segment"};
    struct cli_table table;
    struct buf text;

    cli_table_init(&table, 8);
    cli_table_cells(&table, head);
    buf_init(&text, 0);
    for (size_t i = 0; i < n; i++) {
        const struct member *m = &members[i];
        struct str role = text_of(jread_get(m->tags, "role")),
                   build = text_of(jread_get(m->tags, "build"));
        build = str_split(&build, ':');
        member_address(m, &text);
        cli_table_cell(&table, m->name);
        cli_table_cell(&table, buf_str(&text));
        cli_table_cell(&table, str_z(member_status_text(m->status)));
        cli_table_cell(&table, str_eq_z(role, "consul") ? STR_LIT("server")
                               : str_eq_z(role, "node") ? STR_LIT("client")
                                                        : STR_LIT("unknown"));
        cli_table_cell(&table, build.n > 0 ? build : STR_LIT("unknown"));
        cli_table_cell(&table, text_of(jread_get(m->tags, "vsn")));
        cli_table_cell(&table, text_of(jread_get(m->tags, "dc")));
        cli_table_cell(&table, m->segment);
    }
    cli_table_print(&table, 2, false, stdout);
    buf_fini(&text);
    cli_table_fini(&table);
}

static void members_print_detailed(const struct member *members, size_t n)
{
    static const char *const head[] = {"Node", "Address", "Status", "Tags"};
    struct cli_table table;
    struct buf text;

    cli_table_init(&table, 4);
    cli_table_cells(&table, head);
    buf_init(&text, 0);
    for (size_t i = 0; i < n; i++) {
        const struct member *m = &members[i];
        const struct jvalue *value;
        struct str name;
        size_t pos = 0;
        member_address(m, &text);
        cli_table_cell(&table, m->name);
        cli_table_cell(&table, buf_str(&text));
        cli_table_cell(&table, str_z(member_status_text(m->status)));
        buf_clear(&text);
        while (m->tags && jread_next(m->tags, &pos, &name, &value)) {
            struct str tag = str_eq_z(name, "segment") ? m->segment : text_of(value);
            buf_putf(&text, "%s%.*s=%.*s", text.n ? "," : "", STR_ARG(name), STR_ARG(tag));
        }
        cli_table_cell(&table, buf_str(&text));
    }
    cli_table_print(&table, 2, false, stdout);
    buf_fini(&text);
    cli_table_fini(&table);
}
