/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "api/access.h"

/* What Go's unicode.IsPrint refuses of the assigned characters: controls, formats, separators but
 * the space, private use. First and last of each range. */
static const uint32_t unprintable[][2] = {
    {0x00, 0x1f},       {0x7f, 0xa0},       {0xad, 0xad},        {0x600, 0x605},
    {0x61c, 0x61c},     {0x6dd, 0x6dd},     {0x70f, 0x70f},      {0x8e2, 0x8e2},
    {0x1680, 0x1680},   {0x180e, 0x180e},   {0x2000, 0x200f},    {0x2028, 0x202f},
    {0x205f, 0x206f},   {0x3000, 0x3000},   {0xe000, 0xf8ff},    {0xfeff, 0xfeff},
    {0xfff0, 0xfffb},   {0xfffe, 0xffff},   {0x110bd, 0x110bd},  {0x1bca0, 0x1bca3},
    {0x1d173, 0x1d17a}, {0xe0000, 0xe00ff}, {0xe01f0, 0x10ffff},
};

static uint32_t code_point(const unsigned char *p, size_t n)
{
    static const unsigned char lead_mask[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    uint32_t code = p[0] & lead_mask[n];

    for (size_t i = 1; i < n; i++)
        code = code << 6 | (p[i] & 0x3f);
    return code;
}

bool access_path_is_printable(struct str path)
{
    while (path.n) {
        unsigned char c = (unsigned char)path.p[0];
        size_t n = c < 0x80 ? 1 : str_utf8_size(path);

        if (c < 0x20 || c == 0x7f)
            return false;
        if (n > 1) {
            uint32_t code = code_point((const unsigned char *)path.p, n);

            for (size_t i = 0; i < sizeof(unprintable) / sizeof(unprintable[0]); i++)
                if (code >= unprintable[i][0] && code <= unprintable[i][1])
                    return false;
        }
        path = str_drop(path, n ? n : 1);
    }
    return true;
}

bool access_is_blocked(const struct config *config, struct str path)
{
    for (size_t i = 0; i < config->block_endpoints.n; i++)
        if (str_has_prefix(path, str_z(config->block_endpoints.items[i])))
            return true;
    return false;
}

static bool bits_eq(const unsigned char *a, const unsigned char *b, uint64_t bits)
{
    size_t whole = (size_t)bits / 8, rest = bits % 8;

    if (memcmp(a, b, whole) != 0)
        return false;
    return rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0;
}

bool access_is_within(struct str network, const struct addr *a)
{
    struct str ip = str_split(&network, '/');
    struct addr base;
    uint64_t bits;

    if (addr_parse(ip, 0, &base) || addr_is_v4(&base) != addr_is_v4(a))
        return false;
    bits = addr_is_v4(&base) ? 32 : 128;
    if (network.p) {
        uint64_t given;

        if (str_to_u64(network, &given) || given > bits)
            return false;
        bits = given;
    }
    if (addr_is_v4(a))
        return bits_eq((const unsigned char *)&base.u.v4.sin_addr,
                       (const unsigned char *)&a->u.v4.sin_addr, bits);
    return bits_eq(base.u.v6.sin6_addr.s6_addr, a->u.v6.sin6_addr.s6_addr, bits);
}

bool access_may_write(const struct config *config, const struct addr *from)
{
    if (config->allow_write_http_from.n == 0)
        return true;
    for (size_t i = 0; i < config->allow_write_http_from.n; i++)
        if (access_is_within(str_z(config->allow_write_http_from.items[i]), from))
            return true;
    return false;
}
