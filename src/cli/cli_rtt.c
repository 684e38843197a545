/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/cli_rtt.h"

#include <math.h>
#include <stdio.h>

#include "base/jread.h"

#define DIMENSIONS 8

struct place {
    double vec[DIMENSIONS], adjustment, height;
};

static int own_name(struct cli *c, bool wan, struct buf *out);
static int get_json(struct cli *c, const char *what, const char *path, struct jvalue **ret,
                    struct cli_reply *reply);
static bool find(const struct jvalue *root, bool wan, struct str name, struct place *ret);
static double distance_ms(const struct place *a, const struct place *b);

int cli_rtt(struct cli *c)
{
    bool wan = cli_flags_is_on(&c->flags, "wan");
    struct jvalue *root = NULL;
    struct cli_reply reply = {0};
    struct place places[2];
    struct str names[2];
    struct buf own;
    int exit_status = 1, found = 0;

    if (c->arg_n < 1 || c->arg_n > 2)
        return cli_command_fail("One or two node names must be specified\n\n"
                                "Usage: disco rtt [options] node1 [node2]");
    for (int i = 0; wan && i < c->arg_n; i++)
        if (!strchr(c->args[i], '.'))
            return cli_command_fail("Node names must be specified as <node name>.<datacenter> "
                                    "with -wan");
    buf_init(&own, 0);
    names[0] = str_z(c->args[0]);
    if (c->arg_n == 2)
        names[1] = str_z(c->args[1]);
    else if (own_name(c, wan, &own) == 0)
        names[1] = buf_str(&own);
    else
        goto out;
    if (get_json(c, "Error getting coordinates",
                 wan ? "/v1/coordinate/datacenters" : "/v1/coordinate/nodes", &root, &reply) < 0)
        goto out;
    while (found < 2 && find(root, wan, names[found], &places[found]))
        found++;
    if (found < 2) {
        (void)cli_command_fail("Could not find a coordinate for node \"%.*s\"",
                               STR_ARG(names[found]));
        goto out;
    }
    printf("Estimated %.*s <-> %.*s rtt: %.3f ms (using %s coordinates)\n", STR_ARG(names[0]),
           STR_ARG(names[1]), distance_ms(&places[0], &places[1]), wan ? "WAN" : "LAN");
    exit_status = 0;
out:
    jread_free(root);
    cli_reply_fini(&reply);
    buf_fini(&own);
    return exit_status;
}

static int get_json(struct cli *c, const char *what, const char *path, struct jvalue **ret,
                    struct cli_reply *reply)
{
    struct error err = {0};
    struct buf url;
    int r;

    buf_init(&url, 0);
    buf_put_z(&url, path);
    r = cli_command_get(c, what, &url, reply);
    buf_fini(&url);
    if (r < 0)
        return r;
    if (reply->status != 200)
        return -cli_command_fail_reply(what, reply, true);
    if (jread_parse(buf_str(&reply->body), ret, &err) < 0)
        return -cli_command_fail("%s: the answer cannot be read: %s", what, err.text);
    return 0;
}

static struct str text_of(const struct jvalue *v)
{
    struct str s = STR_LIT("");

    return jread_str(v, &s) < 0 ? STR_LIT("") : s;
}

/* The agent that is asked is the other end. */
static int own_name(struct cli *c, bool wan, struct buf *out)
{
    struct jvalue *root = NULL;
    struct cli_reply reply = {0};
    const struct jvalue *config;
    int r = get_json(c, "Unable to look up agent info", "/v1/agent/self", &root, &reply);

    if (r == 0) {
        config = jread_get(root, "Config");
        buf_put_str(out, text_of(jread_get(config, "NodeName")));
        if (wan) {
            buf_put_c(out, '.');
            buf_put_str(out, text_of(jread_get(config, "Datacenter")));
        }
    }
    jread_free(root);
    cli_reply_fini(&reply);
    return r;
}

static bool take_place(const struct jvalue *coord, struct place *ret)
{
    const struct jvalue *vec = jread_get(coord, "Vec");

    *ret = (struct place){0};
    for (size_t i = 0; i < DIMENSIONS && i < jread_count(vec); i++)
        if (jread_double(jread_at(vec, i), &ret->vec[i]) < 0)
            return false;
    return jread_type(vec) == JREAD_ARRAY &&
           jread_double(jread_get(coord, "Adjustment"), &ret->adjustment) == 0 &&
           jread_double(jread_get(coord, "Height"), &ret->height) == 0;
}

static bool find_in(const struct jvalue *list, struct str name, struct place *ret)
{
    for (size_t i = 0; i < jread_count(list); i++) {
        const struct jvalue *entry = jread_at(list, i);

        if (str_eq(text_of(jread_get(entry, "Node")), name) &&
            take_place(jread_get(entry, "Coord"), ret))
            return true;
    }
    return false;
}

static bool find(const struct jvalue *root, bool wan, struct str name, struct place *ret)
{
    size_t dot = name.n;

    if (!wan)
        return find_in(root, name, ret);
    while (dot > 0 && name.p[dot - 1] != '.')
        dot--;
    for (size_t i = 0; i < jread_count(root) && dot > 0; i++) {
        const struct jvalue *dc = jread_at(root, i);

        if (str_eq(text_of(jread_get(dc, "Datacenter")), str_drop(name, dot)) &&
            find_in(jread_get(dc, "Coordinates"), str_take(name, dot - 1), ret))
            return true;
    }
    return false;
}

/* As Serf's library estimates it. */
static double distance_ms(const struct place *a, const struct place *b)
{
    double sum = 0, raw, adjusted;

    for (int i = 0; i < DIMENSIONS; i++)
        sum += (a->vec[i] - b->vec[i]) * (a->vec[i] - b->vec[i]);
    raw = sqrt(sum) + a->height + b->height;
    adjusted = raw + a->adjustment + b->adjustment;
    return 1000 * (adjusted > 0 ? adjusted : raw);
}
