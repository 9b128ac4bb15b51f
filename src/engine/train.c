/* SPDX-License-Identifier: MIT */
/*
 * Trains: neighbours in a fifo with one route and one size, which the kernel
 * takes as one message and cuts itself (UDP_SEGMENT). What it refuses goes
 * again one by one, and the limit that shows then is remembered.
 */
#include "engine.h"

#include <errno.h>

/* Bytes that pass every link (RFC 791: 576, less the headers). */
#define SMALLEST_MTU 500

/* Counts the neighbours that may ride with the item in one train; items that
   follow lie below it in memory. */
static unsigned train_length(const Offload *offload, const Block *block,
                             uint32_t index) {
  const Item *head = block_item(block, index), *item = head;
  uint32_t most = block->count - index, count = 1;
  size_t total = head->size;
  if (head->size > offload->largest || offload->skip > 0) return 1;
  if (most > offload->segments) most = offload->segments;
  while (count < most && item->size == head->size) {
    item--;
    total += item->size;
    if (item->route != head->route || item->size > head->size ||
        item->size == 0 || item->error != 0 || total > SYSTEM_TRAIN)
      break;
    count++;
  }
  return count;
}

/* Makes the message that begins at an item; returns its datagrams. */
static unsigned make_message(const Offload *offload, const Block *block,
                             uint32_t index, Outgoing *out) {
  const Item *head = block_item(block, index);
  const Item *tail;
  out->items = train_length(offload, block, index);
  tail = block_item(block, index + out->items - 1);
  out->route = block_route(block, head);
  out->data.iov_base = block->memory + head->data;
  out->data.iov_len = tail->data + tail->size - head->data;
  out->segment = out->items > 1 ? head->size : 0;
  return out->items;
}

/* Makes messages of what is next in a fifo, up to an item that has its
   completion already; returns how many. */
int train_collect(Fifo *fifo, const Offload *offload, Outgoing *out, int most) {
  int count = 0;
  const Block *block;
  for (block = fifo_unsent(fifo); block != NULL; block = block->next) {
    uint32_t index = block->done;
    while (index < block->count) {
      if (count == most || block_item(block, index)->error != 0) return count;
      index += make_message(offload, block, index, &out[count++]);
    }
  }
  return count;
}

/* Tells whether a refusal may be the train's fault, not its datagrams'; then
   they go alone. */
int train_refused(Offload *offload, const Outgoing *out, int error) {
  if (out->items < 2 ||
      (error != -EINVAL && error != -EIO && error != -EMSGSIZE &&
       error != -EOPNOTSUPP && error != -ENOPROTOOPT))
    return 0;
  offload->skip = out->items;
  offload->refusal = error;
  return 1;
}

/* Notes that a message went, or that a datagram failed for itself: out is NULL
   then. The first datagram that goes alone tells why its train did not: large
   segments exceed the path's MTU, small ones find no offload at all. */
void train_passed(Offload *offload, const Outgoing *out) {
  if (offload->skip == 0) return;
  offload->skip--;
  if (offload->refusal == 0) return;
  if (out != NULL && offload->refusal != -EIO &&
      out->data.iov_len > SMALLEST_MTU)
    offload->largest = (unsigned)out->data.iov_len - 1;
  else if (out != NULL) offload->segments = 0;
  offload->refusal = 0;
}
