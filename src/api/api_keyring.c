/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "api/api_keyring.h"

#include "agent/keyring.h"
#include "api/api_body.h"
#include "api/api_ship.h"
#include "api/route.h"

#define RELAY_MAX 5
#define DCS_MAX   64

struct other { /* a datacenter's LAN pool */
    struct work *work;
    struct ship ship;
};
struct work {
    struct keyring_ask ask; /* our own pools */
    struct api_call *call;
    struct other *others[DCS_MAX];
    size_t other_n;
    int left;
    struct buf json, errors; /* of the others: their lists, lines of errors */
    int error_n;
};

static bool read_relay(struct api_call *c, uint8_t *ret)
{
    struct str text = param_get(&c->params, "relay-factor");
    int64_t relay;

    if (text.n == 0)
        return true;
    if (str_to_i64(text, &relay) < 0)
        return api_fail(c, 400,
                        "Bad request: Error parsing relay factor: strconv.Atoi: parsing \"%.*s\": "
                        "invalid syntax",
                        STR_ARG(text));
    if (relay < 0 || relay > RELAY_MAX)
        return api_fail(c, 400,
                        "Bad request: Invalid relay-factor: Relay factor must be in range: [0, 5]");
    *ret = (uint8_t)relay;
    return true;
}

/* strconv.ParseBool */
static bool read_local_only(struct api_call *c, bool *ret)
{
    static const char *const words[] = {"1", "t", "T", "true", "TRUE", "True"};
    static const char *const others[] = {"0", "f", "F", "false", "FALSE", "False"};
    struct str text = param_get(&c->params, "local-only");

    if (text.n == 0)
        return true;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (str_eq_z(text, words[i]) || str_eq_z(text, others[i])) {
            *ret = str_eq_z(text, words[i]);
            return true;
        }
    }
    return api_fail(c, 400,
                    "Bad request: Error parsing local-only: strconv.ParseBool: parsing \"%.*s\": "
                    "invalid syntax",
                    STR_ARG(text));
}

/* The words of a body that cannot be read stand behind "Bad request: " here. */
static bool read_body(struct api_call *c, struct str *ret_key)
{
    struct jvalue *root = NULL;
    struct str key = STR_NONE;
    bool is_good = api_body_parse(c, &root) && api_body_str(c, root, "Key", &key);

    if (is_good) {
        *ret_key = api_keep(c, key);
    } else {
        struct str words = api_keep(c, buf_str(&c->reply.body));

        (void)api_fail(c, 400, "Bad request: %.*s", STR_ARG(words));
    }
    jread_free(root);
    return is_good;
}

bool api_keyring_check(struct api_call *c)
{
    static const struct {
        enum api_method method;
        enum keyring_op op;
    } ops[] = {{API_GET, KEYRING_LIST},
               {API_POST, KEYRING_INSTALL},
               {API_PUT, KEYRING_USE},
               {API_DELETE, KEYRING_REMOVE}};
    struct work *w = arena_new(&c->arena, struct work);

    *w = (struct work){.call = c, .ask = {.op = KEYRING_LIST, .pretty = c->pretty}};
    for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
        if (c->route->method == ops[i].method)
            w->ask.op = ops[i].op;
    c->scratch = w;
    if (w->ask.op != KEYRING_LIST && !read_body(c, &w->ask.key))
        return false;
    if (!read_relay(c, &w->ask.relay) || !read_local_only(c, &w->ask.local_only))
        return false;
    /* A server of another datacenter has asked the same of the other pools. */
    if (w->ask.local_only && w->ask.op != KEYRING_LIST && !c->is_final)
        return api_fail(c, 400,
                        "Bad request: Invalid use of local-only: local-only can only be set for "
                        "list requests");
    return true;
}

/* ---- the answer ---- */

/* "N errors occurred:\n" and a line each; those of the others behind ours. */
static void fail(struct work *w)
{
    struct str own = buf_str(&w->ask.errors), line;
    struct buf lines = {0};
    int n = w->error_n;

    (void)str_split(&own, '\n');
    while (own.p && own.n > 0) {
        line = str_split(&own, '\n');
        if (line.n > 0) {
            buf_putf(&lines, "%.*s\n", STR_ARG(line));
            n++;
        }
    }
    buf_put_str(&lines, buf_str(&w->errors));
    (void)api_fail(w->call, 500, "%d error%s occurred:\n%s\n", n, n == 1 ? "" : "s", buf_z(&lines));
    buf_fini(&lines);
}

static void list(struct work *w)
{
    struct jwrite json = api_json(w->call);
    struct str own = buf_str(&w->ask.json);
    size_t end = own.n;

    while (end > 0 && own.p[end - 1] != ']')
        end--;
    if (w->json.n == 0 || end == 0) {
        buf_put_str(json.out, own);
        return;
    }
    end--;
    if (end > 0 && own.p[end - 1] == '\n')
        end--;
    buf_put_str(json.out, str_take(own, end));
    buf_put_str(json.out, buf_str(&w->json));
    buf_put_str(json.out, str_drop(own, end));
}

static void settle(struct work *w)
{
    if (--w->left > 0)
        return;
    if (w->ask.errors.n > 0 || w->error_n > 0)
        fail(w);
    else if (w->ask.op == KEYRING_LIST)
        list(w);
    else
        api_empty(w->call, 200);
    for (size_t i = 0; i < w->other_n; i++)
        ship_fini(&w->others[i]->ship);
    buf_fini(&w->ask.errors);
    buf_fini(&w->ask.json);
    buf_fini(&w->json);
    buf_fini(&w->errors);
    ask_answer(&w->call->work.ask);
}

static void on_done(struct keyring_ask *k)
{
    settle(LIST_ITEM(k, struct work, ask));
}

/* ---- other datacenters ---- */

static void take_errors(struct other *o, struct str text)
{
    struct work *w = o->work;
    struct str rest = text, line;
    int n = 0;

    while (rest.p && rest.n > 0) {
        line = str_split(&rest, '\n');
        if (str_has_prefix(line, STR_LIT("\t* "))) {
            buf_putf(&w->errors, "%.*s\n", STR_ARG(line));
            n++;
        }
    }
    if (n == 0) {
        buf_putf(&w->errors, "\t* %.*s (LAN) error: %.*s\n", STR_ARG(o->ship.datacenter),
                 STR_ARG(text));
        n = 1;
    }
    w->error_n += n;
}

static void on_other(struct ship *s)
{
    struct other *o = LIST_ITEM(s, struct other, ship);
    struct work *w = o->work;
    struct str body = STR_NONE;
    int status = 0;

    if (s->status == ERR_NOT_FOUND)
        take_errors(o, STR_LIT("No path to datacenter"));
    else if (s->status || api_ship_take(buf_str(&s->answer), &status, &body))
        take_errors(o, str_z(error_text(s->status ? s->status : ERR_CORRUPT)));
    else if (status != 200)
        take_errors(o, body);
    else if (w->ask.op == KEYRING_LIST) { /* "[...]": what is inside */
        while (body.n > 0 && body.p[body.n - 1] != ']')
            body.n--;
        body.n -= body.n > 0;
        if (body.n > 0 && body.p[body.n - 1] == '\n')
            body.n--;
        if (body.n > 1)
            buf_putf(&w->json, ",%.*s", STR_ARG(str_drop(body, 1)));
    }
    settle(w);
}

static void ask_other(void *data, const char *name)
{
    struct work *w = data;
    struct api_call *c = w->call;
    struct buf query = {0};

    if (strcmp(name, c->env->config->datacenter) == 0 || w->other_n == DCS_MAX)
        return;
    struct other *o = arena_new(&c->arena, struct other);
    *o = (struct other){.work = w,
                        .ship = {.kind = SHIP_API,
                                 .target = SHIP_TO_ANY,
                                 .datacenter = api_keep(c, str_z(name)),
                                 .may_repeat = true, /* each of them may be done twice */
                                 .done = on_other}};
    buf_init(&o->ship.body, SHIP_BODY_SIZE_MAX);
    buf_putf(&query, "local-only=true&relay-factor=%u%s", w->ask.relay, c->pretty ? "&pretty" : "");
    api_ship_put(c, buf_str(&query), &o->ship.body);
    buf_fini(&query);
    w->others[w->other_n++] = o;
    w->left++;
}

void api_keyring(struct api_call *c, struct agent *agent)
{
    struct work *w = c->scratch;

    w->ask.done = on_done;
    c->work.ask.later = true;
    w->left = 1;
    if (!w->ask.local_only)
        agent_each_datacenter(agent, ask_other, w);
    for (size_t i = 0; i < w->other_n; i++)
        ship_submit_core(agent, &w->others[i]->ship);
    keyring_ask(agent, &w->ask);
}
