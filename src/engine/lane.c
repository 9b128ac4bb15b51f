/* SPDX-License-Identifier: MIT */
/*
 * Lanes: a datagram for a unix peer never waits behind one for another peer
 * that does not read. What a peer has no room for waits in a lane of its own,
 * with its own mark, until the peer reads; when there are more such peers than
 * may have a lane, or more bytes than may wait, what waits for the one that took
 * nothing for longest is refused.
 *
 * A lane has a descriptor connected to its peer: it is writable when the peer
 * has read. A socket without a name sends by it, too, for what nobody has read
 * yet is charged to the descriptor it was sent by.
 */
#include "engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DESCRIPTORS 32  /* lanes that may have one at a time */
#define LANE_BLOCK 1024 /* bytes of the first block of a lane */

/* Finds the lane of a route; NULL: what takes it does not wait in a lane. */
Lane *lane_of(const Queue *queue, const Route *route) {
  const Address *to = route_to(route);
  Lane *lane = queue->lanes;
  if (lane != NULL && to == NULL) to = &queue->local->peer;
  while (lane != NULL && !address_equal(&lane->route.to, to)) lane = lane->next;
  return lane;
}

/* Adds up what waits in the lanes but for one, in bytes of memory. */
size_t lanes_memory(const Queue *queue, const Lane *except) {
  const Lane *lane = queue->lanes;
  size_t bytes = 0;
  for (; lane != NULL; lane = lane->next)
    if (lane != except)
      bytes += fifo_memory(&lane->fifo);
  return bytes;
}

/* Returns the lane whose peer took nothing for longest, of those in which
   something waits, but for one; NULL when there is none. */
Lane *lane_oldest(const Queue *queue, const Lane *except) {
  Lane *lane, *oldest = NULL;
  for (lane = queue->lanes; lane != NULL; lane = lane->next)
    if (lane != except && lane->fifo.count > 0) oldest = lane;
  return oldest;
}

/* Closes the descriptor of a lane. */
static void disconnect(Queue *queue, Lane *lane) {
  if (lane->fd < 0) return;
  if (lane->watched) system_unwatch(queue->watcher, lane->fd);
  system_close(lane->fd);
  queue->descriptors--;
  lane->fd = -1;
  lane->watched = 0;
}

/* Has the descriptor of a lane watched, if that is possible. */
static void watch_lane(Queue *queue, Lane *lane) {
  lane->watched = system_watch(&queue->watcher, lane->fd, POLLOUT) == 0;
}

/* Takes the descriptor of the lane whose peer took nothing for longest, so that
   one whose peer may read can send although the socket's buffer is full. */
static void take_descriptor(Queue *queue) {
  Lane *lane, *oldest = NULL;
  for (lane = queue->lanes; lane != NULL; lane = lane->next)
    if (lane->fd >= 0) oldest = lane;
  if (oldest != NULL) disconnect(queue, oldest);
}

/* Connects a lane to its peer by a descriptor with as large a buffer as that of
   the socket, and has it watched, as far as that is possible; without that it
   waits for a timer. */
static void connect_lane(Queue *queue, Lane *lane, int fd) {
  OpenOptions options = {.family = AF_UNIX};
  if (queue->descriptors >= DESCRIPTORS && !queue->named &&
      system_is_buffer_full(fd))
    take_descriptor(queue);
  if (queue->descriptors < DESCRIPTORS) lane->fd = system_open(&options);
  if (lane->fd < 0) return;
  queue->descriptors++;
  system_copy_send_buffer(fd, lane->fd);
  if (system_connect(lane->fd, &lane->route.to) < 0) disconnect(queue, lane);
  else watch_lane(queue, lane);
}

/* Frees the lane behind a link, and what it holds. */
static void free_lane(Queue *queue, Lane **link) {
  Lane *lane = *link;
  *link = lane->next;
  disconnect(queue, lane);
  fifo_free(&lane->fifo);
  free(lane);
}

/* Frees the lanes of which nothing is left to tell. */
void lanes_tidy(Queue *queue) {
  Lane **link = &queue->lanes;
  while (*link != NULL)
    if ((*link)->fifo.first == NULL && !(*link)->fifo.need_drain)
      free_lane(queue, link);
    else link = &(*link)->next;
}

/* Frees the lanes and what they hold. */
void lanes_free(Queue *queue) {
  while (queue->lanes != NULL) free_lane(queue, &queue->lanes);
  if (queue->watcher >= 0) system_close(queue->watcher);
  queue->watcher = -1;
}

/* Refuses what waits longest in a lane. */
void lane_refuse(Queue *queue, Lane *lane) {
  if (fifo_refuse(&lane->fifo, &lane->route, -ENOBUFS))
    queue->refused = -ENOBUFS;
}

/* Counts the lanes in which something waits. */
static int lanes_count(const Queue *queue) {
  const Lane *lane = queue->lanes;
  int count = 0;
  for (; lane != NULL; lane = lane->next) count += lane->fifo.count > 0;
  return count;
}

/* When there are as many lanes as there may be, and their peers do not read,
   refuses what waits for the one that took nothing for longest. */
static void make_room(Queue *queue, int fd) {
  Lane *lane;
  if (lanes_count(queue) < queue->most_lanes) return;
  lanes_flush(queue, fd);
  if (lanes_count(queue) < queue->most_lanes) return;
  lane = lane_oldest(queue, NULL);
  while (lane->fifo.count > 0) lane_refuse(queue, lane);
}

/* Makes an empty lane; NULL for no memory. */
static Lane *lane_new(Queue *queue, const Route *route) {
  Lane *lane = malloc(sizeof *lane);
  if (lane == NULL) return NULL;
  fifo_init(&lane->fifo, queue->fifo.pool, &queue->ledger, LANE_BLOCK);
  memset(&lane->route, 0, sizeof lane->route); /* a path ends behind its name */
  memcpy(&lane->route.to, &route->to,
         offsetof(Address, name) + route->to.length);
  lane->fd = -1;
  lane->watched = 0;
  lane->wait = WAIT_NOTHING;
  lane->next = queue->lanes;
  queue->lanes = lane;
  return lane;
}

/* Opens the lane of a route and moves to it what waits for the same peer; NULL
   for no memory. */
Lane *lane_open(Queue *queue, const Route *route, int fd) {
  Lane *lane = lane_of(queue, route);
  Fifo *fifo = &queue->fifo;
  if (lane == NULL) {
    make_room(queue, fd);
    lane = lane_new(queue, route);
  }
  if (lane == NULL) return NULL;
  fifo_move(fifo, &lane->fifo, &lane->route, &queue->local->peer);
  if (fifo->need_drain &&
      address_equal(&queue->local->denied, &lane->route.to)) {
    lane->fifo.need_drain = fifo->need_drain; /* all it said no to waits here */
    fifo->need_drain = DRAIN_NONE;
  }
  queue->lanes_wait = lane->wait = WAIT_NOTHING;
  return lane;
}

/* Sends what waits in a lane, on while the peer reads as fast; returns what it
   waits for. A descriptor that is writable although the peer takes nothing, as
   one may be whose peer is gone, would spin: it is closed. */
static int lane_flush(Queue *queue, Lane *lane, int fd) {
  uint64_t before;
  int wait, writable;
  if (lane->fd < 0 && lane->fifo.count > 0) connect_lane(queue, lane, fd);
  else if (lane->fd >= 0 && !lane->watched) watch_lane(queue, lane);
  do {
    before = queue->ledger.sent;
    wait = transmit(queue, &lane->fifo,
                    lane->fd >= 0 && !queue->named ? lane->fd : fd);
    if (wait == WAIT_NOTHING) return wait;
    writable = lane->fd >= 0 && system_is_writable(lane->fd);
  } while (writable && queue->ledger.sent > before);
  if (writable) disconnect(queue, lane);
  return lane->watched ? WAIT_PEER : WAIT_TIMER;
}

/* Lets all lanes be tried again. */
void lanes_resume(Queue *queue) {
  Lane *lane = queue->lanes;
  for (; lane != NULL; lane = lane->next) lane->wait = WAIT_NOTHING;
  queue->lanes_wait = WAIT_NOTHING;
}

/* Tries the lanes that wait for nothing. Those whose peer took something come
   first then. */
void lanes_flush(Queue *queue, int fd) {
  Lane *moved = NULL, *others = NULL, *next = queue->lanes;
  Lane **moved_end = &moved, **others_end = &others;
  queue->lanes_wait = WAIT_NOTHING;
  while (next != NULL) {
    Lane *lane = next;
    uint64_t before = queue->ledger.sent;
    next = lane->next;
    if (lane->wait == WAIT_NOTHING) lane->wait = lane_flush(queue, lane, fd);
    if (lane->wait != WAIT_NOTHING && queue->lanes_wait != WAIT_PEER)
      queue->lanes_wait = lane->wait;
    if (lane->fifo.count == 0) disconnect(queue, lane);
    if (queue->ledger.sent > before) {
      *moved_end = lane;
      moved_end = &lane->next;
    } else {
      *others_end = lane;
      others_end = &lane->next;
    }
  }
  *others_end = NULL;
  *moved_end = others;
  queue->lanes = moved;
}
