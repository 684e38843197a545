/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A configuration file of any bytes is taken or refused with words, and nothing else happens. */
#include "agent/config.h"
#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error err = {0};
    int64_t before = mem_outstanding();
    int rc = config_validate_text(str_make(data, size), &err);
    ASSERT(rc == 0 || (rc < 0 && err.text[0]));
    ASSERT(mem_outstanding() == before);
    return 0;
}
