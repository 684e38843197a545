/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/cli_command.h"

#include <errno.h>
#include <stdio.h>

int cli_command_fail(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    (void)vfprintf(stderr, fmt, args);
    va_end(args);
    (void)fputc('\n', stderr);
    return 1;
}

int cli_command_fail_reply(const char *what, const struct cli_reply *reply, bool with_body)
{
    if (!with_body)
        return cli_command_fail("%s: Unexpected response code: %d", what, reply->status);
    return cli_command_fail("%s: Unexpected response code: %d (%.*s)", what, reply->status,
                            STR_ARG(buf_str(&reply->body)));
}

bool cli_command_wants_json(const struct cli *c)
{
    const char *format = c->command->groups & CLI_JSON ? cli_flags_text(&c->flags, "format") : NULL;

    return format && strcmp(format, "json") == 0;
}

void cli_command_params(const struct cli *c, struct buf *url)
{
    const char *dc = cli_flags_text(&c->flags, "datacenter"),
               *ns = cli_flags_text(&c->flags, "namespace");

    if (dc)
        cli_http_param(url, "dc", dc);
    if (cli_flags_is_on(&c->flags, "stale"))
        cli_http_param(url, "stale", NULL);
    if (ns)
        cli_http_param(url, "ns", ns);
    if (cli_command_wants_json(c))
        cli_http_param(url, "pretty", NULL);
}

int cli_command_get(struct cli *c, const char *what, struct buf *url, struct cli_reply *ret)
{
    struct error err = {0};

    cli_command_params(c, url);
    int status = cli_http_do(c->http, "GET", buf_str(url), NULL, ret, &err);
    if (status < 0) {
        (void)cli_command_fail("%s: %s", what, err.text);
        cli_reply_fini(ret);
    }
    return status;
}

static int read_all(FILE *in, struct buf *out)
{
    char part[65536];
    size_t n;

    while ((n = fread(part, 1, sizeof(part), in)) > 0)
        buf_put(out, part, n);
    if (ferror(in))
        return errno ? -errno : -EIO;
    return out->failed ? ERR_TOO_LARGE : 0;
}

int cli_command_data(const char *arg, struct buf *out, struct error *err)
{
    if (strcmp(arg, "-") == 0) {
        int status = read_all(stdin, out);
        return status < 0 ? error_set(err, status, "Failed to read stdin: %s", error_text(status))
                          : 0;
    }
    if (arg[0] != '@') {
        buf_put_z(out, arg);
        return 0;
    }
    FILE *in = fopen(arg + 1, "re");
    int status = in ? read_all(in, out) : -errno;
    if (status == -ENOENT)
        status = error_set(err, status, "Failed to read file: open %s: no such file or directory",
                           arg + 1);
    else if (status < 0)
        status = error_set(err, status, "Failed to read file: %s: %s", arg + 1, error_text(status));
    if (in)
        (void)fclose(in);
    return status;
}

void cli_command_out(struct str s)
{
    if (s.n > 0)
        (void)fwrite(s.p, 1, s.n, stdout);
}
