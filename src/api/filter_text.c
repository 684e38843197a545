/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "api/filter_text.h"

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if ((c | 32) >= 'a' && (c | 32) <= 'f')
        return (c | 32) - 'a' + 10;
    return -1;
}

static int take_escape(struct str *s, struct buf *out)
{
    static const char letters[] = "abfnrtv\\\"", bytes[] = "\a\b\f\n\r\t\v\\\"";
    const char *l = s->n > 1 && s->p[1] ? strchr(letters, s->p[1]) : NULL;

    if (l) {
        buf_put_c(out, bytes[l - letters]);
        *s = str_drop(*s, 2);
        return 0;
    }
    if (s->n < 4 || s->p[1] != 'x' || hex_value(s->p[2]) < 0 || hex_value(s->p[3]) < 0)
        return ERR_INVALID;
    buf_put_c(out, (char)(hex_value(s->p[2]) * 16 + hex_value(s->p[3])));
    *s = str_drop(*s, 4);
    return 0;
}

int filter_text_unquote(struct str s, struct buf *out)
{
    while (s.n) {
        size_t plain = str_find(s, '\\', 0);
        buf_put_str(out, str_take(s, plain));
        s = str_drop(s, plain);
        if (s.n && take_escape(&s, out) < 0)
            return ERR_INVALID;
    }
    return 0;
}
