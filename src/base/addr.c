/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "base/addr.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>

int addr_parse(struct str ip, uint16_t port, struct addr *ret)
{
    struct addr a = {0};
    char text[INET6_ADDRSTRLEN + 1];
    bool brackets = ip.n >= 2 && ip.p[0] == '[' && ip.p[ip.n - 1] == ']';

    if (brackets)
        ip = str_make(ip.p + 1, ip.n - 2);
    if (ip.n == 0 || memchr(ip.p, '\0', ip.n) || !str_copy_z(ip, text, sizeof(text)))
        return ERR_INVALID;
    if (!brackets && inet_pton(AF_INET, text, &a.u.v4.sin_addr) == 1) {
        a.u.v4.sin_family = AF_INET;
        a.u.v4.sin_port = htons(port);
    } else if (inet_pton(AF_INET6, text, &a.u.v6.sin6_addr) == 1) {
        a.u.v6.sin6_family = AF_INET6;
        a.u.v6.sin6_port = htons(port);
    } else {
        return ERR_INVALID;
    }
    *ret = a;
    return 0;
}

int addr_parse_port(struct str text, uint16_t port_default, struct addr *ret)
{
    size_t colon = text.n;
    struct str port_text;
    uint64_t port;

    while (colon > 0 && text.p[colon - 1] != ':')
        colon--;
    /* no colon, or the last one is inside of an IPv6 address */
    if (colon == 0 || (text.p[0] == '[' && text.p[text.n - 1] == ']') ||
        (text.p[0] != '[' && str_find(text, ':', 0) + 1 != colon))
        return port_default ? addr_parse(text, port_default, ret) : ERR_INVALID;
    port_text = str_drop(text, colon);
    if (port_text.n > 5 || str_to_u64(port_text, &port) < 0 || port > UINT16_MAX)
        return ERR_INVALID;
    return addr_parse(str_take(text, colon - 1), (uint16_t)port, ret);
}

socklen_t addr_size(const struct addr *a)
{
    return addr_is_v4(a) ? sizeof(a->u.v4) : sizeof(a->u.v6);
}

uint16_t addr_port(const struct addr *a)
{
    return ntohs(addr_is_v4(a) ? a->u.v4.sin_port : a->u.v6.sin6_port);
}

void addr_set_port(struct addr *a, uint16_t port)
{
    if (addr_is_v4(a))
        a->u.v4.sin_port = htons(port);
    else
        a->u.v6.sin6_port = htons(port);
}

bool addr_is_v4(const struct addr *a)
{
    return a->u.sa.sa_family == AF_INET;
}

bool addr_is_any(const struct addr *a)
{
    if (addr_is_v4(a))
        return a->u.v4.sin_addr.s_addr == htonl(INADDR_ANY);
    return IN6_IS_ADDR_UNSPECIFIED(&a->u.v6.sin6_addr);
}

bool addr_is_loopback(const struct addr *a)
{
    if (addr_is_v4(a))
        return ntohl(a->u.v4.sin_addr.s_addr) >> 24 == 127;
    return IN6_IS_ADDR_LOOPBACK(&a->u.v6.sin6_addr);
}

void addr_format_ip(const struct addr *a, char dst[ADDR_TEXT_MAX])
{
    const void *ip = addr_is_v4(a) ? (const void *)&a->u.v4.sin_addr : &a->u.v6.sin6_addr;

    if (!inet_ntop(addr_is_v4(a) ? AF_INET : AF_INET6, ip, dst, ADDR_TEXT_MAX))
        dst[0] = '\0';
}

void addr_format(const struct addr *a, char dst[ADDR_TEXT_MAX])
{
    char ip[ADDR_TEXT_MAX];

    addr_format_ip(a, ip);
    snprintf(dst, ADDR_TEXT_MAX, addr_is_v4(a) ? "%.45s:%u" : "[%.45s]:%u", ip, addr_port(a));
}

bool addr_eq(const struct addr *a, const struct addr *b)
{
    if (addr_is_v4(a) != addr_is_v4(b) || addr_port(a) != addr_port(b))
        return false;
    if (addr_is_v4(a))
        return a->u.v4.sin_addr.s_addr == b->u.v4.sin_addr.s_addr;
    return memcmp(&a->u.v6.sin6_addr, &b->u.v6.sin6_addr, sizeof(struct in6_addr)) == 0;
}

/* RFC 1918, and RFC 6598's shared space, as consul's private addresses */
static bool is_private(const struct addr *a)
{
    uint32_t ip = addr_is_v4(a) ? ntohl(a->u.v4.sin_addr.s_addr) : 0;

    return ip >> 24 == 10 || ip >> 20 == 0xac1 || ip >> 16 == 0xc0a8 || ip >> 22 == 0x191;
}

/* 3 private IPv4, 2 other IPv4, 1 global IPv6, 0 of no use */
static int rank(const struct addr *a)
{
    if (addr_is_loopback(a) || addr_is_any(a))
        return 0;
    if (addr_is_v4(a))
        return ntohl(a->u.v4.sin_addr.s_addr) >> 16 == 0xa9fe ? 0 : is_private(a) ? 3 : 2;
    return IN6_IS_ADDR_LINKLOCAL(&a->u.v6.sin6_addr) ? 0 : 1;
}

void addr_guess_private(struct addr *ret)
{
    struct ifaddrs *all = NULL;
    int best = 0;

    ASSERT(addr_parse(STR_LIT("127.0.0.1"), 0, ret) == 0);
    if (getifaddrs(&all) != 0)
        return;
    for (const struct ifaddrs *i = all; i; i = i->ifa_next) {
        struct addr a = {0};

        if (!i->ifa_addr || !(i->ifa_flags & IFF_UP))
            continue;
        if (i->ifa_addr->sa_family != AF_INET && i->ifa_addr->sa_family != AF_INET6)
            continue;
        memcpy(&a, i->ifa_addr,
               i->ifa_addr->sa_family == AF_INET ? sizeof(a.u.v4) : sizeof(a.u.v6));
        addr_set_port(&a, 0);
        if (rank(&a) > best) {
            best = rank(&a);
            *ret = a;
        }
    }
    freeifaddrs(all);
}
