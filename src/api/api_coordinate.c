/* SPDX-License-Identifier: GPL-3.0-or-later */
/* consul: agent/coordinate_endpoint.go */
#include "config.h"

#include "api/api_coordinate.h"

#include "api/api_body.h"
#include "state/coordinate.h"

bool api_coordinate_check(struct api_call *c)
{
    if (c->env->config->disable_coordinates)
        return api_fail(c, 401, "Coordinate support disabled");
    return true;
}

static void put(struct jwrite *w, const struct coordinate *c)
{
    jwrite_object(w);
    jwrite_name(w, "Node");
    jwrite_str(w, c->node);
    jwrite_name(w, "Segment");
    jwrite_str(w, c->segment);
    jwrite_name(w, "Coord");
    agent_render_coordinate(c, w);
    jwrite_close(w);
}

/* ---- datacenters ---- */

static void put_server(void *data, const struct coordinate *c)
{
    put(data, c);
}

struct datacenters {
    struct agent *agent;
    struct jwrite w;
};

static void put_datacenter(void *data, const char *name)
{
    struct datacenters *d = data;

    jwrite_object(&d->w);
    jwrite_name(&d->w, "Datacenter");
    jwrite_z(&d->w, name);
    jwrite_name(&d->w, "AreaID");
    jwrite_z(&d->w, "wan");
    jwrite_name(&d->w, "Coordinates");
    jwrite_array(&d->w);
    agent_each_wan_coordinate(d->agent, name, put_server, &d->w);
    jwrite_close(&d->w);
    jwrite_close(&d->w);
}

void api_coordinate_datacenters(struct api_call *c, struct agent *agent)
{
    struct datacenters d = {.agent = agent, .w = api_json(c)};

    jwrite_array(&d.w);
    agent_each_datacenter(agent, put_datacenter, &d);
    jwrite_close(&d.w);
    jwrite_end(&d.w);
}

/* ---- nodes ---- */

struct walk {
    struct api_call *call;
    struct jwrite w;
    size_t n;
};

static bool on_coordinate(void *data, const struct coordinate *c)
{
    struct walk *k = data;

    if (!param_has(&k->call->params, "segment") ||
        str_eq(param_get(&k->call->params, "segment"), c->segment)) {
        put(&k->w, c);
        k->n++;
    }
    return !k->w.out->failed;
}

int api_coordinate_nodes(struct api_call *c, struct view *v, uint64_t *ret_index)
{
    struct walk k = {.call = c, .w = api_json(c)};

    jwrite_array(&k.w);
    coordinate_list(v, STR_NONE, on_coordinate, &k, ret_index);
    jwrite_close(&k.w);
    jwrite_end(&k.w);
    return 0;
}

int api_coordinate_node(struct api_call *c, struct view *v, uint64_t *ret_index)
{
    struct walk k = {.call = c, .w = api_json(c)};

    jwrite_array(&k.w);
    coordinate_list(v, c->rest, on_coordinate, &k, ret_index);
    jwrite_close(&k.w);
    jwrite_end(&k.w);
    if (k.n == 0) {
        api_empty(c, 404);
        c->is_failure = true; /* consul: this one has no headers of a read */
    }
    return 0;
}

/* ---- update ---- */

static bool take_number(struct api_call *c, const struct jvalue *coord, const char *name,
                        double *ret)
{
    if (jread_double(jread_get(coord, name), ret) == 0)
        return true;
    return api_body_wrong_type(c, name, "float64");
}

static bool take_coord(struct api_call *c, const struct jvalue *coord, struct coordinate *ret)
{
    const struct jvalue *vec = jread_get(coord, "Vec");
    size_t n = jread_count(vec);

    if (jread_type(vec) != JREAD_NULL && jread_type(vec) != JREAD_ARRAY)
        return api_body_wrong_type(c, "Vec", "[]float64");
    for (size_t i = 0; i < n && i < COORDINATE_DIMENSIONS; i++)
        if (jread_double(jread_at(vec, i), &ret->vec[i]))
            return api_body_wrong_type(c, "Vec", "float64");
    if (!take_number(c, coord, "Error", &ret->error) ||
        !take_number(c, coord, "Adjustment", &ret->adjustment) ||
        !take_number(c, coord, "Height", &ret->height))
        return false;
    if (n != COORDINATE_DIMENSIONS)
        return api_fail(c, 500, "incompatible coordinate");
    return coordinate_is_valid(ret) || api_fail(c, 500, "invalid coordinate");
}

/* Ours: each goes into the state at once, where Consul gathers for five seconds. */
bool api_coordinate_update(struct api_call *c, struct buf *command)
{
    struct coordinate co = {.node = STR_LIT(""), .segment = STR_LIT("")};
    const struct jvalue *coord;
    struct jvalue *root;
    bool fits;

    if (!api_body_parse(c, &root))
        return false;
    coord = jread_get(root, "Coord");
    fits = api_body_str(c, root, "Node", &co.node) &&
           api_body_str(c, root, "Segment", &co.segment) && take_coord(c, coord, &co);
    if (fits)
        coordinate_encode(&co, 1, command);
    jread_free(root);
    return fits;
}

void api_coordinate_updated(struct api_call *c, const struct result *result)
{
    (void)result;
    api_empty(c, 200);
}
