/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/digest.h"

#include <openssl/evp.h>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

void digest_sha256(struct str bytes, uint8_t dst[32])
{
    unsigned n = 0;

    ASSERT(EVP_Digest(bytes.n ? bytes.p : "", bytes.n, dst, &n, EVP_sha256(), NULL) == 1);
    ASSERT(n == 32);
}

struct digest *digest_begin(void)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();

    ASSERT(ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1);
    return (struct digest *)ctx;
}

void digest_add(struct digest *d, struct str bytes)
{
    ASSERT(EVP_DigestUpdate((EVP_MD_CTX *)d, bytes.n ? bytes.p : "", bytes.n) == 1);
}

void digest_end(struct digest *d, uint8_t dst[32])
{
    unsigned n = 0;

    ASSERT(EVP_DigestFinal_ex((EVP_MD_CTX *)d, dst, &n) == 1);
    EVP_MD_CTX_free((EVP_MD_CTX *)d);
}

/* Four bits at a time: slow and small. */
static uint32_t crc_by_table(const uint32_t table[16], uint32_t crc, struct str bytes)
{
    crc = ~crc;
    for (size_t i = 0; i < bytes.n; i++) {
        crc ^= (unsigned char)bytes.p[i];
        crc = table[crc & 15] ^ (crc >> 4);
        crc = table[crc & 15] ^ (crc >> 4);
    }
    return ~crc;
}

/* The polynomial 0x04c11db7, bits reversed. */
uint32_t digest_crc32(uint32_t crc, struct str bytes)
{
    static const uint32_t table[16] = {
        0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
        0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
        0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
    };

    return crc_by_table(table, crc, bytes);
}

/* The Castagnoli polynomial 0x1edc6f41, bits reversed: for machines without the instruction. */
uint32_t digest_crc32c_portable(uint32_t crc, struct str bytes)
{
    static const uint32_t table[16] = {
        0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3,
        0x61c69362, 0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
        0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
    };

    return crc_by_table(table, crc, bytes);
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t crc32c_sse42(uint32_t crc, struct str bytes)
{
    uint64_t wide = crc, word;

    for (; bytes.n >= 8; bytes.p += 8, bytes.n -= 8) {
        memcpy(&word, bytes.p, 8);
        wide = _mm_crc32_u64(wide, word);
    }
    crc = (uint32_t)wide;
    for (; bytes.n; bytes.p++, bytes.n--)
        crc = _mm_crc32_u8(crc, (unsigned char)*bytes.p);
    return crc;
}
#endif

uint32_t digest_crc32c(uint32_t crc, struct str bytes)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("sse4.2"))
        return ~crc32c_sse42(~crc, bytes);
#endif
    return digest_crc32c_portable(crc, bytes);
}
