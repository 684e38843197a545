/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Frames come out as they went in, however the stream is cut; and nothing else comes out. */
#include "base/mem.h"
#include "net/net_frame.h"
#include "tests/lib/unit.h"

#define MAX 1000

static int collect(void *data, struct str payload)
{
    struct buf *b = data;

    buf_put_c(b, '[');
    buf_put_str(b, payload);
    buf_put_c(b, ']');
    return payload.n && payload.p[0] == '!' ? ERR_CANCELED : 0;
}

static void put(struct buf *out, const char *text)
{
    size_t at = net_frame_begin(out);

    buf_put_z(out, text);
    assert_int_equal(net_frame_end(out, at, MAX), 0);
}

static int feed(struct str in, size_t piece, struct buf *got)
{
    struct net_frame_reader r;
    int rc = 0;

    net_frame_init(&r, MAX);
    while (rc == 0 && in.n) {
        size_t n = piece < in.n ? piece : in.n;
        rc = net_frame_feed(&r, str_take(in, n), collect, got);
        in = str_drop(in, n);
    }
    net_frame_fini(&r);
    return rc;
}

static void test_pieces(void **state)
{
    struct buf out, got;

    (void)state;
    buf_init(&out, 0);
    buf_init(&got, 0);
    put(&out, "one");
    put(&out, "the second, which is longer than its header");
    put(&out, "3");
    for (size_t piece = 1; piece <= out.n; piece++) {
        buf_clear(&got);
        assert_int_equal(feed(buf_str(&out), piece, &got), 0);
        assert_string_equal(buf_z(&got), "[one][the second, which is longer than its header][3]");
    }
    buf_fini(&out);
    buf_fini(&got);
}

static void test_bad(void **state)
{
    struct buf out, got;

    (void)state;
    buf_init(&out, 0);
    buf_init(&got, 0);
    put(&out, "good");
    put(&out, "flipped");
    out.p[out.n - 1] ^= 1;
    assert_int_equal(feed(buf_str(&out), 5, &got), ERR_CORRUPT);
    assert_string_equal(buf_z(&got), "[good]");
    assert_int_equal(feed(str_make("\0\0\0\0abcd", 8), 3, &got), ERR_CORRUPT);
    /* refused by its size, before a byte of it came */
    assert_int_equal(feed(str_make("\0\0\x03\xe9", 4), 4, &got), ERR_TOO_LARGE);
    assert_int_equal(feed(str_make("\xff\xff\xff\xff", 4), 1, &got), ERR_TOO_LARGE);
    buf_fini(&out);
    buf_fini(&got);
}

/* A receiver that wants no more is not handed more. */
static void test_stop(void **state)
{
    struct buf out, got;

    (void)state;
    buf_init(&out, 0);
    buf_init(&got, 0);
    put(&out, "a");
    put(&out, "!");
    put(&out, "b");
    assert_int_equal(feed(buf_str(&out), 100, &got), ERR_CANCELED);
    assert_string_equal(buf_z(&got), "[a][!]");
    buf_fini(&out);
    buf_fini(&got);
}

/* What must not go out leaves no trace. */
static void test_refused(void **state)
{
    struct buf out;
    char large[MAX + 1] = {0};

    (void)state;
    buf_init(&out, 4096);
    put(&out, "a");
    size_t before = out.n, at = net_frame_begin(&out);
    assert_int_equal(net_frame_end(&out, at, MAX), ERR_TOO_LARGE);
    assert_int_equal(out.n, before);
    at = net_frame_begin(&out);
    buf_put(&out, large, sizeof large);
    assert_int_equal(net_frame_end(&out, at, MAX), ERR_TOO_LARGE);
    at = net_frame_begin(&out);
    for (int i = 0; i < 10; i++)
        buf_put(&out, large, sizeof large);
    assert_true(out.failed);
    assert_int_equal(net_frame_end(&out, at, 1 << 20), ERR_TOO_LARGE);
    assert_int_equal(out.n, before);
    assert_false(out.failed);
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_pieces, unit_no_leak),
        cmocka_unit_test_teardown(test_bad, unit_no_leak),
        cmocka_unit_test_teardown(test_stop, unit_no_leak),
        cmocka_unit_test_teardown(test_refused, unit_no_leak),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
