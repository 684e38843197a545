/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/cli_snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/archive.h"
#include "base/jread.h"
#include "base/pack.h"

#define PATH_TEXT_MAX 4096

static bool is_standard(const char *path)
{
    return strcmp(path, "-") == 0;
}

static int check_args(struct cli *c)
{
    if (c->arg_n < 1)
        return cli_command_fail("Missing FILE argument");
    if (c->arg_n > 1)
        return cli_command_fail("Too many arguments (expected 1, got %d)", c->arg_n);
    return 0;
}

/* ---- files ---- */

static int read_all(int fd, struct buf *out)
{
    char space[64 * 1024];
    ssize_t n;

    while ((n = read(fd, space, sizeof(space))) > 0)
        buf_put(out, space, (size_t)n);
    return n < 0 ? -errno : out->failed ? ERR_TOO_LARGE : 0;
}

static int load(const char *path, struct buf *out)
{
    int fd = is_standard(path) ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    int rc = fd < 0 ? -errno : read_all(fd, out);

    if (fd > STDIN_FILENO)
        close(fd);
    return rc == 0 ? 0 : cli_command_fail("Error opening snapshot file: %s", error_text(rc));
}

static int write_all(int fd, struct str bytes)
{
    while (bytes.n) {
        ssize_t n = write(fd, bytes.p, bytes.n);

        if (n < 0 && errno != EINTR)
            return -errno;
        if (n > 0)
            bytes = str_drop(bytes, (size_t)n);
    }
    return 0;
}

/* Beside it first, so that an older file is there until the new one is whole and on the disk. */
static int store(const char *path, struct str bytes)
{
    char beside[PATH_TEXT_MAX];
    int fd, rc;

    if (is_standard(path)) {
        rc = write_all(STDOUT_FILENO, bytes);
    } else if (snprintf(beside, sizeof(beside), "%s.unverified", path) >= (int)sizeof(beside)) {
        rc = -ENAMETOOLONG;
    } else {
        fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        rc = fd < 0 ? -errno : write_all(fd, bytes);
        if (rc == 0 && fsync(fd))
            rc = -errno;
        if (fd >= 0)
            close(fd);
        if (rc == 0 && rename(beside, path))
            rc = -errno;
    }
    return rc == 0 ? 0 : cli_command_fail("Error writing snapshot file: %s", error_text(rc));
}

/* ---- what is in it ---- */

struct meta {
    struct buf tar;
    struct jvalue *root;
    struct str id;
    uint64_t size, index, term, version;
    const char *maker; /* of state.bin */
};

static void meta_fini(struct meta *m)
{
    jread_free(m->root);
    buf_fini(&m->tar);
}

/* Ours begins with a text that names its form (state/restore.h), Consul's with a map {LastIndex}.
 */
static const char *maker_of(struct str state)
{
    struct unpack ours = unpack_make(state), consul = ours;

    if (str_has_prefix(unpack_str(&ours), STR_LIT("disco-state-")))
        return "disco";
    return unpack_map(&consul) == 1 && str_eq_z(unpack_str(&consul), "LastIndex") ? "Consul"
                                                                                  : "unknown";
}

static int meta_read(struct str bytes, struct meta *ret)
{
    struct archive_file files[ARCHIVE_FILES_MAX];
    struct str text;
    struct error err;
    size_t n;

    *ret = (struct meta){0};
    buf_init(&ret->tar, 0);
    if (archive_read(bytes, &ret->tar, files, &n, &err))
        return cli_command_fail("Error reading snapshot: failed to decompress snapshot: %s",
                                err.text);
    if (!archive_find(files, n, "meta.json", &text))
        return cli_command_fail("Error reading snapshot: file missing for \"meta.json\"");
    if (jread_parse(text, &ret->root, &err) || jread_type(ret->root) != JREAD_OBJECT ||
        jread_str(jread_get(ret->root, "ID"), &ret->id) ||
        jread_u64(jread_get(ret->root, "Size"), &ret->size) ||
        jread_u64(jread_get(ret->root, "Index"), &ret->index) ||
        jread_u64(jread_get(ret->root, "Term"), &ret->term) ||
        jread_u64(jread_get(ret->root, "Version"), &ret->version))
        return cli_command_fail("Error reading snapshot: meta.json cannot be read");
    ret->maker = archive_find(files, n, "state.bin", &text) ? maker_of(text) : "unknown";
    return 0;
}

/* ---- commands ---- */

static void url_of(const struct cli *c, struct buf *url)
{
    buf_init(url, 0);
    buf_put_z(url, "/v1/snapshot");
    cli_command_params(c, url);
}

static int keep(struct cli *c, struct str bytes)
{
    struct meta m;
    int exit_status = meta_read(bytes, &m);

    if (exit_status == 0)
        exit_status = store(c->args[0], bytes);
    if (exit_status == 0)
        (void)fprintf(is_standard(c->args[0]) ? stderr : stdout,
                      "Saved and verified snapshot to index %llu\n", (unsigned long long)m.index);
    meta_fini(&m);
    return exit_status;
}

int cli_snapshot_save(struct cli *c)
{
    struct cli_reply reply;
    struct error err;
    struct buf url;
    int exit_status = check_args(c);

    if (exit_status)
        return exit_status;
    url_of(c, &url);
    if (cli_http_do(c->http, "GET", buf_str(&url), NULL, &reply, &err) < 0)
        exit_status = cli_command_fail("Error saving snapshot: %s", err.text);
    else if (reply.status != 200)
        exit_status = cli_command_fail_reply("Error saving snapshot", &reply, true);
    else
        exit_status = keep(c, buf_str(&reply.body));
    cli_reply_fini(&reply);
    buf_fini(&url);
    return exit_status;
}

int cli_snapshot_restore(struct cli *c)
{
    struct cli_reply reply;
    struct error err;
    struct buf url, bytes;
    int exit_status = check_args(c);

    if (exit_status)
        return exit_status;
    buf_init(&bytes, 0);
    exit_status = load(c->args[0], &bytes);
    if (exit_status == 0) {
        struct str body = buf_str(&bytes);

        url_of(c, &url);
        if (cli_http_do(c->http, "PUT", buf_str(&url), &body, &reply, &err) < 0)
            exit_status = cli_command_fail("Error restoring snapshot: %s", err.text);
        else if (reply.status != 200)
            exit_status = cli_command_fail_reply("Error restoring snapshot", &reply, true);
        else
            (void)printf("%.*sRestored snapshot\n", STR_ARG(buf_str(&reply.body)));
        cli_reply_fini(&reply);
        buf_fini(&url);
    }
    buf_fini(&bytes);
    return exit_status;
}

int cli_snapshot_inspect(struct cli *c)
{
    struct buf bytes;
    struct meta m;
    int exit_status = check_args(c);

    if (exit_status)
        return exit_status;
    buf_init(&bytes, 0);
    exit_status = load(c->args[0], &bytes);
    if (exit_status == 0) {
        exit_status = meta_read(buf_str(&bytes), &m);
        if (exit_status == 0)
            (void)printf("ID           %.*s\nSize         %llu\nIndex        %llu\nTerm         "
                         "%llu\nVersion      %llu\nMade by      %s\n",
                         STR_ARG(m.id), (unsigned long long)m.size, (unsigned long long)m.index,
                         (unsigned long long)m.term, (unsigned long long)m.version, m.maker);
        meta_fini(&m);
    }
    buf_fini(&bytes);
    return exit_status;
}
