/* SPDX-License-Identifier: MIT */
/*
 * The callbacks of sends, in the socket's own table: each has a place from when
 * it is kept until it is called. Places that are free again are used first.
 */
#include "binding.h"

#include <stdlib.h>
#include <string.h>

/* Has room to note every place as free; raises when there is no memory. */
static void reserve(lua_State *L, Callbacks *callbacks) {
  int room = callbacks->room > 0 ? 2 * callbacks->room : 16;
  int *more;
  if (callbacks->count < callbacks->room) return;
  more = realloc(callbacks->vacant, (size_t)room * sizeof *more);
  if (more == NULL) luaL_error(L, "not enough memory");
  callbacks->vacant = more;
  callbacks->room = room;
}

/* Keeps the callback at an index of the stack for the socket at another;
   returns its place, 0 for no callback. */
int callback_keep(lua_State *L, Socket *s, int index, int callback) {
  Callbacks *callbacks = &s->callbacks;
  int vacant = callbacks->vacancies > 0, place;
  if (callback == 0) return 0;
  if (!vacant) reserve(L, callbacks);
  place = vacant ? callbacks->vacant[callbacks->vacancies - 1]
                 : callbacks->count + 1;
  compat_getenv(L, index);
  lua_pushvalue(L, callback);
  lua_rawseti(L, -2, SLOT_CALLBACKS + place);
  lua_pop(L, 1);
  if (vacant) callbacks->vacancies--;
  else callbacks->count++;
  return place;
}

/* Empties a place of the table on top of the stack. What stands there is not
   nil, so that the table stays an array. A socket that is closed has none. */
static void vacate(lua_State *L, Socket *s, int place) {
  Callbacks *callbacks = &s->callbacks;
  lua_pushboolean(L, 0);
  lua_rawseti(L, -2, SLOT_CALLBACKS + place);
  if (callbacks->vacancies < callbacks->room)
    callbacks->vacant[callbacks->vacancies++] = place;
}

/* Forgets a callback that will not be called. */
void callback_drop(lua_State *L, Socket *s, int index, int place) {
  if (place == 0) return;
  compat_getenv(L, index);
  vacate(L, s, place);
  lua_pop(L, 1);
}

/* Pushes the callback of a place, and forgets it; not where the place is
   negative, for then more sends share it. */
void callback_take(lua_State *L, Socket *s, int index, int place) {
  compat_getenv(L, index);
  lua_rawgeti(L, -1, SLOT_CALLBACKS + (place > 0 ? place : -place));
  lua_insert(L, -2);
  if (place > 0) vacate(L, s, place);
  lua_pop(L, 1);
}

/* Gives up the memory; there are no more callbacks to be called. */
void callback_free(Socket *s) {
  free(s->callbacks.vacant);
  memset(&s->callbacks, 0, sizeof s->callbacks);
}
