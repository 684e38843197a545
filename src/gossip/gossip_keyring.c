/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Each key keeps a context of OpenSSL with the key schedule in it, so that a
 * packet costs a nonce and the cipher.
 *
 * The sealed form: version, nonce (12), ciphertext, tag (16). Version 0 pads
 * the plain text as PKCS#7 does to blocks of 16; it is only read.
 */
#include "gossip/gossip_keyring.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "base/encode.h"
#include "base/jread.h"
#include "base/jwrite.h"
#include "base/mem.h"

#define TAG_SIZE         16U
#define BLOCK_SIZE       16U
#define SEALED_V0_MIN    45U
#define KEYRING_TEXT_MAX ((size_t)16 * 1024)

struct key {
    uint8_t bytes[GOSSIP_KEY_SIZE_MAX];
    size_t n;
    EVP_CIPHER_CTX *seal, *open;
};
struct gossip_keyring {
    struct key *keys[GOSSIP_KEYS_MAX];
    size_t n;
};

struct gossip_keyring *gossip_keyring_new(void)
{
    return mem_new(struct gossip_keyring);
}

static void key_free(struct key *key)
{
    EVP_CIPHER_CTX_free(key->seal);
    EVP_CIPHER_CTX_free(key->open);
    OPENSSL_cleanse(key->bytes, sizeof(key->bytes));
    mem_free(key);
}

static void clear(struct gossip_keyring *k)
{
    for (size_t i = 0; i < k->n; i++)
        key_free(k->keys[i]);
    k->n = 0;
}

void gossip_keyring_free(struct gossip_keyring *k)
{
    if (!k)
        return;
    clear(k);
    mem_free(k);
}

static struct key *key_new(struct str bytes)
{
    struct key *key = mem_new(struct key);
    const EVP_CIPHER *cipher = bytes.n == 16   ? EVP_aes_128_gcm()
                               : bytes.n == 24 ? EVP_aes_192_gcm()
                                               : EVP_aes_256_gcm();

    memcpy(key->bytes, bytes.p, bytes.n);
    key->n = bytes.n;
    key->seal = EVP_CIPHER_CTX_new();
    key->open = EVP_CIPHER_CTX_new();
    ASSERT(key->seal && key->open);
    ASSERT(EVP_EncryptInit_ex(key->seal, cipher, NULL, key->bytes, NULL) == 1);
    ASSERT(EVP_DecryptInit_ex(key->open, cipher, NULL, key->bytes, NULL) == 1);
    return key;
}

static bool is_key_size(size_t n)
{
    return n == 16 || n == 24 || n == 32;
}

/* The position of a key, or k->n. Compared in the same time wherever they differ. */
static size_t find(const struct gossip_keyring *k, struct str key)
{
    for (size_t i = 0; i < k->n; i++)
        if (k->keys[i]->n == key.n && CRYPTO_memcmp(k->keys[i]->bytes, key.p, key.n) == 0)
            return i;
    return k->n;
}

int gossip_keyring_add(struct gossip_keyring *k, struct str key)
{
    if (!is_key_size(key.n))
        return ERR_INVALID;
    if (find(k, key) < k->n)
        return 0;
    if (k->n == GOSSIP_KEYS_MAX)
        return ERR_TOO_LARGE;
    k->keys[k->n++] = key_new(key);
    return 0;
}

int gossip_keyring_use(struct gossip_keyring *k, struct str key)
{
    size_t i = find(k, key);
    struct key *primary;

    if (i == k->n)
        return ERR_NOT_FOUND;
    primary = k->keys[i];
    memmove(k->keys + 1, k->keys, i * sizeof(struct key *));
    k->keys[0] = primary;
    return 0;
}

int gossip_keyring_remove(struct gossip_keyring *k, struct str key)
{
    size_t i = find(k, key);

    if (i == k->n)
        return 0;
    if (i == 0)
        return ERR_CONFLICT;
    key_free(k->keys[i]);
    k->n--;
    memmove(k->keys + i, k->keys + i + 1, (k->n - i) * sizeof(struct key *));
    return 0;
}

size_t gossip_keyring_count(const struct gossip_keyring *k)
{
    return k ? k->n : 0;
}

struct str gossip_keyring_at(const struct gossip_keyring *k, size_t i)
{
    ASSERT(i < k->n);
    return str_make(k->keys[i]->bytes, k->keys[i]->n);
}

int gossip_keyring_parse_key(struct str base64, struct buf *ret, struct error *err)
{
    buf_clear(ret);
    if (encode_base64_parse(base64, ret) < 0 || !is_key_size(ret->n))
        return error_set(err, ERR_INVALID,
                         "a gossip key is 16, 24 or 32 bytes in base64 (disco keygen makes one)");
    return 0;
}

static int parse_array(struct gossip_keyring *k, const struct jvalue *array, struct error *err)
{
    struct buf key;
    int rc = 0;

    if (jread_type(array) != JREAD_ARRAY || jread_count(array) > GOSSIP_KEYS_MAX)
        return error_set(err, ERR_INVALID, "not an array of at most %d keys", GOSSIP_KEYS_MAX);
    buf_init(&key, 0);
    for (size_t i = 0; i < jread_count(array) && rc == 0; i++) {
        struct str text = STR_NONE;

        if (jread_str(jread_at(array, i), &text) < 0) {
            rc = error_set(err, ERR_INVALID, "key %zu is not a text", i + 1);
            break;
        }
        rc = gossip_keyring_parse_key(text, &key, err);
        if (rc == 0)
            rc = gossip_keyring_add(k, buf_str(&key));
    }
    if (key.p)
        OPENSSL_cleanse(key.p, key.n);
    buf_fini(&key);
    return rc;
}

int gossip_keyring_parse(struct gossip_keyring *k, struct str text, struct error *err)
{
    struct gossip_keyring fresh = {.n = 0}, old;
    struct jvalue *root = NULL;
    int rc;

    if (text.n > KEYRING_TEXT_MAX)
        return error_set(err, ERR_TOO_LARGE, "a keyring is at most %zu bytes", KEYRING_TEXT_MAX);
    rc = jread_parse(text, &root, err);
    if (rc == 0)
        rc = parse_array(&fresh, root, err);
    jread_free(root);
    if (rc == 0) {
        old = *k;
        *k = fresh;
        fresh = old;
    }
    clear(&fresh);
    return rc;
}

void gossip_keyring_format(const struct gossip_keyring *k, struct buf *out)
{
    struct jwrite w;

    jwrite_init(&w, out, false);
    jwrite_array(&w);
    for (size_t i = 0; i < k->n; i++)
        jwrite_base64(&w, gossip_keyring_at(k, i));
    jwrite_close(&w);
    jwrite_end(&w);
}

void gossip_keyring_seal(struct gossip_keyring *k, const uint8_t nonce[GOSSIP_NONCE_SIZE],
                         struct str aad, struct str plain, struct buf *out)
{
    EVP_CIPHER_CTX *ctx = k->keys[0]->seal;
    unsigned char *p;
    int n = 0;

    ASSERT(k->n > 0 && plain.n < INT32_MAX && aad.n < INT32_MAX);
    p = (unsigned char *)buf_reserve(out, plain.n + GOSSIP_SEAL_SIZE);
    if (!p)
        return;
    p[0] = 1;
    memcpy(p + 1, nonce, GOSSIP_NONCE_SIZE);
    ASSERT(EVP_EncryptInit_ex(ctx, NULL, NULL, NULL, nonce) == 1);
    if (aad.n > 0)
        ASSERT(EVP_EncryptUpdate(ctx, NULL, &n, (const unsigned char *)aad.p, (int)aad.n) == 1);
    p += 1 + GOSSIP_NONCE_SIZE;
    if (plain.n > 0)
        ASSERT(EVP_EncryptUpdate(ctx, p, &n, (const unsigned char *)plain.p, (int)plain.n) == 1);
    p += plain.n;
    ASSERT(EVP_EncryptFinal_ex(ctx, p, &n) == 1);
    ASSERT(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, TAG_SIZE, p) == 1);
    out->n += plain.n + GOSSIP_SEAL_SIZE;
}

/* The parts of a sealed form. */
struct sealed {
    unsigned char nonce[GOSSIP_NONCE_SIZE], tag[TAG_SIZE];
    struct str text;
};

static bool open_with(struct key *key, const struct sealed *s, struct str aad, unsigned char *dst)
{
    EVP_CIPHER_CTX *ctx = key->open;
    unsigned char tag[TAG_SIZE], rest[BLOCK_SIZE];
    int n = 0;

    memcpy(tag, s->tag, TAG_SIZE);
    if (EVP_DecryptInit_ex(ctx, NULL, NULL, NULL, s->nonce) != 1)
        return false;
    if (aad.n > 0 &&
        EVP_DecryptUpdate(ctx, NULL, &n, (const unsigned char *)aad.p, (int)aad.n) != 1)
        return false;
    if (s->text.n > 0 &&
        EVP_DecryptUpdate(ctx, dst, &n, (const unsigned char *)s->text.p, (int)s->text.n) != 1)
        return false;
    return EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, TAG_SIZE, tag) == 1 &&
           EVP_DecryptFinal_ex(ctx, rest, &n) == 1;
}

int gossip_keyring_open(struct gossip_keyring *k, struct str aad, struct str sealed,
                        struct buf *out)
{
    struct sealed s;
    unsigned char *dst;
    uint8_t version, pad;
    size_t n;

    if (sealed.n < GOSSIP_SEAL_SIZE || sealed.n > INT32_MAX || aad.n > INT32_MAX)
        return ERR_CORRUPT;
    version = (uint8_t)sealed.p[0];
    if (version > 1 || (version == 0 && sealed.n < SEALED_V0_MIN))
        return ERR_CORRUPT;
    memcpy(s.nonce, sealed.p + 1, sizeof(s.nonce));
    memcpy(s.tag, sealed.p + sealed.n - TAG_SIZE, TAG_SIZE);
    n = sealed.n - GOSSIP_SEAL_SIZE;
    s.text = str_make(sealed.p + 1 + GOSSIP_NONCE_SIZE, n);
    dst = (unsigned char *)buf_reserve(out, n + 1);
    if (!dst)
        return ERR_TOO_LARGE;
    for (size_t i = 0; i < k->n; i++) {
        if (!open_with(k->keys[i], &s, aad, dst))
            continue;
        pad = version == 0 ? dst[n - 1] : 0;
        if (version == 0 && (pad < 1 || pad > BLOCK_SIZE || pad > n))
            return ERR_CORRUPT;
        out->n += n - pad;
        return 0;
    }
    return ERR_DENIED;
}
