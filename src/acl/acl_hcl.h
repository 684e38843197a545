/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * HCL 1 as far as ACL rules use it, read in one pass without memory but the caller's. Private to
 * acl/.
 *
 *     file       = { item }
 *     item       = word "=" string | word [ string ] "{" { attribute } "}"
 *     attribute  = word "=" ( string | number | word )
 *     word       = letters, digits, _ and -; or a string
 *
 * Items may be parted by commas and semicolons.
 */
#ifndef DISCO_ACL_ACL_HCL_H
#define DISCO_ACL_ACL_HCL_H

#include "base/str.h"

#define ACL_HCL_STRING_MAX 4096 /* bytes of one word or string */

struct acl_hcl_item {
    struct str block, name;      /* STR_NONE outside of blocks; name "" when the block has none */
    struct str attribute, value; /* all valid during the call only */
};

/* Calls each() for every attribute in order; ends at its first negative return. Of its own:
 * ERR_CORRUPT with "At LINE:COLUMN: ...". */
int acl_hcl_parse(struct str text,
                  int (*each)(void *data, const struct acl_hcl_item *item, struct error *err),
                  void *data, struct error *err) MUST_USE;

#endif
