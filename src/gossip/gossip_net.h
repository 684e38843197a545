/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The shell of a pool: its sockets (UDP and TCP on one address) and files, on
 * the core's loop.
 *
 *     gossip_net_open(&o, &net, err);  options.packet = gossip_net_packet(net);
 *     gossip_net_outputs(net, &options.out);  gossip_new(&options, &pool, err);
 *     gossip_net_restore(net, pool, after_leave, err);  gossip_net_attach(net, pool);
 *     gossip_start(pool, now);
 *     ...
 *     gossip_net_attach(net, NULL); gossip_free(pool); gossip_net_close(net, closed, data);
 *
 * What is dropped is counted, and told in the log at most once in ten seconds.
 */
#ifndef DISCO_GOSSIP_GOSSIP_NET_H
#define DISCO_GOSSIP_GOSSIP_NET_H

#include "gossip/gossip.h"

struct gossip_net;
struct gossip_net_options {
    void *loop; /* uv_loop_t * */
    struct timers *timers;
    struct addr bind;               /* port 0: one that is free for both */
    struct duration stream_timeout; /* gossip_timing's */
    const char *log_name;           /* "agent.server.serf.lan"; borrowed, as the paths */
    const char *snapshot_path;      /* NULL: none is kept */
    const char *keyring_path;       /* NULL: none is kept */
};

/* Binds; nothing is read yet. A keyring file that is there is taken. */
int gossip_net_open(const struct gossip_net_options *o, struct gossip_net **ret,
                    struct error *err) MUST_USE;
/* Its settings may be changed before the pool starts. The keyring in it is ours, and empty when
 * there is no encryption; a key given by configuration is added with gossip_net_add_key. */
struct gossip_packet *gossip_net_packet(struct gossip_net *n);
/* -encrypt: adds it to an empty keyring and keeps it in the file; ignored when the file had keys
 * (Consul: they win). */
int gossip_net_add_key(struct gossip_net *n, struct str key, struct error *err) MUST_USE;
/* After a change by gossip_keys: hooks.keyring calls this. */
void gossip_net_keep_keyring(struct gossip_net *n);
void gossip_net_outputs(struct gossip_net *n, struct gossip_outputs *ret);
/* Feeds the snapshot's file to a pool that is not started; no file is no error. */
int gossip_net_restore(struct gossip_net *n, struct gossip *g, bool after_leave,
                       struct error *err) MUST_USE;
/* From now on bytes go to this pool; NULL: they are dropped. */
void gossip_net_attach(struct gossip_net *n, struct gossip *g);
void gossip_net_addr(const struct gossip_net *n, struct addr *ret);

struct gossip_net_stats {
    uint64_t packets_dropped[GOSSIP_DROPS]; /* by enum gossip_drop */
    uint64_t packets_lost;                  /* not sent, or too long */
    uint64_t streams_dropped;
};
void gossip_net_get_stats(const struct gossip_net *n, struct gossip_net_stats *ret);
void gossip_net_close(struct gossip_net *n, void (*closed)(void *data), void *data);

#endif
