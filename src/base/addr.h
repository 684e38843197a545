/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * IP addresses and ports, in the form that sockets take.
 */
#ifndef DISCO_BASE_ADDR_H
#define DISCO_BASE_ADDR_H

#include <netinet/in.h>
#include <sys/socket.h>

#include "base/str.h"

#define ADDR_TEXT_MAX 64

struct addr {
    union {
        struct sockaddr sa;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } u;
};

/* "1.2.3.4" or "::1" (brackets allowed); ERR_INVALID otherwise, names are not resolved. */
int addr_parse(struct str ip, uint16_t port, struct addr *ret) MUST_USE;
/* "ip:port" or "[ip]:port"; without a port, `port_default` is taken (0: port required). */
int addr_parse_port(struct str text, uint16_t port_default, struct addr *ret) MUST_USE;
socklen_t addr_size(const struct addr *a);
uint16_t addr_port(const struct addr *a);
void addr_set_port(struct addr *a, uint16_t port);
bool addr_is_v4(const struct addr *a);
bool addr_is_any(const struct addr *a); /* 0.0.0.0 or :: */
bool addr_is_loopback(const struct addr *a);
/* Without and with the port ("[::1]:53" for IPv6). */
void addr_format_ip(const struct addr *a, char dst[ADDR_TEXT_MAX]);
void addr_format(const struct addr *a, char dst[ADDR_TEXT_MAX]);
bool addr_eq(const struct addr *a, const struct addr *b);
/* The first private IPv4 address of this machine's interfaces, else the first global one, else
 * loopback: what an agent advertises when it binds to all. */
void addr_guess_private(struct addr *ret);

#endif
