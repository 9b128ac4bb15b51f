/* SPDX-License-Identifier: MIT */
/*
 * What a loop without luv is made of: poll(), a clock and a resolver. The
 * built-in loop (lua/dgram/loop/poll.lua) uses all three; a worker thread of
 * nginx waits in poll() alone, so nothing here needs a socket or a loop.
 */
#include "binding.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <string.h>
#include <time.h>

enum { READABLE = 1, WRITABLE = 2, INVALID = 4 };

/* Counts the entries of the table at index 1. */
static size_t count_entries(lua_State *L) {
  size_t count = 0;
  for (lua_pushnil(L); lua_next(L, 1); lua_pop(L, 1)) count++;
  return count;
}

/* Fills the kernel's list from the table {[fd] = events} at index 1; what it
   has no room for waits for the next turn. Returns how many it holds. */
static size_t fill(lua_State *L, struct pollfd *list, size_t room) {
  size_t count = 0;
  for (lua_pushnil(L); lua_next(L, 1); lua_pop(L, 1), list++) {
    if (count++ == room) {
      lua_pop(L, 2);
      return room;
    }
    int events = (int)luaL_checkinteger(L, -1);
    list->fd = (int)luaL_checkinteger(L, -2);
    list->events = (short)((events & READABLE ? POLLIN : 0) |
                           (events & WRITABLE ? POLLOUT : 0));
    list->revents = 0;
  }
  return count;
}

/* Spells what the kernel says; an error is told to who reads. */
static int spell(const struct pollfd *p) {
  if (p->revents & POLLNVAL) return INVALID;
  return (p->revents & ~POLLOUT ? READABLE : 0) |
         (p->revents & POLLOUT ? WRITABLE : 0);
}

/* poll(fds, milliseconds): waits until a descriptor of {[fd] = events} is
   ready; -1: without end. Returns {fd, events, fd, events ...}, or nil and an
   errno. */
int poller_poll(lua_State *L) {
  int milliseconds = (int)luaL_checkinteger(L, 2), ready;
  struct pollfd *list;
  size_t count, i;
  int place = 0;
  luaL_checktype(L, 1, LUA_TTABLE);
  count = count_entries(L);
  list = compat_newuserdata(L, (count + 16) * sizeof *list);
  count = fill(L, list, count + 16); /* the allocation may have changed it */
  ready = poll(list, (nfds_t)count, milliseconds);
  if (ready < 0 && errno != EINTR) return push_failure(L, -errno);
  lua_newtable(L);
  for (i = 0; ready > 0 && i < count; i++) {
    if (list[i].revents == 0) continue;
    lua_pushinteger(L, list[i].fd);
    lua_rawseti(L, -2, ++place);
    lua_pushinteger(L, spell(&list[i]));
    lua_rawseti(L, -2, ++place);
  }
  return 1;
}

/* now(): returns milliseconds of a clock that only goes forward. */
int poller_now(lua_State *L) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  lua_pushnumber(L,
                 (lua_Number)now.tv_sec * 1e3 + (lua_Number)now.tv_nsec / 1e6);
  return 1;
}

/* Names why a lookup failed. */
static const char *lookup_code(int status) {
  switch (status) {
    case EAI_AGAIN: return "EAI_AGAIN";
    case EAI_FAIL: return "EAI_FAIL";
    case EAI_MEMORY: return "EAI_MEMORY";
    default: return "EAI_NONAME";
  }
}

/* resolve(host, family): blocks; returns an address or nil and a code. */
int poller_resolve(lua_State *L) {
  const char *host = luaL_checkstring(L, 1);
  struct addrinfo hints, *list;
  char text[ADDRESS_TEXT];
  Address address;
  int status;
  memset(&hints, 0, sizeof hints);
  hints.ai_family = luaL_checkinteger(L, 2) == 6 ? AF_INET6 : AF_INET;
  hints.ai_socktype = SOCK_DGRAM;
  status = getaddrinfo(host, NULL, &hints, &list);
  if (status != 0) {
    lua_pushnil(L);
    lua_pushstring(L, lookup_code(status));
    return 2;
  }
  address.length = list->ai_addrlen;
  memcpy(&address.name, list->ai_addr, list->ai_addrlen);
  freeaddrinfo(list);
  lua_pushlstring(L, text, address_text(&address, text));
  return 1;
}
