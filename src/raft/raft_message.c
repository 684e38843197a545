/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "raft/raft_message.h"

#include "base/mem.h"

#define MESSAGE_FORMAT 1

/* Flags on the wire. */
#define FLAG_PRE      1
#define FLAG_REJECT   2
#define FLAG_TRANSFER 4
#define FLAG_LAST     8

struct raft_message *raft_message_new(enum raft_message_kind kind, uint64_t to)
{
    struct raft_message *m = mem_new(struct raft_message);

    m->kind = kind;
    m->to = to;
    return m;
}

void raft_message_free(struct raft_message *m)
{
    if (!m)
        return;
    for (uint32_t i = 0; i < m->entry_n; i++)
        raft_entry_unref(m->entries[i]);
    mem_free(m->entries);
    union {
        const char *in;
        char *out;
    } chunk = {m->chunk.p};
    mem_free(chunk.out);
    mem_free(m);
}

/* format u8, kind u8, flags u8, zero u8, entry count u32, then u64: from, to, term, index,
 * log_term, hint, hint_term, commit, round, offset; chunk size u32 and bytes; for each entry:
 * kind u8, term u64, size u32, bytes. Indexes of entries follow from `index`. */
void raft_message_encode(const struct raft_message *m, struct buf *out)
{
    const uint64_t numbers[] = {m->from, m->to,        m->term,   m->index, m->log_term,
                                m->hint, m->hint_term, m->commit, m->round, m->offset};

    buf_put_u8(out, MESSAGE_FORMAT);
    buf_put_u8(out, (uint8_t)m->kind);
    buf_put_u8(out, (uint8_t)((m->pre ? FLAG_PRE : 0) | (m->reject ? FLAG_REJECT : 0) |
                              (m->transfer ? FLAG_TRANSFER : 0) | (m->last ? FLAG_LAST : 0)));
    buf_put_u8(out, 0);
    buf_put_u32(out, m->entry_n);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        buf_put_u64(out, numbers[i]);
    buf_put_u32(out, (uint32_t)m->chunk.n);
    buf_put_str(out, m->chunk);
    for (uint32_t i = 0; i < m->entry_n; i++) {
        const struct raft_entry *e = m->entries[i];
        buf_put_u8(out, e->kind);
        buf_put_u64(out, e->term);
        buf_put_u32(out, e->size);
        buf_put_str(out, raft_entry_str(e));
    }
}

/* Entries that follow on `index` without gap, in terms that do not fall; configurations that are
 * some. */
static bool entries_are_sane(const struct raft_message *m)
{
    struct raft_configuration c;
    uint64_t term = m->log_term;

    if (m->entry_n > 0 && m->kind != RAFT_APPEND)
        return false;
    for (uint32_t i = 0; i < m->entry_n; i++) {
        const struct raft_entry *e = m->entries[i];
        if (e->index != m->index + 1 + i || e->term == 0 || e->term < term || e->term > m->term ||
            e->kind >= RAFT_ENTRY_KINDS)
            return false;
        if (e->kind == RAFT_ENTRY_CONFIGURATION &&
            raft_configuration_decode(raft_entry_str(e), &c) < 0)
            return false;
        term = e->term;
    }
    return true;
}

bool raft_message_is_sane(const struct raft_message *m)
{
    const uint64_t numbers[] = {m->term,  m->index,  m->log_term, m->commit,
                                m->round, m->offset, m->hint,     m->hint_term};
    /* A snapshot's hints describe a file, not a place in the log. */
    size_t n = sizeof numbers / sizeof *numbers - (m->kind == RAFT_SNAPSHOT ? 2 : 0);

    for (size_t i = 0; i < n; i++)
        if (numbers[i] > RAFT_NUMBER_MAX)
            return false;
    if (m->from == 0 || m->to == 0 || m->from == m->to || m->term == 0 || m->log_term > m->term)
        return false;
    if (m->kind == RAFT_SNAPSHOT ? m->index == 0 || m->log_term == 0 : m->chunk.n > 0)
        return false;
    if (m->kind != RAFT_VOTE && m->kind != RAFT_VOTE_REPLY && (m->pre || m->transfer))
        return false;
    return entries_are_sane(m);
}

#define ENTRY_WIRE_MIN 13

static int decode_entries(struct cursor *in, struct raft_message *m, uint32_t n)
{
    if (n == 0)
        return 0;
    if (m->kind != RAFT_APPEND || n > RAFT_MESSAGE_ENTRIES_MAX ||
        cursor_left(in) / ENTRY_WIRE_MIN < n || m->index > RAFT_NUMBER_MAX)
        return ERR_CORRUPT;
    m->entries = mem_alloc(n * sizeof *m->entries);
    for (uint32_t i = 0; i < n; i++) {
        uint8_t kind = cursor_u8(in);
        uint64_t entry_term = cursor_u64(in);
        uint32_t size = cursor_u32(in);

        if (in->bad || kind >= RAFT_ENTRY_KINDS || size > RAFT_ENTRY_SIZE_MAX ||
            cursor_left(in) < size)
            return ERR_CORRUPT;
        struct raft_entry *e = raft_entry_new((enum raft_entry_kind)kind, cursor_bytes(in, size));
        e->index = m->index + 1 + i;
        e->term = entry_term;
        m->entries[m->entry_n++] = e;
    }
    return 0;
}

static int decode(struct cursor *in, struct raft_message *m)
{
    uint64_t *numbers[] = {&m->from, &m->to,        &m->term,   &m->index, &m->log_term,
                           &m->hint, &m->hint_term, &m->commit, &m->round, &m->offset};
    uint8_t format = cursor_u8(in), kind = cursor_u8(in), flags = cursor_u8(in);
    uint8_t zero = cursor_u8(in);
    uint32_t entry_n = cursor_u32(in);

    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        *numbers[i] = cursor_u64(in);
    uint32_t chunk_n = cursor_u32(in);
    if (in->bad || format != MESSAGE_FORMAT || kind == 0 || kind >= RAFT_MESSAGE_KINDS ||
        flags > 15 || zero != 0 || chunk_n > RAFT_CHUNK_SIZE_MAX || chunk_n > cursor_left(in))
        return ERR_CORRUPT;
    m->kind = (enum raft_message_kind)kind;
    m->pre = flags & FLAG_PRE;
    m->reject = flags & FLAG_REJECT;
    m->transfer = flags & FLAG_TRANSFER;
    m->last = flags & FLAG_LAST;
    if (chunk_n > 0) {
        if (m->kind != RAFT_SNAPSHOT)
            return ERR_CORRUPT;
        m->chunk = (struct str){mem_dup(cursor_bytes(in, chunk_n).p, chunk_n), chunk_n};
    }
    int rc = decode_entries(in, m, entry_n);
    if (rc == 0 && (in->bad || cursor_left(in) || !raft_message_is_sane(m)))
        rc = ERR_CORRUPT;
    return rc;
}

int raft_message_decode(struct str bytes, struct raft_message **ret)
{
    struct cursor in = cursor_make(bytes);
    struct raft_message *m = mem_new(struct raft_message);
    int rc = decode(&in, m);

    if (rc < 0)
        raft_message_free(m);
    else
        *ret = m;
    return rc;
}
