/* SPDX-License-Identifier: MIT */
/*
 * What the files of the platform, system*.c, share; they alone have its #if. Which
 * features there are: DGRAM_PORTABLE=1 leaves out what only Linux has,
 * DGRAM_PORTABLE=2 also what NetBSD and OpenBSD lack. And the setting of an option.
 */
#ifndef DGRAM_SYSTEM_H
#define DGRAM_SYSTEM_H

#include "engine.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#ifndef DGRAM_PORTABLE
#define DGRAM_PORTABLE 0
#endif

#if defined(__linux__) && DGRAM_PORTABLE == 0
#define HAVE_BATCHES 1
#else
#define HAVE_BATCHES 0
#endif

/* Multicast by the index of an interface, and of one source; NetBSD and OpenBSD
   know IPv4 interfaces by their address. */
#if defined(MCAST_JOIN_GROUP) && DGRAM_PORTABLE < 2
#define HAVE_GROUP_REQ 1
#else
#define HAVE_GROUP_REQ 0
#endif

/* Local address and interface of IPv4 in one message; OpenBSD tells the address
   alone. */
#if defined(IP_PKTINFO) && DGRAM_PORTABLE < 2
#define HAVE_PKTINFO 1
#ifndef IP_RECVPKTINFO
#define IP_RECVPKTINFO IP_PKTINFO
#endif
#else
#define HAVE_PKTINFO 0
#endif

/* The time of arrival in nanoseconds; elsewhere it is in microseconds. */
#if defined(SO_TIMESTAMPNS) && DGRAM_PORTABLE == 0
#define HAVE_TIMESTAMPNS 1
#else
#define HAVE_TIMESTAMPNS 0
#endif

/* Who sent a unix datagram, whether the sender wants to tell or not. */
#if defined(SO_PASSCRED) && DGRAM_PORTABLE < 2
#define HAVE_CREDENTIALS 1
#else
#define HAVE_CREDENTIALS 0
#endif

#if HAVE_BATCHES
#include <linux/sockios.h>
#include <sys/epoll.h>
#ifndef __GLIBC__ /* musl's is a loop of sendmsg. The kernel reads its padding */
#include <sys/syscall.h> /* too, which is zero in what control.c writes. */
#define sendmmsg(...) (int)syscall(SYS_sendmmsg, __VA_ARGS__)
#endif
#endif

#ifdef __linux__
#ifndef SO_SELECT_ERR_QUEUE
#define SO_SELECT_ERR_QUEUE 45
#endif
#ifndef IPV6_MULTICAST_ALL /* what headers older than the kernel lack */
#define IPV6_MULTICAST_ALL 29
#endif
#ifndef IPV6_FREEBIND
#define IPV6_FREEBIND 78
#endif
#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83
#endif
#ifndef SCM_PIDFD
#define SCM_PIDFD 4
#endif
#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif
#endif

#if defined(MSG_CMSG_CLOEXEC) && DGRAM_PORTABLE == 0
#define RECEIVE_SECURE MSG_CMSG_CLOEXEC
#define RECEIVE_FLAGS (MSG_DONTWAIT | MSG_CMSG_CLOEXEC)
#else
#define RECEIVE_FLAGS MSG_DONTWAIT
#endif

#define TRIES 100

/* Repeats a call that a signal interrupted, but not for good: what filters the calls
   of a process may say so for ever. */
#define RETRY(result, call)                                \
  do {                                                     \
    int tries = TRIES;                                     \
    do (result) = (call);                                  \
    while ((result) < 0 && errno == EINTR && --tries > 0); \
  } while (0)

/* Linux alone has it: of two names for one number errno.c tells the first. */
#ifndef ENONET
#define ENONET ENETUNREACH
#endif

/* Sets an option; returns 0 or a negative errno. */
static inline int set_option(int fd, int level, int option, const void *value,
                      size_t size) {
  return setsockopt(fd, level, option, value, (socklen_t)size) < 0 ? -errno : 0;
}

/* Sets an option that holds an int; returns 0 or a negative errno. */
static inline int set_int(int fd, int level, int option, int value) {
  return set_option(fd, level, option, &value, sizeof value);
}

#endif
