/* SPDX-License-Identifier: MIT */
/*
 * What specs cannot wait for: a loop that has turned for years, a socket that
 * has moved gigabytes. And what the compiler made of the library's headers.
 */
#include "../../src/lua/binding.h"

#include <limits.h>
#include <sys/stat.h>

/* age(core, turns): gives a socket counters near 2^31, and its loop so many sockets
   that had their turn. */
int age(lua_State *L) {
  Socket *s = lua_touserdata(L, 1);
  s->loop->head = s->loop->tail = (unsigned)lua_tonumber(L, 2);
  s->queue.ledger.sent_bytes = s->received_bytes = INT_MAX;
  return 0;
}

/* place(n): where the n-th socket of a loop's list lies. */
int place(lua_State *L) {
  lua_pushinteger(L, LOOP_KEY((unsigned)lua_tonumber(L, 1)));
  return 1;
}

/* inode_bits(): bits of a file's inode, as the library reads it; 0 where it does not
   say so, for these are 64 bits only by default. */
int inode_bits(lua_State *L) {
#if _FILE_OFFSET_BITS == 64 && _TIME_BITS == 64
  lua_pushinteger(L, CHAR_BIT * sizeof((struct stat *)0)->st_ino);
#else
  lua_pushinteger(L, 0);
#endif
  return 1;
}
