/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The line that tells how far a request is. */
#include "cli/cli_progress.h"
#include "tests/lib/unit.h"

/* Nothing before half a second, then at most five times a second; the end takes the line away, and
 * only when there is one. */
static void lines(void **state)
{
    static const struct {
        int ms;
        uint64_t sent, received;
        const char *wanted;
    } cases[] = {
        {100, 10, 0, ""},
        {499, 10, 0, ""},
        {500, 10, 0, "\r\033[K10 bytes sent, 0 bytes received, 0s"},
        {600, 11, 0, ""},
        {700, 20480, 0, "\r\033[K20.0 KiB sent, 0 bytes received, 0s"},
        {2900, 20480, (uint64_t)48 << 20, "\r\033[K20.0 KiB sent, 48.0 MiB received, 2s"},
    };
    struct cli_progress p;
    struct instant began = {DURATION_S(1000).ns};
    struct buf out;
    (void)state;
    buf_init(&out, 0);
    cli_progress_begin(&p, began);
    cli_progress_end(&p, &out);
    assert_int_equal(out.n, 0);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        buf_clear(&out);
        p.sent = cases[i].sent;
        p.received = cases[i].received;
        cli_progress_tick(&p, instant_add(began, DURATION_MS(cases[i].ms)), &out);
        assert_str(buf_str(&out), str_z(cases[i].wanted));
    }
    buf_clear(&out);
    cli_progress_end(&p, &out);
    cli_progress_end(&p, &out);
    assert_str(buf_str(&out), STR_LIT("\r\033[K"));
    buf_fini(&out);
}

UNIT_MAIN(UNIT(lines))
