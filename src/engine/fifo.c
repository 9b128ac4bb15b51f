/* SPDX-License-Identifier: MIT */
/*
 * Datagrams in order. Each is copied into a block of memory, next to its
 * neighbours, so that a run of equal datagrams for one route is already the
 * train the kernel wants. An item stays until its completion was told; then
 * its block serves again.
 */
#include "engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_SIZE (128 * 1024)
#define POOL_BLOCKS 8
#define NO_ROUTE UINT32_MAX
#define NO_DATA UINT32_MAX
#define MOVED 1 /* the item went to another fifo; what is left here is empty */

/* Rounds up so that a route or an item may follow. */
static size_t aligned(size_t size) { return (size + 7) & ~(size_t)7; }

/* Returns an item of a block; items grow down from its end. */
Item *block_item(const Block *block, uint32_t index) {
  return (Item *)(void *)(block->memory + block->size) - (index + 1);
}

/* Returns the route of an item; NULL when it goes to the peer. */
const Route *block_route(const Block *block, const Item *item) {
  if (item->route == NO_ROUTE) return NULL;
  return (const Route *)(const void *)(block->memory + item->route);
}

/* Allocates a block of so many bytes, or takes a spare one. */
static Block *block_new(Pool *pool, size_t size) {
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
  block->used = block->count = block->done = block->reported = 0;
  block->watched = 0;
  block->route = NO_ROUTE;
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

/* Makes an empty fifo. Its first block has block_size bytes, 0 for as many as a
   block may have; each that follows has twice as many as the one before. */
void fifo_init(Fifo *fifo, Pool *pool, Ledger *ledger, size_t block_size) {
  memset(fifo, 0, sizeof *fifo);
  fifo->pool = pool;
  fifo->ledger = ledger;
  fifo->block_size = block_size > 0 ? block_size : BLOCK_SIZE;
}

/* Has an item pass the descriptors of its route. */
static void keep_passed(Fifo *fifo, Passed *passed) {
  passed->users++;
  fifo->passed += (size_t)passed->count;
  fifo->ledger->passed += (size_t)passed->count;
}

/* Lets go of the descriptors of items of a block, from one to before another. */
static void drop_passed(Fifo *fifo, const Block *block, uint32_t from,
                        uint32_t to) {
  for (; from < to && fifo->passed > 0; from++) {
    Passed *passed = route_passed(block_route(block, block_item(block, from)));
    if (passed == NULL) continue;
    fifo->passed -= (size_t)passed->count;
    fifo->ledger->passed -= (size_t)passed->count;
    passed_drop(passed);
  }
}

/* Takes the oldest block away. */
static void drop_block(Fifo *fifo) {
  Block *block = fifo->first;
  drop_passed(fifo, block, block->done, block->count);
  fifo->first = block->next;
  if (fifo->first == NULL) fifo->last = NULL;
  if (fifo->unsent == block) fifo->unsent = block->next;
  block_release(fifo->pool, block);
}

/* Frees what the fifo still holds; the ledger is not asked any more. */
void fifo_free(Fifo *fifo) {
  while (fifo->first != NULL) drop_block(fifo);
  fifo->count = fifo->bytes = 0;
}

/* Adds up what waits, in bytes of memory; a descriptor stands for as many as it
   is scarcer. */
size_t fifo_memory(const Fifo *fifo) {
  return fifo->bytes + fifo->count * COST_QUEUED + fifo->passed * COST_PASSED;
}

/* Returns the bytes a route takes in a block. */
static size_t route_size(const Route *route) {
  return offsetof(Route, to.name) + route->to.length;
}

/* Returns the last block when it has need bytes left, else appends one. */
static Block *fifo_room(Fifo *fifo, size_t need) {
  Block *block = fifo->last;
  if (block != NULL) {
    size_t taken = block->used + (size_t)(block->count + 1) * sizeof(Item);
    if (taken + need <= block->size) return block;
  }
  need = aligned(need + sizeof(Item) + 8);
  if (need < fifo->block_size) need = fifo->block_size;
  block = block_new(fifo->pool, need);
  if (block == NULL) return NULL;
  if (fifo->block_size < BLOCK_SIZE) fifo->block_size *= 2;
  if (fifo->last != NULL) fifo->last->next = block;
  else fifo->first = block;
  fifo->last = block;
  return block;
}

/* Copies bytes into a block, which has room for them; returns where they lie. */
static uint32_t block_copy(Block *block, const void *data, size_t size) {
  uint32_t place = (uint32_t)aligned(block->used);
  memcpy(block->memory + place, data, size);
  block->used = place + (uint32_t)aligned(size);
  return place;
}

/* Returns the bytes a route takes in a block with all that belongs to it. */
static size_t route_room(const Route *route) {
  return 8 + aligned(route_size(route)) +
         (route->via != NULL ? aligned(sizeof(Via)) : 0);
}

/* Returns where the route lies, writing it unless it was the last. */
static uint32_t write_route(Block *block, const Route *route) {
  if (route == NULL) return block->route = NO_ROUTE;
  if (block->route != NO_ROUTE) {
    const Route *last = (const Route *)(void *)(block->memory + block->route);
    if (route_equal(last, route)) return block->route;
  }
  block->route = block_copy(block, route, route_size(route));
  if (route->via != NULL) {
    Route *copy = (Route *)(void *)(block->memory + block->route);
    uint32_t via = block_copy(block, route->via, sizeof(Via));
    copy->via = (const Via *)(void *)(block->memory + via);
  }
  return block->route;
}

/* Appends a datagram; returns where its size bytes go, NULL for no memory.
   With an error it has its completion already and is only told of. */
char *fifo_push(Fifo *fifo, const Route *route, size_t size, int ref,
                int error) {
  size_t payload = error == 0 ? size : 0;
  size_t need = payload + 8 + (route != NULL ? route_room(route) : 0);
  Block *block = fifo_room(fifo, need);
  Item *item;
  if (block == NULL) return NULL;
  item = block_item(block, block->count);
  item->route = write_route(block, route);
  item->data = error == 0 ? block->used : NO_DATA;
  item->size = (uint32_t)size;
  item->ref = ref;
  item->error = error;
  block->watched |= ref > 0 || error != 0;
  if (route != NULL && route_passed(route) != NULL)
    keep_passed(fifo, route_passed(route));
  block->count++;
  block->used += (uint32_t)payload;
  fifo->count++;
  fifo->bytes += payload;
  fifo->ledger->count++;
  fifo->ledger->bytes += payload;
  return block->memory + block->used - payload;
}

/* Returns the first block with a datagram to send, NULL when there is none. */
Block *fifo_unsent(Fifo *fifo) {
  Block *block = fifo->unsent != NULL ? fifo->unsent : fifo->first;
  if (block == NULL) return NULL;
  while (block->done == block->count && block->next != NULL)
    block = block->next;
  fifo->unsent = block;
  return block->done < block->count ? block : NULL;
}

/* Counts datagrams that wait no longer. */
static void leave(Fifo *fifo, size_t count, size_t bytes) {
  fifo->count -= count;
  fifo->bytes -= bytes;
  fifo->ledger->count -= count;
  fifo->ledger->bytes -= bytes;
}

/* Notes that the next completion of a block was told, or need not be. */
static void tell_next(Fifo *fifo, Block *block) {
  const Item *item = block_item(block, block->reported++);
  fifo->ledger->unreported--;
  if (item->data != NO_DATA) fifo->ledger->untold_bytes -= item->size;
}

/* Passes over completions nobody wants to hear, when none before them waits;
   returns how many. */
static uint32_t block_skip(Block *block) {
  uint32_t before = block->reported;
  if (!block->watched) block->reported = block->done;
  return block->reported - before;
}

/* Notes that the kernel took the next items: one message. */
void fifo_sent(Fifo *fifo, unsigned items, size_t bytes) {
  Block *block = fifo_unsent(fifo);
  drop_passed(fifo, block, block->done, block->done + items);
  block->done += items;
  leave(fifo, items, bytes);
  fifo->ledger->sent += items;
  fifo->ledger->sent_bytes += bytes;
  if (block_skip(block) > 0) return;
  fifo->ledger->unreported += items;
  fifo->ledger->untold_bytes += bytes;
}

/* Gives the next datagram its completion: an error, unless it has one. */
void fifo_complete(Fifo *fifo, int error) {
  Block *block = fifo_unsent(fifo);
  Item *item = block_item(block, block->done);
  drop_passed(fifo, block, block->done, block->done + 1);
  block->done++;
  fifo->ledger->unreported++;
  if (item->data != NO_DATA) fifo->ledger->untold_bytes += item->size;
  if (item->error == MOVED) {
    item->error = 0;
    return;
  }
  leave(fifo, 1, item->error == 0 ? item->size : 0);
  if (item->error == 0) item->error = error;
  block->watched = 1;
  fifo->ledger->errors++;
}

/* The same for an error that is told of in another way, too: who gave no callback
   hears of it there alone. Returns whether nobody gave one. */
int fifo_complete_told(Fifo *fifo, int error) {
  Block *block = fifo_unsent(fifo);
  Item *item = block_item(block, block->done);
  fifo_complete(fifo, error);
  if (item->ref == 0) item->error = 0;
  return item->ref == 0;
}

/* Drops items at the front that nobody wants to hear of; frees blocks. Returns
   the next completion that somebody wants to hear; NULL: there is none. */
static const Item *first_heard(Fifo *fifo) {
  Block *block;
  while ((block = fifo->first) != NULL) {
    while (block->reported < block->done) {
      const Item *item = block_item(block, block->reported);
      if (item->ref > 0 || item->error != 0) return item;
      tell_next(fifo, block);
    }
    if (block->reported < block->count) return NULL;
    drop_block(fifo);
  }
  return NULL;
}

/* Gives up what nobody wants to hear of. */
void fifo_tidy(Fifo *fifo) { first_heard(fifo); }

/* Finds the next completion that somebody wants to hear; 0 when there is
   none. */
int fifo_peek(Fifo *fifo, Completion *out) {
  const Item *item = first_heard(fifo);
  if (item == NULL) return 0;
  out->ref = item->ref;
  out->error = item->error;
  out->size = item->size;
  out->to = route_to(block_route(fifo->first, item));
  return 1;
}

/* Notes that the completion which was found is told. */
void fifo_told(Fifo *fifo) { tell_next(fifo, fifo->first); }

/* Puts a block in the place of another. */
static void replace(Fifo *fifo, Block *old, Block *block) {
  Block **link = &fifo->first;
  while (*link != old) link = &(*link)->next;
  *link = block;
  block->next = old->next;
  if (fifo->last == old) fifo->last = block;
  if (fifo->unsent == old) fifo->unsent = block;
  block_release(fifo->pool, old);
}

/* Gives up the payloads of a block of datagrams that were refused, all of one
   route: what is left waits to be told. */
static void compact(Fifo *fifo, Block *old, const Route *route) {
  size_t items = old->count * sizeof(Item);
  size_t name = aligned(route_size(route)), size = aligned(name + items + 8);
  Block *block = malloc(sizeof *block + size);
  uint32_t i;
  if (block == NULL) return;
  *block = *old;
  block->size = (uint32_t)size;
  block->memory = (char *)(block + 1);
  block->used = (uint32_t)name;
  block->route = 0;
  memcpy(block->memory, route, route_size(route));
  memcpy(block->memory + size - items, old->memory + old->size - items, items);
  for (i = 0; i < block->count; i++) block_item(block, i)->route = 0;
  replace(fifo, old, block);
}

/* Refuses the next datagram of a lane for want of room. One without a callback
   is gone; returns true, for it is to be told of with others. */
int fifo_refuse(Fifo *fifo, const Route *route, int error) {
  Block *block = fifo_unsent(fifo);
  Item *item = block_item(block, block->done);
  int quiet;
  item->data = NO_DATA;
  quiet = fifo_complete_told(fifo, error);
  if (block->done == block->count) compact(fifo, block, route);
  fifo_tidy(fifo);
  return quiet;
}

/* Moves an item, with the completion it may have already. */
static void move_item(Fifo *from, Fifo *to, const Block *block, Item *item,
                      const Route *route) {
  size_t payload = item->error == 0 ? item->size : 0;
  Route way;
  char *room = fifo_push(to, route_by(route, block_route(block, item), &way),
                         item->size, item->ref, item->error);
  if (room == NULL) {
    leave(from, 0, payload);
    item->error = -ENOMEM;
    return;
  }
  if (payload > 0) memcpy(room, block->memory + item->data, payload);
  leave(from, 1, payload);
  item->data = NO_DATA;
  item->error = MOVED; /* an empty item stays in its place */
  item->ref = 0;
}

/* Moves what waits for the destination of a route to another fifo; what has no
   route goes to the peer, if there is one. */
void fifo_move(Fifo *from, Fifo *to, const Route *route, const Address *peer) {
  Block *block;
  uint32_t i;
  for (block = fifo_unsent(from); block != NULL; block = block->next) {
    block->watched = 1;
    for (i = block->done; i < block->count; i++) {
      Item *item = block_item(block, i);
      const Address *own = route_to(block_route(block, item));
      const Address *where = own != NULL ? own : peer;
      if (item->error != MOVED && where != NULL &&
          address_equal(where, &route->to))
        move_item(from, to, block, item, route);
    }
  }
}

/* Lets what waits for the peer, which is forgotten, fail in its turn. */
void fifo_fail_unrouted(Fifo *fifo, int error) {
  Block *block;
  uint32_t i;
  for (block = fifo_unsent(fifo); block != NULL; block = block->next)
    for (i = block->done; i < block->count; i++) {
      Item *item = block_item(block, i);
      if (route_to(block_route(block, item)) != NULL || item->error != 0)
        continue;
      leave(fifo, 0, item->size);
      item->error = error;
    }
}
