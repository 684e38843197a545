/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Messages between threads: the only lock in disco.
 *
 * A mail is embedded in the object that travels; posting hands the object over
 * to the receiving thread, which calls mail->deliver(mail) once, in the order
 * of posting. `wake` is called by the poster when the box was empty (in
 * production: net_bell_ring) and must be safe from any thread.
 */
#ifndef DISCO_BASE_MAILBOX_H
#define DISCO_BASE_MAILBOX_H

#include <stdbool.h>
#include <stddef.h>

struct mail {
    struct mail *next;
    void (*deliver)(struct mail *m);
};
struct mailbox;

struct mailbox *mailbox_new(void (*wake)(void *data), void *data);
/* The owner's, after its thread has drained for the last time. */
void mailbox_free(struct mailbox *b);
/* Any thread. The mail is the box's until it is delivered. A closed box still takes mail: it is
 * delivered by the last drain, or by the free that follows. */
void mailbox_post(struct mailbox *b, struct mail *m);
/* Owner: delivers what was there at the call (not what is posted meanwhile); returns how many. */
size_t mailbox_drain(struct mailbox *b);
/* Any thread: mails waiting, for metrics. */
size_t mailbox_size(const struct mailbox *b);

#endif
