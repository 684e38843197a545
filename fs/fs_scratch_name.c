/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/fs_scratch_name.h"

#include <fnmatch.h>

static const struct {
    const char *pattern;
    enum fs_scratch_kind kind;
} PATTERNS[] = {
    {".*.sw[a-z]", FS_SCRATCH_LOCAL},            /* vim, nano */
    {".*.sw[a-z]x", FS_SCRATCH_LOCAL},           /* vim, looking for trouble with names */
    {"4913", FS_SCRATCH_LOCAL},                  /* vim, looking for the rights of a directory */
    {"?*~", FS_SCRATCH_LOCAL},                   /* backups of most editors */
    {".#*", FS_SCRATCH_LOCAL},                   /* emacs' locks */
    {"#*#", FS_SCRATCH_LOCAL},                   /* and what it saves by itself */
    {".~lock.*#", FS_SCRATCH_LOCAL},             /* LibreOffice */
    {".nfs*", FS_SCRATCH_LOCAL},                 /* an NFS client's removed files */
    {".goutputstream-??????", FS_SCRATCH_DRAFT}, /* GLib */
    {"sed??????", FS_SCRATCH_DRAFT},             /* sed -i */
    {".?*.??????", FS_SCRATCH_DRAFT},            /* rsync */
    {"?*.tmp", FS_SCRATCH_DRAFT},                /* many */
};

enum fs_scratch_kind fs_scratch_name(struct str name)
{
    char text[256];
    if (!str_copy_z(name, text, sizeof(text)) || strlen(text) != name.n)
        return FS_SCRATCH_NONE;
    for (size_t i = 0; i < sizeof(PATTERNS) / sizeof(PATTERNS[0]); i++)
        if (fnmatch(PATTERNS[i].pattern, text, 0) == 0)
            return PATTERNS[i].kind;
    return FS_SCRATCH_NONE;
}
