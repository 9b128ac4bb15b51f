/* SPDX-License-Identifier: MIT */
/*
 * Notes which lines of the library run. Loaded by LUA_INIT in every interpreter
 * that `make coverage` starts, and by spec/nginx_spec.lua in nginx. When the
 * process ends, the lines are in a new file in DGRAM_COVERAGE, one by one:
 * "lua/dgram/socket.lua:12". It takes no memory from Lua, which may have none.
 */
#define _GNU_SOURCE
#include <lauxlib.h>
#include <lua.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILES 64
#define LINES 4096

static struct {
  char name[64];
  unsigned char line[LINES];
} seen[FILES];

static const char *root, *directory;

/* Returns the path of a library file below the root; NULL for other sources. */
static const char *name_of(const char *source) {
  size_t size = strlen(root);
  if (*source++ != '@') return NULL;
  if (strncmp(source, root, size) == 0) source += size + 1;
  return strncmp(source, "lua/dgram", 9) == 0 ? source : NULL;
}

/* Notes a line. */
static void note(lua_State *L, lua_Debug *ar) {
  const char *name;
  int i = 0;
  if (ar->currentline < 1 || ar->currentline >= LINES) return;
  lua_getinfo(L, "S", ar);
  name = name_of(ar->source);
  if (name == NULL || strlen(name) >= sizeof seen->name) return;
  while (i < FILES && seen[i].name[0] != '\0' && strcmp(seen[i].name, name) != 0)
    i++;
  if (i == FILES) return;
  strcpy(seen[i].name, name);
  seen[i].line[ar->currentline] = 1;
}

/* Writes down what was seen. */
static void dump(void) {
  char path[4096];
  FILE *out = NULL;
  int i, line, fd;
  snprintf(path, sizeof path, "%s/XXXXXX", directory);
  fd = mkstemp(path);
  if (fd >= 0) out = fdopen(fd, "w");
  if (out == NULL) return;
  for (i = 0; i < FILES; i++)
    for (line = 1; line < LINES; line++)
      if (seen[i].line[line]) fprintf(out, "%s:%d\n", seen[i].name, line);
  fclose(out);
}

/* debug.sethook, after which somebody else's hook gives way to ours. The
   original is the upvalue. */
static int sethook(lua_State *L) {
  int top = lua_gettop(L);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, top, 0);
  if (lua_gethook(L) == NULL) lua_sethook(L, note, LUA_MASKLINE, 0);
  return 0;
}

/* Begins to take notes: new coroutines inherit the hook. */
int luaopen_trace(lua_State *L);
int luaopen_trace(lua_State *L) {
  if (directory == NULL) {
    root = getenv("DGRAM_ROOT");
    directory = getenv("DGRAM_COVERAGE");
    if (root == NULL || directory == NULL) return luaL_error(L, "run by itself");
    atexit(dump);
  }
  lua_getglobal(L, "debug");
  lua_getfield(L, -1, "sethook");
  lua_pushcclosure(L, sethook, 1);
  lua_setfield(L, -2, "sethook");
  lua_sethook(L, note, LUA_MASKLINE, 0);
  return 0;
}
