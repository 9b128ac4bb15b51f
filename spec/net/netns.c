/* SPDX-License-Identifier: MIT */
/*
 * Network namespaces for the specs: every host of a test network is one. A
 * socket stays in the namespace where it was opened, so one process can be many
 * hosts. Lua module `netns`:
 *
 *   netns.new()      makes a namespace; returns a descriptor that keeps it
 *   netns.enter(fd)  goes there; what is opened from then on belongs there
 *   netns.own()      a descriptor of the namespace the process is in
 *   netns.leave(fd)  gives a descriptor back
 *   netns.icmp(address, message)  sends an ICMP message, or one of ICMPv6, that
 *                    somebody made up
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <lua.h>
#include <sched.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Raises the system's error unless a result is fine. */
static int check(lua_State *L, int result, const char *call) {
  if (result < 0) luaL_error(L, "%s: %s", call, strerror(errno));
  return result;
}

static int netns_own(lua_State *L) {
  int fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
  lua_pushinteger(L, check(L, fd, "open"));
  return 1;
}

static int netns_enter(lua_State *L) {
  check(L, setns((int)luaL_checkinteger(L, 1), CLONE_NEWNET), "setns");
  return 0;
}

static int netns_new(lua_State *L) {
  check(L, unshare(CLONE_NEWNET), "unshare");
  return netns_own(L);
}

static int netns_leave(lua_State *L) {
  check(L, close((int)luaL_checkinteger(L, 1)), "close");
  return 0;
}

static int netns_icmp(lua_State *L) {
  struct sockaddr_in v4 = {.sin_family = AF_INET};
  struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
  const char *address = luaL_checkstring(L, 1);
  size_t size;
  const char *message = luaL_checklstring(L, 2, &size);
  int is_v4 = inet_pton(AF_INET, address, &v4.sin_addr) == 1;
  int fd = is_v4 ? socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP)
                 : socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMPV6);
  int sent;
  check(L, fd, "socket");
  inet_pton(AF_INET6, address, &v6.sin6_addr);
  sent = (int)(is_v4 ? sendto(fd, message, size, 0, (void *)&v4, sizeof v4)
                     : sendto(fd, message, size, 0, (void *)&v6, sizeof v6));
  close(fd);
  check(L, sent, "sendto");
  return 0;
}

static const luaL_Reg functions[] = {{"new", netns_new},
                                     {"enter", netns_enter},
                                     {"own", netns_own},
                                     {"leave", netns_leave},
                                     {"icmp", netns_icmp},
                                     {NULL, NULL}};

int luaopen_netns(lua_State *L);
int luaopen_netns(lua_State *L) {
  luaL_newlib(L, functions);
  return 1;
}
