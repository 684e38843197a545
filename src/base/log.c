/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/jwrite.h"
#include "base/published.h"

#define MESSAGE_SIZE_MAX 4096
#define LINE_SIZE_MAX    (MESSAGE_SIZE_MAX * 2)

/* The process's log. Levels may change at any time and are atomic; the rest is set before there
 * is a second thread. */
static struct {
    struct published_counter level, tap_level;
    void (*tap)(void *data, enum log_level l, struct str line);
    void *tap_data;
    int fd;
    bool json;
} the_log = {{LOG_INFO}, {LOG_OFF}, NULL, NULL, STDERR_FILENO, false};

static const char *const names[] = {"TRACE", "DEBUG", "INFO", "WARN", "ERROR", "OFF"};
static const char *const names_lower[] = {"trace", "debug", "info", "warn", "error", "off"};

int log_level_parse(struct str s, enum log_level *ret)
{
    for (int l = LOG_TRACE; l <= LOG_OFF; l++)
        if (str_eq_nocase(s, str_z(names[l]))) {
            *ret = (enum log_level)l;
            return 0;
        }
    if (!str_eq_nocase(s, STR_LIT("err")))
        return ERR_INVALID;
    *ret = LOG_ERROR;
    return 0;
}

const char *log_level_name(enum log_level l)
{
    ASSERT(l <= LOG_OFF);
    return names[l];
}

void log_set_level(enum log_level l)
{
    published_write(&the_log.level, l);
}

enum log_level log_get_level(void)
{
    return (enum log_level)published_read(&the_log.level);
}

void log_set_output(int fd, bool json)
{
    the_log.fd = fd;
    the_log.json = json;
}

void log_set_tap(enum log_level level, void (*tap)(void *data, enum log_level l, struct str line),
                 void *data)
{
    the_log.tap = tap;
    the_log.tap_data = data;
    published_write(&the_log.tap_level, tap ? level : LOG_OFF);
}

void log_set_tap_level(enum log_level level)
{
    published_write(&the_log.tap_level, level);
}

/* A terminal obeys ESC and the C1 controls; a reader of lines obeys newlines. */
static bool is_control(struct str c)
{
    unsigned char b = (unsigned char)c.p[0];

    return c.n == 1 ? b < 0x20 || b == 0x7f : c.n == 2 && b == 0xc2 && (c.p[1] & 0xe0) == 0x80;
}

static void put_escaped(struct buf *out, struct str message)
{
    while (message.n) {
        struct str c = str_take(message, str_utf8_size(message));

        if (c.n && !is_control(c)) {
            buf_put_str(out, c);
        } else if (message.p[0] == '\n') {
            buf_put_z(out, "\\n");
        } else if (message.p[0] == '\t') {
            buf_put_z(out, "\\t");
        } else {
            c.n = c.n ? c.n : 1;
            for (size_t i = 0; i < c.n; i++)
                buf_putf(out, "\\x%02x", (unsigned char)message.p[i]);
        }
        message = str_drop(message, c.n ? c.n : 1);
    }
}

static void put_text(enum log_level l, const char *subsystem, struct str message, const char *time,
                     struct buf *out)
{
    /* as hclog pads: the level in brackets takes seven columns */
    buf_putf(out, "%s [%s]%s %s: ", time, names[l], strlen(names[l]) == 4 ? " " : "", subsystem);
    put_escaped(out, message);
}

static void put_json(enum log_level l, const char *subsystem, struct str message, const char *time,
                     struct buf *out)
{
    struct jwrite w;

    jwrite_init(&w, out, false);
    jwrite_object(&w);
    jwrite_name(&w, "@level");
    jwrite_z(&w, names_lower[l]);
    jwrite_name(&w, "@message");
    jwrite_str(&w, message);
    jwrite_name(&w, "@module");
    jwrite_z(&w, subsystem);
    jwrite_name(&w, "@timestamp");
    jwrite_z(&w, time);
    jwrite_close(&w);
    jwrite_end(&w);
}

void log_format(enum log_level l, const char *subsystem, struct str message, bool json,
                int64_t wall_ns, char *dst, size_t size, size_t *ret_n)
{
    char time[32];
    struct buf line;

    ASSERT(l < LOG_OFF && size > 0);
    clock_format_wall(wall_ns, time);
    buf_init(&line, 0);
    for (;;) {
        (json ? put_json : put_text)(l, subsystem, message, time, &line);
        if (line.n < size || message.n == 0)
            break;
        message.n = message.n / 8 * 7;
        buf_clear(&line);
    }
    *ret_n = line.n < size ? line.n : 0;
    if (*ret_n)
        memcpy(dst, line.p, *ret_n);
    dst[*ret_n] = '\0';
    buf_fini(&line);
}

static void write_line(const char *p, size_t n)
{
    while (n) {
        ssize_t done = write(the_log.fd, p, n);

        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return; /* nobody is left to tell */
        p += done;
        n -= (size_t)done;
    }
}

bool log_is_on(enum log_level l)
{
    return l >= log_get_level() ||
           (the_log.tap && (int64_t)l >= published_read(&the_log.tap_level));
}

void log_line(enum log_level l, const char *subsystem, const char *fmt, ...)
{
    bool for_output = l >= log_get_level();
    bool for_tap = the_log.tap && (int64_t)l >= published_read(&the_log.tap_level);
    char message[MESSAGE_SIZE_MAX], line[LINE_SIZE_MAX];
    struct str text;
    int64_t wall_ns;
    size_t n;
    va_list ap;
    int made;

    if (l >= LOG_OFF || (!for_output && !for_tap))
        return;
    va_start(ap, fmt);
    made = vsnprintf(message, sizeof(message), fmt, ap);
    va_end(ap);
    text = str_make(message, made < 0                       ? 0
                             : made >= (int)sizeof(message) ? sizeof(message) - 1
                                                            : (size_t)made);
    wall_ns = clock_wall_ns();
    if (for_tap) {
        log_format(l, subsystem, text, false, wall_ns, line, sizeof(line) - 1, &n);
        the_log.tap(the_log.tap_data, l, str_make(line, n));
    }
    if (for_output) {
        log_format(l, subsystem, text, the_log.json, wall_ns, line, sizeof(line) - 1, &n);
        line[n++] = '\n';
        write_line(line, n);
    }
}
