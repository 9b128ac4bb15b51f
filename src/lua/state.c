/* SPDX-License-Identifier: MIT */
/*
 * What the sockets of a Lua state share: spare memory and remembered addresses.
 */
#include "binding.h"

#include <stdlib.h>
#include <string.h>

#define STATE_KEY "dgram.core.state"

/* Returns what the Lua state shares. */
State *state_of(lua_State *L) {
  State *state;
  lua_getfield(L, LUA_REGISTRYINDEX, STATE_KEY);
  state = lua_touserdata(L, -1);
  lua_pop(L, 1);
  return state;
}

/* Returns what the Lua state shares; raises when it is closing: what is made
   then would outlive what it needs. */
State *state_open(lua_State *L) {
  State *state = state_of(L);
  if (state->closing) luaL_error(L, "the Lua state is closing");
  return state;
}

/* Pushes the table with the values the Lua state shares. */
void state_push_table(lua_State *L) {
  lua_getfield(L, LUA_REGISTRYINDEX, STATE_KEY);
  compat_getenv(L, -1);
  lua_replace(L, -2);
}

/* Takes a spare batch for sockets of a family, or a new one; NULL for no
   memory. */
Batch *state_take_batch(State *state, int family) {
  Batch **spare = &state->spare[family == AF_UNIX];
  Batch *batch = *spare;
  if (batch == NULL) return batch_new(family);
  *spare = batch->next;
  return batch;
}

/* Gives a batch back, with whatever is left in it; descriptors are closed. It is
   not freed here: a finalizer may close a socket whose datagram is being copied. */
void state_give_batch(State *state, Batch *batch) {
  Batch **spare = &state->spare[batch->local];
  rights_close(&batch->rights);
  batch->next = *spare;
  *spare = batch;
}

/* Frees the spare batches but for a number of each kind. */
void state_trim(State *state, int most) {
  int i, left;
  for (i = 0; i < 2; i++) {
    Batch **link = &state->spare[i];
    for (left = most; *link != NULL && left > 0; left--) link = &(*link)->next;
    while (*link != NULL) {
      Batch *batch = *link;
      *link = batch->next;
      free(batch);
    }
  }
}

/* Copies an IPv4 address; returns whether it is one. */
static int take_v4(const Address *address, struct in_addr *out) {
  if (address->length == 0 || address->name.base.sa_family != AF_INET) return 0;
  *out = address->name.v4.sin_addr;
  return 1;
}

/* Finds a broadcast address that was noted; NULL when it was not. */
static struct in_addr *find_broadcast(State *state, const Address *local) {
  struct in_addr v4, *each = state->broadcast;
  const struct in_addr *end = each + BROADCASTS;
  if (state->broadcasts == 0 || !take_v4(local, &v4)) return NULL;
  while (each < end && each->s_addr != v4.s_addr) each++;
  return each < end ? each : NULL;
}

/* Notes whether datagrams that were sent to an address came to all on a link;
   interfaces may be set up anew. */
void state_note_broadcast(State *state, const Address *local, int broadcast) {
  struct in_addr v4, *noted = find_broadcast(state, local);
  if (noted != NULL && !broadcast) noted->s_addr = INADDR_ANY;
  if (noted == NULL && broadcast && take_v4(local, &v4))
    state->broadcast[state->broadcasts++ % BROADCASTS] = v4;
}

/* Tells whether an address is one of all on a link, as far as datagrams told. */
int state_is_broadcast(State *state, const Address *local) {
  return find_broadcast(state, local) != NULL;
}

/* Frees what the Lua state shared. */
static int state_gc(lua_State *L) {
  State *state = lua_touserdata(L, 1);
  state->closing = 1;
  state_trim(state, 0);
  pool_free(&state->pool);
  return 0;
}

/* Makes the shared state, unless the module was loaded before. */
void state_make(lua_State *L) {
  int i;
  if (state_of(L) != NULL) return;
  memset(compat_newuserdata(L, sizeof(State)), 0, sizeof(State));
  lua_createtable(L, KEY_SENDERS, 0);
  for (i = 0; i < INFO_KINDS; i++) {
    lua_pushstring(L, system_info[i].name);
    lua_rawseti(L, -2, KEY_INFO + i);
  }
  compat_setenv(L, -2);
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, state_gc);
  lua_setfield(L, -2, "__gc");
  lua_setmetatable(L, -2);
  lua_setfield(L, LUA_REGISTRYINDEX, STATE_KEY);
}

/* Returns nil and a negative errno to Lua. */
int push_failure(lua_State *L, int error) {
  lua_pushnil(L);
  lua_pushinteger(L, error);
  return 2;
}

/* Returns true, or nil and the negative errno that status is. */
int push_result(lua_State *L, int status) {
  if (status < 0) return push_failure(L, status);
  lua_pushboolean(L, 1);
  return 1;
}
