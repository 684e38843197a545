/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An agent, or what pretends to be one, answers the command line with any bytes. */
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "cli/cli_http.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool on_bytes(void *sum, struct str bytes)
{
    *(size_t *)sum += bytes.n;
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error err = {0};
    struct cli_reply reply;
    size_t sum = 0;
    int fds[2];

    /* The socket must take the whole answer, since nobody reads while it is written. */
    if (size == 0 || size > 65536 || socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0)
        return 0;
    if (write(fds[1], data + 1, size - 1) == (ssize_t)size - 1 && shutdown(fds[1], SHUT_WR) == 0) {
        struct cli_http *h = cli_http_adopt(fds[0]);
        int status = data[0] & 1
                         ? cli_http_stream(h, "GET", STR_LIT("/v1/x"), on_bytes, &sum, &reply, &err)
                         : cli_http_do(h, "GET", STR_LIT("/v1/x"), NULL, &reply, &err);
        ASSERT(status < 0 || (reply.status >= 200 && reply.status <= 599));
        ASSERT(reply.body.n + sum < size);
        cli_reply_fini(&reply);
        cli_http_close(h);
    } else {
        close(fds[0]);
    }
    close(fds[1]);
    return 0;
}
