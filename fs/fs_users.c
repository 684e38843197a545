/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/fs_users.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/mem.h"

struct entry {
    uid_t uid;
    struct str token; /* of fs_users.tokens */
};
struct table {
    struct entry *list; /* ordered by uid */
    size_t n, cap;
    struct str others; /* p NULL: nobody else */
};
struct fs_users {
    struct table now;
    struct str tokens[FS_USERS_TOKEN_MAX]; /* owned */
    size_t token_n;
};

struct fs_users *fs_users_new(void)
{
    return mem_new(struct fs_users);
}

void fs_users_free(struct fs_users *u)
{
    if (!u)
        return;
    for (size_t i = 0; i < u->token_n; i++)
        mem_free((void *)(uintptr_t)u->tokens[i].p);
    mem_free(u->now.list);
    mem_free(u);
}

size_t fs_users_count(const struct fs_users *u)
{
    return u->now.n + (u->now.others.p ? 1 : 0);
}

static int by_uid(const void *a, const void *b)
{
    uid_t x = ((const struct entry *)a)->uid, y = ((const struct entry *)b)->uid;
    return x < y ? -1 : x > y;
}

bool fs_users_find(const struct fs_users *u, uid_t uid, struct str *ret_token)
{
    struct entry key = {.uid = uid};
    const struct entry *e =
        u->now.n ? bsearch(&key, u->now.list, u->now.n, sizeof(key), by_uid) : NULL;
    *ret_token = e ? e->token : u->now.others;
    return ret_token->p != NULL;
}

/* ---- reading ---- */

/* The whole file, which nobody but its owner may read. */
static int read_private(const char *path, struct buf *out, struct error *err)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &st) < 0) {
        int error = errno;
        if (fd >= 0)
            close(fd);
        return error_set(err, -error, "mount.users: %s: %s", path, strerror(error));
    }
    int r = 0;
    if (!S_ISREG(st.st_mode))
        r = error_set(err, ERR_INVALID, "mount.users: %s is not a file", path);
    else if (st.st_uid != 0 && st.st_uid != geteuid())
        r = error_set(err, ERR_INVALID, "mount.users: %s belongs to user %u, not to the agent's",
                      path, (unsigned)st.st_uid);
    else if (st.st_mode & 077)
        r = error_set(err, ERR_INVALID,
                      "mount.users: others may read or write %s (mode %03o); it must be 0600", path,
                      (unsigned)st.st_mode & 0777);
    else if ((size_t)st.st_size > FS_USERS_FILE_MAX)
        r = error_set(err, ERR_TOO_LARGE, "mount.users: %s is larger than 256 KiB", path);
    while (r == 0 && out->n <= FS_USERS_FILE_MAX) {
        ssize_t n = read(fd, buf_reserve(out, 4096), 4096);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            r = error_set(err, -errno, "mount.users: %s: %s", path, strerror(errno));
        if (n <= 0)
            break;
        out->n += (size_t)n;
    }
    close(fd);
    return r;
}

static int user_id(struct str name, uid_t *ret)
{
    char z[64], scratch[4096];
    uint64_t n;
    struct passwd pw, *found = NULL;
    if (str_to_u64(name, &n) == 0 && n < UINT32_MAX) {
        *ret = (uid_t)n;
        return 0;
    }
    if (!str_copy_z(name, z, sizeof(z)) ||
        getpwnam_r(z, &pw, scratch, sizeof(scratch), &found) != 0 || !found)
        return ERR_NOT_FOUND;
    *ret = pw.pw_uid;
    return 0;
}

static void wipe(struct buf *b)
{
    if (b->n > 0)
        explicit_bzero(b->p, b->n);
    buf_fini(b);
}

/* The token that a word means: itself, or what the file has. p NULL: there is no more room. */
static int token_of(struct fs_users *u, struct str word, struct str *ret, struct error *err)
{
    struct buf text, path;
    int r = 0;
    buf_init(&text, 0);
    if (word.p[0] == '/') {
        buf_init(&path, 0);
        buf_put_str(&path, word);
        r = read_private(buf_z(&path), &text, err);
        buf_fini(&path);
        struct str rest = buf_str(&text);
        word = str_trim(str_split(&rest, '\n'));
        if (r == 0 && word.n == 0)
            r = error_set(err, ERR_INVALID, "mount.users: a token's file is empty");
    }
    *ret = STR_NONE;
    for (size_t i = 0; r == 0 && i < u->token_n && !ret->p; i++)
        if (str_eq(u->tokens[i], word))
            *ret = u->tokens[i];
    if (r == 0 && !ret->p && u->token_n == FS_USERS_TOKEN_MAX)
        r = error_set(err, ERR_TOO_LARGE, "mount.users: more than %d tokens since the start",
                      FS_USERS_TOKEN_MAX);
    if (r == 0 && !ret->p)
        *ret = u->tokens[u->token_n++] = str_make(mem_dup(word.p, word.n), word.n);
    wipe(&text);
    return r;
}

static int add(struct table *t, uid_t uid, struct str token)
{
    for (size_t i = 0; i < t->n; i++)
        if (t->list[i].uid == uid)
            return ERR_EXISTS;
    if (t->n == FS_USERS_MAX)
        return ERR_TOO_LARGE;
    if (t->n == t->cap) {
        t->cap = t->cap ? t->cap * 2 : 16;
        t->list = mem_realloc(t->list, t->cap * sizeof(t->list[0]));
    }
    t->list[t->n++] = (struct entry){uid, token};
    return 0;
}

static int parse_line(struct fs_users *u, struct table *t, struct str line, struct error *err)
{
    size_t n = 0;
    while (n < line.n && line.p[n] != ' ' && line.p[n] != '\t')
        n++;
    struct str name = str_take(line, n), word = str_trim(str_drop(line, n)), token;
    uid_t uid = 0;
    bool is_others = str_eq_z(name, "*");
    if (word.n == 0 || str_find(word, ' ', 0) < word.n || str_find(word, '\t', 0) < word.n)
        return error_set(err, ERR_INVALID, "a line is a user and a token");
    if (!is_others && user_id(name, &uid) < 0)
        return error_set(err, ERR_INVALID, "there is no user \"%.*s\"", STR_ARG(name));
    int r = token_of(u, word, &token, err);
    if (r < 0)
        return r;
    if (is_others) {
        if (t->others.p)
            return error_set(err, ERR_INVALID, "a second line for *");
        t->others = token;
        return 0;
    }
    r = add(t, uid, token);
    return r == 0 ? 0
                  : error_set(err, ERR_INVALID,
                              r == ERR_EXISTS ? "a second line for user %u" : "too many users (%u)",
                              (unsigned)uid);
}

int fs_users_parse(struct fs_users *u, const char *path, struct str text, struct error *err)
{
    struct table t = {.others = STR_NONE};
    struct error why = {0};
    unsigned n = 0;
    int r = 0;
    while (r == 0 && text.p) {
        struct str line = str_trim(str_split(&text, '\n'));
        n++;
        if (line.n > 0 && line.p[0] != '#')
            r = parse_line(u, &t, line, &why);
    }
    if (r < 0) {
        mem_free(t.list);
        return error_set(err, r, "mount.users: %s:%u: %s", path, n, why.text);
    }
    if (t.n > 0)
        qsort(t.list, t.n, sizeof(t.list[0]), by_uid);
    mem_free(u->now.list);
    u->now = t;
    return 0;
}

int fs_users_load(struct fs_users *u, const char *path, struct error *err)
{
    struct buf text;
    buf_init(&text, 0);
    int r = read_private(path, &text, err);
    if (r == 0)
        r = fs_users_parse(u, path, buf_str(&text), err);
    wipe(&text);
    return r;
}
