/* SPDX-License-Identifier: MIT */
/*
 * The callbacks of sends, in the socket's own table: each has a place from when
 * it is kept until it is called. Sends that follow each other with the same
 * function, as most do, share its place. Places that are free again are used
 * first.
 */
#include "binding.h"

#include <stdlib.h>
#include <string.h>

/* Has room to note a new place; raises when there is no memory. */
static void reserve(lua_State *L, Callbacks *callbacks) {
  int room = callbacks->room > 0 ? 2 * callbacks->room : 16;
  Place *more;
  if (callbacks->count + 1 < callbacks->room) return;
  more = realloc(callbacks->place, (size_t)room * sizeof *more);
  if (more == NULL) luaL_error(L, "not enough memory");
  callbacks->place = more;
  callbacks->room = room;
}

/* Puts a callback into a vacant place, or a new one; returns it. */
static int put(lua_State *L, Callbacks *callbacks, int index, int callback) {
  int vacant = callbacks->vacant, place = vacant ? vacant : callbacks->count + 1;
  if (!vacant) reserve(L, callbacks);
  compat_getenv(L, index);
  lua_pushvalue(L, callback);
  lua_rawseti(L, -2, SLOT_CALLBACKS + place);
  lua_pop(L, 1);
  if (vacant) callbacks->vacant = callbacks->place[place].next;
  else callbacks->count++;
  callbacks->place[place].users = 0;
  return place;
}

/* Keeps the callback at an index of the stack for the socket at another;
   returns its place, 0 for no callback. */
int callback_keep(lua_State *L, Socket *s, int index, int callback) {
  Callbacks *callbacks = &s->callbacks;
  const void *function;
  if (callback == 0) return 0;
  function = lua_topointer(L, callback);
  if (callbacks->last == 0 || callbacks->function != function) {
    callbacks->last = put(L, callbacks, index, callback);
    callbacks->function = function;
  }
  callbacks->place[callbacks->last].users++;
  return callbacks->last;
}

/* Takes one send from a place of the table at an index; the last empties it.
   What stands there then is not nil, so that the table stays an array. A socket
   that is closed has no places. */
static void leave(lua_State *L, Callbacks *callbacks, int table, int place) {
  if (place > callbacks->count || --callbacks->place[place].users > 0) return;
  if (callbacks->last == place) callbacks->last = 0;
  callbacks->place[place].next = callbacks->vacant;
  callbacks->vacant = place;
  lua_pushboolean(L, 0);
  lua_rawseti(L, table, SLOT_CALLBACKS + place);
}

/* Forgets a callback that will not be called. */
void callback_drop(lua_State *L, Socket *s, int index, int place) {
  if (place == 0) return;
  compat_getenv(L, index);
  leave(L, &s->callbacks, lua_gettop(L), place);
  lua_pop(L, 1);
}

/* Pushes the callback of a place of the socket's own table, which is at an
   index, for one send that gave it; not where the place is negative, for then
   the last of many sends is to come. */
void callback_take(lua_State *L, Socket *s, int table, int place) {
  lua_rawgeti(L, table, SLOT_CALLBACKS + (place > 0 ? place : -place));
  if (place > 0) leave(L, &s->callbacks, table, place);
}

/* Gives up the memory; there are no more callbacks to be called. */
void callback_free(Socket *s) {
  free(s->callbacks.place);
  memset(&s->callbacks, 0, sizeof s->callbacks);
}
