/* SPDX-License-Identifier: GPL-3.0-or-later */
/* /v1/operator/keyring: the gossip keys of all pools of this agent. */
#ifndef DISCO_API_API_KEYRING_H
#define DISCO_API_API_KEYRING_H

#include "api/api.h"

bool api_keyring_check(struct api_call *c);
void api_keyring(struct api_call *c, struct agent *agent);

#endif
