/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Error codes and error texts.
 *
 * A function that can fail returns int: 0, or a negative code. System and
 * libuv errors are -errno unchanged; ours start at -10000 and stand in one
 * table, ERROR_TABLE. Where a person reads the outcome (configuration,
 * command line, 4xx bodies, start-up) the last argument is a `struct error *`
 * (may be NULL), and one line both words the error and returns its code:
 *
 *     return error_set(err, ERR_INVALID, "service %s: port %d", id, port);
 *
 * ASSERT is for programmer errors only: always compiled in, prints, aborts.
 */
#ifndef DISCO_BASE_ERROR_H
#define DISCO_BASE_ERROR_H

#define MUST_USE                  __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt_i, arg_i) __attribute__((format(printf, fmt_i, arg_i)))

/* clang-format off */
#define ERROR_TABLE(X)                                                                             \
    X(ERR_NOT_LEADER,  -10001, "this server is not the leader")                                    \
    X(ERR_NO_LEADER,   -10002, "No cluster leader")                                                \
    X(ERR_NOT_FOUND,   -10003, "not found")                                                        \
    X(ERR_CONFLICT,    -10004, "conflict with another change")                                     \
    X(ERR_DENIED,      -10005, "Permission denied")                                                \
    X(ERR_INVALID,     -10006, "invalid input")                                                    \
    X(ERR_TOO_LARGE,   -10007, "larger than the limit")                                            \
    X(ERR_CORRUPT,     -10008, "data is corrupt")                                                  \
    X(ERR_TIMEOUT,     -10009, "timed out")                                                        \
    X(ERR_CLOSED,      -10010, "closed")                                                           \
    X(ERR_CANCELED,    -10011, "canceled")                                                         \
    X(ERR_BUSY,        -10012, "too much in flight, try again")                                    \
    X(ERR_UNSUPPORTED, -10013, "not supported")                                                    \
    X(ERR_EXISTS,      -10014, "exists already")                                                   \
    X(ERR_STORAGE,     -10015, "the log cannot be written")                                        \
    X(ERR_UNCERTAIN,   -10016, "leadership lost while committing log: it may or may not be applied")\
    X(ERR_NO_TOKEN,    -10020, "ACL not found")
/* clang-format on */

enum {
#define X(name, code, text) name = code,
    ERROR_TABLE(X)
#undef X
};

#define ERROR_TEXT_MAX 400

/* An error for a person. Initialise with {0}. */
struct error {
    int code;
    char text[ERROR_TEXT_MAX];
};

/* Words `err` (if not NULL) and returns `code`, which must be negative. */
int error_set(struct error *err, int code, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Puts "fmt: " before the text already in `err`; returns err's code, or ERR_INVALID if NULL. */
int error_wrap(struct error *err, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* The fixed text of a code (ours or -errno); never NULL. */
const char *error_text(int code);

/* The short name of a code, "ERR_TIMEOUT" or "ENOSPC"; never NULL. */
const char *error_name(int code);

#define ASSERT(cond) ((cond) ? (void)0 : error_abort(#cond, __FILE__, __LINE__))
void error_abort(const char *cond, const char *file, int line) __attribute__((noreturn, cold));

#endif
