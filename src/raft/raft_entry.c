/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "raft/raft_entry.h"

#include "base/digest.h"
#include "base/mem.h"

#define CONFIGURATION_FORMAT 1

struct raft_entry *raft_entry_new(enum raft_entry_kind kind, struct str bytes)
{
    ASSERT(bytes.n <= RAFT_ENTRY_SIZE_MAX);
    struct raft_entry *e = mem_realloc(NULL, sizeof *e + bytes.n);
    *e = (struct raft_entry){.refs = 1, .size = (uint32_t)bytes.n, .kind = (uint8_t)kind};
    if (bytes.n)
        memcpy(e->bytes, bytes.p, bytes.n);
    return e;
}

struct raft_entry *raft_entry_ref(struct raft_entry *e)
{
    ASSERT(e->refs > 0);
    e->refs++;
    return e;
}

void raft_entry_unref(struct raft_entry *e)
{
    if (!e)
        return;
    ASSERT(e->refs > 0);
    if (--e->refs == 0)
        mem_free(e);
}

struct str raft_entry_str(const struct raft_entry *e)
{
    return (struct str){e->bytes, e->size};
}

uint64_t raft_server_id(struct str name)
{
    uint8_t hash[32];
    uint64_t id = 0;

    digest_sha256(name, hash);
    for (int i = 0; i < 8; i++)
        id = id << 8 | hash[i];
    return id ? id : 1;
}

static struct raft_server *find(struct raft_configuration *c, uint64_t id)
{
    for (uint32_t i = 0; i < c->n; i++)
        if (c->servers[i].id == id)
            return &c->servers[i];
    return NULL;
}

const struct raft_server *raft_configuration_find(const struct raft_configuration *c, uint64_t id)
{
    for (uint32_t i = 0; i < c->n; i++)
        if (c->servers[i].id == id)
            return &c->servers[i];
    return NULL;
}

uint32_t raft_configuration_voters(const struct raft_configuration *c)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < c->n; i++)
        n += c->servers[i].suffrage == RAFT_VOTER;
    return n;
}

bool raft_configuration_is_voter(const struct raft_configuration *c, uint64_t id)
{
    const struct raft_server *s = raft_configuration_find(c, id);
    return s && s->suffrage == RAFT_VOTER;
}

int raft_configuration_put(struct raft_configuration *c, struct str name, struct str address,
                           enum raft_suffrage suffrage)
{
    uint64_t id = raft_server_id(name);
    struct raft_server *s = find(c, id);

    if (name.n == 0 || name.n >= RAFT_SERVER_NAME_MAX || address.n >= ADDR_TEXT_MAX)
        return ERR_INVALID;
    if (s && !str_eq_z(name, s->name))
        return ERR_INVALID;
    if (!s) {
        if (c->n == RAFT_SERVERS_MAX)
            return ERR_TOO_LARGE;
        s = &c->servers[c->n++];
    }
    *s = (struct raft_server){.id = id, .suffrage = suffrage};
    str_copy_z(name, s->name, sizeof s->name);
    str_copy_z(address, s->address, sizeof s->address);
    return 0;
}

bool raft_configuration_del(struct raft_configuration *c, uint64_t id)
{
    struct raft_server *s = find(c, id);

    if (!s)
        return false;
    memmove(s, s + 1, (size_t)(&c->servers[c->n] - (s + 1)) * sizeof *s);
    c->n--;
    return true;
}

/* format u8, count u8, then for each server: suffrage u8, name (size u8, bytes), address (same).
 * The id is not stored: it follows from the name. */
void raft_configuration_encode(const struct raft_configuration *c, struct buf *out)
{
    buf_put_u8(out, CONFIGURATION_FORMAT);
    buf_put_u8(out, (uint8_t)c->n);
    for (uint32_t i = 0; i < c->n; i++) {
        const struct raft_server *s = &c->servers[i];
        struct str name = str_z(s->name), address = str_z(s->address);

        buf_put_u8(out, (uint8_t)s->suffrage);
        buf_put_u8(out, (uint8_t)name.n);
        buf_put_str(out, name);
        buf_put_u8(out, (uint8_t)address.n);
        buf_put_str(out, address);
    }
}

int raft_configuration_decode(struct str bytes, struct raft_configuration *ret)
{
    struct cursor in = cursor_make(bytes);
    struct raft_configuration c = {0};
    uint8_t format = cursor_u8(&in), n = cursor_u8(&in);

    if (format != CONFIGURATION_FORMAT || n > RAFT_SERVERS_MAX)
        return ERR_CORRUPT;
    for (uint8_t i = 0; i < n; i++) {
        uint8_t suffrage = cursor_u8(&in);
        struct str name = cursor_bytes(&in, cursor_u8(&in));
        struct str address = cursor_bytes(&in, cursor_u8(&in));

        if (in.bad || suffrage > RAFT_LEARNER || (name.n && memchr(name.p, '\0', name.n)) ||
            (address.n && memchr(address.p, '\0', address.n)) ||
            raft_configuration_put(&c, name, address, suffrage) < 0 || c.n != i + 1u)
            return ERR_CORRUPT;
    }
    if (in.bad || cursor_left(&in) != 0)
        return ERR_CORRUPT;
    *ret = c;
    return 0;
}
