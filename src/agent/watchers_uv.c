/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Processes and not code on the core's loop: a handler, or an answer of a hundred megabytes, must
 * not delay gossip and Raft; and `disco watch` is the same program for both.
 */
#define _GNU_SOURCE /* memfd_create */

#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include <uv.h>

#include "agent/watchers.h"
#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"

#define LOG       "agent.watch"
#define AGAIN_MS  1000
#define KILL_MS   3000 /* from being told to end to the kill */
#define LINE_SIZE 4096

struct watcher {
    struct list link;
    struct watchers *all;
    uv_process_t process;
    uv_pipe_t output;
    struct timer timer; /* to start again, or to kill */
    char *definition;   /* owned */
    int handle_n;
    bool is_unwanted, is_marked;
    size_t line_n;
    char line[LINE_SIZE];
};

struct watchers {
    uv_loop_t *loop;
    struct timers *timers;
    struct list list;
    char **environment; /* owned, with its texts; NULL: there is no HTTP to ask */
    void (*closed)(void *data);
    void *closed_data;
};

static void start(struct watcher *x);

/* ---- where to ask ---- */

static void environment_free(struct watchers *w)
{
    for (char **e = w->environment; e && *e; e++)
        mem_free(*e);
    mem_free(w->environment);
    w->environment = NULL;
}

/* Ours, with the address of this agent; the agent's own tokens are none of a handler's business. */
static void environment_make(struct watchers *w, const struct config *c)
{
    size_t n = 0, k = 0;
    struct buf address;

    environment_free(w);
    if (!c->http_socket && (c->port_http <= 0 || c->http_addr_n == 0))
        return;
    buf_init(&address, 0);
    buf_put_z(&address, "CONSUL_HTTP_ADDR=");
    if (c->port_http > 0 && c->http_addr_n > 0) {
        char text[ADDR_TEXT_MAX];
        struct addr a = c->http_addrs[0];
        if (addr_is_any(&a) && addr_parse(STR_LIT("127.0.0.1"), 0, &a) < 0)
            error_abort("loopback", __FILE__, __LINE__);
        addr_set_port(&a, (uint16_t)c->port_http);
        addr_format(&a, text);
        buf_put_z(&address, text);
    } else {
        buf_putf(&address, "unix://%s", c->http_socket);
    }
    while (environ[n])
        n++;
    w->environment = mem_alloc((n + 2) * sizeof(char *));
    for (size_t i = 0; i < n; i++)
        if (strncmp(environ[i], "CONSUL_HTTP_", 12) != 0 &&
            strncmp(environ[i], "DISCO_HTTP_", 11) != 0)
            w->environment[k++] = mem_dup_z(environ[i]);
    w->environment[k] = mem_dup_z(buf_z(&address));
    buf_fini(&address);
}

/* ---- one process ---- */

static void maybe_closed(struct watchers *w)
{
    if (!w->closed || !list_is_empty(&w->list))
        return;
    void (*cb)(void *data) = w->closed;
    void *data = w->closed_data;
    environment_free(w);
    mem_free(w);
    cb(data);
}

static void watcher_free(struct watcher *x)
{
    timers_cancel(x->all->timers, &x->timer);
    list_remove(&x->link);
    mem_free(x->definition);
    mem_free(x);
}

static void on_again(struct timer *t, struct instant now)
{
    (void)now;
    start(LIST_ITEM(t, struct watcher, timer));
}

static void on_kill(struct timer *t, struct instant now)
{
    struct watcher *x = LIST_ITEM(t, struct watcher, timer);
    (void)now;
    (void)uv_process_kill(&x->process, SIGKILL);
}

static void on_closed(uv_handle_t *handle)
{
    struct watcher *x = handle->data;
    struct watchers *w = x->all;
    if (--x->handle_n > 0)
        return;
    timers_cancel(w->timers, &x->timer);
    if (x->is_unwanted) {
        watcher_free(x);
        maybe_closed(w);
        return;
    }
    x->timer.fire = on_again;
    timers_set(w->timers, &x->timer, instant_add(clock_now(), DURATION_MS(AGAIN_MS)));
}

static void line_end(struct watcher *x)
{
    if (x->line_n > 0)
        log_info(LOG, "%.*s", (int)x->line_n, x->line);
    x->line_n = 0;
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
    struct watcher *x = handle->data;
    (void)suggested;
    *ret = uv_buf_init(x->line + x->line_n, (unsigned)(LINE_SIZE - x->line_n));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *b)
{
    struct watcher *x = stream->data;
    (void)b;
    if (n < 0) {
        line_end(x);
        uv_close((uv_handle_t *)stream, on_closed);
        return;
    }
    x->line_n += (size_t)n;
    for (;;) { /* whole lines; and what is longer than one may be, in pieces */
        char *end = memchr(x->line, '\n', x->line_n);
        size_t used = end ? (size_t)(end - x->line) : x->line_n;
        if (!end && x->line_n < LINE_SIZE)
            return;
        if (used > 0)
            log_info(LOG, "%.*s", (int)used, x->line);
        used += end != NULL;
        memmove(x->line, x->line + used, x->line_n - used);
        x->line_n -= used;
    }
}

static void on_exit_of(uv_process_t *process, int64_t status, int signo)
{
    struct watcher *x = process->data;
    if (!x->is_unwanted)
        log_warn(LOG, "a watch ended and is started again: exit=%d signal=%d", (int)status, signo);
    uv_close((uv_handle_t *)process, on_closed);
    /* A handler that runs on may hold the pipe open: it is not waited for. */
    if (!uv_is_closing((uv_handle_t *)&x->output)) {
        line_end(x);
        uv_close((uv_handle_t *)&x->output, on_closed);
    }
}

/* The definition may hold a token: it goes in by stdin, not by the list of arguments. */
static int definition_open(const char *text)
{
    int fd = memfd_create("watch", MFD_CLOEXEC);
    size_t n = strlen(text);
    if (fd >= 0 && (write(fd, text, n) != (ssize_t)n || lseek(fd, 0, SEEK_SET) != 0)) {
        close(fd);
        fd = -1;
    }
    return fd;
}

static void start(struct watcher *x)
{
    struct watchers *w = x->all;
    char program[] = "disco", command[] = "watch", flag[] = "-definition=-",
         exe[] = "/proc/self/exe";
    char *args[] = {program, command, flag, NULL};
    int in = definition_open(x->definition);
    uv_stdio_container_t stdio[3] = {
        {.flags = in < 0 ? UV_IGNORE : UV_INHERIT_FD, .data.fd = in},
        {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&x->output},
        {.flags = UV_IGNORE}};
    uv_process_options_t options = {.exit_cb = on_exit_of,
                                    .file = exe,
                                    .args = args,
                                    .env = w->environment,
                                    .stdio = stdio,
                                    .stdio_count = 3};
    int rc = uv_pipe_init(w->loop, &x->output, 0);
    x->process.data = x->output.data = x;
    x->handle_n = 2;
    if (rc == 0)
        rc = uv_spawn(w->loop, &x->process, &options);
    if (in >= 0)
        close(in);
    if (rc == 0)
        rc = uv_read_start((uv_stream_t *)&x->output, on_alloc, on_read);
    if (rc == 0)
        return;
    log_warn(LOG, "a watch cannot be started: error=\"%s\"", error_text(rc));
    uv_close((uv_handle_t *)&x->process, on_closed);
    uv_close((uv_handle_t *)&x->output, on_closed);
}

static void end(struct watcher *x)
{
    if (x->is_unwanted)
        return;
    x->is_unwanted = true;
    if (x->handle_n == 0) {
        watcher_free(x);
        return;
    }
    timers_cancel(x->all->timers, &x->timer);
    if (uv_is_closing((uv_handle_t *)&x->process))
        return;
    (void)uv_process_kill(&x->process, SIGTERM);
    x->timer.fire = on_kill;
    timers_set(x->all->timers, &x->timer, instant_add(clock_now(), DURATION_MS(KILL_MS)));
}

/* ---- all of them ---- */

struct watchers *watchers_open(void *uv_loop, struct timers *timers)
{
    struct watchers *w = mem_new(struct watchers);
    w->loop = uv_loop;
    w->timers = timers;
    list_init(&w->list);
    return w;
}

static bool find_and_mark(struct watchers *w, const char *definition)
{
    LIST_FOREACH (&w->list, link) {
        struct watcher *x = LIST_ITEM(link, struct watcher, link);
        if (!x->is_marked && !x->is_unwanted && strcmp(x->definition, definition) == 0)
            return x->is_marked = true;
    }
    return false;
}

void watchers_reload(struct watchers *w, const struct config *c)
{
    if (!w)
        return;
    environment_make(w, c);
    if (!w->environment && c->watches.n > 0)
        log_warn(LOG, "watches ask over HTTP, which is off: none is run");
    LIST_FOREACH (&w->list, link)
        LIST_ITEM(link, struct watcher, link)->is_marked = false;
    for (size_t i = 0; w->environment && i < c->watches.n; i++) {
        if (find_and_mark(w, c->watches.items[i]))
            continue;
        struct watcher *x = mem_new(struct watcher);
        x->all = w;
        x->definition = mem_dup_z(c->watches.items[i]);
        x->is_marked = true;
        list_push(&w->list, &x->link);
        start(x);
    }
    LIST_FOREACH (&w->list, link) {
        struct watcher *x = LIST_ITEM(link, struct watcher, link);
        if (!x->is_marked)
            end(x);
    }
}

void watchers_close(struct watchers *w, void (*cb)(void *data), void *data)
{
    if (!w) {
        cb(data);
        return;
    }
    w->closed = cb;
    w->closed_data = data;
    LIST_FOREACH (&w->list, link)
        end(LIST_ITEM(link, struct watcher, link));
    maybe_closed(w);
}
