/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes the public API: the input is a list of calls, which api.lua makes on
 * a Lua state that lives as long as the fuzzer. An error, which is text, ends
 * the process.
 */
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int luaopen_dgram_core(lua_State *L);

/* Makes the state, with the function of api.lua on its stack. */
static lua_State *make_state(void) {
  lua_State *L = luaL_newstate();
  luaL_openlibs(L);
  lua_getglobal(L, "package");
  lua_getfield(L, -1, "preload");
  lua_pushcfunction(L, luaopen_dgram_core);
  lua_setfield(L, -2, "dgram.core");
  lua_pop(L, 2);
  if (luaL_dofile(L, "spec/fuzz/api.lua") != 0) {
    fprintf(stderr, "%s\n", lua_tostring(L, -1));
    exit(1);
  }
  return L;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static lua_State *L;
  if (L == NULL) L = make_state();
  lua_pushvalue(L, -1);
  lua_pushlstring(L, (const char *)data, size);
  if (lua_pcall(L, 1, 0, 0) != 0) {
    fprintf(stderr, "%s\n", lua_tostring(L, -1));
    abort();
  }
  return 0;
}
