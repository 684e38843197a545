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

#include "agent/offload.h"
#include "base/archive.h"
#include "base/digest.h"
#include "base/encode.h"
#include "base/log.h"
#include "state/consul.h"
#include "state/restore.h"

#define UNPACKED_SIZE_MAX (COMMAND_SIZE_MAX + ((size_t)1 << 20))
#define SUM_SIZE          64 /* SHA-256 in hex */

static void hex_of(const uint8_t sum[32], char dst[SUM_SIZE + 1])
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < 32; i++) {
        dst[2 * i] = digits[sum[i] >> 4];
        dst[2 * i + 1] = digits[sum[i] & 15];
    }
    dst[SUM_SIZE] = '\0';
}

static void sum_of(struct str bytes, char dst[SUM_SIZE + 1])
{
    uint8_t sum[32];

    digest_sha256(bytes, sum);
    hex_of(sum, dst);
}

/* ---- save ----
 *
 * On a thread of its own, with a view of its own: a state of hundreds of megabytes takes seconds.
 * It is gone through twice, for the tar says the size and the sum first; only the packed bytes are
 * kept. */

struct saving { /* in the call's arena */
    struct offload offload;
    struct api_call *call;
    struct store_reader *reader;
    struct digest *digest;
    struct archive_writer *writer;
    uint64_t term, index, size;
    int64_t now_ns;
    struct buf meta, sums, out;
};

/* The offload, once the read has found whom to ask. */
int api_snapshot_save(struct api_call *c, struct view *v, uint64_t *ret_index)
{
    c->params.index = 0;
    *ret_index = view_index(v);
    api_header(c, "Content-Type", STR_LIT("application/x-gzip"));
    return 0;
}

static void put_meta(struct saving *s)
{
    struct jwrite w;
    struct buf id;

    buf_init(&id, 0);
    buf_putf(&id, "%llu-%llu-%lld", (unsigned long long)s->term, (unsigned long long)s->index,
             (long long)(s->now_ns / 1000000));
    jwrite_init(&w, &s->meta, false);
    jwrite_object(&w);
    jwrite_name(&w, "Version");
    jwrite_u64(&w, 1);
    jwrite_name(&w, "ID");
    jwrite_str(&w, buf_str(&id));
    jwrite_name(&w, "Index");
    jwrite_u64(&w, s->index);
    jwrite_name(&w, "Term");
    jwrite_u64(&w, s->term);
    jwrite_name(&w, "Size");
    jwrite_u64(&w, s->size);
    jwrite_close(&w);
    jwrite_end(&w);
    buf_fini(&id);
}

static bool is_stopping(const struct saving *s)
{
    return published_get(s->call->env->published, PUBLISHED_STOPPING) > 0;
}

static bool count_piece(void *data, struct str bytes)
{
    struct saving *s = data;

    s->size += bytes.n;
    digest_add(s->digest, bytes);
    return !is_stopping(s);
}

static bool pack_piece(void *data, struct str bytes)
{
    struct saving *s = data;

    archive_put(s->writer, bytes);
    return !s->out.failed && !is_stopping(s);
}

static void put_whole(struct saving *s, const char *name, struct str bytes)
{
    archive_file(s->writer, str_z(name), bytes.n);
    archive_put(s->writer, bytes);
}

static void run_saving(struct offload *o)
{
    struct saving *s = LIST_ITEM(o, struct saving, offload);
    struct view v = {.store = store_view_begin(s->reader)};
    char meta_sum[SUM_SIZE + 1], state_sum[SUM_SIZE + 1];
    uint8_t sum[32];

    s->index = view_index(&v);
    s->digest = digest_begin();
    (void)restore_dump(&v, count_piece, s);
    digest_end(s->digest, sum);
    hex_of(sum, state_sum);
    put_meta(s);
    sum_of(buf_str(&s->meta), meta_sum);
    buf_putf(&s->sums, "%s  meta.json\n%s  state.bin\n", meta_sum, state_sum);
    s->writer = archive_begin(s->now_ns / 1000000000, &s->out);
    put_whole(s, "meta.json", buf_str(&s->meta));
    archive_file(s->writer, STR_LIT("state.bin"), s->size);
    if (restore_dump(&v, pack_piece, s))
        put_whole(s, "SHA256SUMS", buf_str(&s->sums));
    else
        s->out.failed = true;
    archive_end(s->writer);
    store_view_end(v.store);
}

static void saving_fini(struct saving *s)
{
    store_reader_free(s->reader);
    buf_fini(&s->meta);
    buf_fini(&s->sums);
    buf_fini(&s->out);
}

static void on_saved(struct offload *o)
{
    struct saving *s = LIST_ITEM(o, struct saving, offload);
    struct api_call *c = s->call;

    if (s->out.failed && is_stopping(s)) {
        (void)api_fail(c, 503, "The agent is stopping");
    } else if (s->out.failed) {
        (void)api_fail_code(c, ERR_TOO_LARGE, NULL);
    } else {
        buf_fini(&c->reply.body);
        c->reply.body = s->out;
        buf_init(&s->out, 0);
    }
    saving_fini(s);
    api_finish_later(c);
}

bool api_snapshot_pack(struct api_call *c)
{
    struct saving *s = arena_new(&c->arena, struct saving);

    s->call = c;
    s->term = published_get(c->env->published, PUBLISHED_TERM);
    s->now_ns = clock_wall_ns();
    s->reader = store_reader_beside(c->env->reader);
    s->offload.run = run_saving;
    s->offload.done = on_saved;
    buf_init(&s->meta, 0);
    buf_init(&s->sums, 0);
    buf_init(&s->out, 0);
    if (offload_start(c->env, &s->offload))
        return true;
    saving_fini(s);
    (void)api_fail(c, 429, "Too many snapshots are being saved");
    return false;
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
