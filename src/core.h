/* SPDX-License-Identifier: MIT */
/*
 * The Lua half of the core: what a Lua state, a loop and a socket hold, and
 * the functions that cross the files which know Lua.
 */
#ifndef DGRAM_CORE_H
#define DGRAM_CORE_H

#include "dgram.h"

#include "compat.h"

#pragma GCC visibility push(hidden) /* one name is exported: luaopen_ */

#include <sys/types.h>

#define SOCKET_TYPE "dgram.core.socket"
#define LOOP_TYPE "dgram.core.loop"
#define BLOCKLIST_TYPE "dgram.core.blocklist"
#define GUARD_TYPE "dgram.core.guard"

#define LOOP_FOREIGN "socket belongs to the process that forked this one"

#define CACHE_SIZE 256 /* senders whose text is remembered; a power of two */

/* A sender whose text is kept. */
typedef struct CacheKey {
  int family;              /* 0: the slot is empty */
  unsigned char bytes[16]; /* the address, IPv4 in its mapped form */
} CacheKey;

/* A destination that was read from text before. */
typedef struct Destination {
  int family, port; /* family 0: the slot is empty */
  char text[48];    /* what the script wrote */
  Address address;  /* what it means */
} Destination;

/* What belongs to a Lua state and is shared by its sockets. */
typedef struct State {
  Batch *spare;                /* batches nobody uses; NULL: none */
  Pool pool;                   /* spare blocks of send queues */
  CacheKey sender[CACHE_SIZE]; /* whose texts lie in the state's table */
  Destination destination[CACHE_SIZE]; /* texts of destinations */
} State;

/* Keys of the state's own table; texts of senders follow. */
enum {
  KEY_ADDRESS = 1,
  KEY_FAMILY,
  KEY_PORT,
  KEY_SIZE,
  KEY_V4,
  KEY_V6,
  KEY_UNIX,
  KEY_SENDERS
};

/* A loop's part in the core: the sockets that wait for its next turn. */
typedef struct Loop {
  State *state;     /* shared by all loops of the Lua state */
  pid_t process;    /* who made it: a forked child must leave it alone */
  lua_Integer head; /* sockets before this one had their turn */
  lua_Integer tail; /* sockets in the list */
  unsigned steps;   /* sockets that left the list, to notice nested turns */
  int ended;        /* the Lua state is closing */
  int busy;         /* receive batches on the stack */
  int hooked;       /* the adapter was asked for a turn */
} Loop;

/* Keys of a loop's own table: the adapter's hooks, then the list. */
enum {
  HOOK_START = 1,
  HOOK_STOP,
  HOOK_WATCH,
  HOOK_RETRY,
  HOOK_ERROR,
  HOOK_FAILED,
  HOOK_DRAIN,
  HOOK_TRACEBACK,
  HOOK_LIST
};

enum { WAIT_NOTHING, WAIT_WRITABLE, WAIT_TIMER };

/* A datagram socket. */
typedef struct Socket {
  const struct Socket *self; /* its own address: a cheap proof of its type */
  State *state;              /* what the Lua state shares */
  Loop *loop;                /* the loop that serves it */
  int fd;                    /* the descriptor; -1: not open */
  int family;                /* AF_INET, AF_INET6 or AF_UNIX */
  unsigned char ready;       /* literal sends may go straight to the queue */
  unsigned char connected;   /* it has a peer */
  unsigned char reading;     /* datagrams are delivered */
  unsigned char pending;     /* it is in the loop's list */
  unsigned char spoke;       /* it sent at once in this turn already */
  unsigned char waiting;     /* WAIT_: what holds the queue up */
  unsigned char resting;     /* the lanes of its queue wait for a timer */
  unsigned char over;        /* a send returned false since the last drain */
  unsigned char detached;    /* /dev/null stands in for the socket */
  unsigned char gro;         /* the kernel may deliver trains */
  int refused;               /* why sends without callback were; 0: none were */
  Batch *batch;              /* what was read and not delivered yet */
  Queue queue;               /* what was accepted and not reported yet */
  size_t high_water; /* bytes queued, or sent in a turn, for send to say no */
  size_t turn_bytes; /* bytes sent in this turn of the loop */
  size_t max_queue;  /* bytes queued that are refused beyond */
  const BlockList *block;            /* senders not to be heard; NULL: none */
  char *bound_path;                  /* unix: the path to remove; NULL: none */
  uint64_t device, inode;            /* the file it must still be */
  uint64_t received, received_bytes; /* datagrams delivered */
  uint64_t blocked;                  /* datagrams from blocked senders */
  uint64_t truncated;                /* datagrams larger than the room */
  uint64_t dropped;                  /* datagrams the kernel dropped */
} Socket;

/* Keys of a socket's own table. */
enum { SLOT_LISTENER = 1, SLOT_OWNER, SLOT_LOOP, SLOT_BLOCK, SLOT_CALLBACKS };

/* core.c */
State *core_state(lua_State *L);
void core_push_state_table(lua_State *L);
int core_failure(lua_State *L, int error);
int core_result(lua_State *L, int status);

/* socket.c */
Socket *socket_check(lua_State *L, int index);
Socket *socket_open(lua_State *L, int index);
int socket_port(lua_State *L, int index);
int socket_new(lua_State *L);
void socket_release(Socket *s);
extern const luaL_Reg socket_methods[];

/* option.c */
extern const luaL_Reg option_methods[];

/* input.c */
int input_poller(lua_State *L);
void input_drop(Socket *s);
void input_trim(State *state, int most);
void input_resume(lua_State *L, int index);

/* output.c */
int output_sender(lua_State *L);
int output_total(lua_State *L);
int output_due(const Socket *s);
void output_new_turn(Socket *s);
void output_flush(lua_State *L, Socket *s, int index);
void output_resume(lua_State *L, Socket *s, int index);
extern const luaL_Reg output_methods[];

/* verdict.c */
void verdict_turn(lua_State *L, Socket *s, int index);
extern const luaL_Reg verdict_methods[];

/* loop.c */
int loop_new(lua_State *L);
int loop_foreign(const Loop *loop);
void loop_hook(lua_State *L, int index, int hook);
void loop_start(lua_State *L, Socket *s, int index);
void loop_add(lua_State *L, Socket *s, int index);
void loop_sweep(lua_State *L, int index);
extern const luaL_Reg loop_methods[];
extern const luaL_Reg guard_methods[];

/* poller.c */
int poller_poll(lua_State *L);
int poller_now(lua_State *L);
int poller_resolve(lua_State *L);

/* blocker.c */
int blocker_new(lua_State *L);
extern const luaL_Reg blocker_methods[];

#pragma GCC visibility pop

#endif
