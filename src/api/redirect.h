/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Redirects as Go's ServeMux gives them: paths with //, . or .. and paths that lack a final slash.
 */
#ifndef DISCO_API_REDIRECT_H
#define DISCO_API_REDIRECT_H

#include "api/api.h"

bool redirect_needs_cleaning(struct str path);
/* 301 to the path without //, . and .. (the query stays). */
void redirect_to_clean(struct api_call *c);
/* 301 to a decoded path (the query stays). */
void redirect_to(struct api_call *c, struct str path);

#endif
