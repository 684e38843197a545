/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Any request has one answer. The input: lines "METHOD TARGET" with the body after the first empty
 * line; several requests are parted by a line of "%%" and share one state.
 */
#include "api/api.h"
#include "api/route.h"
#include "base/encode.h"
#include "tests/lib/api_world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct api_world world;

/* There is no agent here that could answer for itself. */
static bool asks_agent(struct str target)
{
    struct str path = str_take(target, str_find(target, '?', 0));
    bool asks = false;

    for (int method = API_GET; method < API_OTHER; method *= 2) {
        const struct api_route *any, *route;
        struct buf decoded;

        buf_init(&decoded, 0);
        if (encode_percent_parse(path, false, &decoded) == 0) {
            route = route_find(buf_str(&decoded), (enum api_method)method, &any);
            asks |= route && route->kind == API_CORE;
        }
        buf_fini(&decoded);
    }
    return asks;
}

static void answer(struct str request)
{
    struct str body = request, line = str_split(&body, '\n'), target = line;
    struct str method = str_split(&target, ' ');
    struct api_call *c;
    char name[16];

    str_copy_z(method, name, sizeof(name));
    if (!target.p)
        target = STR_LIT("/");
    if (asks_agent(target))
        return;
    if (body.n && body.p[0] == '\n')
        body = str_drop(body, 1);
    c = api_world_ask(&world, name, target, body);
    ASSERT(api_is_parked(c) || (c->reply.status >= 200 && c->reply.status <= 599));
    ASSERT(c->reply.header_n <= API_HEADERS_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int runs;
    struct str rest = str_make(data, size);

    if (runs++ % 500 == 0) { /* a fresh state now and then: opening one is slow */
        if (runs > 1)
            api_world_close(&world);
        api_world_open(&world);
    }
    while (rest.p) {
        size_t end = str_search(rest, STR_LIT("\n%%\n"));

        answer(str_take(rest, end));
        rest = end < rest.n ? str_drop(rest, end + 4) : STR_NONE;
    }
    return 0;
}
