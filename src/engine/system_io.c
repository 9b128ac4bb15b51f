/* SPDX-License-Identifier: MIT */
/*
 * The platform: many datagrams by one system call, and what the kernel can do for
 * them.
 */
#include "system.h"

#ifdef MSG_NOSIGNAL
#define SEND_FLAGS (MSG_DONTWAIT | MSG_NOSIGNAL)
#else
#define SEND_FLAGS MSG_DONTWAIT
#endif

#if HAVE_BATCHES
_Static_assert(sizeof(Message) == sizeof(struct mmsghdr) &&
                   offsetof(Message, size) == offsetof(struct mmsghdr, msg_len),
               "Message is laid out as struct mmsghdr");

#endif

/* Reads up to count messages, one system call each; returns how many came. */
static int receive_each(int fd, Message *message, int count) {
  ssize_t size;
  int i;
  for (i = 0; i < count; i++) {
    RETRY(size, recvmsg(fd, &message[i].header, RECEIVE_FLAGS));
    if (size < 0) return i > 0 ? i : -errno;
    message[i].size = (unsigned)size;
  }
  return count;
}

/* Reads up to count messages, with one system call where there is one; returns
   how many came. A single message is cheaper by the call for one. */
int system_receive(int fd, Message *message, int count) {
#if HAVE_BATCHES
  struct mmsghdr *list = (struct mmsghdr *)(void *)message;
  int got;
  if (count > 1) {
    RETRY(got, recvmmsg(fd, list, (unsigned)count, RECEIVE_FLAGS, NULL));
    return got < 0 ? -errno : got;
  }
#endif
  return receive_each(fd, message, count);
}

/* Sends up to count messages, one system call each; returns how many went. */
static int send_each(int fd, Message *message, int count) {
  ssize_t size;
  int i;
  for (i = 0; i < count; i++) {
    RETRY(size, sendmsg(fd, &message[i].header, SEND_FLAGS));
    if (size < 0) return i > 0 ? i : -errno;
  }
  return count;
}

/* Sends up to count messages, with one system call where there is one; returns
   how many went. A single message is cheaper by the call for one. */
int system_send(int fd, Message *message, int count) {
#if HAVE_BATCHES
  struct mmsghdr *list = (struct mmsghdr *)(void *)message;
  int sent;
  if (count > 1) {
    RETRY(sent, sendmmsg(fd, list, (unsigned)count, SEND_FLAGS));
    return sent < 0 ? -errno : sent;
  }
#endif
  return send_each(fd, message, count);
}

/* Asks for trains on receipt; returns 0 or a negative errno. */
int system_enable_gro(int fd, int on) {
#if HAVE_BATCHES
  return set_int(fd, IPPROTO_UDP, UDP_GRO, on);
#else
  (void)fd;
  (void)on;
  return -ENOTSUP;
#endif
}

/* Returns how many datagrams the kernel dropped for want of room. */
unsigned system_dropped(int fd) {
#if HAVE_BATCHES
  uint32_t info[16] = {0}; /* SK_MEMINFO_DROPS is the ninth: sock_diag(7) */
  socklen_t size = sizeof info;
  return getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &size) == 0 ? info[8] : 0;
#else
  (void)fd;
  return 0;
#endif
}

/* Tells whether the kernel cuts trains for this socket. */
int system_has_gso(int fd) {
#if HAVE_BATCHES
  int value = 0;
  socklen_t size = sizeof value;
  return getsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &value, &size) == 0;
#else
  (void)fd;
  return 0;
#endif
}
