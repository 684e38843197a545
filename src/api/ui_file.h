/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The files of the page for browsers (src/api/ui/), as src/api/ui/embed.sh puts them into the
 * program. Never changes; any thread.
 */
#ifndef DISCO_API_UI_FILE_H
#define DISCO_API_UI_FILE_H

#include <stddef.h>

struct ui_file {
    const char *name; /* below the page's path; "" is the page itself */
    const char *type, *etag;
    const unsigned char *plain;
    size_t plain_size;
    const unsigned char *gzip;
    size_t gzip_size;
};
extern const struct ui_file ui_file_table[];
extern const int ui_file_table_n;

#endif
