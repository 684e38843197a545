/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The right that an endpoint names in its row (enum api_right), which the state cannot see to.
 */
#ifndef DISCO_API_RIGHT_H
#define DISCO_API_RIGHT_H

#include "api/api.h"

/* On the worker's thread. False: the refusal is the reply. */
bool right_is_given(struct api_call *c);

#endif
