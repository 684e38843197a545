/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* libuv's codes that are no errno: end of file, and the range of getaddrinfo's. */
#define CODE_EOF       -4095
#define CODE_EAI_FIRST -3000
#define CODE_EAI_LAST  -3014

int error_set(struct error *err, int code, const char *fmt, ...)
{
    va_list ap;

    ASSERT(code < 0);
    if (!err)
        return code;
    err->code = code;
    va_start(ap, fmt);
    vsnprintf(err->text, sizeof(err->text), fmt, ap);
    va_end(ap);
    return code;
}

int error_wrap(struct error *err, const char *fmt, ...)
{
    char old[ERROR_TEXT_MAX];
    va_list ap;
    int n;

    if (!err)
        return ERR_INVALID;
    memcpy(old, err->text, sizeof(old));
    old[sizeof(old) - 1] = '\0';
    va_start(ap, fmt);
    n = vsnprintf(err->text, sizeof(err->text), fmt, ap);
    va_end(ap);
    if (n >= 0 && (size_t)n < sizeof(err->text))
        snprintf(err->text + n, sizeof(err->text) - (size_t)n, ": %s", old);
    return err->code ? err->code : ERR_INVALID;
}

const char *error_text(int code)
{
    const char *text;

    switch (code) {
    case 0:
        return "no error";
#define X(name, number, words)                                                                     \
    case name:                                                                                     \
        return words;
        ERROR_TABLE(X)
#undef X
    case CODE_EOF:
        return "end of file";
    }
    if (code <= CODE_EAI_FIRST && code >= CODE_EAI_LAST)
        return "the name cannot be resolved";
    text = code < 0 && code > -4096 ? strerrordesc_np(-code) : NULL;
    return text ? text : "unknown error";
}

const char *error_name(int code)
{
    const char *name;

    switch (code) {
    case 0:
        return "OK";
#define X(name, number, words)                                                                     \
    case name:                                                                                     \
        return #name;
        ERROR_TABLE(X)
#undef X
    case CODE_EOF:
        return "EOF";
    }
    name = code < 0 && code > -4096 ? strerrorname_np(-code) : NULL;
    return name ? name : "UNKNOWN";
}

void error_abort(const char *cond, const char *file, int line)
{
    fprintf(stderr, "disco: %s:%d: assertion failed: %s\n", file, line, cond);
    fflush(stderr);
    abort();
}
