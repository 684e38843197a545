/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/lib/disk_sim.h"

#include <errno.h>
#include <stdio.h>

#include "base/mem.h"

#define SECTOR 512

static struct disk_sim *sim(struct wal_disk *d)
{
    return d->data;
}

static bool crashed(struct disk_sim *s)
{
    s->ops++;
    if (s->ops_left < 0)
        return false;
    if (s->ops_left == 0)
        return true;
    s->ops_left--;
    return false;
}

struct disk_sim_file *disk_sim_find(struct disk_sim *d, const char *name)
{
    for (int i = 0; i < DISK_SIM_FILES; i++)
        if (d->files[i].used && strcmp(d->files[i].name, name) == 0)
            return &d->files[i];
    return NULL;
}

static void drop(struct disk_sim_file *f)
{
    mem_free(f->cache);
    mem_free(f->disk);
    mem_free(f->dirty);
    *f = (struct disk_sim_file){0};
}

static void grow(struct disk_sim_file *f, uint64_t size)
{
    if (size <= f->size)
        return;
    f->cache = mem_realloc(f->cache, size);
    f->disk = mem_realloc(f->disk, size);
    memset(f->cache + f->size, 0, size - f->size);
    memset(f->disk + f->size, 0, size - f->size);
    size_t have = (f->size + SECTOR - 1) / SECTOR, want = (size + SECTOR - 1) / SECTOR;
    f->dirty = mem_realloc(f->dirty, want * sizeof *f->dirty);
    for (; have < want; have++)
        f->dirty[have] = false;
    f->size = size;
}

static int sim_list(struct wal_disk *d, void (*each)(void *data, const char *name), void *data)
{
    struct disk_sim *s = sim(d);

    for (int i = 0; i < DISK_SIM_FILES; i++)
        if (s->files[i].used && s->files[i].name[0])
            each(data, s->files[i].name);
    return 0;
}

static int sim_open(struct wal_disk *d, const char *name, bool create, int *ret_file)
{
    struct disk_sim *s = sim(d);
    struct disk_sim_file *f = disk_sim_find(s, name);

    if (create && crashed(s))
        return -EIO;
    if (create && f)
        return -EEXIST;
    if (!create && !f)
        return -ENOENT;
    for (int i = 0; !f && i < DISK_SIM_FILES; i++)
        if (!s->files[i].used)
            f = &s->files[i];
    ASSERT(f != NULL);
    if (!f->used) {
        f->used = true;
        snprintf(f->name, sizeof f->name, "%s", name);
    }
    *ret_file = (int)(f - s->files);
    return 0;
}

static int sim_size(struct wal_disk *d, int file, uint64_t *ret)
{
    *ret = sim(d)->files[file].size;
    return 0;
}

static uint64_t used(const struct disk_sim *s)
{
    uint64_t n = 0;

    for (int i = 0; i < DISK_SIM_FILES; i++)
        n += s->files[i].used ? s->files[i].size : 0;
    return n;
}

static int sim_allocate(struct wal_disk *d, int file, uint64_t size)
{
    struct disk_sim *s = sim(d);
    struct disk_sim_file *f = &s->files[file];

    if (crashed(s))
        return -EIO;
    if (s->fail_allocate)
        return s->fail_allocate;
    if (s->space && used(s) - f->size + size > s->space)
        return -ENOSPC;
    grow(f, size);
    return 0;
}

static int sim_read(struct wal_disk *d, int file, uint64_t at, void *p, size_t n)
{
    struct disk_sim_file *f = &sim(d)->files[file];

    if (at + n > f->size)
        return -ENODATA;
    memcpy(p, f->cache + at, n);
    return 0;
}

static int sim_write(struct wal_disk *d, int file, uint64_t at, const void *p, size_t n)
{
    struct disk_sim *s = sim(d);
    struct disk_sim_file *f = &s->files[file];
    size_t put = n;

    s->writes++;
    if (crashed(s))
        return -EIO;
    if (s->space && at + n > f->size && used(s) - f->size + at + n > s->space)
        return -ENOSPC;
    if (s->fail_write) /* some of it arrives all the same */
        put = rng_below(&s->rng, n + 1);
    grow(f, at + put);
    memcpy(f->cache + at, p, put);
    for (uint64_t i = at / SECTOR; put && i <= (at + put - 1) / SECTOR; i++) {
        f->dirty[i] = true;
        if (f->dirty_first == f->dirty_end)
            f->dirty_first = f->dirty_end = i;
        if (i < f->dirty_first)
            f->dirty_first = i;
        if (i >= f->dirty_end)
            f->dirty_end = i + 1;
    }
    return s->fail_write;
}

static void flush(struct disk_sim_file *f, uint64_t sector)
{
    uint64_t at = sector * SECTOR, n = f->size - at < SECTOR ? f->size - at : SECTOR;

    memcpy(f->disk + at, f->cache + at, n);
    f->dirty[sector] = false;
}

static int sim_sync(struct wal_disk *d, int file)
{
    struct disk_sim *s = sim(d);
    struct disk_sim_file *f = &s->files[file];

    s->syncs++;
    if (crashed(s))
        return -EIO;
    for (uint64_t i = f->dirty_first; i < f->dirty_end; i++) {
        if (!f->dirty[i])
            continue;
        if (!s->fail_sync || rng_below(&s->rng, 2))
            flush(f, i);
        else if (s->sync_loses)
            f->dirty[i] = false; /* clean, yet not on the disk: what a failed fsync leaves */
    }
    if (s->fail_sync)
        return s->fail_sync;
    f->dirty_first = f->dirty_end = 0;
    f->durable_size = f->size;
    return 0;
}

static void sim_close(struct wal_disk *d, int file)
{
    (void)d;
    (void)file;
}

static int sim_rename(struct wal_disk *d, const char *from, const char *to)
{
    struct disk_sim *s = sim(d);
    struct disk_sim_file *f = disk_sim_find(s, from), *old = disk_sim_find(s, to);

    if (crashed(s))
        return -EIO;
    if (!f)
        return -ENOENT;
    if (old)
        old->name[0] = '\0';
    snprintf(f->name, sizeof f->name, "%s", to);
    return 0;
}

static int sim_remove(struct wal_disk *d, const char *name)
{
    struct disk_sim *s = sim(d);
    struct disk_sim_file *f = disk_sim_find(s, name);

    if (crashed(s))
        return -EIO;
    if (!f)
        return -ENOENT;
    f->name[0] = '\0';
    return 0;
}

static int sim_sync_dir(struct wal_disk *d)
{
    struct disk_sim *s = sim(d);

    if (crashed(s))
        return -EIO;
    if (s->fail_sync)
        return s->fail_sync;
    for (int i = 0; i < DISK_SIM_FILES; i++) {
        struct disk_sim_file *f = &s->files[i];
        if (f->used && !f->name[0])
            drop(f);
        else if (f->used)
            memcpy(f->durable_name, f->name, sizeof f->name);
    }
    return 0;
}

struct disk_sim *disk_sim_new(uint64_t seed)
{
    struct disk_sim *s = mem_new(struct disk_sim);

    rng_init(&s->rng, seed);
    s->ops_left = -1;
    s->disk = (struct wal_disk){
        .data = s,
        .list = sim_list,
        .open = sim_open,
        .size = sim_size,
        .allocate = sim_allocate,
        .read = sim_read,
        .write = sim_write,
        .sync = sim_sync,
        .close = sim_close,
        .rename = sim_rename,
        .remove = sim_remove,
        .sync_dir = sim_sync_dir,
    };
    return s;
}

void disk_sim_free(struct disk_sim *d)
{
    for (int i = 0; i < DISK_SIM_FILES; i++)
        if (d->files[i].used)
            drop(&d->files[i]);
    mem_free(d);
}

/* Changes of names since the last sync_dir happened all or not at all (a journal's commit). */
void disk_sim_crash(struct disk_sim *d)
{
    bool names = rng_below(&d->rng, 2);

    for (int i = 0; i < DISK_SIM_FILES; i++) {
        struct disk_sim_file *f = &d->files[i];
        if (!f->used)
            continue;
        for (uint64_t k = f->dirty_first; k < f->dirty_end; k++)
            if (f->dirty[k] && rng_below(&d->rng, 2))
                flush(f, k);
        if (f->size)
            memcpy(f->cache, f->disk, f->size);
        for (uint64_t k = f->dirty_first; k < f->dirty_end; k++)
            f->dirty[k] = false;
        f->dirty_first = f->dirty_end = 0;
        if (names)
            memcpy(f->durable_name, f->name, sizeof f->name);
        else
            memcpy(f->name, f->durable_name, sizeof f->name);
        if (!f->name[0])
            drop(f);
    }
    d->ops_left = -1;
    d->fail_write = d->fail_sync = d->fail_allocate = 0;
}

void disk_sim_flip(struct disk_sim *d, const char *name, uint64_t at, uint8_t mask)
{
    struct disk_sim_file *f = disk_sim_find(d, name);

    ASSERT(f && at < f->size);
    f->cache[at] = (char)(f->cache[at] ^ mask);
    f->disk[at] = f->cache[at];
}

void disk_sim_zero(struct disk_sim *d, const char *name, uint64_t at, uint64_t n)
{
    struct disk_sim_file *f = disk_sim_find(d, name);

    ASSERT(f && at + n <= f->size);
    memset(f->cache + at, 0, n);
    memset(f->disk + at, 0, n);
}
