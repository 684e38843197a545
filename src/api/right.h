/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The right that an endpoint names in its row (enum api_right), which the state cannot see to.
 */
#ifndef DISCO_API_RIGHT_H
#define DISCO_API_RIGHT_H

#include "api/api.h"

/* 0; ERR_NO_TOKEN; ERR_DENIED. On any thread. */
int right_judge(const struct api_call *c, const struct view *v);
/* Makes the reply; returns false. */
bool right_refuse(struct api_call *c, int status);
/* Both, on the worker's thread. False: the refusal is the reply. */
bool right_is_given(struct api_call *c);

#endif
