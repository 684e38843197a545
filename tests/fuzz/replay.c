/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A fuzz target without a fuzzer: runs every file of its corpus, then
 * mutations of them, the same ones each time. The corpus is the directory
 * given, or $TOP_SRCDIR/tests/fuzz/corpus/NAME for a program fuzz_NAME.
 *
 *     REPLAY_KEEP=FILE   each input is written there before it is run: after
 *                        a crash, the file is the input that did it
 *     REPLAY_SEED=N      other mutations
 *     REPLAY_SECONDS=N   for so long, without a limit on their number
 *
 * With --enable-fuzz, libFuzzer brings its own main instead.
 */
#include "config.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/rng.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#ifndef DISCO_FUZZ

#define FILES_MAX       200
#define INPUT_SIZE_MAX  8192
#define MUTATIONS_MAX   20000
#define SECONDS_DEFAULT 3

struct corpus {
    struct buf files[FILES_MAX];
    size_t n;
};

/* In a block of just its size, so that a sanitizer sees a read behind its end. */
static void run(struct str input)
{
    const char *keep = getenv("REPLAY_KEEP");
    uint8_t *bytes = malloc(input.n ? input.n : 1);

    ASSERT(bytes != NULL);
    if (input.n)
        memcpy(bytes, input.p, input.n);
    if (keep) {
        FILE *f = fopen(keep, "wb");

        ASSERT(f != NULL && fwrite(bytes, 1, input.n, f) == input.n && fclose(f) == 0);
    }
    LLVMFuzzerTestOneInput(bytes, input.n);
    free(bytes);
}

static void load_file(struct corpus *c, const char *dir, const char *name)
{
    char path[4096];
    FILE *f;
    struct buf *b = &c->files[c->n];
    char *room;

    ASSERT(c->n < FILES_MAX);
    ASSERT(snprintf(path, sizeof(path), "%s/%s", dir, name) < (int)sizeof(path));
    f = fopen(path, "rb");
    ASSERT(f != NULL);
    buf_init(b, 0);
    room = buf_reserve(b, INPUT_SIZE_MAX);
    b->n = fread(room, 1, INPUT_SIZE_MAX, f);
    fclose(f);
    c->n++;
}

static void load(struct corpus *c, const char *dir)
{
    struct dirent **names = NULL;
    int n = scandir(dir, &names, NULL, alphasort);

    for (int i = 0; i < n; i++) {
        if (names[i]->d_name[0] != '.')
            load_file(c, dir, names[i]->d_name);
        free(names[i]);
    }
    free(names);
}

static void find_corpus(const char *program, char *dst, size_t size)
{
    const char *name = strrchr(program, '/') ? strrchr(program, '/') + 1 : program;
    const char *top = getenv("TOP_SRCDIR");

    if (strncmp(name, "fuzz_", 5) == 0)
        name += 5;
    ASSERT(snprintf(dst, size, "%s/tests/fuzz/corpus/%s", top ? top : ".", name) < (int)size);
}

/* Bytes that are lengths, ends and edges in many a format. */
static const char edges[] = {0,   1,    2,          0x0a,       0x20,       '"',       '%',
                             '/', 0x7f, (char)0x80, (char)0xc0, (char)0xfe, (char)0xff};

static void insert(struct buf *b, size_t at, struct str piece)
{
    struct buf tail;

    if (b->n + piece.n > INPUT_SIZE_MAX)
        return;
    buf_init(&tail, 0);
    buf_put_str(&tail, str_drop(buf_str(b), at));
    b->n = at;
    buf_put_str(b, piece);
    buf_put_str(b, buf_str(&tail));
    buf_fini(&tail);
}

static void mutate(struct buf *b, const struct corpus *c, struct rng *rng)
{
    size_t at = rng_below(rng, b->n + 1), n = rng_below(rng, b->n - at + 1);
    const struct buf *other = &c->files[rng_below(rng, c->n)];
    size_t from = rng_below(rng, other->n + 1);
    char byte = edges[rng_below(rng, sizeof(edges))], piece[4096];

    switch (rng_below(rng, 8)) {
    case 0:
        if (n)
            b->p[at] ^= (char)(1 << rng_below(rng, 8));
        break;
    case 1:
        if (n)
            b->p[at] = byte;
        break;
    case 2:
        if (n)
            b->p[at] = (char)rng_u64(rng);
        break;
    case 3: /* a large number */
        for (size_t i = at; i < b->n && i < at + (1U << rng_below(rng, 4)); i++)
            b->p[i] = byte;
        break;
    case 4: /* cut out, or cut off */
        if (n)
            memmove(b->p + at, b->p + at + n, b->n - at - n);
        b->n -= n;
        break;
    case 5:
        insert(b, at, str_make(&byte, 1));
        break;
    case 6: /* said twice */
        n = n < sizeof(piece) ? n : sizeof(piece);
        if (n)
            memcpy(piece, b->p + at, n);
        insert(b, at, str_make(piece, n));
        break;
    case 7: /* what another file says */
        n = rng_below(rng, other->n - from + 1);
        insert(b, at, str_make(other->n ? other->p + from : NULL, n));
        break;
    }
}

static size_t run_mutations(const struct corpus *c)
{
    const char *seed = getenv("REPLAY_SEED"), *seconds = getenv("REPLAY_SECONDS");
    struct instant end =
        instant_add(clock_now(), DURATION_S(seconds ? strtol(seconds, NULL, 10) : SECONDS_DEFAULT));
    size_t done = 0;
    struct rng rng;
    struct buf b;

    rng_init(&rng, seed ? strtoull(seed, NULL, 10) : 1);
    buf_init(&b, 0);
    while ((seconds || done < MUTATIONS_MAX) && instant_before(clock_now(), end)) {
        buf_clear(&b);
        buf_put_str(&b, buf_str(&c->files[done++ % c->n]));
        for (uint64_t times = 1 + rng_below(&rng, 4); times; times--)
            mutate(&b, c, &rng);
        run(buf_str(&b));
    }
    buf_fini(&b);
    return done;
}

int main(int argc, char **argv)
{
    static struct corpus corpus;
    char dir[4096];
    size_t n;

    setvbuf(stdout, NULL, _IOLBF, 0);
    find_corpus(argv[0], dir, sizeof(dir));
    load(&corpus, argc > 1 ? argv[1] : dir);
    printf("1..2\n");
    if (corpus.n == 0) {
        printf("not ok 1 - there is a corpus in %s\nnot ok 2 - mutations\n", dir);
        return 1;
    }
    for (size_t i = 0; i < corpus.n; i++)
        run(buf_str(&corpus.files[i]));
    printf("ok 1 - %zu files\n", corpus.n);
    n = run_mutations(&corpus);
    printf("ok 2 - mutations\n# %zu mutations\n", n);
    for (size_t i = 0; i < corpus.n; i++)
        buf_fini(&corpus.files[i]);
    return 0;
}

#endif
