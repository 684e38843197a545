/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The filter's grammar: text to tree. Private to filter.c.
 */
#ifndef DISCO_API_FILTER_PARSE_H
#define DISCO_API_FILTER_PARSE_H

#include "base/mem.h"
#include "base/str.h"

#define FILTER_SELECTOR_MAX 8

enum filter_op {
    FILTER_EQUAL,
    FILTER_NOT_EQUAL,
    FILTER_IN,
    FILTER_NOT_IN,
    FILTER_IS_EMPTY,
    FILTER_IS_NOT_EMPTY,
    FILTER_MATCHES,
    FILTER_NOT_MATCHES,
};

struct filter_match {
    enum filter_op op;
    struct str selector[FILTER_SELECTOR_MAX];
    int selector_n;
    struct str value;
    void *resolved; /* filter.c's */
};

struct filter_tree {
    enum { FILTER_AND, FILTER_OR, FILTER_NOT, FILTER_MATCH } kind;
    struct filter_tree *left, *right;
    struct filter_match match;
};

/* The tree and its texts live in the arena (and borrow from `text`). */
int filter_parse(struct str text, struct arena *arena, struct filter_tree **ret,
                 struct error *err) MUST_USE;

#endif
