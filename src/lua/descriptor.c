/* SPDX-License-Identifier: MIT */
/*
 * Descriptors that came with a datagram, as Lua values: each closes itself when
 * it is collected, unless somebody took it.
 */
#include "binding.h"

/* A descriptor that belongs to a Lua value. */
typedef struct Descriptor {
  int fd; /* -1: it was taken, or closed */
} Descriptor;

/* Pushes an array of descriptors that are none yet; returns nothing. */
void descriptor_prepare(lua_State *L, int count) {
  int i;
  lua_createtable(L, count, 0);
  for (i = 1; i <= count; i++) {
    Descriptor *d = compat_newuserdata(L, sizeof *d);
    d->fd = -1;
    luaL_getmetatable(L, DESCRIPTOR_TYPE);
    lua_setmetatable(L, -2);
    lua_rawseti(L, -2, i);
  }
}

/* Gives what came to the array on top, which was prepared for as many; allocates
   nothing. */
void descriptor_fill(lua_State *L, Rights *rights) {
  while (rights->count > 0) {
    Descriptor *d;
    lua_rawgeti(L, -1, rights->count);
    d = lua_touserdata(L, -1);
    d->fd = rights->fd[--rights->count];
    lua_pop(L, 1);
  }
}

/* fileno(): the number, nil when it was taken or closed. */
static int descriptor_fileno(lua_State *L) {
  const Descriptor *d = luaL_checkudata(L, 1, DESCRIPTOR_TYPE);
  if (d->fd < 0) lua_pushnil(L);
  else lua_pushinteger(L, d->fd);
  return 1;
}

/* take(): the number, which belongs to the caller from then on; nil when it was
   taken or closed. */
static int descriptor_take(lua_State *L) {
  Descriptor *d = luaL_checkudata(L, 1, DESCRIPTOR_TYPE);
  int count = descriptor_fileno(L);
  d->fd = -1;
  return count;
}

/* close(): closes it, unless it was taken; may be called twice. */
static int descriptor_close(lua_State *L) {
  Descriptor *d = luaL_checkudata(L, 1, DESCRIPTOR_TYPE);
  if (d->fd >= 0) system_close(d->fd);
  d->fd = -1;
  return 0;
}

const luaL_Reg descriptor_methods[] = {
    {"fileno", descriptor_fileno}, {"take", descriptor_take},
    {"close", descriptor_close},   {"__close", descriptor_close},
    {"__gc", descriptor_close},    {NULL, NULL},
};
