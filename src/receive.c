/* SPDX-License-Identifier: MIT */
/*
 * A batch: what one system call brought, handed out datagram by datagram. The
 * batch knows how far it got, so whoever owns it may stop at any datagram
 * and go on later; nothing that was read lives anywhere else.
 */
#include "dgram.h"

#include <stdlib.h>

/* A train needs 64 KiB. The odd bytes keep slots off the same cache lines. */
#define UDP_STRIDE (65536 + 192)
/* The largest unix datagram is what the sender's buffer holds. */
#define LOCAL_STRIDE (524288 + 192)

/* Allocates an empty batch; its memory is touched only as it is used. */
Batch *batch_new(void) {
  Batch *batch = malloc(sizeof *batch + (size_t)BATCH_SLOTS * LOCAL_STRIDE);
  if (batch != NULL) batch->count = batch->index = 0;
  return batch;
}

/* Lays the slots out for a family of sockets. */
static void batch_lay_out(Batch *batch, int family) {
  size_t stride = family == AF_UNIX ? LOCAL_STRIDE : UDP_STRIDE;
  int i;
  for (i = 0; i < BATCH_SLOTS; i++) {
    batch->slot[i].data = batch->memory + stride * (size_t)i;
    batch->slot[i].room = stride - 192;
  }
}

/* Reads what waits; returns the number of messages or a negative errno. */
int batch_fill(Batch *batch, int fd, int family) {
  int count;
  batch_lay_out(batch, family);
  batch->index = batch->count = 0;
  batch->offset = 0;
  count = system_receive(fd, batch->slot, BATCH_SLOTS, family);
  if (count > 0) batch->count = count;
  return count;
}

/* Cuts the next datagram off; returns 0 when the batch is used up. */
int batch_next(Batch *batch, Datagram *out) {
  const Incoming *in;
  size_t left;
  if (batch->index == batch->count) return 0;
  in = &batch->slot[batch->index];
  left = in->size - batch->offset;
  out->from = &in->from;
  out->data = in->data + batch->offset;
  out->size = in->segment > 0 && in->segment < left ? in->segment : left;
  batch->offset += out->size;
  if (batch->offset == in->size) {
    batch->index++;
    batch->offset = 0;
  }
  return 1;
}
