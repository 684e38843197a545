/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/cli_absent.h"

#include <stddef.h>
#include <string.h>

#define MESH  "disco has no service mesh"
#define LOGIN "there are no auth methods; tokens are made by `disco acl token create`"

static const struct {
    const char *first, *second; /* NULL: whatever follows */
    const char *reason;
} absent[] = {
    {"acl", "auth-method", LOGIN},
    {"acl", "binding-rule", LOGIN},
    {"config", NULL, MESH ", so there are no configuration entries"},
    {"connect", NULL, MESH},
    {"exec", NULL,
     "disco runs nothing from afar; ssh does, and `disco watch` runs programs of the "
     "machine's own"},
    {"intention", NULL, MESH},
    {"login", NULL, LOGIN},
    {"logout", NULL, LOGIN},
    {"tls", NULL, "certificates are made by openssl(1)"},
};

const char *cli_absent_reason(int argc, char *const *argv)
{
    for (size_t i = 0; argc > 0 && i < sizeof(absent) / sizeof(*absent); i++)
        if (strcmp(argv[0], absent[i].first) == 0 &&
            (!absent[i].second || (argc > 1 && strcmp(argv[1], absent[i].second) == 0)))
            return absent[i].reason;
    return NULL;
}
