/* SPDX-License-Identifier: MIT */
/*
 * A batch: what one system call brought, handed out datagram by datagram. The
 * batch knows how far it got, so whoever owns it may stop at any datagram
 * and go on later; nothing that was read lives anywhere else.
 */
#include "engine.h"

#include <stdlib.h>
#include <string.h>

/* Odd bytes between slots keep them off the same cache lines. */
#define GAP 192
#define UDP_ROOM 65536 /* a train needs them */

/* Returns the bytes of a slot. */
static size_t slot_room(int local) { return local ? SYSTEM_LOCAL : UDP_ROOM; }

/* Allocates an empty batch for sockets of a family, laid out; its memory is
   touched only as it is used. */
Batch *batch_new(int family) {
  int i, local = family == AF_UNIX;
  size_t stride = slot_room(local) + GAP;
  Batch *batch = malloc(sizeof *batch + BATCH_SLOTS * stride);
  if (batch == NULL) return NULL;
  batch->local = local;
  batch->count = batch->index = batch->rights.count = 0;
  for (i = 0; i < BATCH_SLOTS; i++) {
    batch->slot[i].data = batch->memory + stride * (size_t)i;
    batch->slot[i].room = slot_room(local);
  }
  return batch;
}

/* Points a message at a slot and a control buffer. */
static void aim(struct msghdr *header, struct iovec *data, Incoming *in,
                char *control, size_t room) {
  data->iov_base = in->data;
  data->iov_len = in->room;
  memset(header, 0, sizeof *header);
  header->msg_name = &in->from.name;
  header->msg_namelen = sizeof in->from.name;
  header->msg_iov = data;
  header->msg_iovlen = 1;
  header->msg_control = room > 0 ? control : NULL;
  header->msg_controllen = room;
}

/* Notes what the kernel says of a message it delivered. What is told of an IP
   datagram must not be cut off either. */
static void settle(Message *message, Incoming *in, Batch *batch) {
  int cut = batch->local ? MSG_TRUNC : MSG_TRUNC | MSG_CTRUNC;
  in->from.length = message->header.msg_namelen;
  system_settle_name(&in->from);
  in->size = message->size;
  in->truncated = (message->header.msg_flags & cut) != 0;
  control_read(&message->header, &in->info, &batch->rights);
}

/* Returns how many messages are read at a time with so much room for control
   messages: one where descriptors may come, for the process has not room for
   those of many. */
int batch_slots(size_t room) { return room < PASSED_ROOM ? BATCH_SLOTS : 1; }

/* Keeps the descriptors that came with a batch if there is such room; those that
   come without are nobody's. */
static void settle_rights(Batch *batch, const Message *message, size_t room) {
  if (batch_slots(room) > 1) {
    rights_close(&batch->rights);
    return;
  }
  batch->slot[0].info.told |= 1u << INFO_DESCRIPTORS;
  batch->cut = (message->header.msg_flags & MSG_CTRUNC) != 0;
}

/* Reads up to so many messages of what waits, batch_slots() at most, with so many
   bytes of control messages each; returns how many came or a negative errno.
   What is left of descriptors from the last time is closed. */
int batch_fill(Batch *batch, int fd, int most, size_t room) {
  Message message[BATCH_SLOTS];
  struct iovec data[BATCH_SLOTS];
  char control[BATCH_SLOTS][CONTROL_ROOM]
      __attribute__((aligned(sizeof(size_t))));
  int i, count;
  rights_close(&batch->rights);
  batch->index = batch->count = batch->cut = 0;
  batch->offset = 0;
  for (i = 0; i < most; i++)
    aim(&message[i].header, &data[i], &batch->slot[i], control[i], room);
  count = system_receive(fd, message, most);
  for (i = 0; i < count; i++) settle(&message[i], &batch->slot[i], batch);
  if (count <= 0) return count;
  settle_rights(batch, message, room);
  return batch->count = count;
}

/* Tells whether there is a next datagram. */
int batch_has_more(const Batch *batch) { return batch->index < batch->count; }

/* Cuts the next datagram off; returns 0 when the batch is used up. */
int batch_next(Batch *batch, Datagram *out) {
  const Incoming *in;
  size_t left;
  if (!batch_has_more(batch)) return 0;
  in = &batch->slot[batch->index];
  left = in->size - batch->offset;
  out->in = in;
  out->data = in->data + batch->offset;
  out->size =
      in->info.segment > 0 && in->info.segment < left ? in->info.segment : left;
  batch->offset += out->size;
  if (batch->offset == in->size) {
    batch->index++;
    batch->offset = 0;
  }
  return 1;
}

/* Takes the last datagram back, to be handed out again. */
void batch_back(Batch *batch, const Datagram *d) {
  batch->index = (int)(d->in - batch->slot);
  batch->offset = (size_t)(d->data - d->in->data);
}
