/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/fs_rights.h"

#include <errno.h>
#include <unistd.h>

#include "base/log.h"
#include "fs/fs_process.h"
#include "fs/fs_scratch.h"
#include "fs/fs_wire.h"
#include "state/catalog.h"
#include "state/policy.h"

#define NOTES_MAX  10 /* refusals told in */
#define NOTES_IN_S 10

/* A token that nobody has: nothing is seen with it. */
#define NO_TOKEN STR_LIT("-")

void fs_rights_begin(struct fs_mount *m, const void *bytes, size_t n)
{
    struct fs_wire_head head;
    struct fs_asker *a = &m->asker;
    *a = (struct fs_asker){.token = m->token};
    if (!fs_wire_head(bytes, n, &head))
        return;
    a->is_set = true;
    a->uid = head.uid;
    a->gid = head.gid;
    a->pid = (int32_t)head.pid;
    if (!m->users || head.uid == geteuid())
        return;
    a->is_stranger = !fs_users_find(m->users, head.uid, &a->token);
    if (a->is_stranger)
        a->token = NO_TOKEN;
}

void fs_rights_end(struct fs_mount *m)
{
    m->asker = (struct fs_asker){.token = m->token};
}

void fs_rights_as(struct fs_mount *m, struct str token)
{
    m->asker = (struct fs_asker){.is_set = true, .token = token};
}

bool fs_rights_are_alike(const struct fs_mount *m)
{
    return !m->users && (!m->judges || (m->dir_mode & 0111) == 0111);
}

/* ---- by token ---- */

static int service_bits(const struct fs_mount *m, const struct view *v, const struct fs_inode *i)
{
    struct catalog_service s;
    struct view copy = *v; /* what is found out here is no question of the asker's */
    if (i->is_pending ||
        !catalog_service_get(&copy, str_z(m->tree.node_name), fs_inode_node(i).a, &s))
        return R_OK | W_OK;
    return R_OK | (policy_allows(v, ACL_SERVICE, s.name, ACL_WRITE) ? W_OK : 0);
}

static int key_bits(const struct fs_mount *m, const struct view *v, const struct fs_inode *i)
{
    struct str key = fs_inode_node(i).a;
    bool is_dir = i->kind == FS_KV_DIR;
    int bits = policy_allows(v, ACL_KEY, key, ACL_WRITE) ? W_OK : 0;
    if (is_dir)
        return bits | R_OK | X_OK;
    if (i->scratch) /* seen by programs of this mount, of one user if there are several */
        return !m->users || str_eq(i->scratch->token, m->asker.token) ? R_OK | W_OK : 0;
    return bits | (policy_allows(v, ACL_KEY, key, ACL_READ) ? R_OK : 0);
}

static int token_bits(const struct fs_mount *m, const struct view *v, const struct fs_inode *i)
{
    if (m->asker.is_stranger)
        return 0;
    switch (i->kind) {
    case FS_KV_DIR:
    case FS_KV_FILE:
        return key_bits(m, v, i);
    case FS_AGENT_SERVICES: /* the definition's name decides when it is closed */
        return R_OK | W_OK | X_OK;
    case FS_AGENT_SERVICE:
        return service_bits(m, v, i);
    case FS_FACT:
        if (str_eq_z(fs_inode_node(i).a, "status/metrics") &&
            !policy_allows(v, ACL_AGENT, str_z(m->tree.node_name), ACL_READ))
            return 0;
        return R_OK;
    case FS_EVENT:
        return (policy_allows(v, ACL_EVENT, fs_inode_node(i).a, ACL_READ) ? R_OK : 0) |
               (policy_allows(v, ACL_EVENT, fs_inode_node(i).a, ACL_WRITE) ? W_OK : 0);
    case FS_SNAPSHOT_FILE:
        return policy_allows(v, ACL_KEY, fs_inode_node(i).b, ACL_READ) ? R_OK : 0;
    default:
        return fs_node_is_dir(i->kind) ? R_OK | X_OK : R_OK;
    }
}

/* ---- by owner and mode ---- */

static int class_bits(const struct fs_mount *m, const struct fs_inode *i)
{
    bool is_dir = fs_node_is_dir(i->kind);
    mode_t mode = is_dir ? m->dir_mode : m->file_mode;
    const struct fs_asker *a = &m->asker;
    if (!a->is_set || a->uid == 0)
        return R_OK | W_OK | (is_dir ? X_OK : 0);
    if (a->uid == m->uid)
        return (int)(mode >> 6) & 7;
    if (((mode >> 3) & 7) == (mode & 7) || a->gid == m->gid)
        return (int)(mode >> 3) & 7;
    return fs_process_has_group(a->pid, m->gid) ? (int)(mode >> 3) & 7 : (int)mode & 7;
}

static mode_t spread(int bits)
{
    return (bits & R_OK ? 0444u : 0) | (bits & W_OK ? 0222u : 0) | (bits & X_OK ? 0111u : 0);
}

mode_t fs_rights_mode(const struct fs_mount *m, const struct view *v, const struct fs_inode *i)
{
    mode_t by_token = spread(token_bits(m, v, i));
    if (m->users)
        return by_token;
    return by_token & (fs_node_is_dir(i->kind) ? m->dir_mode : m->file_mode);
}

/* ---- judging ---- */

void fs_rights_note(struct fs_mount *m, const struct fs_inode *i, const char *what)
{
    struct instant now = env_now(m->env);
    if (!instant_before(now, m->notes_until)) {
        if (m->note_n > NOTES_MAX)
            log_warn("mount", "refused %u more times", m->note_n - NOTES_MAX);
        m->note_n = 0;
        m->notes_until = instant_add(now, DURATION_S(NOTES_IN_S));
    }
    if (++m->note_n > NOTES_MAX)
        return;
    struct str name = i ? fs_inode_node(i).a : STR_NONE;
    const char *why = m->asker.is_stranger ? "the user is not in mount.users"
                      : !m->judges         ? "its token may not"
                                           : "its token, or owner and mode, do not permit it";
    if (m->judges && !m->asker.is_stranger && m->users)
        why = "the user's token may not";
    log_warn("mount", "refused: what=%s name=\"%.*s\" uid=%u pid=%d reason=\"%s\"", what,
             STR_ARG(str_take(name, 200)), (unsigned)m->asker.uid, (int)m->asker.pid, why);
}

static const char *name_of(int want)
{
    return want & W_OK ? "write" : want & R_OK ? "read" : "search";
}

int fs_rights_check(struct fs_mount *m, const struct fs_inode *i, int want)
{
    if (!m->judges)
        return 0;
    struct view v = fs_mount_view(m);
    int bits = token_bits(m, &v, i);
    env_view_end(&v);
    if (!m->users && (bits & want) == want)
        bits &= class_bits(m, i);
    if ((bits & want) == want)
        return 0;
    fs_rights_note(m, i, name_of(want));
    return EACCES;
}

int fs_rights_check_mode(struct fs_mount *m, const struct fs_inode *dir, int want)
{
    if (!m->judges || (!m->users && (class_bits(m, dir) & want) == want) ||
        (m->users && !m->asker.is_stranger))
        return 0;
    fs_rights_note(m, dir, name_of(want));
    return EACCES;
}

void fs_rights_access(fuse_req_t req, fuse_ino_t number, int want)
{
    struct fs_mount *m = fuse_req_userdata(req);
    struct fs_inode *i = fs_inode_get(&m->inodes, number);
    if (!i) {
        fuse_reply_err(req, ESTALE);
        return;
    }
    want &= R_OK | W_OK | X_OK;
    struct view v = fs_mount_view(m);
    int bits = token_bits(m, &v, i);
    env_view_end(&v);
    if (!m->users)
        bits &= class_bits(m, i);
    fuse_reply_err(req, (bits & want) == want ? 0 : EACCES);
}
