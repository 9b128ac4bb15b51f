/* SPDX-License-Identifier: MIT */
/*
 * All that a socket has accepted to send: the fifo, the lanes of unix peers
 * that do not read, one ledger of what waits, and what may wait at most. Order
 * is never changed between datagrams for one destination.
 */
#include "engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Makes an empty queue that takes its memory from a pool; of a unix socket, if
   there is room for what such a one has besides. */
void queue_init(Queue *queue, Pool *pool, Local *local) {
  memset(queue, 0, sizeof *queue);
  if (local != NULL) memset(local, 0, sizeof *local);
  fifo_init(&queue->fifo, pool, &queue->ledger, 0);
  fifo_init(&queue->completed, pool, &queue->ledger, 4096);
  queue->offload.largest = SYSTEM_TRAIN;
  queue->high_water = queue->most = SIZE_MAX;
  queue->most_lanes = 1024;
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
  ledger->unreported = ledger->untold_bytes = 0;
  free(queue->reports);
  queue->reports = NULL;
}

/* Adds up what waits, wherever it does, or was not told of, in bytes of memory.
   */
static size_t memory_of(const Ledger *ledger) {
  return ledger->bytes + ledger->untold_bytes + ledger->passed * COST_PASSED +
         (ledger->count + ledger->unreported) * COST_QUEUED +
         ledger->held * (COST_HELD - COST_QUEUED);
}

/* Tells whether bytes more may wait. What a peer that does not read keeps
   waiting is refused before anything for another destination is. An empty
   queue takes any datagram. */
int queue_accepts(Queue *queue, const Route *route, size_t bytes) {
  size_t waiting = memory_of(&queue->ledger);
  const Lane *own;
  if (waiting == 0 || waiting + bytes <= queue->most) return 1;
  own = lane_of(queue, route);
  if (waiting - lanes_memory(queue, own) + bytes > queue->most) {
    queue->was_full = 1;
    return 0;
  }
  while (memory_of(&queue->ledger) + bytes > queue->most) {
    Lane *oldest = lane_oldest(queue, own);
    if (oldest == NULL) return 0; /* what has a callback is kept until told */
    lane_refuse(queue, oldest);
  }
  return 1;
}

/* Returns how many bytes more may wait before something is refused or send says
   no, as far as no lane is concerned. */
size_t queue_room(const Queue *queue) {
  size_t waiting = memory_of(&queue->ledger), limit = queue->most;
  if (queue->high_water < limit) limit = queue->high_water;
  return waiting < limit ? limit - waiting - 1 : 0;
}

/* Appends a datagram; returns where its size bytes go, NULL for no memory.
   With an error it has its completion already and is only told of. */
char *queue_push(Queue *queue, const Route *route, size_t size, int ref,
                 int error) {
  Lane *lane = queue->lanes != NULL ? lane_of(queue, route) : NULL;
  Route way;
  if (lane == NULL) return fifo_push(&queue->fifo, route, size, ref, error);
  if (lane->fifo.count == 0) queue->lanes_wait = lane->wait = WAIT_NOTHING;
  return fifo_push(&lane->fifo, route_by(&lane->route, route, &way), size, ref,
                   error);
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

/* Notes whom send says no to, as long as it is one peer alone. */
static void note_denied(Queue *queue, const Route *route) {
  Local *local = queue->local;
  const Address *own = route_to(route), *to = own != NULL ? own : &local->peer;
  if (queue->fifo.need_drain == DRAIN_NONE) local->denied = *to;
  else if (!address_equal(&local->denied, to)) local->denied.length = 0;
}

/* Tells whether what waits where a route leads is below the mark, and whether
   send may say yes at all; if not, 'drain' is due once nothing waits there. */
int queue_says_yes(Queue *queue, const Route *route, int may) {
  Lane *lane = queue->lanes != NULL ? lane_of(queue, route) : NULL;
  Fifo *fifo = lane != NULL ? &lane->fifo : &queue->fifo;
  size_t bytes = fifo_memory(fifo);
  if (lane == NULL)
    bytes += queue->ledger.held_bytes + queue->ledger.held * COST_HELD;
  if (may && bytes < queue->high_water) return 1;
  if (queue->local && lane == NULL) note_denied(queue, route);
  fifo->need_drain = DRAIN_WHEN_EMPTY;
  return 0;
}

/* Has a queue wait for a timer that would spin: it was woken, for the socket is
   writable, and the kernel takes nothing all the same. */
static void heed_no_room(Queue *queue, int fd, uint64_t sent) {
  int woken = queue->woken;
  queue->woken = 0;
  if (woken && queue->wait == WAIT_WRITABLE && queue->ledger.sent == sent &&
      system_is_writable(fd))
    queue->wait = WAIT_TIMER;
}

/* Hands the fifo to the kernel, in order, past unix peers that do not read; the
   lanes, which then are due, are not tried. */
int queue_flush(Queue *queue, int fd) {
  uint64_t sent = queue->ledger.sent;
  queue->wait = transmit(queue, &queue->fifo, fd);
  while (queue->wait == WAIT_PEER) {
    const Block *block = fifo_unsent(&queue->fifo);
    const Route *route = block_route(block, block_item(block, block->done));
    Route peer = {.to = queue->local->peer};
    if (lane_open(queue, route_to(route) != NULL ? route : &peer, fd) == NULL)
      fifo_complete(&queue->fifo, -ENOBUFS);
    queue->wait = transmit(queue, &queue->fifo, fd);
  }
  heed_no_room(queue, fd, sent);
  return queue->wait;
}

/* Forgets the peer of a unix socket. */
void queue_forget_peer(Queue *queue) {
  if (queue->local != NULL) queue->local->peer.length = 0;
}

/* Remembers the peer of a connected unix socket. */
void queue_connect(Queue *queue, const Address *peer) {
  if (queue->local != NULL) queue->local->peer = *peer;
}

/* Moves what waits for the peer of a unix socket to a lane; returns 0 or
   -ENOMEM. */
static int leave_peer(Queue *queue, int fd) {
  Route route = {.to = queue->local->peer};
  if (queue->fifo.count == 0 || route.to.length == 0) return 0;
  return lane_open(queue, &route, fd) != NULL ? 0 : -ENOMEM;
}

/* Forgets the peer. What waits for it goes to it all the same, in a lane; where
   there are none it fails: it must never go to the next peer. */
int queue_disconnect(Queue *queue, int fd) {
  int status = queue->local != NULL ? leave_peer(queue, fd) : 0;
  if (status < 0) return status;
  fifo_fail_unrouted(&queue->fifo, -ENOTCONN);
  queue_forget_peer(queue);
  queue->wait = WAIT_NOTHING;
  return 0;
}

/* Gives everything unsent the same completion. */
void queue_cancel(Queue *queue, int error) {
  Lane *lane;
  while (fifo_unsent(&queue->fifo) != NULL) fifo_complete(&queue->fifo, error);
  for (lane = queue->lanes; lane != NULL; lane = lane->next)
    while (lane->fifo.count > 0) fifo_complete(&lane->fifo, error);
  queue->wait = queue->lanes_wait = WAIT_NOTHING;
}

/* Finds the next completion that somebody wants to hear, and returns the fifo it
   stands in, until fifo_told; NULL: there is none. */
Fifo *queue_peek(Queue *queue, Completion *out) {
  Lane *lane;
  if (fifo_peek(&queue->fifo, out)) return &queue->fifo;
  if (fifo_peek(&queue->completed, out)) return &queue->completed;
  for (lane = queue->lanes; lane != NULL; lane = lane->next)
    if (fifo_peek(&lane->fifo, out)) return &lane->fifo;
  return NULL;
}

/* Tells whether 'drain' is due for a fifo: nothing waits there, and if
   something was refused, there is room again. */
static int is_drained(const Queue *queue, const Fifo *fifo) {
  size_t held = fifo == &queue->fifo ? queue->ledger.held : 0;
  if (fifo->need_drain == DRAIN_NONE || fifo->count + held > 0) return 0;
  return !queue->was_full || memory_of(&queue->ledger) <= queue->most / 2;
}

/* Tells whether any 'drain' is due. */
static int any_drained(const Queue *queue) {
  const Lane *lane = queue->lanes;
  if (is_drained(queue, &queue->fifo)) return 1;
  while (lane != NULL && !is_drained(queue, &lane->fifo)) lane = lane->next;
  return lane != NULL;
}

/* Notes which 'drain's are due in this turn: what a listener of one sends may
   make another due, in the next. */
void queue_note_drained(Queue *queue) {
  Lane *lane = queue->lanes;
  if (is_drained(queue, &queue->fifo)) queue->fifo.need_drain = DRAIN_NOW;
  for (; lane != NULL; lane = lane->next)
    if (is_drained(queue, &lane->fifo)) lane->fifo.need_drain = DRAIN_NOW;
  if (any_drained(queue)) queue->was_full = 0;
}

/* Takes a 'drain' that was noted: for whom send said no, length 0 if it was for
   any; 0 when there is none. Lanes that have served are freed then. */
int queue_drained(Queue *queue, Address *who) {
  Lane *lane = queue->lanes;
  who->length = 0;
  if (queue->fifo.need_drain == DRAIN_NOW) {
    queue->fifo.need_drain = DRAIN_NONE;
    return 1;
  }
  while (lane != NULL && lane->fifo.need_drain != DRAIN_NOW) lane = lane->next;
  if (lane == NULL) {
    lanes_tidy(queue);
    return 0;
  }
  *who = lane->route.to;
  lane->fifo.need_drain = DRAIN_NONE;
  return 1;
}

/* Tells whether there is anything to send or to tell now. */
int queue_is_due(const Queue *queue) {
  const Ledger *ledger = &queue->ledger;
  if (ledger->unreported > 0 || queue->async_error != 0 || queue->refused != 0)
    return 1;
  if (reports_count(queue->reports) > 0) return 1;
  if (queue->fifo.count > 0 && queue->wait == WAIT_NOTHING) return 1;
  if (ledger->count - ledger->held > queue->fifo.count &&
      queue->lanes_wait == WAIT_NOTHING)
    return 1;
  return any_drained(queue);
}
