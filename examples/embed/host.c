/* SPDX-License-Identifier: MIT */
/*
 * A C program with two threads, each with a libuv loop and a Lua state of its
 * own, in which service.lua serves. The end of standard input stops both.
 *
 *   cc -o host host.c $(pkg-config --cflags --libs lua5.4 libuv) -llua5.4-luv
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
  lua_State *L;       /* that function is at its index 1 */
  int status;         /* 0: all went well */
} Host;

/* Prints the error on top of the stack. */
static void complain(Host *host) {
  fprintf(stderr, "%s\n", luaL_tolstring(host->L, -1, NULL));
  lua_settop(host->L, -3);
  host->status = 1;
}

/* Makes the state. luv is told the loop before it is loaded. */
static void open_state(Host *host) {
  lua_State *L = host->L = luaL_newstate();
  if (L == NULL) return;
  luaL_openlibs(L);
  luv_set_loop(L, &host->loop);
  luaL_requiref(L, "luv", luaopen_luv, 0);
  lua_settop(L, 0);
  if (luaL_loadfile(L, host->script) != 0 || lua_pcall(L, 0, 1, 0) != 0)
    complain(host);
}

/* Closes what Lua left open on the loop, then the state. Everything that luv
   made has to be closed, and its callbacks called, while the state is there. */
static void close_state(Host *host) {
  static const char close_all[] =
      "require('luv').walk(function(handle)"
      "  if not handle:is_closing() then handle:close() end "
      "end)";
  if (host->L == NULL) return;
  if (luaL_dostring(host->L, close_all) != 0) complain(host);
  uv_run(&host->loop, UV_RUN_DEFAULT);
  lua_close(host->L);
}

/* Asks the service to end; the loop ends when its sockets are closed. */
static void on_stop(uv_async_t *async) {
  Host *host = async->data;
  if (host->L != NULL && lua_isfunction(host->L, 1)) {
    lua_pushvalue(host->L, 1);
    if (lua_pcall(host->L, 0, 0, 0) != 0) complain(host);
  }
  uv_close((uv_handle_t *)async, NULL);
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
