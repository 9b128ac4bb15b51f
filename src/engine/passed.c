/* SPDX-License-Identifier: MIT */
/*
 * Descriptors that travel with unix datagrams. Those that leave are copies, made
 * when the datagram is accepted: what the caller does with his own makes no
 * difference. Those that came belong to their batch until somebody takes them.
 */
#include "engine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

/* Returns the control message. */
static struct cmsghdr *passed_head(Passed *passed) {
  return (struct cmsghdr *)(void *)passed->control;
}

/* Returns where the numbers lie in it. */
static int *passed_numbers(Passed *passed) {
  return (int *)(void *)CMSG_DATA(passed_head(passed));
}

/* Closes the copies. */
static void close_all(const int *fd, int count) {
  while (count-- > 0) system_close(fd[count]);
}

/* Copies descriptors; returns the count or a negative errno, and none then. */
static int copy_all(const int *from, int *to, int count) {
  int i, error;
  for (i = 0; i < count; i++) {
    to[i] = fcntl(from[i], F_DUPFD_CLOEXEC, 0);
    if (to[i] >= 0) continue;
    error = -errno;
    close_all(to, i);
    return error;
  }
  return count;
}

/* Makes copies of up to PASSED_MOST descriptors for datagrams to pass; NULL and a
   negative errno when it cannot. It belongs to the caller, as one of its users. */
Passed *passed_new(const int *fd, int count, int *error) {
  size_t size = sizeof *fd * (size_t)count;
  Passed *passed = calloc(1, sizeof *passed);
  *error = -ENOMEM;
  if (passed == NULL) return NULL;
  passed_head(passed)->cmsg_level = SOL_SOCKET;
  passed_head(passed)->cmsg_type = SCM_RIGHTS;
  passed_head(passed)->cmsg_len = CMSG_LEN(size);
  passed->size = CMSG_SPACE(size);
  passed->users = 1;
  passed->count = *error = copy_all(fd, passed_numbers(passed), count);
  if (*error >= 0) return passed;
  free(passed);
  return NULL;
}

/* Lets one user go; the last closes the copies. */
void passed_drop(Passed *passed) {
  if (--passed->users > 0) return;
  close_all(passed_numbers(passed), passed->count);
  free(passed);
}

/* Adds descriptors that came, as they lie in a control message. */
void rights_add(Rights *rights, const unsigned char *data, size_t size) {
  int fd;
  for (; size >= sizeof fd; data += sizeof fd, size -= sizeof fd) {
    memcpy(&fd, data, sizeof fd);
    system_secure(fd);
    if (rights->count < PASSED_MOST) rights->fd[rights->count++] = fd;
    else system_close(fd);
  }
}

/* Closes what came and nobody has taken. */
void rights_close(Rights *rights) {
  close_all(rights->fd, rights->count);
  rights->count = 0;
}
