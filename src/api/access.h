/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the configuration does not let a request do. Pure.
 */
#ifndef DISCO_API_ACCESS_H
#define DISCO_API_ACCESS_H

#include "agent/config.h"

/* Unless disable_http_unprintable_char_filter is set, a path with characters that cannot be printed
 * is refused (consul: cleanhttp's PrintablePathCheckHandler). Bytes that are not UTF-8 pass. */
bool access_path_is_printable(struct str path);
/* http_config.block_endpoints: prefixes of paths. */
bool access_is_blocked(const struct config *config, struct str path);
/* http_config.allow_write_http_from: networks; none given: all. */
bool access_may_write(const struct config *config, const struct addr *from);
/* Is the address within "10.0.0.0/8"? A network that cannot be read holds nothing. */
bool access_is_within(struct str network, const struct addr *a);

#endif
