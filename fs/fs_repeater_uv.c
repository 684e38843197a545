/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <signal.h>
#include <uv.h>

#include "base/error.h"
#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "fs/fs_repeater.h"

#define AGAIN_MS 1000

struct fs_repeater {
    uv_process_t process;
    uv_loop_t *loop;
    struct timers *timers;
    struct timer again;
    char *path; /* owned */
    bool is_open, is_stopping;
};

static void start(struct fs_repeater *r);

static void on_again(struct timer *t, struct instant now)
{
    start(LIST_ITEM(t, struct fs_repeater, again));
}

static void on_closed(uv_handle_t *handle)
{
    struct fs_repeater *r = handle->data;
    r->is_open = false;
    if (!r->is_stopping)
        timers_set(r->timers, &r->again, instant_add(clock_now(), DURATION_MS(AGAIN_MS)));
}

static void on_exit(uv_process_t *process, int64_t status, int signo)
{
    struct fs_repeater *r = process->data;
    if (!r->is_stopping)
        log_warn("mount", "%s: mount-watch ended (exit %d, signal %d), started again", r->path,
                 (int)status, signo);
    uv_close((uv_handle_t *)process, on_closed);
}

static void start(struct fs_repeater *r)
{
    char program[] = "disco", command[] = "mount-watch", exe[] = "/proc/self/exe";
    char *args[] = {program, command, r->path, NULL};
    uv_stdio_container_t stdio[3] = {
        {.flags = UV_IGNORE}, {.flags = UV_IGNORE}, {.flags = UV_INHERIT_FD, .data.fd = 2}};
    uv_process_options_t options = {
        .exit_cb = on_exit, .file = exe, .args = args, .stdio = stdio, .stdio_count = 3};
    int rc = uv_spawn(r->loop, &r->process, &options);
    r->process.data = r;
    r->is_open = true;
    if (rc == 0)
        return;
    log_warn("mount", "%s: mount-watch cannot be started: %s", r->path, error_text(rc));
    uv_close((uv_handle_t *)&r->process, on_closed);
}

struct fs_repeater *fs_repeater_open(void *uv_loop, struct timers *timers, const char *path)
{
    struct fs_repeater *r = mem_new(struct fs_repeater);
    r->loop = uv_loop;
    r->timers = timers;
    r->again.fire = on_again;
    r->path = mem_dup_z(path);
    start(r);
    return r;
}

void fs_repeater_stop(struct fs_repeater *r, bool now)
{
    r->is_stopping = true;
    timers_cancel(r->timers, &r->again);
    if (r->is_open && !uv_is_closing((uv_handle_t *)&r->process))
        (void)uv_process_kill(&r->process, now ? SIGKILL : SIGTERM);
}

bool fs_repeater_has_ended(const struct fs_repeater *r)
{
    return !r || !r->is_open;
}

void fs_repeater_free(struct fs_repeater *r)
{
    if (!r)
        return;
    ASSERT(!r->is_open);
    mem_free(r->path);
    mem_free(r);
}
