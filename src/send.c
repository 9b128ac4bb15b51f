/* SPDX-License-Identifier: MIT */
/*
 * The queue of datagrams to send. Each is copied into a block of memory, next
 * to its neighbours, so that a run of equal datagrams for one destination is
 * already the train the kernel wants. An item stays until its verdict was
 * reported; then its block serves again. Order is never changed.
 */
#include "dgram.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_SIZE (128 * 1024)
#define POOL_BLOCKS 8
#define NO_NAME UINT32_MAX
#define MOVED 1    /* the item went to a lane; what is left here is empty */
#define LANES 16   /* lanes a queue may have */
#define PAUSE 32   /* milliseconds that count between two tries of a lane */
#define STUCK 1000 /* milliseconds in vain until a peer is stuck */
#define SMALLEST_MTU \
  500 /* bytes that pass every link (RFC 791: 576 - headers) */

/* Rounds up so that an address or an item may follow. */
static size_t aligned(size_t size) { return (size + 7) & ~(size_t)7; }

/* Returns an item of a block; items grow down from its end. */
static Item *block_item(const Block *block, uint32_t index) {
  return (Item *)(void *)(block->memory + block->size) - (index + 1);
}

/* Returns the destination of an item; NULL when connected. */
static const Address *item_address(const Block *block, const Item *item) {
  if (item->name == NO_NAME) return NULL;
  return (const Address *)(const void *)(block->memory + item->name);
}

/* Allocates a block with room for need bytes, or takes a spare one. */
static Block *block_new(Pool *pool, size_t need) {
  size_t size = need > BLOCK_SIZE ? aligned(need) : BLOCK_SIZE;
  Block *block = pool->free;
  if (size == BLOCK_SIZE && block != NULL) {
    pool->free = block->next;
    pool->count--;
  } else {
    block = malloc(sizeof *block + size);
    if (block == NULL) return NULL;
    block->size = (uint32_t)size;
    block->memory = (char *)(block + 1);
  }
  block->next = NULL;
  block->used = block->count = block->sent = block->reported = 0;
  block->watched = 0;
  block->name = NO_NAME;
  return block;
}

/* Keeps a block for later, or frees it. */
static void block_release(Pool *pool, Block *block) {
  if (block->size != BLOCK_SIZE || pool->count >= POOL_BLOCKS) {
    free(block);
    return;
  }
  block->next = pool->free;
  pool->free = block;
  pool->count++;
}

/* Frees the spare blocks. */
void pool_free(Pool *pool) {
  while (pool->free != NULL) {
    Block *next = pool->free->next;
    free(pool->free);
    pool->free = next;
  }
  pool->count = 0;
}

/* Makes an empty queue that takes its memory from a pool. */
void queue_init(Queue *queue, Pool *pool) {
  memset(queue, 0, sizeof *queue);
  queue->pool = pool;
  queue->largest = SYSTEM_TRAIN;
}

/* Takes the lane behind a link away. */
static void lane_drop(Lane **link) {
  Lane *lane = *link;
  *link = lane->next;
  queue_free(&lane->queue);
  free(lane);
}

/* Frees what the queue still holds. */
void queue_free(Queue *queue) {
  while (queue->lanes != NULL) lane_drop(&queue->lanes);
  while (queue->first != NULL) {
    Block *next = queue->first->next;
    block_release(queue->pool, queue->first);
    queue->first = next;
  }
  queue->last = queue->unsent = NULL;
  queue->count = queue->bytes = queue->unreported = 0;
}

/* Returns the bytes an address takes in a block. */
static size_t name_size(const Address *to) {
  return to != NULL ? 8 + aligned(offsetof(Address, name) + to->length) : 0;
}

/* Returns the last block when it has need bytes left, else appends one. */
static Block *queue_room(Queue *queue, size_t need) {
  Block *block = queue->last;
  if (block != NULL) {
    size_t taken = block->used + (size_t)(block->count + 1) * sizeof(Item);
    if (taken + need <= block->size) return block;
  }
  block = block_new(queue->pool, need + sizeof(Item) + 8);
  if (block == NULL) return NULL;
  if (queue->last != NULL) queue->last->next = block;
  else queue->first = block;
  queue->last = block;
  return block;
}

/* Returns where the destination lies, writing it unless it was the last. */
static uint32_t block_name(Block *block, const Address *to) {
  if (to == NULL) return block->name = NO_NAME;
  if (block->name != NO_NAME &&
      address_equal(
          (const Address *)(const void *)(block->memory + block->name), to))
    return block->name;
  block->used = (uint32_t)aligned(block->used);
  block->name = block->used;
  memcpy(block->memory + block->used, to, offsetof(Address, name) + to->length);
  block->used += (uint32_t)aligned(offsetof(Address, name) + to->length);
  return block->name;
}

/* Returns where datagrams for a destination wait: the queue, or a lane. */
Queue *queue_of(Queue *queue, const Address *to) {
  Lane *lane = to != NULL ? queue->lanes : NULL;
  while (lane != NULL && !address_equal(&lane->to, to)) lane = lane->next;
  return lane != NULL ? &lane->queue : queue;
}

/* Makes a lane, for nobody yet. */
static Lane *lane_new(Queue *queue) {
  Lane *lane = malloc(sizeof *lane);
  if (lane == NULL) return NULL;
  queue_init(&lane->queue, queue->pool);
  lane->queue.local = lane->queue.lone = 1;
  memset(&lane->to, 0, sizeof lane->to);
  lane->tried = system_now();
  lane->vain = 0;
  lane->sent = queue->sent;
  lane->next = queue->lanes;
  queue->lanes = lane;
  return lane;
}

/* Appends a datagram; returns where its size bytes go, NULL for no memory.
   With an error it has its verdict already and is only reported. */
char *queue_push(Queue *queue, const Address *to, size_t size, int ref,
                 int error) {
  Block *block;
  Item *item;
  if (queue->lanes != NULL) queue = queue_of(queue, to);
  block = queue_room(queue, name_size(to) + (error ? 0 : size) + 8);
  if (block == NULL) return NULL;
  item = block_item(block, block->count);
  item->name = block_name(block, to);
  item->data = block->used;
  item->size = (uint32_t)size;
  item->ref = ref;
  item->error = error;
  block->watched |= ref > 0 || error != 0;
  block->count++;
  queue->count++;
  if (error == 0) {
    block->used += (uint32_t)size;
    queue->bytes += size;
  }
  return block->memory + item->data;
}

/* Appends a refusal where it is told at once, not in its turn; returns 0 or
   -ENOMEM. */
int queue_refuse(Queue *queue, const Address *to, size_t size, int ref,
                 int error) {
  Lane *lane = queue->lanes;
  while (lane != NULL && lane->to.length != 0) lane = lane->next;
  if (lane == NULL) lane = lane_new(queue);
  if (lane == NULL) return -ENOMEM;
  return queue_push(&lane->queue, to, size, ref, error) != NULL ? 0 : -ENOMEM;
}

/* Returns the first block with a datagram to send, NULL when there is none. */
static Block *queue_unsent(Queue *queue) {
  if (queue->count == 0) return NULL;
  if (queue->unsent == NULL) queue->unsent = queue->first;
  while (queue->unsent->sent == queue->unsent->count)
    queue->unsent = queue->unsent->next;
  return queue->unsent;
}

/* Gives the next datagram its verdict: an error, unless it has one already. */
static void queue_settle(Queue *queue, Block *block, int error) {
  Item *item = block_item(block, block->sent++);
  queue->count--;
  queue->unreported++;
  queue->singles -= queue->singles > 0;
  queue->retried = 0;
  if (item->error == MOVED) {
    item->error = 0;
    return;
  }
  if (item->error == 0) {
    queue->bytes -= item->size;
    item->error = error;
  }
  block->watched = 1;
  queue->errors++;
}

/* Counts the neighbours that may ride with the item in one train; items that
   follow lie below it in memory. */
static unsigned train_length(const Queue *queue, const Block *block,
                             uint32_t index) {
  const Item *head = block_item(block, index), *item = head;
  uint32_t most = block->count - index, count = 1;
  size_t total = head->size;
  if (head->size > queue->largest || queue->singles > 0) return 1;
  if (most > queue->segments) most = queue->segments;
  while (count < most && item->size == head->size) {
    item--;
    total += item->size;
    if (item->name != head->name || item->size > head->size ||
        item->size == 0 || item->error != 0 || total > SYSTEM_TRAIN)
      break;
    count++;
  }
  return count;
}

/* Makes the message that begins at an item; returns its datagrams. */
static unsigned queue_couple(const Queue *queue, const Block *block,
                             uint32_t index, Outgoing *out) {
  const Item *head = block_item(block, index);
  const Item *tail;
  out->items = train_length(queue, block, index);
  tail = block_item(block, index + out->items - 1);
  out->to = item_address(block, head);
  out->data.iov_base = block->memory + head->data;
  out->data.iov_len = tail->data + tail->size - head->data;
  out->segment = out->items > 1 ? head->size : 0;
  return out->items;
}

/* Fills messages from the front of the queue; returns how many. */
static int queue_collect(Queue *queue, Outgoing *out) {
  int count = 0, most = queue->single ? 1 : SYSTEM_MESSAGES;
  const Block *block;
  for (block = queue_unsent(queue); block != NULL; block = block->next) {
    uint32_t index = block->sent;
    while (index < block->count) {
      if (count == most || block_item(block, index)->error != 0) return count;
      index += queue_couple(queue, block, index, &out[count++]);
    }
  }
  return count;
}

/* Passes over verdicts nobody wants to hear, when none before them waits. */
static uint32_t block_skip(Block *block) {
  uint32_t before = block->reported;
  if (!block->watched) block->reported = block->sent;
  return block->reported - before;
}

/* Notes that the kernel took one message, with all its datagrams. */
static void queue_took(Queue *queue, const Outgoing *out) {
  Block *block = queue_unsent(queue);
  block->sent += out->items;
  queue->count -= out->items;
  queue->bytes -= out->data.iov_len;
  queue->sent += out->items;
  queue->sent_bytes += out->data.iov_len;
  queue->singles -= queue->singles > 0;
  queue->unreported += out->items;
  queue->unreported -= block_skip(block);
}

/* Remembers why trains are refused, once a datagram went alone: large
   segments exceed the path's MTU, small ones find no offload at all. */
static void queue_learn(Queue *queue, size_t size) {
  if (queue->refusal != -EIO && size > SMALLEST_MTU)
    queue->largest = (unsigned)size - 1;
  else queue->segments = 0;
  queue->refusal = 0;
}

/* Tells whether a refusal may be the train's fault, not its datagrams'. */
static int is_train_refusal(int error) {
  return error == -EINVAL || error == -EIO || error == -EMSGSIZE ||
         error == -EOPNOTSUPP || error == -ENOPROTOOPT;
}

/* Handles a refusal of the first message; returns 0 to go on, or a wait. */
static int queue_refused(Queue *queue, const Outgoing *out, int error) {
  Block *block = queue_unsent(queue);
  if (error == -EAGAIN)
    return queue->local && out->to != NULL ? QUEUE_LATER : QUEUE_WRITABLE;
  if (error == -ENOBUFS) return QUEUE_LATER;
  if (out->items > 1 && is_train_refusal(error)) {
    queue->singles = out->items;
    queue->refusal = error;
  } else if (!queue->retried && !queue->local) {
    queue->retried = error;
  } else {
    queue->refusal = 0;
    queue_settle(queue, block, error);
  }
  return 0;
}

/* Counts an error that an earlier datagram caused and this one met. */
static void queue_met(Queue *queue) {
  if (queue->retried == 0) return;
  queue->remote = queue->retried;
  queue->remotes++;
}

/* Notes the success of count messages. */
static void queue_went(Queue *queue, const Outgoing *out, int count) {
  int i;
  queue_met(queue);
  if (queue->singles > 0 && queue->refusal != 0)
    queue_learn(queue, out->data.iov_len);
  queue->retried = 0;
  for (i = 0; i < count; i++) queue_took(queue, &out[i]);
}

/* Passes over datagrams that were given a verdict when they were pushed. */
static void queue_skip(Queue *queue) {
  Block *block = queue_unsent(queue);
  while (block != NULL && block_item(block, block->sent)->error != 0) {
    queue_settle(queue, block, 0);
    block = queue_unsent(queue);
  }
}

/* Drops items at the front that nobody wants to hear of; frees blocks. */
static void queue_tidy(Queue *queue) {
  Block *block;
  while ((block = queue->first) != NULL) {
    while (block->reported < block->sent) {
      const Item *item = block_item(block, block->reported);
      if (item->ref > 0 || item->error != 0) return;
      block->reported++;
      queue->unreported--;
    }
    if (block->reported < block->count) return;
    queue->first = block->next;
    if (queue->first == NULL) queue->last = NULL;
    if (queue->unsent == block) queue->unsent = block->next;
    block_release(queue->pool, block);
  }
}

/* Moves an item to a lane, with the verdict it may have already. */
static void lane_take(Lane *lane, Queue *queue, const Block *block,
                      Item *item) {
  char *room =
      queue_push(&lane->queue, &lane->to, item->size, item->ref, item->error);
  if (item->error == 0) queue->bytes -= item->size;
  if (item->error == 0 && room != NULL)
    memcpy(room, block->memory + item->data, item->size);
  item->error = room != NULL ? MOVED : -ENOMEM;
  if (room != NULL) item->ref = 0;
}

/* Moves all that waits for a peer to its lane. */
static void lane_gather(Lane *lane, Queue *queue) {
  Block *block;
  uint32_t i;
  for (block = queue_unsent(queue); block != NULL; block = block->next) {
    block->watched = 1;
    for (i = block->sent; i < block->count; i++) {
      Item *item = block_item(block, i);
      const Address *to = item_address(block, item);
      if (item->error != MOVED && to != NULL && address_equal(to, &lane->to))
        lane_take(lane, queue, block, item);
    }
  }
}

/* Opens a lane for a peer that does not read; 0, or -1 when it cannot. */
static int lane_open(Queue *queue, const Address *to) {
  Lane *lane, *each;
  int count = 0;
  for (each = queue->lanes; each != NULL; each = each->next) count++;
  lane = count < LANES ? lane_new(queue) : NULL;
  if (lane == NULL) return -1;
  memcpy(&lane->to, to, offsetof(Address, name) + to->length);
  lane_gather(lane, queue);
  return 0;
}

/* Hands the queue to the kernel, in order. Returns QUEUE_EMPTY, or what must
   come to pass before it makes sense to try again. */
int queue_flush(Queue *queue, int fd) {
  Outgoing out[SYSTEM_MESSAGES];
  int count, sent, wait = QUEUE_EMPTY;
  for (;;) {
    queue_skip(queue);
    count = queue_collect(queue, out);
    if (count == 0) break;
    sent = system_send(fd, out, count);
    if (sent == 0) sent = -EAGAIN;
    if (sent > 0) queue_went(queue, out, sent);
    else wait = queue_refused(queue, out, sent);
    queue->single = sent < count;
    if (wait == QUEUE_LATER && queue->local && !queue->lone &&
        out->to != NULL) {
      if (lane_open(queue, out->to) < 0)
        queue_settle(queue, queue_unsent(queue), -ENOBUFS);
      wait = QUEUE_EMPTY;
    }
    if (wait != QUEUE_EMPTY) break;
  }
  queue->single = 0;
  queue_tidy(queue);
  return wait;
}

/* Adds what a lane counted to its queue's counters. */
static void lane_count(Queue *queue, Queue *lane) {
  queue->sent += lane->sent;
  queue->sent_bytes += lane->sent_bytes;
  queue->errors += lane->errors;
  lane->sent = lane->sent_bytes = lane->errors = 0;
}

/* Counts how long a peer has taken nothing although it was tried; a time in
   which nobody tried, for the process stood still, is not held against it. */
static void lane_judge(Lane *lane, const Queue *queue, int took) {
  uint64_t now = system_now(), pause = now - lane->tried;
  lane->tried = now;
  if (lane->vain < STUCK) lane->vain += pause < PAUSE ? (unsigned)pause : PAUSE;
  if (!took) return;
  lane->vain = 0;
  lane->sent = queue->sent;
}

/* Tells whether a peer is stuck: it takes nothing, and others do. Where nobody
   else is sent to, its sender may as well wait. */
static int lane_is_stuck(const Lane *lane, const Queue *queue) {
  return lane->vain >= STUCK && queue->sent > lane->sent;
}

/* Tries the lanes again and closes those that are empty; returns QUEUE_LATER
   while one is not. */
int queue_flush_lanes(Queue *queue, int fd) {
  Lane **link = &queue->lanes;
  int wait = QUEUE_EMPTY;
  while (*link != NULL) {
    Queue *lane = &(*link)->queue;
    int took;
    if (queue_flush(lane, fd) != QUEUE_EMPTY) wait = QUEUE_LATER;
    took = lane->sent + lane->errors > 0 || lane->count == 0;
    lane_count(queue, lane);
    lane_judge(*link, queue, took);
    if (lane->count == 0 && lane->unreported == 0) lane_drop(link);
    else link = &(*link)->next;
  }
  return wait;
}

/* Adds up what a queue and its lanes hold. */
Load queue_load(const Queue *queue) {
  Load load = {queue->count, queue->bytes, queue->unreported, queue->count,
               queue->bytes};
  const Lane *lane;
  for (lane = queue->lanes; lane != NULL; lane = lane->next) {
    load.count += lane->queue.count;
    load.bytes += lane->queue.bytes;
    load.unreported += lane->queue.unreported;
    if (lane_is_stuck(lane, queue)) continue;
    load.live += lane->queue.count;
    load.live_bytes += lane->queue.bytes;
  }
  return load;
}

/* Gives everything unsent the same verdict. */
void queue_cancel(Queue *queue, int error) {
  Block *block;
  Lane *lane;
  for (lane = queue->lanes; lane != NULL; lane = lane->next) {
    queue_cancel(&lane->queue, error);
    lane_count(queue, &lane->queue);
  }
  while ((block = queue_unsent(queue)) != NULL)
    queue_settle(queue, block, error);
}

/* Takes the next verdict of a lane. */
static int queue_report_lanes(Queue *queue, Verdict *out) {
  Lane *lane;
  for (lane = queue->lanes; lane != NULL; lane = lane->next)
    if (queue_report(&lane->queue, out)) return 1;
  return 0;
}

/* Takes the next verdict that somebody wants to hear; 0 when there is none. */
int queue_report(Queue *queue, Verdict *out) {
  Block *block;
  Item *item;
  queue_tidy(queue);
  block = queue->first;
  if (block == NULL || block->reported == block->sent)
    return queue_report_lanes(queue, out);
  item = block_item(block, block->reported++);
  queue->unreported--;
  out->ref = item->ref;
  out->error = item->error;
  out->size = item->size;
  out->to = item_address(block, item);
  return 1;
}
