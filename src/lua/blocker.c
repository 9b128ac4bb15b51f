/* SPDX-License-Identifier: MIT */
/*
 * Block lists as Lua values: a userdata around blocklist.c. Arguments were
 * checked by the facade; an address that is none gives false.
 */
#include "binding.h"

#include <errno.h>
#include <string.h>

/* Reads a numeric address of either family; 0 when it is none. */
static int read_address(lua_State *L, int index, Address *out) {
  size_t size;
  const char *text = luaL_checklstring(L, index, &size);
  int literal = address_literal(text);
  int family = literal == 4 ? AF_INET : AF_INET6;
  return literal != 0 && address_parse(out, family, text, size, 0) == 0;
}

/* Pushes whether a rule was added; raises when there is no memory for it. */
static int added(lua_State *L, int status) {
  if (status == -ENOMEM) return luaL_error(L, "not enough memory");
  lua_pushboolean(L, status == 0);
  return 1;
}

/* add(low, high): blocks a range; false when it is none. */
static int blocker_add(lua_State *L) {
  BlockList *list = luaL_checkudata(L, 1, BLOCKLIST_TYPE);
  Address low, high;
  if (!read_address(L, 2, &low) || !read_address(L, 3, &high))
    return added(L, -EINVAL);
  return added(L, blocklist_add(list, &low, &high));
}

/* subnet(net, prefix): blocks a subnet; false when it is none. */
static int blocker_subnet(lua_State *L) {
  BlockList *list = luaL_checkudata(L, 1, BLOCKLIST_TYPE);
  Address net;
  int prefix = (int)luaL_checkinteger(L, 3);
  if (!read_address(L, 2, &net)) return added(L, -EINVAL);
  return added(L, blocklist_subnet(list, &net, prefix));
}

/* check(address): tells whether the address is blocked. */
static int blocker_check(lua_State *L) {
  BlockList *list = luaL_checkudata(L, 1, BLOCKLIST_TYPE);
  Address address;
  lua_pushboolean(L, read_address(L, 2, &address) &&
                         blocklist_check(list, &address));
  return 1;
}

/* Frees the rules. */
static int blocker_gc(lua_State *L) {
  blocklist_free(luaL_checkudata(L, 1, BLOCKLIST_TYPE));
  return 0;
}

/* blocklist(): makes an empty list. */
int blocker_new(lua_State *L) {
  BlockList *list;
  state_open(L);
  list = compat_newuserdata(L, sizeof *list);
  memset(list, 0, sizeof *list);
  luaL_getmetatable(L, BLOCKLIST_TYPE);
  lua_setmetatable(L, -2);
  return 1;
}

const luaL_Reg blocker_methods[] = {
    {"add", blocker_add},
    {"subnet", blocker_subnet},
    {"check", blocker_check},
    {"__gc", blocker_gc},
    {NULL, NULL},
};
