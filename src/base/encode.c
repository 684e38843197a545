/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/encode.h"

static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char hex_lower[] = "0123456789abcdef";
static const char hex_upper[] = "0123456789ABCDEF";

void encode_base64(struct str bytes, struct buf *out)
{
    const unsigned char *in = (const unsigned char *)bytes.p;
    size_t size = (bytes.n + 2) / 3 * 4;
    char *p = buf_reserve(out, size);
    size_t n = bytes.n;

    if (!p)
        return;
    out->n += size;
    for (; n >= 3; n -= 3, in += 3) {
        unsigned v = (unsigned)in[0] << 16 | (unsigned)in[1] << 8 | in[2];

        *p++ = base64_digits[v >> 18];
        *p++ = base64_digits[v >> 12 & 63];
        *p++ = base64_digits[v >> 6 & 63];
        *p++ = base64_digits[v & 63];
    }
    if (n) {
        unsigned v = (unsigned)in[0] << 16 | (n == 2 ? (unsigned)in[1] << 8 : 0);

        *p++ = base64_digits[v >> 18];
        *p++ = base64_digits[v >> 12 & 63];
        *p++ = n == 2 ? base64_digits[v >> 6 & 63] : '=';
        *p = '=';
    }
}

static int base64_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

int encode_base64_parse(struct str text, struct buf *out)
{
    size_t digits = text.n;
    unsigned v = 0;

    if (text.n % 4)
        return ERR_INVALID;
    while (digits && text.n - digits < 2 && text.p[digits - 1] == '=')
        digits--;
    for (size_t i = 0; i < digits; i++)
        if (base64_value(text.p[i]) < 0)
            return ERR_INVALID;
    if (!buf_reserve(out, digits / 4 * 3 + 3))
        return ERR_TOO_LARGE;
    for (size_t i = 0; i < digits; i++) {
        v = v << 6 | (unsigned)base64_value(text.p[i]);
        if (i % 4)
            out->p[out->n++] = (char)(v >> (6 - i % 4 * 2));
    }
    return 0;
}

void encode_hex(struct str bytes, struct buf *out)
{
    for (size_t i = 0; i < bytes.n; i++) {
        unsigned char b = (unsigned char)bytes.p[i];

        buf_put_c(out, hex_lower[b >> 4]);
        buf_put_c(out, hex_lower[b & 15]);
    }
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The byte that two hex digits at p name, or -1. */
static int hex_byte(const char *p)
{
    int high = hex_value(p[0]), low = hex_value(p[1]);

    return high < 0 || low < 0 ? -1 : high << 4 | low;
}

int encode_hex_parse(struct str text, struct buf *out)
{
    if (text.n % 2)
        return ERR_INVALID;
    for (size_t i = 0; i < text.n; i += 2)
        if (hex_byte(text.p + i) < 0)
            return ERR_INVALID;
    for (size_t i = 0; i < text.n; i += 2)
        buf_put_c(out, (char)hex_byte(text.p + i));
    return out->failed ? ERR_TOO_LARGE : 0;
}

int encode_percent_parse(struct str text, bool plus_is_space, struct buf *out)
{
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];

        if (c == '%') {
            int byte = text.n - i > 2 ? hex_byte(text.p + i + 1) : -1;

            if (byte < 0)
                return ERR_INVALID;
            c = (char)byte;
            i += 2;
        } else if (c == '+' && plus_is_space) {
            c = ' ';
        }
        buf_put_c(out, c);
    }
    return out->failed ? ERR_TOO_LARGE : 0;
}

void encode_percent(struct str bytes, bool keep_slash, struct buf *out)
{
    for (size_t i = 0; i < bytes.n; i++) {
        unsigned char c = (unsigned char)bytes.p[i];

        /* RFC 3986 2.3; base64's digits are the unreserved ones but for + and / */
        if ((base64_value((char)c) >= 0 && c != '+' && c != '/') || (c == '/' && keep_slash) ||
            c == '-' || c == '.' || c == '_' || c == '~') {
            buf_put_c(out, (char)c);
        } else {
            buf_put_c(out, '%');
            buf_put_c(out, hex_upper[c >> 4]);
            buf_put_c(out, hex_upper[c & 15]);
        }
    }
}

bool encode_is_uuid(struct str text)
{
    if (text.n != 36)
        return false;
    for (size_t i = 0; i < text.n; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;

        if (dash ? text.p[i] != '-' : hex_value(text.p[i]) < 0)
            return false;
    }
    return true;
}
