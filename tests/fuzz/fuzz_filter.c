/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Filters of any text: refused in words, or they take or leave an item, in bounded time. */
#include "api/filter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct catalog_node n = {.name = STR_LIT("node1"), .address = STR_LIT("10.0.0.1")};
    struct catalog_service s = {.id = STR_LIT("web1"), .name = STR_LIT("web"), .port = 80};
    struct health_check c = {
        .node = n.name, .check_id = STR_LIT("c"), .status = STR_LIT("passing")};
    struct filter_item item = {.node = &n, .service = &s, .check = &c, .checks = &c, .check_n = 1};
    char packed[] = "\x82\xa3"
                    "env\xa4"
                    "prod\xa3"
                    "ver\xa3"
                    "1.2";
    struct filter *f;

    n.meta.packed = s.meta.packed = str_make(packed, sizeof packed - 1);
    for (int kind = FILTER_NODE; kind <= FILTER_HEALTH; kind++) {
        struct error err = {0};
        f = NULL;
        if (filter_new(str_make(data, size), kind, &f, &err) < 0)
            ASSERT(err.text[0]);
        else
            filter_takes(f, &item), filter_free(f);
    }
    return 0;
}
