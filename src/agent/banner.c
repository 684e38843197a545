/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/banner.h"

static void line(struct buf *out, const char *key)
{
    buf_putf(out, "%19s ", key);
}

static const char *truth(bool b)
{
    return b ? "true" : "false";
}

void banner_write(const struct config *c, const char *node_id, struct buf *out)
{
    char address[ADDR_TEXT_MAX];
    buf_put_z(out, "==> Starting disco agent...\n");
    line(out, "Version:");
    buf_put_z(out, "'" DISCO_VERSION "'\n");
    line(out, "Node ID:");
    buf_putf(out, "'%s'\n", node_id);
    line(out, "Node name:");
    buf_putf(out, "'%s'\n", c->node_name);
    line(out, "Datacenter:");
    buf_putf(out, "'%s' (Segment: '<all>')\n", c->datacenter);
    line(out, "Server:");
    buf_putf(out, "%s (Bootstrap: %s)\n", truth(c->server), truth(c->bootstrap));
    line(out, "Client Addr:");
    for (size_t i = 0; i < c->client_n; i++) {
        addr_format_ip(&c->clients[i], address);
        buf_putf(out, "%s%s", i ? " " : "[", address);
    }
    buf_putf(out, "] (HTTP: %lld, HTTPS: %lld, gRPC: -1, DNS: %lld)\n", (long long)c->port_http,
             (long long)c->port_https, (long long)c->port_dns);
    line(out, "Cluster Addr:");
    addr_format_ip(&c->advertise, address);
    buf_putf(out, "%s (LAN: %lld, WAN: %lld)\n", address, (long long)c->port_serf_lan,
             (long long)c->port_serf_wan);
    line(out, "Encrypt:");
    buf_put_z(out, "Gossip: false, TLS-Outgoing: false, TLS-Incoming: false, "
                   "Auto-Encrypt-TLS: false\n\n"
                   "==> Log data will now stream in as it occurs:\n\n");
}
