/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Nodes and service instances. Names compare without ASCII case and keep
 * their spelling. Health checks are in health.h; a register command may carry
 * all three.
 */
#ifndef DISCO_STATE_CATALOG_H
#define DISCO_STATE_CATALOG_H

#include "state/state.h"

/* Text pairs (meta, tagged addresses) stay packed as msgpack maps in the row; iterate with
 * pairs_next. Sorted by name at registration, as Go prints maps. */
struct pairs {
    struct str packed; /* borrowed */
};
struct pairs_iter {
    struct unpack u;
    uint32_t left;
};
struct pairs_iter pairs_begin(struct pairs p);
bool pairs_next(struct pairs_iter *i, struct str *ret_name, struct str *ret_value);
uint32_t pairs_count(struct pairs p);
bool pairs_get(struct pairs p, struct str name, struct str *ret_value);
struct pair {
    struct str name, value;
};
/* Packs a list as pairs: sorted, of equal names the last. */
void pairs_pack(const struct pair *list, size_t n, struct buf *out);

struct catalog_node {
    struct str name, id, address, datacenter;
    struct pairs tagged_addresses, meta;
    uint64_t create_index, modify_index;
};

struct catalog_service {
    struct str node;                                /* as the node spells it */
    struct str id, name, address, kind, namespace_; /* kind "" for typical services */
    struct str tags; /* packed array of texts, in the order given: unpack_array/unpack_str */
    struct pairs meta;
    /* packed map name -> [address, port]; see catalog_tagged_next */
    struct str tagged_addresses;
    int64_t port;
    int64_t weight_passing, weight_warning; /* 1, 1 by default */
    bool enable_tag_override;
    /* Proxy, Connect, sockets: kept as the JSON that was registered (compact), rendered back. */
    struct str proxy_json, connect_json;
    uint64_t create_index, modify_index;
};
/* Iterates the tagged addresses of a service: left = unpack_map(u) at first. */
bool catalog_tagged_next(struct unpack *u, uint32_t *left, struct str *ret_name,
                         struct str *ret_address, int64_t *ret_port);

struct health_check; /* health.h */

/* ---- commands ---- */
/* COMMAND_CATALOG_REGISTER: node, optional service, checks. Names were validated by the door.
 * skip_node_update: an existing node's address, meta and the like are left alone.
 * Result: status ERR_INVALID with text (name taken by a node with another id, check for unknown
 * service...). */
struct catalog_register {
    struct catalog_node node;
    bool skip_node_update;
    const struct catalog_service *service; /* NULL: none */
    const struct health_check *checks;
    size_t check_n;
};
void catalog_encode_register(const struct catalog_register *r, struct buf *out);
/* COMMAND_CATALOG_DEREGISTER: the service if service_id, else the check if check_id, else the node
 * with all that is on it. */
void catalog_encode_deregister(struct str node, struct str service_id, struct str check_id,
                               struct buf *out);
int catalog_apply_register(struct apply *a, struct str body);
int catalog_apply_deregister(struct apply *a, struct str body);

/* For transactions: one step of the above. The node of a service must be there. */
int catalog_apply_node(struct apply *a, const struct catalog_node *given);
int catalog_apply_service(struct apply *a, struct str node, const struct catalog_service *given);
void catalog_apply_delete_node(struct apply *a, struct str name);
void catalog_apply_delete_service(struct apply *a, struct str node, struct str id);

/* Rows of a snapshot, with what hangs on them; false when they are none. Nodes come first. */
bool catalog_restore_node(struct apply *a, struct str key, struct str row);
bool catalog_restore_service(struct apply *a, struct str key, struct str row);

/* ---- reads: note watches; *ret_index is Consul's index for the question ---- */
bool catalog_node_get(struct view *v, struct str name, struct catalog_node *ret);
bool catalog_node_by_id(struct view *v, struct str id, struct catalog_node *ret);
/* By name, else by the beginning of an id that only one node has (two characters at least). */
bool catalog_node_find(struct view *v, struct str name_or_id, struct catalog_node *ret);
/* Every node in name order. */
void catalog_nodes(struct view *v, bool (*each)(void *data, const struct catalog_node *n),
                   void *data, uint64_t *ret_index);
/* Each service name once (as first spelled), with the union of its instances' tags (sorted, each
 * once) as a packed msgpack array. The other form counts only instances on nodes for which `where`
 * is true (NULL: all), and its index moves with the nodes too. */
void catalog_services(struct view *v,
                      bool (*each)(void *data, struct str name, struct str tags_packed), void *data,
                      uint64_t *ret_index);
void catalog_services_where(struct view *v, bool (*where)(void *data, const struct catalog_node *n),
                            bool (*each)(void *data, struct str name, struct str tags_packed),
                            void *data, uint64_t *ret_index);
/* Instances of a service, in node, id order. */
void catalog_service_nodes(struct view *v, struct str service,
                           bool (*each)(void *data, const struct catalog_node *n,
                                        const struct catalog_service *s),
                           void *data, uint64_t *ret_index);
/* Services on a node in id order; *ret_node and true when the node exists. */
bool catalog_node_services(struct view *v, struct str node, struct catalog_node *ret_node,
                           bool (*each)(void *data, const struct catalog_service *s), void *data,
                           uint64_t *ret_index);
bool catalog_service_get(struct view *v, struct str node, struct str id,
                         struct catalog_service *ret);
/* ASCII case ignored */
bool catalog_service_has_tag(const struct catalog_service *s, struct str tag);
uint64_t catalog_nodes_index(struct view *v);
uint64_t catalog_services_index(struct view *v);

#endif
