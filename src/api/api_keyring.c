/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "api/api_keyring.h"

#include "agent/keyring.h"
#include "api/api_body.h"
#include "api/route.h"

#define RELAY_MAX 5

struct work {
    struct keyring_ask ask;
    struct api_call *call;
};

static bool read_relay(struct api_call *c)
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
    if (!read_relay(c) || !read_local_only(c, &w->ask.local_only))
        return false;
    if (w->ask.local_only && w->ask.op != KEYRING_LIST)
        return api_fail(c, 400,
                        "Bad request: Invalid use of local-only: local-only can only be set for "
                        "list requests");
    return true;
}

static void on_done(struct keyring_ask *k)
{
    struct work *w = LIST_ITEM(k, struct work, ask);
    struct api_call *c = w->call;
    struct jwrite json;

    if (k->errors.n > 0) {
        (void)api_fail(c, 500, "%.*s", STR_ARG(buf_str(&k->errors)));
    } else if (k->op == KEYRING_LIST) {
        json = api_json(c);
        buf_put_str(json.out, buf_str(&k->json));
    } else {
        api_empty(c, 200);
    }
    buf_fini(&k->errors);
    buf_fini(&k->json);
    ask_answer(&c->work.ask);
}

void api_keyring(struct api_call *c, struct agent *agent)
{
    struct work *w = c->scratch;

    w->ask.done = on_done;
    c->work.ask.later = true;
    keyring_ask(agent, &w->ask);
}
