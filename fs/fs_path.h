/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Keys as names and back: one-to-one, no hash, no side table. Pure.
 *
 * A key is cut at every '/'; each component becomes a name: ordinary bytes stay, '%', control
 * bytes and what is not UTF-8 become %XX, "." and ".." are escaped, the empty component is "%".
 * A name longer than 253 bytes is cut after a whole unit, "%+" is added, and the component goes on
 * one directory deeper. Two faces of one name: NAME%v is always the value, NAME%t always the tree.
 *
 * A directory is known by its prefix, the bytes with which the keys below it begin: "" is the top,
 * one that ends in '/' is a directory, any other is the inside of a cut component.
 */
#ifndef DISCO_FS_FS_PATH_H
#define DISCO_FS_FS_PATH_H

#include "base/buf.h"

#define FS_PATH_PIECE_MAX 253 /* so that a suffix still fits in NAME_MAX */
#define FS_PATH_NAME_MAX  255

enum fs_path_kind {
    FS_PATH_PLAIN,    /* the value, or the tree when a key lies below it */
    FS_PATH_VALUE,    /* NAME%v */
    FS_PATH_TREE,     /* NAME%t */
    FS_PATH_CONTINUED /* NAME%+ : a directory whose prefix is the key so far, without a '/' */
};

/* What a name means in the directory with this prefix. `key` (cleared first) becomes the prefix and
 * the name's bytes. ERR_INVALID: no key has this name here; -ENAMETOOLONG above 255 bytes. */
int fs_path_parse(struct str dir, struct str name, struct buf *key,
                  enum fs_path_kind *ret_kind) MUST_USE;

struct fs_path_step {
    size_t key_n;   /* so much of the key is named when this step is taken */
    bool continued; /* the component goes on in the directory key[0, key_n) */
    bool is_last;   /* the key ends here: a value; else a '/' or more of the component follows */
};
/* The next step from directory `dir` towards `key`; `name` (cleared first) is the step's name
 * without a face. False when the key's path does not lead through that directory. */
bool fs_path_step(struct str dir, struct str key, struct buf *name, struct fs_path_step *ret);

/* The whole path of a key's value, relative, faces left out. */
void fs_path_encode(struct str key, struct buf *path);
/* Back: every name but the last is taken as a directory. ERR_INVALID when it is no key's path. */
int fs_path_decode(struct str path, struct buf *key) MUST_USE;

/* Names of services, nodes and tags: one component, in which '/' is %2F. False: the name would be
 * longer than NAME_MAX and cannot be shown. */
bool fs_path_label(struct str text, struct buf *name);
int fs_path_label_parse(struct str name, struct buf *text) MUST_USE;

#endif
