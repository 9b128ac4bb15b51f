/* SPDX-License-Identifier: MIT */
/*
 * A host program for Lua whose memory can run out: host SCRIPT. It runs the
 * text of LUA_INIT first, as lua does. The script is given the table `host`:
 *
 *   host.fail(from, count)  the allocations number from to from + count - 1
 *                           from now on fail; from 0: none
 *   host.allocations()      how many there were since the last fail()
 *   host.failed()           how many of those failed
 *   host.ready(fd)          readable or in error, writable; does not wait
 *   host.descriptors()      how many descriptors are open
 *
 * Ends with status 1 when the closed state has not given all its memory back.
 */
#include <dirent.h>
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

static struct {
  long number;      /* allocations so far */
  long from, count; /* which ones fail */
  long failed;      /* how many did */
  long bytes;       /* what the state holds */
} memory;

/* Lua's allocator; giving memory back never fails. */
static void *allocate(void *ud, void *block, size_t old, size_t size) {
  void *result;
  (void)ud;
  if (block == NULL) old = 0;
  if (size > old) {
    memory.number++;
    if (memory.from > 0 && memory.number >= memory.from &&
        memory.number - memory.from < memory.count) {
      memory.failed++;
      return NULL;
    }
  }
  memory.bytes += (long)size - (long)old;
  result = size > 0 ? realloc(block, size) : (free(block), NULL);
  if (result == NULL && size > 0) abort();
  return result;
}

static int host_fail(lua_State *L) {
  memory.from = (long)luaL_checkinteger(L, 1);
  memory.count = (long)luaL_optinteger(L, 2, 0);
  memory.number = memory.failed = 0;
  return 0;
}

static int host_allocations(lua_State *L) {
  lua_pushinteger(L, memory.number);
  return 1;
}

static int host_failed(lua_State *L) {
  lua_pushinteger(L, memory.failed);
  return 1;
}

static int host_ready(lua_State *L) {
  struct pollfd p;
  p.fd = (int)luaL_checkinteger(L, 1);
  p.events = POLLIN | POLLOUT;
  p.revents = 0;
  poll(&p, 1, 0);
  lua_pushboolean(L, p.revents & (POLLIN | POLLERR | POLLHUP));
  lua_pushboolean(L, p.revents & POLLOUT);
  return 2;
}

static int host_descriptors(lua_State *L) {
  DIR *dir = opendir("/proc/self/fd");
  int count = 0;
  while (dir != NULL && readdir(dir) != NULL) count++;
  if (dir != NULL) closedir(dir);
  lua_pushinteger(L, count - 3); /* ".", ".." and the directory itself */
  return 1;
}

static const luaL_Reg functions[] = {{"fail", host_fail},
                                     {"allocations", host_allocations},
                                     {"failed", host_failed},
                                     {"ready", host_ready},
                                     {"descriptors", host_descriptors},
                                     {NULL, NULL}};

/* Runs a script in a state of its own. */
int main(int count, char **argument) {
  lua_State *L = lua_newstate(allocate, NULL);
  const char *init = getenv("LUA_INIT");
  int status;
  if (L == NULL || count < 2) return 2;
  luaL_openlibs(L);
  luaL_newlib(L, functions);
  lua_setglobal(L, "host");
  status = (init != NULL && luaL_dostring(L, init)) ||
           luaL_dofile(L, argument[1]);
  if (status != 0) fprintf(stderr, "%s\n", lua_tostring(L, -1));
  memory.from = 0;
  lua_close(L);
  if (memory.bytes != 0) fprintf(stderr, "%ld bytes left\n", memory.bytes);
  return status != 0 || memory.bytes != 0;
}
