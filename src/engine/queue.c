/* SPDX-License-Identifier: MIT */
/*
 * All that a socket has accepted to send: the fifo, the lanes of unix peers
 * that do not read, one ledger of what waits, and what may wait at most. Order
 * is never changed between datagrams for one destination.
 */
#include "engine.h"

#include <errno.h>
#include <string.h>

/* Makes an empty queue that takes its memory from a pool. */
void queue_init(Queue *queue, Pool *pool, int local) {
  memset(queue, 0, sizeof *queue);
  fifo_init(&queue->fifo, pool, &queue->ledger, 0);
  fifo_init(&queue->completed, pool, &queue->ledger, 4096);
  queue->offload.largest = SYSTEM_TRAIN;
  queue->high_water = queue->most = SIZE_MAX;
  queue->local = local;
  queue->watcher = -1;
}

/* Frees what the queue still holds; what Lua holds goes on waiting. */
void queue_free(Queue *queue) {
  Ledger *ledger = &queue->ledger;
  lanes_free(queue);
  fifo_free(&queue->fifo);
  fifo_free(&queue->completed);
  ledger->count = ledger->held;
  ledger->bytes = ledger->held_bytes;
  ledger->unreported = 0;
}

/* Adds up what waits, wherever it does, in bytes of memory. */
static size_t memory_of(const Ledger *ledger) {
  return ledger->bytes + ledger->count * COST_QUEUED +
         ledger->held * (COST_HELD - COST_QUEUED);
}

/* Tells whether bytes more may wait. What a peer that does not read keeps
   waiting is refused before anything for another destination is. An empty
   queue takes any datagram. */
int queue_accepts(Queue *queue, const Route *route, size_t bytes) {
  const Ledger *ledger = &queue->ledger;
  while (ledger->count > 0 && memory_of(ledger) + bytes > queue->most) {
    Lane *oldest = lane_oldest(queue, lane_of(queue, route));
    if (oldest == NULL) return 0;
    fifo_complete(&oldest->fifo, -ENOBUFS);
  }
  return 1;
}

/* Appends a datagram; returns where its size bytes go, NULL for no memory.
   With an error it has its completion already and is only told of. */
char *queue_push(Queue *queue, const Route *route, size_t size, int ref,
                 int error) {
  Lane *lane = queue->lanes != NULL ? lane_of(queue, route) : NULL;
  if (lane == NULL) return fifo_push(&queue->fifo, route, size, ref, error);
  if (lane->fifo.count == 0) queue->lanes_wait = WAIT_NOTHING;
  return fifo_push(&lane->fifo, &lane->route, size, ref, error);
}

/* Appends a refusal that is told at once, not in its turn; returns 0 or
   -ENOMEM. */
int queue_refuse(Queue *queue, const Route *route, size_t size, int ref,
                 int error) {
  if (fifo_push(&queue->completed, route, size, ref, error) == NULL)
    return -ENOMEM;
  fifo_complete(&queue->completed, 0);
  return 0;
}

/* Tells whether what waits where a route leads is below the mark, and whether
   send may say yes at all; if not, 'drain' is due once nothing waits there. */
int queue_says_yes(Queue *queue, const Route *route, int may) {
  Lane *lane = queue->lanes != NULL ? lane_of(queue, route) : NULL;
  Fifo *fifo = lane != NULL ? &lane->fifo : &queue->fifo;
  size_t bytes = fifo->bytes + fifo->count * COST_QUEUED;
  if (lane == NULL)
    bytes += queue->ledger.held_bytes + queue->ledger.held * COST_HELD;
  if (may && bytes < queue->high_water) return 1;
  fifo->need_drain = 1;
  return 0;
}

/* Hands the fifo to the kernel, in order, past unix peers that do not read; the
   lanes, which then are due, are not tried. */
int queue_flush(Queue *queue, int fd) {
  queue->wait = transmit(queue, &queue->fifo, fd);
  while (queue->wait == WAIT_PEER) {
    const Block *block = fifo_unsent(&queue->fifo);
    const Route *route = block_route(block, block_item(block, block->done));
    if (lane_open(queue, route) == NULL) fifo_complete(&queue->fifo, -ENOBUFS);
    queue->wait = transmit(queue, &queue->fifo, fd);
  }
  return queue->wait;
}

/* Remembers the peer of a connected unix socket. */
void queue_connect(Queue *queue, const Address *peer) {
  if (queue->local) queue->peer = *peer;
}

/* Forgets the peer. What waits for it goes to it all the same, in a lane; where
   there are none it fails: it must never go to the next peer. */
int queue_disconnect(Queue *queue) {
  Route route;
  if (queue->fifo.count > 0 && queue->local) {
    route.to = queue->peer;
    if (lane_open(queue, &route) == NULL) return -ENOMEM;
  }
  fifo_fail_unrouted(&queue->fifo, -ENOTCONN);
  queue->peer.length = 0;
  queue->wait = WAIT_NOTHING;
  return 0;
}

/* Gives everything unsent the same completion. */
void queue_cancel(Queue *queue, int error) {
  Lane *lane;
  while (fifo_unsent(&queue->fifo) != NULL) fifo_complete(&queue->fifo, error);
  for (lane = queue->lanes; lane != NULL; lane = lane->next)
    while (lane->fifo.count > 0) fifo_complete(&lane->fifo, error);
}

/* Takes the next completion that somebody wants to hear; 0 when there is
   none. */
int queue_next(Queue *queue, Completion *out) {
  Lane *lane;
  if (fifo_next(&queue->fifo, out) || fifo_next(&queue->completed, out))
    return 1;
  for (lane = queue->lanes; lane != NULL; lane = lane->next)
    if (fifo_next(&lane->fifo, out)) return 1;
  return 0;
}

/* Tells whether a 'drain' is due. */
static int is_drained(const Queue *queue) {
  const Lane *lane;
  if (queue->fifo.need_drain && queue->fifo.count + queue->ledger.held == 0)
    return 1;
  for (lane = queue->lanes; lane != NULL; lane = lane->next)
    if (lane->fifo.need_drain && lane->fifo.count == 0) return 1;
  return 0;
}

/* Takes a 'drain' that is due: for whom send said no, length 0 if it was for
   any; 0 when none is due. Lanes that have served are freed then. */
int queue_drained(Queue *queue, Address *who) {
  Fifo *fifo = &queue->fifo;
  Lane *lane = queue->lanes;
  who->length = 0;
  if (!is_drained(queue)) {
    lanes_tidy(queue);
    return 0;
  }
  if (!fifo->need_drain || fifo->count + queue->ledger.held > 0) {
    while (!lane->fifo.need_drain || lane->fifo.count > 0) lane = lane->next;
    fifo = &lane->fifo;
    *who = lane->route.to;
  }
  fifo->need_drain = 0;
  return 1;
}

/* Tells whether there is anything to send or to tell now. */
int queue_is_due(const Queue *queue) {
  const Ledger *ledger = &queue->ledger;
  if (ledger->unreported > 0 || queue->async_error != 0) return 1;
  if (queue->fifo.count > 0 && queue->wait == WAIT_NOTHING) return 1;
  if (ledger->count - ledger->held > queue->fifo.count &&
      queue->lanes_wait == WAIT_NOTHING)
    return 1;
  return is_drained(queue);
}
