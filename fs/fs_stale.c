/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/fs_stale.h"

static bool is_over(const struct fs_stale_try *t, struct instant now)
{
    return !instant_before(now, instant_add(t->at, DURATION_S(FS_STALE_WINDOW_S)));
}

static void drop(struct fs_stale *s, struct fs_stale_try *t)
{
    if (!t->is_used)
        return;
    s->n--;
    s->writer_n -= t->writes;
    t->is_used = false;
}

static struct fs_stale_try *find(struct fs_stale *s, uint64_t hash, int32_t pid)
{
    if (s->n == 0)
        return NULL;
    for (uint32_t k = 0; k < FS_STALE_N; k++) {
        struct fs_stale_try *t = &s->tries[k];
        if (t->is_used && t->pid == pid && (pid != 0 || t->hash == hash))
            return t;
    }
    return NULL;
}

static struct fs_stale_try *free_one(struct fs_stale *s, struct instant now)
{
    for (uint32_t k = 0; k < FS_STALE_N; k++) {
        uint32_t at = (s->next + k) % FS_STALE_N;
        if (!s->tries[at].is_used || is_over(&s->tries[at], now)) {
            s->next = at;
            break;
        }
    }
    struct fs_stale_try *t = &s->tries[s->next];
    s->next = (s->next + 1) % FS_STALE_N;
    return t;
}

void fs_stale_note(struct fs_stale *s, struct str key, int32_t pid, uint64_t number, bool writes,
                   struct instant now)
{
    uint64_t hash = str_hash(key, 0);
    struct fs_stale_try *t = find(s, hash, pid);
    if (!t)
        t = free_one(s, now);
    drop(s, t);
    *t = (struct fs_stale_try){
        .hash = hash, .number = number, .at = now, .pid = pid, .is_used = true, .writes = writes};
    s->n++;
    s->writer_n += writes;
}

void fs_stale_looked_up(struct fs_stale *s, struct str key, int32_t pid)
{
    uint64_t hash = s->n > 0 ? str_hash(key, 0) : 0;
    struct fs_stale_try *t = find(s, hash, pid);
    if (t && t->hash == hash)
        t->is_looked_up = true;
}

bool fs_stale_take(struct fs_stale *s, struct str key, int32_t pid, uint64_t number,
                   struct instant now)
{
    uint64_t hash = s->n > 0 ? str_hash(key, 0) : 0;
    struct fs_stale_try *t = find(s, hash, pid);
    if (!t)
        return false;
    drop(s, t);
    return t->hash == hash && (t->is_looked_up || t->number == number) && !is_over(t, now);
}

bool fs_stale_awaits(struct fs_stale *s, struct str key, struct instant now)
{
    if (s->writer_n == 0)
        return false;
    uint64_t hash = str_hash(key, 0);
    for (uint32_t k = 0; k < FS_STALE_N; k++) {
        struct fs_stale_try *t = &s->tries[k];
        if (t->is_used && is_over(t, now))
            drop(s, t);
        if (t->is_used && t->writes && t->hash == hash)
            return true;
    }
    return false;
}
