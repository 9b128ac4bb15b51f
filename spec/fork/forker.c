/* SPDX-License-Identifier: MIT */
/*
 * fork() for the specs. It declares the little of Lua's API that is the same
 * in every version, so that one build serves every interpreter.
 */
#include <sys/wait.h>
#include <unistd.h>

typedef struct lua_State lua_State;
typedef int (*lua_CFunction)(lua_State *L);
extern void lua_createtable(lua_State *L, int narray, int nrecord);
extern void lua_pushcclosure(lua_State *L, lua_CFunction f, int n);
extern void lua_pushnumber(lua_State *L, double n);
extern void lua_setfield(lua_State *L, int index, const char *k);

/* fork(): returns 0 in the child and its process id in the parent. */
static int do_fork(lua_State *L) {
  lua_pushnumber(L, fork());
  return 1;
}

/* wait(): waits for a child to end; returns its exit status, -1 if killed. */
static int do_wait(lua_State *L) {
  int status = 0;
  pid_t pid = wait(&status);
  lua_pushnumber(L, pid > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1);
  return 1;
}

int luaopen_forker(lua_State *L);
int luaopen_forker(lua_State *L) {
  lua_createtable(L, 0, 2);
  lua_pushcclosure(L, do_fork, 0);
  lua_setfield(L, -2, "fork");
  lua_pushcclosure(L, do_wait, 0);
  lua_setfield(L, -2, "wait");
  return 1;
}
