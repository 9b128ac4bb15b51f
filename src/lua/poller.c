/* SPDX-License-Identifier: MIT */
/*
 * What a loop without luv is made of: poll(), a watcher, so that it does not cost
 * more the more descriptors there are, a clock and a resolver. The built-in loop
 * (lua/dgram/loop/poll.lua) uses them all; a worker thread of nginx waits in
 * poll() alone, so nothing here needs a socket or a loop.
 */
#include "binding.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { READABLE = 1, WRITABLE = 2, INVALID = 4 };

/* A watcher as Lua has it. */
typedef struct {
  int fd;        /* -1: nothing was watched yet, or it cannot be here */
  pid_t process; /* whose it is */
} Watcher;

/* Spells events for the kernel. */
static int events_of(int asked) {
  return (asked & READABLE ? POLLIN : 0) | (asked & WRITABLE ? POLLOUT : 0);
}

/* Returns the watcher at an index; raises in a forked child when its parent uses
   it: what the child did to the set would be done to the parent's. */
static Watcher *watcher_check(lua_State *L, int index) {
  Watcher *watcher = luaL_checkudata(L, index, WATCHER_TYPE);
  if (watcher->process == system_process()) return watcher;
  if (watcher->fd >= 0)
    luaL_error(L, "loop belongs to the process that forked this one");
  watcher->process = system_process();
  return watcher;
}

/* watcher(): makes a watcher. */
int poller_watcher(lua_State *L) {
  Watcher *watcher = compat_newuserdata(L, sizeof *watcher);
  watcher->fd = -1;
  watcher->process = system_process();
  luaL_getmetatable(L, WATCHER_TYPE);
  lua_setmetatable(L, -2);
  return 1;
}

/* watch(fd, events): has a descriptor watched for these, nil: for none. Returns
   true, or nil and an errno when it cannot be. */
static int watch(lua_State *L) {
  Watcher *watcher = watcher_check(L, 1);
  int fd = (int)luaL_checkinteger(L, 2), error = 0;
  if (lua_isnoneornil(L, 3)) system_unwatch(watcher->fd, fd);
  else
    error = system_watch(&watcher->fd, fd,
                         events_of((int)luaL_checkinteger(L, 3)));
  if (error < 0) return push_failure(L, error);
  lua_pushboolean(L, 1);
  return 1;
}

/* fileno(): the watcher's descriptor, readable while one of those it watches is
   ready; nil when it watches none or cannot. */
static int watcher_fileno(lua_State *L) {
  Watcher *watcher = watcher_check(L, 1);
  if (watcher->fd < 0) return 0;
  lua_pushinteger(L, watcher->fd);
  return 1;
}

/* close(): gives the descriptor back until something is watched again. */
static int watcher_close(lua_State *L) {
  Watcher *watcher = luaL_checkudata(L, 1, WATCHER_TYPE);
  if (watcher->fd >= 0) close(watcher->fd);
  watcher->fd = -1;
  return 0;
}

const luaL_Reg watcher_methods[] = {
    {"__gc", watcher_close},
    {"close", watcher_close},
    {"watch", watch},
    {"fileno", watcher_fileno},
    {NULL, NULL},
};

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
    list->events = (short)events_of(events);
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

/* Adds what is ready to the table on top of the stack, at a place; returns the
   place of what comes next. */
static int push_ready(lua_State *L, const struct pollfd *list, size_t count,
                      int place) {
  for (; count-- > 0; list++) {
    if (list->revents == 0) continue;
    lua_pushinteger(L, list->fd);
    lua_rawseti(L, -2, place++);
    lua_pushinteger(L, spell(list));
    lua_rawseti(L, -2, place++);
  }
  return place;
}

/* Returns how many milliseconds to wait: the number at index 2, or what the
   function there says. */
static int patience(lua_State *L) {
  if (lua_isfunction(L, 2)) {
    lua_pushvalue(L, 2);
    lua_call(L, 0, 1);
    lua_replace(L, 2);
  }
  return (int)luaL_checkinteger(L, 2);
}

#define MORE 16 /* descriptors that an allocation may add */

/* poll(fds, patience, watcher): waits until a descriptor of {[fd] = events} is
   ready, or one of those a watcher watches, if it is given, for so many
   milliseconds; -1: without end. A function is asked for them when nothing is
   allocated any more: a finalizer may want a turn. Returns {fd, events, fd,
   events ...}, or nil and an errno. */
int poller_poll(lua_State *L) {
  int milliseconds, ready, place;
  Watcher *watcher = lua_isnoneornil(L, 3) ? NULL : watcher_check(L, 3);
  struct pollfd *list;
  size_t room, count;
  luaL_checktype(L, 1, LUA_TTABLE);
  room = count_entries(L) + MORE;
  list = compat_newuserdata(L, (room + SYSTEM_READY) * sizeof *list);
  milliseconds = patience(L);
  count = fill(L, list, room); /* the allocation may have changed it */
  list[count].fd = watcher ? watcher->fd : -1;
  list[count].events = POLLIN;
  ready = poll(list, (nfds_t)count + 1, milliseconds);
  if (ready < 0 && errno != EINTR) return push_failure(L, -errno);
  lua_newtable(L);
  if (ready <= 0) return 1;
  place = push_ready(L, list, count, 1);
  if (list[count].revents != 0)
    push_ready(L, list, (size_t)system_ready(watcher->fd, list), place);
  return 1;
}

/* now(): returns milliseconds of a clock that only goes forward. */
int poller_now(lua_State *L) {
  lua_pushnumber(L, (lua_Number)system_now());
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
