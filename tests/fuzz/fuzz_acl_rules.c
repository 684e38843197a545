/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rules of any bytes: an error or rules within bounds, that can be asked. */
#include "acl/acl_set.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct acl_rules rules = {0};
    struct error err = {0};

    if (acl_rules_parse(str_make(data, size), &rules, &err)) {
        ASSERT(err.text[0]);
    } else {
        struct acl_set *s = acl_set_new(&rules, 0);

        for (size_t i = 0; i < rules.n; i++) {
            const struct acl_rule *r = &rules.list[i];
            ASSERT(r->access != ACL_DENY || r->is_prefix ||
                   !acl_set_allows(s, r->resource, r->name, ACL_READ));
            (void)acl_set_allows_tree(s, r->resource, r->name);
        }
        acl_set_free(s);
    }
    acl_rules_fini(&rules);
    return 0;
}
