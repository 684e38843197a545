/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Log lines: time, level, subsystem, "object: outcome", one write(2) a line.
 *
 *     2026-01-31T12:00:00.123Z [INFO]  agent.server: Adding LAN server: server="node1 ..."
 *
 * Any thread may log. Lines go to stderr-or-stdout as set, as text or JSON.
 * The core may install a tap that gets every line at or above the tap's level
 * (`/v1/agent/monitor`); the tap is called on the logging thread and must only
 * post. Control characters inside a message are escaped: no line can be forged.
 */
#ifndef DISCO_BASE_LOG_H
#define DISCO_BASE_LOG_H

#include "base/str.h"

enum log_level { LOG_TRACE, LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR, LOG_OFF };

/* "trace" ... "err"/"error", case ignored; ERR_INVALID otherwise. */
int log_level_parse(struct str s, enum log_level *ret) MUST_USE;
const char *log_level_name(enum log_level l); /* "INFO" */

void log_set_level(enum log_level l); /* any time, any thread */
enum log_level log_get_level(void);
/* At start only. fd is borrowed. */
void log_set_output(int fd, bool json);
/* Before there is a second thread, and after; NULL removes it. Lines below `level` of the tap are
 * not formatted for it; the line is text, also when the output is JSON. */
void log_set_tap(enum log_level level, void (*tap)(void *data, enum log_level l, struct str line),
                 void *data);

/* Lets a tap get lines below the output's level. */
void log_set_tap_level(enum log_level level);

/* Would anybody see a line of this level? For those whose arguments cost something to make. */
bool log_is_on(enum log_level l);
void log_line(enum log_level l, const char *subsystem, const char *fmt, ...) PRINTF_LIKE(3, 4);
#define log_trace(sub, ...) log_line(LOG_TRACE, sub, __VA_ARGS__)
#define log_debug(sub, ...) log_line(LOG_DEBUG, sub, __VA_ARGS__)
#define log_info(sub, ...)  log_line(LOG_INFO, sub, __VA_ARGS__)
#define log_warn(sub, ...)  log_line(LOG_WARN, sub, __VA_ARGS__)
#define log_error(sub, ...) log_line(LOG_ERROR, sub, __VA_ARGS__)

/* Formats one line of JSON ({"@level","@message","@module","@timestamp"}) or text, without a
 * newline at its end; what does not fit into `size` is left off the message. */
void log_format(enum log_level l, const char *subsystem, struct str message, bool json,
                int64_t wall_ns, char *dst, size_t size, size_t *ret_n);

#endif
