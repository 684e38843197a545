/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The page for browsers (`-ui`): nodes and services, read from the endpoints beside it.
 */
#ifndef DISCO_API_API_UI_H
#define DISCO_API_API_UI_H

#include "api/api.h"

/* True: the path is one of the page's and the reply is made. / and /ui lead to /ui/ when the page
 * is enabled; / is one line of text when it is not. */
bool api_ui_answer(struct api_call *c);

#endif
