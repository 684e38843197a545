/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Answers that are recalled: to the same question of the same asker alone, with its own id, while
 * they are young enough; failures never; and never more than there is room for. */
#include "base/mem.h"
#include "dns/dns_recall.h"
#include "tests/lib/unit.h"

#define QUESTION "\x12\x34\1\0\0\1\0\0\0\0\0\0\3web\0\0\1\0\1"
#define ANSWER   "\x12\x34\x85\0\0\1\0\0\0\0\0\0\3web\0\0\1\0\1"
#define AT(s)    ((struct instant){(s)*INT64_C(1000000000)})

static uint8_t out[65535];

static struct str literal(const char *bytes)
{
    return str_make(bytes, sizeof QUESTION - 1);
}

static void same_question(void **state)
{
    struct dns_recall *r = dns_recall_new(1);
    struct dns_asker me = {.node = STR_LIT("n1")}, other = me, denied = me;
    struct str q = literal(QUESTION), again = literal("\xab\xcd"
                                                      "\1\0\0\1\0\0\0\0\0\0\3web\0\0\1\0\1");
    struct str aaaa = literal("\x12\x34\1\0\0\1\0\0\0\0\0\0\3web\0\0\x1c\0\1");

    assert_int_equal(addr_parse(STR_LIT("10.0.0.1"), 0, &other.source), 0);
    denied.token = STR_LIT("t");
    assert_int_equal(dns_recall_get(r, q, false, &me, DURATION_S(9), AT(1), out), 0);
    dns_recall_put(r, q, false, &me, literal(ANSWER), AT(1));
    assert_int_equal(dns_recall_get(r, again, false, &me, DURATION_S(9), AT(10), out), q.n);
    assert_memory_equal(out, "\xab\xcd\x85", 3);
    assert_int_equal(dns_recall_get(r, q, false, &me, DURATION_S(9), AT(11), out), 0); /* too old */
    assert_int_equal(dns_recall_get(r, q, true, &me, DURATION_S(9), AT(1), out), 0);
    assert_int_equal(dns_recall_get(r, aaaa, false, &me, DURATION_S(9), AT(1), out), 0);
    assert_int_equal(dns_recall_get(r, q, false, &other, DURATION_S(9), AT(1), out), 0);
    assert_int_equal(dns_recall_get(r, q, false, &denied, DURATION_S(9), AT(1), out), 0);
    dns_recall_free(r);
}

/* What resolvers put into each question anew does not count; the size they take does. */
static void options(void **state)
{
    static const char size[] = "\0\0\x29\x04\xd0\0\0\0\0", other[] = "\0\0\x29\x02\0\0\0\0\0";
    static const struct {
        const char *head, *rest;
        size_t rest_n;
        bool same;
    } cases[] = {
        {size,
         "\0\x0c\0\x0a\0\x08"
         "abcdefgh",
         14, true},
        {size,
         "\0\x0c\0\x0a\0\x08"
         "ABCDEFGH",
         14, true},
        {size, "\0\0", 2, true},
        {other, "\0\0", 2, false},
        {size, "\0\x08\0\x08\0\4\0\1\0\0", 10, false}, /* a subnet */
        {size,
         "\0\x09\0\x0a\0\x08"
         "ABCDEFGH",
         14, false}, /* lengths that do not fit */
        {size, "\0", 1, false},
    };
    struct dns_recall *r = dns_recall_new(1);
    struct dns_asker me = {0};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf q;

        buf_init(&q, 0);
        buf_put(&q, QUESTION, sizeof QUESTION - 1);
        buf_put(&q, cases[i].head, 9);
        buf_put(&q, cases[i].rest, cases[i].rest_n);
        assert_int_equal(dns_recall_get(r, buf_str(&q), false, &me, DURATION_S(9), AT(1), out) > 0,
                         i > 0 && cases[i].same);
        if (i == 0)
            dns_recall_put(r, buf_str(&q), false, &me, literal(ANSWER), AT(1));
        buf_fini(&q);
    }
    dns_recall_free(r);
}

static void what_is_not_kept(void **state)
{
    struct dns_recall *r = dns_recall_new(1);
    struct dns_asker me = {0};
    struct str q = literal(QUESTION);
    char large[DNS_RECALL_SIZE_MAX] = ANSWER;

    dns_recall_put(r, q, false, &me, literal("\x12\x34\x85\2\0\1\0\0\0\0\0\0\3web\0\0\1\0\1"),
                   AT(1));
    assert_int_equal(dns_recall_get(r, q, false, &me, DURATION_S(9), AT(1), out), 0); /* SERVFAIL */
    dns_recall_put(r, q, false, &me, STR_LIT("short"), AT(1));
    dns_recall_put(r, q, false, &me, str_make(large, sizeof large), AT(1));
    assert_int_equal(dns_recall_get(r, q, false, &me, DURATION_S(9), AT(1), out), 0);
    dns_recall_put(r, q, false, &me, literal("\x12\x34\x85\3\0\1\0\0\0\0\0\0\3web\0\0\1\0\1"),
                   AT(1));
    assert_int_equal(dns_recall_get(r, q, false, &me, DURATION_S(9), AT(1), out),
                     q.n); /* no name */
    dns_recall_free(r);
}

/* Many questions: some are forgotten, none is taken for another. */
static void bounded(void **state)
{
    struct dns_recall *r = dns_recall_new(7);
    struct dns_asker me = {0};
    char q[] = QUESTION, a[] = ANSWER;
    size_t found = 0;

    for (int i = 0; i < 4 * DNS_RECALL_SLOTS; i++) {
        q[13] = a[13] = (char)('a' + i % 26);
        q[14] = a[14] = (char)(i / 26);
        dns_recall_put(r, literal(q), false, &me, literal(a), AT(1));
    }
    for (int i = 0; i < 4 * DNS_RECALL_SLOTS; i++) {
        q[13] = (char)('a' + i % 26);
        q[14] = (char)(i / 26);
        if (dns_recall_get(r, literal(q), false, &me, DURATION_S(9), AT(1), out)) {
            found++;
            assert_memory_equal(out + 12, q + 12, 7);
        }
    }
    assert_true(found > DNS_RECALL_SLOTS / 2 && found <= DNS_RECALL_SLOTS);
    dns_recall_free(r);
}

UNIT_MAIN(UNIT(same_question), UNIT(options), UNIT(what_is_not_kept), UNIT(bounded))
