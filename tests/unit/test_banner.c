/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/banner.h"
#include "tests/lib/unit.h"

/* Line by line the shape of Consul's: keys end at the same column. */
static void has_consuls_shape(void **state)
{
    struct config *c = config_new();
    struct addr clients[2];
    struct buf out;
    c->node_name = "node1";
    c->server = c->bootstrap = true;
    c->clients = clients;
    c->client_n = 2;
    assert_int_equal(addr_parse(STR_LIT("127.0.0.1"), 0, &clients[0]), 0);
    assert_int_equal(addr_parse(STR_LIT("::1"), 0, &clients[1]), 0);
    c->advertise = clients[0];
    buf_init(&out, 0);
    banner_write(c, "<uuid>", &out);
    assert_str(buf_str(&out),
               STR_LIT("==> Starting disco agent...\n"
                       "           Version: '" DISCO_VERSION "'\n"
                       "           Node ID: '<uuid>'\n"
                       "         Node name: 'node1'\n"
                       "        Datacenter: 'dc1' (Segment: '<all>')\n"
                       "            Server: true (Bootstrap: true)\n"
                       "       Client Addr: [127.0.0.1 ::1] (HTTP: 8500, HTTPS: -1, gRPC: -1, "
                       "DNS: 8600)\n"
                       "      Cluster Addr: 127.0.0.1 (LAN: 8301, WAN: 8302)\n"
                       "           Encrypt: Gossip: false, TLS-Outgoing: false, TLS-Incoming: "
                       "false, Auto-Encrypt-TLS: false\n\n"
                       "==> Log data will now stream in as it occurs:\n\n"));
    buf_fini(&out);
    config_free(c);
}

UNIT_MAIN(UNIT(has_consuls_shape))
