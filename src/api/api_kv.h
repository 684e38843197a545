/* SPDX-License-Identifier: GPL-3.0-or-later */
/* /v1/kv/KEY */
#ifndef DISCO_API_API_KV_H
#define DISCO_API_API_KV_H

#include "api/api.h"
#include "state/kv.h"

bool api_kv_check_get(struct api_call *c);
int api_kv_get(struct api_call *c, struct view *v, uint64_t *ret_index);
bool api_kv_put(struct api_call *c, struct buf *command);
bool api_kv_delete(struct api_call *c, struct buf *command);
void api_kv_finish(struct api_call *c, const struct result *result);

/* "Request body(N bytes) too large, ..." when the body is larger than max. */
bool api_kv_check_size(struct api_call *c, int64_t max, const char *option);
/* An entry as Consul writes it. with_value: else Value is null (results of transactions). */
void api_kv_render(struct jwrite *w, const struct kv_entry *e, bool with_value);

#endif
