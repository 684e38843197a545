/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/fs_inode.h"

#include "base/mem.h"

#define FS_INODE_SEED 0x6469736b6f696e6fu /* st_ino is the same in every life of the mount */

#define FS_INODE_SLOTS_MAX (1u << 27)

struct fs_inode_slot {
    struct fs_inode *inode;
    uint32_t generation;
    uint32_t next_free; /* 0: none */
};

static uint32_t take_slot(struct fs_inodes *t);
static struct fs_inode *put(struct fs_inodes *t, uint32_t slot, uint64_t number,
                            const struct fs_node *node, uint64_t parent, uint64_t version);
static void join_kin(struct fs_inodes *t, struct fs_inode *i);
static void leave_kin(struct fs_inodes *t, struct fs_inode *i);

void fs_inode_init(struct fs_inodes *t, uint64_t seed)
{
    memset(t, 0, sizeof(*t));
    map_init(&t->by_id, seed);
    list_init(&t->changed);
    buf_init(&t->gone, 0);
    map_init(&t->kin, seed);
    t->slot_n = 1; /* slot 0 is never used: no inode has number 0 */
    t->slots = mem_alloc(sizeof(t->slots[0]));
    struct fs_inode *root =
        fs_inode_add(t, &(struct fs_node){FS_ROOT, STR_NONE, STR_NONE}, FS_INODE_ROOT, 0);
    root->lookup_n = 1; /* the kernel never forgets it */
    ASSERT(root->number == FS_INODE_ROOT);
}

static void free_inode(struct fs_inodes *t, struct fs_inode *i)
{
    leave_kin(t, i);
    mem_free((void *)(uintptr_t)i->kept_name.p);
    buf_fini(&i->value);
    buf_fini(&i->parked);
    mem_free((void *)(uintptr_t)i->id.p);
    mem_free(i);
}

void fs_inode_fini(struct fs_inodes *t)
{
    for (uint32_t s = 0; s < t->slot_n; s++)
        if (t->slots[s].inode)
            free_inode(t, t->slots[s].inode);
    mem_free(t->slots);
    map_fini(&t->by_id);
    buf_fini(&t->gone);
    map_fini(&t->kin);
    memset(t, 0, sizeof(*t));
}

struct fs_inode *fs_inode_get(struct fs_inodes *t, uint64_t number)
{
    uint32_t slot = (uint32_t)number;
    if (slot >= t->slot_n || !t->slots[slot].inode || t->slots[slot].inode->number != number)
        return NULL;
    return t->slots[slot].inode;
}

struct fs_inode *fs_inode_find(struct fs_inodes *t, const struct fs_node *node)
{
    /* Asked for every name that is looked up: most identities fit on the stack. */
    char text[256];
    size_t size = FS_NODE_HEAD_SIZE + node->a.n + node->b.n;
    if (size <= sizeof(text)) {
        fs_node_write(node, text);
        return map_get(&t->by_id, str_make(text, size));
    }
    struct buf id;
    buf_init(&id, 0);
    fs_node_pack(node, &id);
    struct fs_inode *i = map_get(&t->by_id, buf_str(&id));
    buf_fini(&id);
    return i;
}

static struct fs_inode *make(struct fs_inodes *t, const struct fs_node *node, uint64_t parent,
                             uint64_t version)
{
    uint32_t slot = take_slot(t);
    return put(t, slot, (uint64_t)t->slots[slot].generation << 32 | slot, node, parent, version);
}

static struct fs_inode *put(struct fs_inodes *t, uint32_t slot, uint64_t number,
                            const struct fs_node *node, uint64_t parent, uint64_t version)
{
    struct fs_inode *i = mem_new(struct fs_inode);
    struct buf id;
    buf_init(&id, 0);
    fs_node_pack(node, &id);
    i->id = buf_take(&id);
    i->number = number;
    i->ino = fs_inode_ino(node, version);
    i->parent = parent;
    i->kind = node->kind;
    i->version = version;
    buf_init(&i->value, 0);
    buf_init(&i->parked, 0);
    list_init(&i->writers);
    list_init(&i->changed);
    join_kin(t, i);
    t->slots[slot].inode = i;
    t->n++;
    fs_inode_changed(t, i);
    return i;
}

struct fs_inode *fs_inode_add(struct fs_inodes *t, const struct fs_node *node, uint64_t parent,
                              uint64_t version)
{
    struct fs_inode *i = make(t, node, parent, version);
    struct fs_inode *old = map_get(&t->by_id, i->id);
    i->is_current = true;
    if (old)
        fs_inode_retire(t, old);
    map_set(&t->by_id, i->id, i);
    if (old)
        fs_inode_settle(t, old);
    return i;
}

struct fs_inode *fs_inode_add_gone(struct fs_inodes *t, const struct fs_node *node, uint64_t parent)
{
    struct fs_inode *i = make(t, node, parent, 0);
    i->is_unlinked = node->kind == FS_KV_FILE;
    return i;
}

struct fs_node fs_inode_node(const struct fs_inode *i)
{
    return fs_node_unpack(i->id);
}

void fs_inode_retire(struct fs_inodes *t, struct fs_inode *i)
{
    if (!i->is_current)
        return;
    ASSERT(map_get(&t->by_id, i->id) == i);
    map_del(&t->by_id, i->id);
    i->is_current = false;
    fs_inode_set_ghost(t, i, false);
    fs_inode_changed(t, i);
}

void fs_inode_set_ghost(struct fs_inodes *t, struct fs_inode *i, bool is_ghost)
{
    ASSERT(!is_ghost || (i->is_current && i->kind == FS_KV_DIR));
    if (i->is_ghost != is_ghost)
        t->ghost_n += is_ghost ? 1 : (size_t)-1;
    if (i->is_ghost != is_ghost)
        fs_inode_changed(t, i);
    i->is_ghost = is_ghost;
}

void fs_inode_move(struct fs_inodes *t, struct fs_inode *i, const struct fs_node *to)
{
    struct buf id;
    ASSERT(i->is_current);
    map_del(&t->by_id, i->id);
    buf_init(&id, 0);
    fs_node_pack(to, &id);
    mem_free((void *)(uintptr_t)i->id.p);
    i->id = buf_take(&id);
    struct fs_inode *old = map_get(&t->by_id, i->id);
    if (old)
        fs_inode_retire(t, old);
    map_set(&t->by_id, i->id, i);
    fs_inode_changed(t, i);
    if (old)
        fs_inode_settle(t, old);
}

void fs_inode_count(struct fs_inodes *t, struct fs_inode *i)
{
    i->lookup_n++;
    fs_inode_changed(t, i);
}

void fs_inode_forget(struct fs_inodes *t, struct fs_inode *i, uint64_t n)
{
    if (i->number == FS_INODE_ROOT)
        return;
    i->lookup_n = n < i->lookup_n ? i->lookup_n - n : 0;
    fs_inode_changed(t, i);
    fs_inode_settle(t, i);
}

void fs_inode_settle(struct fs_inodes *t, struct fs_inode *i)
{
    if (i->lookup_n > 0 || i->open_n > 0 || i->reader_n > 0 || i->busy_n > 0)
        return;
    fs_inode_retire(t, i);
    uint32_t slot = (uint32_t)i->number;
    list_remove(&i->changed);
    if (i->is_noted)
        buf_put_u64(&t->gone, i->number);
    t->slots[slot].inode = NULL;
    t->slots[slot].generation++;
    t->slots[slot].next_free = t->free_slot;
    t->free_slot = slot;
    t->n--;
    free_inode(t, i);
}

struct fs_inode *fs_inode_slot(struct fs_inodes *t, uint32_t i)
{
    ASSERT(i < t->slot_n);
    return t->slots[i].inode;
}

uint64_t fs_inode_ino(const struct fs_node *node, uint64_t version)
{
    if (node->kind == FS_ROOT)
        return FS_INODE_ROOT;
    uint64_t ino = str_hash(node->a, FS_INODE_SEED + (uint64_t)node->kind);
    if (node->b.n > 0)
        ino ^= str_hash(node->b, FS_INODE_SEED) * 3;
    ino += version * 0x9e3779b97f4a7c15u;
    ino &= (uint64_t)INT64_MAX; /* some programs keep it in a signed number */
    return ino > FS_INODE_ROOT ? ino : ino + 2;
}

/* 's' or 'n', and the name. */
static void kin_key(enum fs_kind kind, struct str name, struct buf *key)
{
    bool is_service = kind >= FS_SERVICE && kind <= FS_INSTANCE_CHECK;
    buf_init(key, 0);
    buf_put_c(key, is_service ? 's' : 'n');
    buf_put_str(key, name);
}

struct list *fs_inode_kin(struct fs_inodes *t, enum fs_kind kind, struct str name)
{
    struct buf key;
    kin_key(kind, name, &key);
    struct list *kin = map_get(&t->kin, buf_str(&key));
    buf_fini(&key);
    return kin;
}

static void join_kin(struct fs_inodes *t, struct fs_inode *i)
{
    struct buf key;
    list_init(&i->kin);
    if (!fs_node_is_catalog(i->kind))
        return;
    kin_key(i->kind, fs_inode_node(i).a, &key);
    struct list *kin = map_get(&t->kin, buf_str(&key));
    if (!kin) {
        kin = mem_new(struct list);
        list_init(kin);
        map_set(&t->kin, buf_str(&key), kin);
    }
    list_push(kin, &i->kin);
    buf_fini(&key);
}

static void leave_kin(struct fs_inodes *t, struct fs_inode *i)
{
    struct buf key;
    if (!fs_node_is_catalog(i->kind))
        return;
    struct list *kin = fs_inode_kin(t, i->kind, fs_inode_node(i).a);
    list_remove(&i->kin);
    if (!list_is_empty(kin))
        return;
    kin_key(i->kind, fs_inode_node(i).a, &key);
    map_del(&t->kin, buf_str(&key));
    mem_free(kin);
    buf_fini(&key);
}

static uint32_t take_slot(struct fs_inodes *t)
{
    uint32_t slot = t->free_slot;
    if (slot) {
        t->free_slot = t->slots[slot].next_free;
        return slot;
    }
    uint32_t old_n = t->slot_n;
    /* Doubled; the new slots beyond the one taken go to the free list. */
    uint32_t new_n = old_n < 64 ? 64 : old_n * 2;
    t->slots = mem_realloc(t->slots, new_n * sizeof(t->slots[0]));
    memset(t->slots + old_n, 0, (new_n - old_n) * sizeof(t->slots[0]));
    t->slot_n = new_n;
    for (uint32_t s = new_n - 1; s > old_n; s--) {
        t->slots[s].generation = t->first_generation;
        t->slots[s].next_free = t->free_slot;
        t->free_slot = s;
    }
    t->slots[old_n].generation = t->first_generation;
    return old_n;
}

void fs_inode_changed(struct fs_inodes *t, struct fs_inode *i)
{
    if (t->notes && !list_is_linked(&i->changed) && i->number != FS_INODE_ROOT)
        list_push(&t->changed, &i->changed);
}

struct fs_inode *fs_inode_restore(struct fs_inodes *t, uint64_t number, const struct fs_node *node,
                                  uint64_t version)
{
    uint32_t slot = (uint32_t)number;
    if (slot <= FS_INODE_ROOT || slot > FS_INODE_SLOTS_MAX ||
        (slot < t->slot_n && t->slots[slot].inode))
        return NULL;
    if (slot >= t->slot_n) {
        uint32_t new_n = slot < 32 ? 64 : (slot + 1) * 2;
        t->slots = mem_realloc(t->slots, new_n * sizeof(t->slots[0]));
        memset(t->slots + t->slot_n, 0, (new_n - t->slot_n) * sizeof(t->slots[0]));
        t->slot_n = new_n;
    }
    t->slots[slot].generation = (uint32_t)(number >> 32);
    return put(t, slot, number, node, FS_INODE_ROOT, version);
}

void fs_inode_restored(struct fs_inodes *t, uint32_t generation)
{
    t->first_generation = generation;
    t->free_slot = 0;
    for (uint32_t s = t->slot_n; s-- > FS_INODE_ROOT + 1;) {
        if (t->slots[s].inode)
            continue;
        t->slots[s].generation = generation;
        t->slots[s].next_free = t->free_slot;
        t->free_slot = s;
    }
}

void fs_inode_reinstate(struct fs_inodes *t, struct fs_inode *i)
{
    struct fs_inode *old = map_get(&t->by_id, i->id);
    if (old == i)
        return;
    if (old)
        fs_inode_retire(t, old);
    i->is_current = true;
    map_set(&t->by_id, i->id, i);
}
