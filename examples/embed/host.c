/* SPDX-License-Identifier: MIT */
/*
 * A C program with two threads, each with a libuv loop and a Lua state of its
 * own, in which service.lua serves. The end of standard input stops both.
 *
 *   cc -o host host.c $(pkg-config --cflags --libs lua5.4 lua5.4-luv libuv)
 *   ./host service.lua
 */
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <luv/luv.h>
#include <stdio.h>
#include <uv.h>

/* A thread and what lives in it. */
typedef struct Host {
  uv_thread_t thread; /* runs the loop */
  uv_loop_t loop;     /* the program's own */
  uv_async_t stop;    /* tells the thread to end; keeps the loop alive */
  const char *script; /* the service; returns the function that ends it */
  lua_State *L;       /* 1: tostring, for errors; 2: that function */
  int status;         /* 0: all went well */
} Host;

/* Calls Lua for luv. By default an error would end the process; here it is
   printed and the loop goes on. Returns the number of results, or an error. */
static int call(lua_State *L, int arguments, int results, int flags) {
  int base = lua_gettop(L) - arguments - 1;
  int status = lua_pcall(L, arguments, results, 0);
  (void)flags;
  if (status == 0) return lua_gettop(L) - base;
  fprintf(stderr, "%s\n", lua_tostring(L, -1));
  lua_settop(L, base);
  return -status;
}

/* Prints the error on top of the stack, and takes it off. */
static void complain(Host *host) {
  fprintf(stderr, "%s\n", lua_tostring(host->L, -1));
  lua_pop(host->L, 1);
  host->status = 1;
}

/* Makes the state. luv is told the loop before it is loaded. */
static void open_state(Host *host) {
  lua_State *L = host->L = luaL_newstate();
  luaL_openlibs(L);
  luv_set_loop(L, &host->loop);
  luv_set_callback(L, call);
  lua_getglobal(L, "package");
  lua_getfield(L, -1, "preload");
  lua_pushcfunction(L, luaopen_luv);
  lua_setfield(L, -2, "luv");
  lua_settop(L, 0);
  lua_getglobal(L, "tostring");
  if (luaL_loadfile(L, host->script) != 0 || lua_pcall(L, 0, 1, 1) != 0)
    complain(host);
}

/* Closes what Lua left open on the loop, then the state. Everything that luv
   made has to be closed, and its callbacks called, while the state is there. */
static void close_state(Host *host) {
  static const char close_all[] =
      "require('luv').walk(function(handle)"
      "  if not handle:is_closing() then handle:close() end "
      "end)";
  if (luaL_dostring(host->L, close_all) != 0) complain(host);
  uv_run(&host->loop, UV_RUN_DEFAULT);
  lua_close(host->L);
}

/* Asks the service to end; the loop ends when its sockets are closed, or at
   once when the service fails. */
static void on_stop(uv_async_t *async) {
  Host *host = async->data;
  uv_close((uv_handle_t *)async, NULL);
  if (!lua_isfunction(host->L, 2)) {
    uv_stop(&host->loop);
  } else if (lua_pcall(host->L, 0, 0, 1) != 0) {
    complain(host);
    uv_stop(&host->loop);
  }
}

/* The life of a thread. */
static void run(void *argument) {
  Host *host = argument;
  open_state(host);
  uv_run(&host->loop, UV_RUN_DEFAULT);
  close_state(host);
  if (uv_loop_close(&host->loop) != 0) host->status = 1;
}

/* Starts a thread; returns 0 or a libuv error. */
static int start(Host *host, const char *script) {
  int status = uv_loop_init(&host->loop);
  host->script = script;
  host->L = NULL;
  host->status = 0;
  host->stop.data = host;
  if (status == 0) status = uv_async_init(&host->loop, &host->stop, on_stop);
  return status != 0 ? status : uv_thread_create(&host->thread, run, host);
}

int main(int argc, char **argv) {
  Host host[2];
  int i, status = 0;
  setvbuf(stdout, NULL, _IOLBF, 0);
  for (i = 0; i < 2; i++) {
    if (start(&host[i], argc > 1 ? argv[1] : "service.lua") != 0) return 1;
  }
  while (getchar() != EOF) continue;
  for (i = 0; i < 2; i++) {
    uv_async_send(&host[i].stop);
    uv_thread_join(&host[i].thread);
    status |= host[i].status;
  }
  return status;
}
