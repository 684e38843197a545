/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/cli_http.h"

#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/encode.h"
#include "base/mem.h"
#include "cli/cli_dial.h"
#include "cli/cli_progress.h"

#define CLI_HTTP_READ_SIZE 65536
#define SEND_SIZE          262144 /* between two looks at the progress */
#define PROGRESS_MS        200

struct cli_http {
    int fd;        /* -1: not connected */
    int interrupt; /* readable: stop waiting; or -1 */
    int terminal;  /* for progress, or -1 */
    struct cli_progress progress;
    struct cli_dial where;
    char *token, *auth; /* or NULL */
    bool is_used;       /* this connection has served a request */
    struct buf in;      /* received and not yet taken, from in_at on */
    size_t in_at;
};

/* How the body of a reply ends. */
enum body_kind { BODY_NONE, BODY_LENGTH, BODY_CHUNKED, BODY_TO_END };

struct head {
    int status;
    enum body_kind kind;
    uint64_t length, index;
    bool is_last; /* the peer closes after this reply */
};

struct sink {
    struct buf *body;
    bool (*each)(void *data, struct str bytes); /* NULL: into body */
    void *data;
};

static int http_send(struct cli_http *h, const char *method, struct str url,
                     const struct str *body);
static int http_read_head(struct cli_http *h, const char *method, struct head *ret);
static int http_read_body(struct cli_http *h, const struct head *head, struct sink *sink);
static void http_hang_up(struct cli_http *h);

/* ---- life ---- */

int cli_http_open(const char *address, const char *token, const char *auth, struct cli_http **ret,
                  struct error *err)
{
    struct cli_dial where;
    int status = cli_dial_parse(address, &where, err);

    if (status < 0)
        return status;
    struct cli_http *h = mem_new(struct cli_http);
    h->fd = h->interrupt = h->terminal = -1;
    h->where = where;
    h->token = mem_dup_z(token && *token ? token : NULL);
    h->auth = mem_dup_z(auth && *auth ? auth : NULL);
    buf_init(&h->in, 0);
    *ret = h;
    return 0;
}

struct cli_http *cli_http_adopt(int fd)
{
    struct cli_http *h = mem_new(struct cli_http);

    h->fd = fd;
    h->interrupt = h->terminal = -1;
    h->where.shown = mem_dup_z("adopted");
    buf_init(&h->in, 0);
    return h;
}

void cli_http_close(struct cli_http *h)
{
    if (!h)
        return;
    http_hang_up(h);
    buf_fini(&h->in);
    cli_dial_fini(&h->where);
    mem_free(h->token);
    mem_free(h->auth);
    mem_free(h);
}

void cli_http_set_interrupt(struct cli_http *h, int fd)
{
    h->interrupt = fd;
}

void cli_http_set_progress(struct cli_http *h, int terminal)
{
    h->terminal = terminal;
    cli_progress_begin(&h->progress, clock_now());
}

/* The line of progress, or at the end its removal. */
static void show_progress(struct cli_http *h, bool is_end)
{
    struct buf line;

    if (h->terminal < 0)
        return;
    buf_init(&line, 256);
    if (is_end)
        cli_progress_end(&h->progress, &line);
    else
        cli_progress_tick(&h->progress, clock_now(), &line);
    if (line.n > 0 && write(h->terminal, line.p, line.n) < 0)
        h->terminal = -1; /* gone: then without */
    buf_fini(&line);
}

void cli_http_set_token(struct cli_http *h, const char *token)
{
    mem_free(h->token);
    h->token = mem_dup_z(token && *token ? token : NULL);
}

void cli_reply_fini(struct cli_reply *r)
{
    buf_fini(&r->body);
}

void cli_http_param(struct buf *url, const char *name, const char *value)
{
    buf_put_c(url, str_find(buf_str(url), '?', 0) < url->n ? '&' : '?');
    buf_put_z(url, name);
    if (!value)
        return;
    buf_put_c(url, '=');
    encode_percent(str_z(value), false, url);
}

/* ---- one request ---- */

static int http_exchange(struct cli_http *h, const char *method, struct str url,
                         const struct str *body, struct sink *sink, struct cli_reply *ret,
                         struct error *err);

int cli_http_do(struct cli_http *h, const char *method, struct str url, const struct str *body,
                struct cli_reply *ret, struct error *err)
{
    struct sink sink = {.body = &ret->body};

    return http_exchange(h, method, url, body, &sink, ret, err);
}

int cli_http_stream(struct cli_http *h, const char *method, struct str url,
                    bool (*each)(void *data, struct str bytes), void *data, struct cli_reply *ret,
                    struct error *err)
{
    struct sink sink = {.body = &ret->body, .each = each, .data = data};

    return http_exchange(h, method, url, NULL, &sink, ret, err);
}

static int http_exchange(struct cli_http *h, const char *method, struct str url,
                         const struct str *body, struct sink *sink, struct cli_reply *ret,
                         struct error *err)
{
    struct head head = {0};
    int status = 0;

    *ret = (struct cli_reply){0};
    buf_init(&ret->body, 0);
    /* A kept connection that the agent has closed meanwhile is readable: do not write into it. */
    struct pollfd idle = {.fd = h->fd, .events = POLLIN};
    if (h->fd >= 0 && h->is_used && poll(&idle, 1, 0) != 0)
        http_hang_up(h);
    if (h->fd < 0 && !h->where.host && !h->where.path)
        status = error_set(err, ERR_CLOSED, "closed");
    else if (h->fd < 0)
        status = cli_dial_connect(&h->where, &h->fd, err);
    if (status < 0) {
        error_wrap(err, "%c%s \"http://%s%.*s\"", method[0],
                   strcmp(method, "GET") == 0   ? "et"
                   : strcmp(method, "PUT") == 0 ? "ut"
                                                : "elete",
                   h->where.shown, STR_ARG(url));
        return status;
    }
    status = http_send(h, method, url, body);
    if (status == 0)
        status = http_read_head(h, method, &head);
    if (status == 0) {
        ret->status = head.status;
        ret->index = head.index;
        if (head.status != 200)
            sink->each = NULL;
        status = http_read_body(h, &head, sink);
    }
    show_progress(h, true);
    if (status < 0) {
        http_hang_up(h);
        return error_set(err, status, "%s \"http://%s%.*s\": %s", method, h->where.shown,
                         STR_ARG(url),
                         status == ERR_CLOSED    ? "the agent closed the connection"
                         : status == ERR_INVALID ? "the answer is not HTTP"
                                                 : error_text(status));
    }
    h->is_used = true;
    if (head.is_last || head.kind == BODY_TO_END || sink->each)
        http_hang_up(h);
    return 0;
}

/* ---- connection ---- */

static void http_hang_up(struct cli_http *h)
{
    if (h->fd >= 0)
        (void)close(h->fd);
    h->fd = -1;
    h->is_used = false;
    buf_clear(&h->in);
    h->in_at = 0;
}

static int http_send(struct cli_http *h, const char *method, struct str url, const struct str *body)
{
    struct buf out;
    int status = 0;

    buf_init(&out, 0);
    buf_putf(&out, "%s %.*s HTTP/1.1\r\nHost: %s\r\nUser-Agent: disco\r\n", method, STR_ARG(url),
             h->where.path ? "localhost" : h->where.shown);
    if (h->token)
        buf_putf(&out, "X-Consul-Token: %s\r\n", h->token);
    if (h->auth) {
        buf_put_z(&out, "Authorization: Basic ");
        encode_base64(str_z(h->auth), &out);
        buf_put_z(&out, "\r\n");
    }
    if (body)
        buf_putf(&out, "Content-Length: %zu\r\n", body->n);
    buf_put_z(&out, "\r\n");
    if (body)
        buf_put_str(&out, *body);
    if (out.failed)
        status = ERR_TOO_LARGE;
    for (size_t at = 0; status == 0 && at < out.n;) {
        size_t part = out.n - at < SEND_SIZE ? out.n - at : SEND_SIZE;
        ssize_t n = send(h->fd, out.p + at, part, MSG_NOSIGNAL);
        if (n >= 0) {
            at += (size_t)n;
            h->progress.sent += (uint64_t)n;
            show_progress(h, false);
        } else if (errno == EPIPE || errno == ECONNRESET)
            break; /* the agent has said why (413), or the read says that it is gone */
        else if (errno != EINTR)
            status = -errno;
    }
    buf_fini(&out);
    return status;
}

/* ---- the answer ---- */

/* poll, as long as that, with the progress shown meanwhile. */
static int wait_for(struct cli_http *h, struct pollfd p[2], int wait_ms)
{
    int ready = 0;

    for (int left = wait_ms; ready == 0 && left != 0;) {
        int slice = h->terminal >= 0 && (left < 0 || left > PROGRESS_MS) ? PROGRESS_MS : left;
        ready = poll(p, 2, slice);
        left -= left < 0 ? 0 : slice;
        if (slice < 0)
            break;
        show_progress(h, false);
    }
    return ready;
}

/* Receives more into h->in; ERR_CLOSED at the end. wait_ms -1: without limit. */
static int http_fill(struct cli_http *h, int wait_ms)
{
    struct pollfd p[] = {{.fd = h->fd, .events = POLLIN}, {.fd = h->interrupt, .events = POLLIN}};

    if (h->in_at == h->in.n) {
        buf_clear(&h->in);
        h->in_at = 0;
    }
    for (;;) {
        int ready = wait_for(h, p, wait_ms);
        if (ready == 0)
            return ERR_TIMEOUT;
        if (ready < 0)
            return -errno; /* EINTR too: a signal ends `monitor` */
        if (p[1].revents)
            return -EINTR;
        char *room = buf_reserve(&h->in, CLI_HTTP_READ_SIZE);
        if (!room)
            return ERR_TOO_LARGE;
        ssize_t n = recv(h->fd, room, CLI_HTTP_READ_SIZE, 0);
        if (n == 0)
            return ERR_CLOSED;
        if (n > 0) {
            h->in.n += (size_t)n;
            h->progress.received += (uint64_t)n;
            return 0;
        }
        if (errno != EINTR && errno != EAGAIN)
            return errno == ECONNRESET ? ERR_CLOSED : -errno;
    }
}

static struct str http_unread(const struct cli_http *h)
{
    return str_drop(buf_str(&h->in), h->in_at);
}

/* One line without its end, borrowed until the next fill. */
static int http_read_line(struct cli_http *h, size_t *left, int wait_ms, struct str *ret)
{
    for (;;) {
        struct str s = http_unread(h);
        size_t end = str_find(s, '\n', 0);
        if (end < s.n) {
            if (end + 1 > *left)
                return ERR_INVALID;
            *left -= end + 1;
            h->in_at += end + 1;
            *ret = str_take(s, end);
            if (str_has_suffix(*ret, STR_LIT("\r")))
                *ret = str_take(*ret, ret->n - 1);
            return 0;
        }
        if (s.n > *left)
            return ERR_INVALID;
        int status = http_fill(h, wait_ms);
        if (status < 0)
            return status;
    }
}

static int head_status(struct str line, struct head *ret)
{
    uint64_t code;

    if (!str_has_prefix(line, STR_LIT("HTTP/1.")) || line.n < 12 || line.p[8] != ' ' ||
        str_to_u64(str_take(str_drop(line, 9), 3), &code) < 0 || code < 100 || code > 599)
        return ERR_INVALID;
    *ret = (struct head){.status = (int)code, .kind = BODY_TO_END, .is_last = line.p[7] == '0'};
    return 0;
}

static int head_field(struct str line, struct head *ret)
{
    struct str value = line, name = str_split(&value, ':');

    value = str_trim(value);
    if (str_eq_nocase(name, STR_LIT("content-length")) && ret->kind != BODY_CHUNKED) {
        ret->kind = BODY_LENGTH;
        return str_to_u64(value, &ret->length);
    }
    if (str_eq_nocase(name, STR_LIT("x-consul-index")) && str_to_u64(value, &ret->index) < 0)
        ret->index = 0;
    if (str_eq_nocase(name, STR_LIT("transfer-encoding")))
        ret->kind = BODY_CHUNKED;
    if (str_eq_nocase(name, STR_LIT("connection")) && str_eq_nocase(value, STR_LIT("close")))
        ret->is_last = true;
    return 0;
}

static int http_read_head(struct cli_http *h, const char *method, struct head *ret)
{
    do { /* 1xx answers come before the one */
        size_t left = CLI_HTTP_HEAD_MAX;
        struct str line;
        int status = http_read_line(h, &left, CLI_HTTP_ANSWER_MS, &line);
        if (status == 0)
            status = head_status(line, ret);
        while (status == 0) {
            status = http_read_line(h, &left, CLI_HTTP_ANSWER_MS, &line);
            if (status < 0 || line.n == 0)
                break;
            status = head_field(line, ret);
        }
        if (status < 0)
            return status;
    } while (ret->status < 200);
    if (ret->status == 204 || ret->status == 304 || strcmp(method, "HEAD") == 0)
        ret->kind = BODY_NONE;
    return 0;
}

/* Moves `n` bytes (or as many as come, if `to_end`) to the sink. ERR_CANCELED: it wants no more. */
static int http_read_part(struct cli_http *h, uint64_t n, bool to_end, struct sink *sink)
{
    while (n > 0 || to_end) {
        struct str s = http_unread(h);
        if (s.n == 0) {
            int status = http_fill(h, sink->each ? -1 : CLI_HTTP_ANSWER_MS);
            if (status == ERR_CLOSED && to_end)
                return 0;
            if (status < 0)
                return status;
            continue;
        }
        if (!to_end && s.n > n)
            s.n = (size_t)n;
        h->in_at += s.n;
        n -= to_end ? 0 : s.n;
        if (sink->each) {
            if (!sink->each(sink->data, s))
                return ERR_CANCELED;
        } else {
            buf_put_str(sink->body, s);
            if (sink->body->failed)
                return ERR_TOO_LARGE;
        }
    }
    return 0;
}

/* "1a;ext" as a number. */
static int chunk_size(struct str line, uint64_t *ret)
{
    struct str digits = str_trim(str_split(&line, ';'));
    uint64_t n = 0;

    if (digits.n == 0 || digits.n > 15)
        return ERR_INVALID;
    for (size_t i = 0; i < digits.n; i++) {
        unsigned char c = (unsigned char)digits.p[i];
        if (!isxdigit(c))
            return ERR_INVALID;
        n = n * 16 + (uint64_t)(c <= '9' ? c - '0' : (c | 32) - 'a' + 10);
    }
    *ret = n;
    return 0;
}

static int http_read_chunks(struct cli_http *h, struct sink *sink)
{
    int wait_ms = sink->each ? -1 : CLI_HTTP_ANSWER_MS;

    for (;;) {
        size_t left = CLI_HTTP_HEAD_MAX;
        struct str line;
        uint64_t n = 0;
        int status = http_read_line(h, &left, wait_ms, &line);
        if (status == 0)
            status = chunk_size(line, &n);
        if (status == 0 && n > 0)
            status = http_read_part(h, n, false, sink);
        /* The line end after a chunk, or the trailers after the last. */
        while (status == 0) {
            status = http_read_line(h, &left, wait_ms, &line);
            if (n > 0 || line.n == 0)
                break;
        }
        if (status < 0 || n == 0)
            return status;
    }
}

static int http_read_body(struct cli_http *h, const struct head *head, struct sink *sink)
{
    int status = 0;

    switch (head->kind) {
    case BODY_NONE:
        break;
    case BODY_LENGTH:
        status = http_read_part(h, head->length, false, sink);
        break;
    case BODY_CHUNKED:
        status = http_read_chunks(h, sink);
        break;
    case BODY_TO_END:
        status = http_read_part(h, 0, true, sink);
        break;
    }
    return status == ERR_CANCELED ? 0 : status;
}
