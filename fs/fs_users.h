/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The map of users: which token the mount uses for whom (mount.users).
 *
 *     # user    token, or the path of a file whose first line is the token
 *     alice     6f1c2d0e-...
 *     1001      /etc/disco/bob.token
 *     *         /etc/disco/others.token
 *
 * A user is a name or a number; `*` is everybody who is not named. The map, and the files that it
 * names, must be the agent's own or root's, and nobody else may read them (0600).
 *
 * Tokens stay in memory until the mount ends, so that they may be borrowed over a reload.
 */
#ifndef DISCO_FS_FS_USERS_H
#define DISCO_FS_FS_USERS_H

#include <sys/types.h>

#include "base/buf.h"

#define FS_USERS_MAX       4096
#define FS_USERS_TOKEN_MAX 4096 /* different tokens over all reloads */
#define FS_USERS_FILE_MAX  ((size_t)256 * 1024)

struct fs_users;

/* ERR_INVALID, or of the files' errors: *err says where; the map is then as it was. */
struct fs_users *fs_users_new(void);
void fs_users_free(struct fs_users *u); /* accepts NULL */
int fs_users_load(struct fs_users *u, const char *path, struct error *err) MUST_USE;
/* The text of a map; `path` is for messages. */
int fs_users_parse(struct fs_users *u, const char *path, struct str text,
                   struct error *err) MUST_USE;
/* False: there is none for this user. */
bool fs_users_find(const struct fs_users *u, uid_t uid, struct str *ret_token);
size_t fs_users_count(const struct fs_users *u);

#endif
