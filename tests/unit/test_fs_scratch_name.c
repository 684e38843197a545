/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Names of temporary files, and names that are like them but are keys. */
#include "fs/fs_scratch_name.h"
#include "tests/lib/unit.h"

static void names(void **state)
{
    static const struct {
        const char *name;
        enum fs_scratch_kind kind;
    } cases[] = {
        {".key.swp", FS_SCRATCH_LOCAL},
        {".key.swx", FS_SCRATCH_LOCAL},
        {".key.swpx", FS_SCRATCH_LOCAL},
        {"4913", FS_SCRATCH_LOCAL},
        {"key~", FS_SCRATCH_LOCAL},
        {".#key", FS_SCRATCH_LOCAL},
        {"#key#", FS_SCRATCH_LOCAL},
        {".~lock.table.ods#", FS_SCRATCH_LOCAL},
        {".nfs000000000001", FS_SCRATCH_LOCAL},
        {"sedAb3dEf", FS_SCRATCH_DRAFT},
        {".key.x8Zq1a", FS_SCRATCH_DRAFT},
        {".goutputstream-AB12CD", FS_SCRATCH_DRAFT},
        {"key.tmp", FS_SCRATCH_DRAFT},
        {"key", FS_SCRATCH_NONE},
        {"", FS_SCRATCH_NONE},
        {"~", FS_SCRATCH_NONE},
        {".tmp", FS_SCRATCH_NONE},
        {"49130", FS_SCRATCH_NONE},
        {"swp", FS_SCRATCH_NONE},
        {"key.swp", FS_SCRATCH_NONE},
        {"sedan", FS_SCRATCH_NONE},
        {"sed", FS_SCRATCH_NONE},
        {".config.json", FS_SCRATCH_NONE},
        {".env.local", FS_SCRATCH_NONE},
        {"index.lock", FS_SCRATCH_NONE},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(fs_scratch_name(str_z(cases[i].name)), cases[i].kind);
    assert_int_equal(fs_scratch_name(str_make("key\0~", 5)), FS_SCRATCH_NONE);
    char long_name[300];
    memset(long_name, '~', sizeof(long_name));
    assert_int_equal(fs_scratch_name(str_make(long_name, sizeof(long_name))), FS_SCRATCH_NONE);
}

UNIT_MAIN(UNIT(names))
