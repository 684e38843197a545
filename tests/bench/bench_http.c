/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the HTTP door is measured against: a bare libh2o server that answers everything with a fixed
 * body of 100 octets, on as many threads, each with its loop, context and SO_REUSEPORT socket.
 *
 *     bench_http PORT THREADS [park]     with park, requests are never answered
 */
#include <h2o.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"

struct server {
    uv_thread_t thread;
    uv_loop_t loop;
    uv_tcp_t listener;
    h2o_context_t context;
    h2o_accept_ctx_t accept;
    h2o_globalconf_t config;
};

static uint16_t port;
static bool never_answers;

static int on_request(h2o_handler_t *handler, h2o_req_t *req)
{
    static char body[] = "[{\"LockIndex\":0,\"Key\":\"bench\",\"Flags\":0,\"Value\":"
                         "\"YSB2YWx1ZSBvZiBzb21l\",\"CreateIndex\":1,\"ModifyIndex\":11}]";
    static h2o_generator_t none;
    h2o_iovec_t bytes = {body, sizeof(body) - 1};

    (void)handler;
    if (never_answers)
        return 0;
    req->res.status = 200;
    req->res.reason = "OK";
    req->res.content_length = bytes.len;
    h2o_add_header(&req->pool, &req->res.headers, H2O_TOKEN_CONTENT_TYPE, NULL,
                   H2O_STRLIT("application/json"));
    h2o_start_response(req, &none);
    h2o_send(req, &bytes, 1, H2O_SEND_STATE_FINAL);
    return 0;
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct server *s = listener->data;
    uv_tcp_t *tcp;

    if (status)
        return;
    tcp = mem_new(uv_tcp_t);
    uv_tcp_init(&s->loop, tcp);
    if (uv_accept(listener, (uv_stream_t *)tcp)) {
        uv_close((uv_handle_t *)tcp, (uv_close_cb)mem_free);
        return;
    }
    uv_tcp_nodelay(tcp, 1);
    h2o_accept(&s->accept, h2o_uv_socket_create((uv_stream_t *)tcp, (uv_close_cb)mem_free));
}

static void listen_on(struct server *s)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;

    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ASSERT(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) == 0);
    ASSERT(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)) == 0);
    ASSERT(bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0);
    uv_tcp_init(&s->loop, &s->listener);
    uv_tcp_open(&s->listener, fd);
    s->listener.data = s;
    ASSERT(uv_listen((uv_stream_t *)&s->listener, 4096, on_connection) == 0);
}

static void serve(void *data)
{
    struct server *s = data;
    h2o_hostconf_t *host;

    uv_loop_init(&s->loop);
    h2o_config_init(&s->config);
    s->config.server_name = (h2o_iovec_t){NULL, 0};
    host = h2o_config_register_host(&s->config, h2o_iovec_init(H2O_STRLIT("default")), 65535);
    h2o_create_handler(h2o_config_register_path(host, "/", 0), sizeof(h2o_handler_t))->on_req =
        on_request;
    h2o_context_init(&s->context, &s->loop, &s->config);
    s->accept.ctx = &s->context;
    s->accept.hosts = s->config.hosts;
    listen_on(s);
    uv_run(&s->loop, UV_RUN_DEFAULT);
}

int main(int argc, char **argv)
{
    uint64_t port_given = 0, threads = 0;

    if (argc < 3 || argc > 4 || str_to_u64(str_z(argv[1]), &port_given) || port_given > 65535 ||
        str_to_u64(str_z(argv[2]), &threads) || threads < 1 || threads > 256) {
        fprintf(stderr, "usage: bench_http PORT THREADS [park]\n");
        return 1;
    }
    port = (uint16_t)port_given;
    never_answers = argc == 4;
    for (uint64_t i = 1; i < threads; i++) {
        struct server *s = mem_new(struct server);

        ASSERT(uv_thread_create(&s->thread, serve, s) == 0);
    }
    serve(mem_new(struct server));
    return 0;
}
