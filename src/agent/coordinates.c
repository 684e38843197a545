/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/coordinates.h"

#include <math.h>

#include "base/mem.h"

/* Less is noise: coordinates tremble with every measurement, and each command costs a sync. */
#define MOVED_MIN  0.0002 /* seconds */
#define MOVED_PART 0.1    /* of the distance to the origin */
#define ERROR_MIN  0.1

void coordinates_of(const struct gossip_coordinate *from, struct str node, struct coordinate *ret)
{
    *ret = (struct coordinate){.node = node,
                               .segment = STR_LIT(""),
                               .error = from->error,
                               .adjustment = from->adjustment,
                               .height = from->height};
    memcpy(ret->vec, from->vec, sizeof ret->vec);
}

static bool is_news(const struct coordinate *old, const struct coordinate *now)
{
    double far = 0, moved = 0;
    for (int i = 0; i < COORDINATE_DIMENSIONS; i++) {
        far += now->vec[i] * now->vec[i];
        moved += (now->vec[i] - old->vec[i]) * (now->vec[i] - old->vec[i]);
    }
    far = sqrt(far);
    moved = sqrt(moved) + fabs(now->height - old->height) + fabs(now->adjustment - old->adjustment);
    return moved > MOVED_MIN + MOVED_PART * far || fabs(now->error - old->error) > ERROR_MIN;
}

bool coordinates_encode(const struct gossip *g, struct view *v, struct instant since,
                        struct buf *command)
{
    struct coordinate *list = mem_alloc(COORDINATE_BATCH_MAX * sizeof *list);
    const struct gossip_member *m;
    struct gossip_coordinate there;
    uint32_t pos = 0;
    size_t n = 0;
    while (n < COORDINATE_BATCH_MAX && gossip_next_coordinate(g, &pos, since, &m, &there)) {
        struct gossip_info info;
        struct coordinate old, *now = &list[n];
        gossip_get_info(g, m, &info);
        coordinates_of(&there, info.name, now);
        if (info.status == GOSSIP_STATUS_ALIVE && coordinate_is_valid(now) &&
            (!coordinate_get(v, info.name, &old, NULL) || is_news(&old, now)))
            n++;
    }
    if (n)
        coordinate_encode(list, n, command);
    mem_free(list);
    return n > 0;
}
