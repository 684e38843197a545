/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The page for browsers (`-ui`), from the files in src/api/ui/. The page itself only asks the
 * endpoints beside it: here is nothing but files and the headers they need.
 */
#ifndef DISCO_API_API_UI_H
#define DISCO_API_API_UI_H

#include "api/api.h"

/* True: the path is one of the page's and the reply is made. / leads to the page when it is
 * enabled; / is one line of text when it is not. */
bool api_ui_answer(struct api_call *c);

/* /v1/internal/ui/services: names, tags and health of all services at once. */
int api_ui_services(struct api_call *c, struct view *v, uint64_t *ret_index);

#endif
