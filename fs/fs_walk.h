/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who walks through the tree, and what for: `find -type f` wants names alone, `ls -l` looks each of
 * them up. A listing that comes with all attributes saves the second its lookups, and costs the
 * first an inode in the kernel for each name. So a program that has looked up files below a
 * directory that it listed without attributes gets them from then on. Pure.
 */
#ifndef DISCO_FS_FS_WALK_H
#define DISCO_FS_FS_WALK_H

#include <stdbool.h>
#include <stdint.h>

#define FS_WALK_N 16 /* programs remembered; the oldest goes */
/* A listing of so few names comes with attributes, whoever reads it: guessing wrong would cost a
 * short `ls -l` more than `find` could save. */
#define FS_WALK_SMALL 128

struct fs_walk {
    struct fs_walk_row {
        int32_t pid; /* 0: none */
        bool wants;
        uint64_t dir; /* that it listed last */
    } rows[FS_WALK_N];
    uint32_t next;
};

/* A program begins to list a directory: does it want attributes? */
bool fs_walk_begin(struct fs_walk *w, int32_t pid, uint64_t dir);
/* It looked up a file there. */
void fs_walk_looked_up(struct fs_walk *w, int32_t pid, uint64_t dir);

#endif
