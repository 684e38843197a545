/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A lock is the key PREFIX/.lock, acquired by a session. A semaphore has one key for each
 * contender, PREFIX/SESSION, acquired by it, so that its death shows; and PREFIX/.lock with the
 * limit and the holders as JSON, changed by compare-and-set. Holders whose contender is gone do not
 * count.
 */
#include "cli/cli_hold.h"

#include <errno.h>
#include <stdio.h>

#include "base/encode.h"
#include "base/jread.h"
#include "base/jwrite.h"
#include "cli/cli_hold_request.h"

#define TTL     DURATION_S(15) /* consul: DefaultLockSessionTTL */
#define WAIT_MS 5000           /* of one question, so that the session is renewed in time */
#define RETRY   DURATION_S(1)  /* while a lock-delay lasts */

/* ---- the session ---- */

int cli_hold_open(struct cli_hold *h, const char *name, struct error *err)
{
    struct cli_reply reply;
    struct jvalue *root = NULL;
    struct str id = STR_NONE;
    struct buf url, body;
    struct jwrite w;

    buf_init(&body, 0);
    jwrite_init(&w, &body, false);
    jwrite_object(&w);
    jwrite_name(&w, "Name");
    jwrite_z(&w, name);
    jwrite_name(&w, "TTL");
    jwrite_z(&w, "15s");
    jwrite_name(&w, "Behavior");
    jwrite_z(&w, "release");
    jwrite_close(&w);
    jwrite_end(&w);
    cli_hold_url(h, &url, "/v1/session/create");
    struct str text = buf_str(&body);
    int status = cli_hold_request(h, "PUT", &url, &text, &reply, err);
    if (status == 0)
        status = jread_parse(buf_str(&reply.body), &root, err);
    if (status == 0 && (jread_str(jread_get(root, "ID"), &id) < 0 || id.n == 0 ||
                        !str_copy_z(id, h->session, sizeof(h->session))))
        status = error_set(err, ERR_INVALID, "the answer cannot be read");
    jread_free(root);
    cli_reply_fini(&reply);
    buf_fini(&body);
    h->renewed = clock_now();
    return status;
}

/* In time, and not more often. ERR_CLOSED: it is gone. */
static int renew_if_due(struct cli_hold *h, struct error *err)
{
    struct cli_reply reply;
    struct buf url, path;

    if (instant_since(clock_now(), h->renewed).ns < TTL.ns / 2)
        return 0;
    struct instant asked = clock_now();
    buf_init(&path, 0);
    buf_putf(&path, "/v1/session/renew/%s", h->session);
    cli_hold_url(h, &url, buf_z(&path));
    buf_fini(&path);
    int status = cli_http_do(h->http, "PUT", buf_str(&url), &STR_NONE, &reply, err);
    buf_fini(&url);
    if (status == 0 && reply.status == 404)
        status = error_set(err, ERR_CLOSED, "the session has ended");
    else if (status == 0 && reply.status != 200)
        status = error_set(err, ERR_INVALID, "Unexpected response code: %d", reply.status);
    else if (status == 0)
        h->renewed = asked;
    cli_reply_fini(&reply);
    return status;
}

static void session_end(struct cli_hold *h)
{
    struct error err = {0};
    struct buf url, path;
    bool done;

    if (!h->session[0])
        return;
    buf_init(&path, 0);
    buf_putf(&path, "/v1/session/destroy/%s", h->session);
    cli_hold_url(h, &url, buf_z(&path));
    buf_fini(&path);
    if (cli_hold_change(h, "PUT", &url, STR_NONE, &done, &err) == 0)
        h->session[0] = '\0'; /* else its TTL ends it */
}

/* ---- what is there ---- */

struct pair {
    const struct jvalue *v; /* NULL: the key is not there */
    struct str session, value;
    uint64_t flags, modify_index;
};

static struct pair pair_read(const struct jvalue *v)
{
    struct pair p = {.v = v};

    if (v && (jread_str(jread_get(v, "Session"), &p.session) < 0 ||
              jread_str(jread_get(v, "Value"), &p.value) < 0 ||
              jread_u64(jread_get(v, "Flags"), &p.flags) < 0 ||
              jread_u64(jread_get(v, "ModifyIndex"), &p.modify_index) < 0))
        p.v = NULL;
    return p;
}

/* The pair of PREFIX/NAME in an answer. */
static struct pair pair_find(const struct cli_hold *h, const struct jvalue *root, const char *name)
{
    size_t n = strlen(h->prefix);

    for (size_t i = 0; i < jread_count(root); i++) {
        struct str key = STR_NONE;
        const struct jvalue *v = jread_at(root, i);
        if (jread_str(jread_get(v, "Key"), &key) == 0 && key.n > n &&
            str_eq_z(str_take(key, n), h->prefix) && key.p[n] == '/' &&
            str_eq_z(str_drop(key, n + 1), name))
            return pair_read(v);
    }
    return (struct pair){0};
}

/* Asks for PREFIX/.lock (a lock) or all keys (a semaphore); *ret is the caller's. */
static int fetch(struct cli_hold *h, bool waits, struct jvalue **ret, struct error *err)
{
    struct cli_reply reply;
    struct buf url;

    *ret = NULL;
    cli_hold_url_key(h, &url, h->limit == 1 ? ".lock" : NULL);
    cli_http_param(&url, "consistent", NULL);
    if (waits && h->index > 0) {
        int64_t left = duration_ms(instant_since(h->until, clock_now()));
        char wait[16];
        (void)snprintf(wait, sizeof(wait), "%dms",
                       left < 1         ? 1
                       : left > WAIT_MS ? WAIT_MS
                                        : (int)left);
        cli_hold_url_number(&url, "index", h->index);
        cli_http_param(&url, "wait", wait);
    }
    int status = cli_hold_request(h, "GET", &url, NULL, &reply, err);
    if (status == 0 && reply.status == 200)
        status = jread_parse(buf_str(&reply.body), ret, err);
    if (status == 0)
        h->index = reply.index >= h->index ? reply.index : 0;
    cli_reply_fini(&reply);
    return status;
}

/* Keys that something else uses are left alone. An empty one without flags is what flock(2) on the
 * mount, or touch(1), makes of it. */
static int check_use(const struct cli_hold *h, const struct pair *p, struct error *err)
{
    uint64_t flags = h->limit == 1 ? CLI_HOLD_LOCK_FLAGS : CLI_HOLD_SEMAPHORE_FLAGS;

    if (!p->v || p->flags == flags || (p->flags == 0 && p->value.n == 0))
        return 0;
    return error_set(err, ERR_CONFLICT, "Existing key does not match %s use",
                     h->limit == 1 ? "lock" : "semaphore");
}

/* ---- a lock ---- */

/* 0: held; ERR_BUSY: not now, the next look waits for a change; ERR_CANCELED: not now, and nothing
 * will tell when: a lock-delay. */
static int lock_try(struct cli_hold *h, struct error *err)
{
    struct jvalue *root;
    struct buf url;
    bool done = false;
    int status = fetch(h, true, &root, err);

    if (status < 0)
        return status;
    struct pair p = pair_read(jread_at(root, 0));
    status = check_use(h, &p, err);
    bool mine = str_eq_z(p.session, h->session), free_now = p.session.n == 0;
    jread_free(root);
    if (status < 0 || mine)
        return status;
    if (!free_now)
        return ERR_BUSY;
    cli_hold_url_key(h, &url, ".lock");
    cli_http_param(&url, "acquire", h->session);
    cli_hold_url_number(&url, "flags", CLI_HOLD_LOCK_FLAGS);
    status = cli_hold_change(h, "PUT", &url, STR_NONE, &done, err);
    if (status < 0 || done)
        return status;
    if ((status = fetch(h, false, &root, err)) < 0)
        return status;
    p = pair_read(jread_at(root, 0));
    free_now = p.session.n == 0;
    jread_free(root);
    return free_now ? ERR_CANCELED : ERR_BUSY;
}

static int lock_is_held(struct cli_hold *h, const struct jvalue *root)
{
    struct pair p = pair_read(jread_at(root, 0));

    return str_eq_z(p.session, h->session) ? 0 : ERR_CLOSED;
}

static int lock_give(struct cli_hold *h, struct error *err)
{
    struct buf url;
    bool done;

    cli_hold_url_key(h, &url, ".lock");
    cli_http_param(&url, "release", h->session);
    cli_hold_url_number(&url, "flags", CLI_HOLD_LOCK_FLAGS);
    return cli_hold_change(h, "PUT", &url, STR_NONE, &done, err);
}

/* ---- a semaphore ---- */

struct holders {
    struct jvalue *root; /* or NULL: nobody yet */
    uint64_t limit;
};

static int holders_read(const struct pair *p, struct holders *ret, struct error *err)
{
    struct buf text;

    *ret = (struct holders){0};
    if (!p->v || p->value.n == 0)
        return 0;
    buf_init(&text, 1 << 20);
    int status = encode_base64_parse(p->value, &text);
    if (status == 0)
        status = jread_parse(buf_str(&text), &ret->root, err);
    if (status == 0 && jread_u64(jread_get(ret->root, "Limit"), &ret->limit) < 0)
        status = ERR_INVALID;
    buf_fini(&text);
    if (status < 0) {
        jread_free(ret->root);
        ret->root = NULL;
        return error_set(err, ERR_CONFLICT, "Existing key does not match semaphore use");
    }
    return 0;
}

/* Is this holder alive: has its contender key a session? */
static bool is_alive(const struct cli_hold *h, const struct jvalue *pairs, struct str holder)
{
    char name[64];

    if (!str_copy_z(holder, name, sizeof(name)))
        return false;
    struct pair p = pair_find(h, pairs, name);
    return p.v && p.session.n > 0;
}

/* The new value of the key: those alive, with or without us; *ret_n counts the others. */
static void holders_write(const struct cli_hold *h, const struct holders *old,
                          const struct jvalue *pairs, bool with_us, struct buf *out, size_t *ret_n)
{
    const struct jvalue *list = jread_get(old->root, "Holders"), *v;
    struct jwrite w;
    struct str holder;
    size_t pos = 0, n = 0;

    jwrite_init(&w, out, false);
    jwrite_object(&w);
    jwrite_name(&w, "Limit");
    jwrite_u64(&w, h->limit);
    jwrite_name(&w, "Holders");
    jwrite_object(&w);
    while (jread_next(list, &pos, &holder, &v)) {
        if (str_eq_z(holder, h->session) || !is_alive(h, pairs, holder))
            continue;
        jwrite_name_str(&w, holder);
        jwrite_bool(&w, true);
        n++;
    }
    if (with_us) {
        jwrite_name(&w, h->session);
        jwrite_bool(&w, true);
    }
    jwrite_close(&w);
    jwrite_close(&w);
    jwrite_end(&w);
    *ret_n = n;
}

/* Compare-and-set of PREFIX/.lock. */
static int holders_put(struct cli_hold *h, const struct pair *before, struct str value, bool *ret,
                       struct error *err)
{
    struct buf url;

    cli_hold_url_key(h, &url, ".lock");
    cli_hold_url_number(&url, "cas", before->v ? before->modify_index : 0);
    cli_hold_url_number(&url, "flags", CLI_HOLD_SEMAPHORE_FLAGS);
    return cli_hold_change(h, "PUT", &url, value, ret, err);
}

/* Changes the holders so that we are (or are not) among them. As lock_try. */
static int holders_change(struct cli_hold *h, bool with_us, bool waits, struct error *err)
{
    struct jvalue *pairs;
    struct holders old;
    struct buf value;
    size_t n = 0;
    bool done = false;
    int status = fetch(h, waits, &pairs, err);

    if (status < 0)
        return status;
    struct pair lock = pair_find(h, pairs, ".lock");
    status = check_use(h, &lock, err);
    if (status == 0)
        status = holders_read(&lock, &old, err);
    if (status < 0) {
        jread_free(pairs);
        return status;
    }
    buf_init(&value, 0);
    if (old.limit && old.limit != h->limit)
        status = error_set(err, ERR_CONFLICT, "semaphore limit conflict (lock: %llu, local: %llu)",
                           (unsigned long long)old.limit, (unsigned long long)h->limit);
    else
        holders_write(h, &old, pairs, with_us, &value, &n);
    if (status == 0 && with_us && n >= h->limit)
        status = ERR_BUSY;
    if (status == 0 && !with_us && !lock.v)
        done = true; /* not even begun */
    else if (status == 0)
        status = holders_put(h, &lock, buf_str(&value), &done, err);
    if (status == 0 && !done) {
        h->index = 0; /* somebody was faster: look again at once */
        status = ERR_BUSY;
    }
    buf_fini(&value);
    jread_free(old.root);
    jread_free(pairs);
    return status;
}

/* The contender's key, without which nobody believes that we live. */
static int contend(struct cli_hold *h, struct error *err)
{
    struct buf url;
    bool done = false;

    cli_hold_url_key(h, &url, h->session);
    cli_http_param(&url, "acquire", h->session);
    cli_hold_url_number(&url, "flags", CLI_HOLD_SEMAPHORE_FLAGS);
    int status = cli_hold_change(h, "PUT", &url, STR_NONE, &done, err);
    if (status == 0 && !done)
        status = error_set(err, ERR_CONFLICT, "failed to make contender entry");
    return status;
}

static int semaphore_is_held(struct cli_hold *h, const struct jvalue *pairs)
{
    struct pair lock = pair_find(h, pairs, ".lock");
    struct error err = {0};
    struct holders now;
    bool held = holders_read(&lock, &now, &err) == 0 &&
                jread_get(jread_get(now.root, "Holders"), h->session) &&
                is_alive(h, pairs, str_z(h->session));

    jread_free(now.root);
    return held ? 0 : ERR_CLOSED;
}

static int semaphore_give(struct cli_hold *h, struct error *err)
{
    struct buf url;
    bool done;
    int status;

    while ((status = holders_change(h, false, false, err)) == ERR_BUSY)
        ;
    cli_hold_url_key(h, &url, h->session);
    int rc = cli_hold_change(h, "DELETE", &url, STR_NONE, &done, status ? NULL : err);
    return status ? status : rc;
}

/* ---- both ---- */

int cli_hold_take(struct cli_hold *h, struct instant until, struct error *err)
{
    int status = h->limit == 1 ? 0 : contend(h, err);

    h->until = until;
    while (status == 0 || status == ERR_BUSY || status == ERR_CANCELED || status == -EINTR) {
        struct duration pause = {0};
        if (status == ERR_CANCELED) {
            pause = RETRY;
            h->index = 0; /* nothing changes when a lock-delay ends */
        }
        if (cli_child_wait(h->child, pause) == CLI_CHILD_SIGNAL)
            return error_set(err, -EINTR, "interrupted");
        if (!instant_before(clock_now(), until))
            return error_set(err, ERR_TIMEOUT, "timed out");
        status = renew_if_due(h, err);
        if (status == 0)
            status = h->limit == 1 ? lock_try(h, err) : holders_change(h, true, true, err);
        if (status == 0) {
            h->index = 0;
            h->until = INSTANT_NEVER;
            return 0;
        }
    }
    return status;
}

int cli_hold_look(struct cli_hold *h, struct error *err)
{
    struct jvalue *root;
    int status = renew_if_due(h, err);

    /* Without an answer for so long the session has ended, whatever the agent would say. */
    if (status < 0 && instant_since(clock_now(), h->renewed).ns >= TTL.ns)
        return ERR_CLOSED;
    if (status == 0)
        status = fetch(h, true, &root, err);
    if (status < 0)
        return status;
    status = h->limit == 1 ? lock_is_held(h, root) : semaphore_is_held(h, root);
    jread_free(root);
    return status;
}

int cli_hold_release(struct cli_hold *h, struct error *err)
{
    cli_http_set_interrupt(h->http, -1); /* whatever comes: this is done */
    int status = h->limit == 1 ? lock_give(h, err) : semaphore_give(h, err);
    session_end(h);
    return status;
}

int cli_hold_clean(struct cli_hold *h, struct error *err)
{
    struct jvalue *root;
    struct buf url;
    bool done = true;
    size_t n = 0;
    int status = fetch(h, false, &root, err);

    if (status < 0)
        return status;
    struct pair lock = h->limit == 1 ? pair_read(jread_at(root, 0)) : pair_find(h, root, ".lock");
    if (h->limit > 1 && lock.v) {
        struct holders now;
        struct buf ignored;
        buf_init(&ignored, 0);
        status = holders_read(&lock, &now, err);
        if (status == 0) {
            holders_write(h, &now, root, false, &ignored, &n);
            jread_free(now.root);
        }
        buf_fini(&ignored);
    }
    if (status == 0 && lock.v && (n > 0 || lock.session.n > 0)) {
        status = ERR_BUSY;
    } else if (status == 0 && lock.v) {
        cli_hold_url_key(h, &url, ".lock");
        cli_hold_url_number(&url, "cas", lock.modify_index);
        status = cli_hold_change(h, "DELETE", &url, STR_NONE, &done, err);
    }
    jread_free(root);
    return status == 0 && !done ? ERR_BUSY : status;
}
