/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "http/http_head.h"
#include "tests/lib/unit.h"

static bool sound(const char *head)
{
    return http_head_is_sound_text(str_z(head));
}

/* A body that could end in two places is refused; what stands behind the head does not count. */
static void smuggling(void **state)
{
    assert_true(sound("GET / HTTP/1.1\r\nhost: a\r\n\r\n"));
    assert_true(sound("PUT / HTTP/1.1\r\ncontent-length: 3\r\n\r\nabc"));
    assert_true(sound("PUT / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n"));
    assert_true(sound("\r\nPUT / HTTP/1.1\ncontent-length: 3\n\nContent-Length: 4\n"));
    assert_false(sound("PUT / HTTP/1.1\r\ncontent-length: 3\r\ncontent-length: 3\r\n\r\n"));
    assert_false(sound("PUT / HTTP/1.1\r\ncontent-length: 3\r\nx: y\r\ncontent-length: 4\r\n\r\n"));
    assert_false(
        sound("PUT / HTTP/1.1\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n"));
    assert_false(sound("PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: "
                       "chunked\r\n\r\n"));
    assert_false(sound("PUT / HTTP/1.1\r\ntransfer-encoding: gzip, chunked\r\n\r\n"));
    assert_false(sound("PUT / HTTP/1.1\r\ntransfer-encoding: identity\r\n\r\n"));
    assert_false(sound("\nPUT / HTTP/1.1\ncontent-length : 3\ncontent-length: 4\n\n"));
}

static void gzip(void **state)
{
    assert_true(http_head_is_gzip_accepted(STR_LIT("gzip")));
    assert_true(http_head_is_gzip_accepted(STR_LIT("deflate, GZIP;q=0.5")));
    assert_true(http_head_is_gzip_accepted(STR_LIT("*")));
    assert_false(http_head_is_gzip_accepted(STR_LIT("gzip;q=0")));
    assert_false(http_head_is_gzip_accepted(STR_LIT("gzip; q=0.000")));
    assert_false(http_head_is_gzip_accepted(STR_LIT("identity, br")));
    assert_false(http_head_is_gzip_accepted(STR_LIT("")));
}

UNIT_MAIN(UNIT(smuggling), UNIT(gzip))
