/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The archive is Consul's: a tar in gzip with meta.json, state.bin and SHA256SUMS of both. What is
 * in state.bin is disco's own (state/restore.h); what Consul 1.9 has there is understood too
 * (state/consul.h). Restoring is one command, so that all servers do
 * it at the same place of the log; its size bounds what can be restored.
 *
 * consul: agent/snapshot_endpoint.go, snapshot/snapshot.go, snapshot/archive.go
 */
#include "config.h"

#include "api/api_snapshot.h"

#include "base/archive.h"
#include "base/digest.h"
#include "base/encode.h"
#include "base/log.h"
#include "state/consul.h"
#include "state/restore.h"

#define UNPACKED_SIZE_MAX (COMMAND_SIZE_MAX + ((size_t)1 << 20))
#define SUM_SIZE          64 /* SHA-256 in hex */

static void sum_of(struct str bytes, char dst[SUM_SIZE + 1])
{
    static const char digits[] = "0123456789abcdef";
    uint8_t sum[32];

    digest_sha256(bytes, sum);
    for (size_t i = 0; i < sizeof(sum); i++) {
        dst[2 * i] = digits[sum[i] >> 4];
        dst[2 * i + 1] = digits[sum[i] & 15];
    }
    dst[SUM_SIZE] = '\0';
}

/* ---- save ---- */

static void put_meta(struct api_call *c, uint64_t index, uint64_t size, struct buf *out)
{
    uint64_t term = published_get(c->env->published, PUBLISHED_TERM);
    struct jwrite w;

    jwrite_init(&w, out, false);
    jwrite_object(&w);
    jwrite_name(&w, "Version");
    jwrite_u64(&w, 1);
    jwrite_name(&w, "ID");
    jwrite_str(&w, api_printf(c, "%llu-%llu-%lld", (unsigned long long)term,
                              (unsigned long long)index, (long long)(clock_wall_ns() / 1000000)));
    jwrite_name(&w, "Index");
    jwrite_u64(&w, index);
    jwrite_name(&w, "Term");
    jwrite_u64(&w, term);
    jwrite_name(&w, "Size");
    jwrite_u64(&w, size);
    jwrite_close(&w);
    jwrite_end(&w);
}

static void put_sums(const struct archive_file *files, size_t n, struct buf *out)
{
    char sum[SUM_SIZE + 1];

    for (size_t i = 0; i < n; i++) {
        sum_of(files[i].bytes, sum);
        buf_putf(out, "%s  %.*s\n", sum, STR_ARG(files[i].name));
    }
}

int api_snapshot_save(struct api_call *c, struct view *v, uint64_t *ret_index)
{
    struct archive_file files[3] = {
        {STR_LIT("meta.json"), STR_NONE},
        {STR_LIT("state.bin"), STR_NONE},
        {STR_LIT("SHA256SUMS"), STR_NONE},
    };
    struct buf state, meta, sums;

    c->params.index = 0;
    *ret_index = view_index(v);
    buf_init(&state, 0);
    buf_init(&meta, 0);
    buf_init(&sums, 0);
    restore_dump(v, &state);
    put_meta(c, *ret_index, state.n, &meta);
    files[0].bytes = buf_str(&meta);
    files[1].bytes = buf_str(&state);
    put_sums(files, 2, &sums);
    files[2].bytes = buf_str(&sums);
    if (!state.failed) {
        archive_write(files, 3, clock_wall_ns() / 1000000000, &c->reply.body);
        api_header(c, "Content-Type", STR_LIT("application/x-gzip"));
    }
    bool failed = state.failed;
    buf_fini(&sums);
    buf_fini(&meta);
    buf_fini(&state);
    return failed ? ERR_TOO_LARGE : 0;
}

/* ---- restore ---- */

static bool damaged(struct api_call *c, const char *why, struct str what)
{
    return api_fail(c, 500,
                    "failed to read snapshot file: failed checking integrity of snapshot: "
                    "%s \"%.*s\"",
                    why, STR_ARG(str_take(what, ARCHIVE_NAME_MAX)));
}

/* Each line of the list names a file that is there and has this sum; both files are listed. */
static bool check_sums(struct api_call *c, const struct archive_file *files, size_t n)
{
    static const char *const wanted[] = {"meta.json", "state.bin"};
    struct str list, bytes;
    char sum[SUM_SIZE + 1];

    for (size_t i = 0; i < 2; i++)
        if (!archive_find(files, n, wanted[i], &bytes))
            return damaged(c, "file missing for", str_z(wanted[i]));
    if (!archive_find(files, n, "SHA256SUMS", &list))
        return damaged(c, "file missing for", STR_LIT("SHA256SUMS"));
    for (size_t i = 0; i < 2; i++) {
        struct str rest = list;
        bool listed = false;

        (void)archive_find(files, n, wanted[i], &bytes);
        sum_of(bytes, sum);
        while (rest.p && !listed) {
            struct str line = str_trim(str_split(&rest, '\n'));

            listed = line.n > SUM_SIZE && str_eq_z(str_take(line, SUM_SIZE), sum) &&
                     str_eq_z(str_trim(str_drop(line, SUM_SIZE)), wanted[i]);
        }
        if (!listed)
            return damaged(c, "hash check failed for", str_z(wanted[i]));
    }
    return true;
}

/* What could not be taken over is told in the answer and in the log. */
static bool take_consul(struct api_call *c, struct str state, struct buf *command)
{
    uint64_t applied = published_get(c->env->published, PUBLISHED_APPLIED_INDEX);
    struct buf dump, left;
    struct error err;
    bool ok;

    buf_init(&dump, COMMAND_SIZE_MAX - 2);
    buf_init(&left, 0);
    ok = consul_import(state, applied ? applied : 1, &dump, &left, &err) == 0 ||
         api_fail(c, 500, "failed to restore the snapshot of Consul: %s", err.text);
    if (ok && dump.failed)
        ok = api_fail(c, 500, "failed to restore: the state is larger than %zu bytes",
                      COMMAND_SIZE_MAX);
    if (ok) {
        restore_encode(buf_str(&dump), command);
        log_info("agent.snapshot", "a snapshot that Consul made is restored: left_out=\"%s\"",
                 left.n ? buf_z(&left) : "nothing");
        c->scratch = left.n ? arena_dup(&c->arena, buf_z(&left), left.n + 1) : NULL;
    }
    buf_fini(&left);
    buf_fini(&dump);
    return ok;
}

static bool take_state(struct api_call *c, struct str state, struct buf *command)
{
    if (!restore_is_dump(state) && consul_is_snapshot(state))
        return take_consul(c, state, command);
    if (!restore_is_dump(state))
        return api_fail(c, 500, "failed to restore: neither disco nor Consul made the snapshot");
    if (state.n > COMMAND_SIZE_MAX - 2)
        return api_fail(c, 500, "failed to restore: the state is larger than %zu bytes",
                        COMMAND_SIZE_MAX);
    restore_encode(state, command);
    return true;
}

bool api_snapshot_restore(struct api_call *c, struct buf *command)
{
    struct archive_file files[ARCHIVE_FILES_MAX];
    struct str state = STR_NONE;
    struct error err;
    struct buf tar;
    size_t n;
    bool ok;

    buf_init(&tar, UNPACKED_SIZE_MAX);
    ok = archive_read(c->request.body, &tar, files, &n, &err) == 0 ||
         api_fail(c, 500, "failed to decompress snapshot: %s", err.text);
    ok = ok && check_sums(c, files, n);
    ok = ok && archive_find(files, n, "state.bin", &state) && take_state(c, state, command);
    buf_fini(&tar);
    return ok;
}

void api_snapshot_restored(struct api_call *c, const struct result *result)
{
    (void)result;
    api_empty(c, 200);
    if (c->scratch)
        buf_putf(&c->reply.body, "Restored from Consul's snapshot without: %s\n",
                 (const char *)c->scratch);
}
