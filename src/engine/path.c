/* SPDX-License-Identifier: MIT */
/*
 * The file of a bound unix socket: a stale one is replaced, the new one has the
 * mode that was asked for, and on close it is removed if it is still ours.
 */
#include "engine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LOCK_TRIES 5 /* times a lock is tried, a millisecond apart */

/* Tells whether nobody listens behind a unix path any more. */
static int is_stale(const Address *path) {
  OpenOptions options = {.family = AF_UNIX};
  struct stat info;
  int fd, stale;
  if (lstat(path->name.local.sun_path, &info) < 0 || !S_ISSOCK(info.st_mode))
    return 0;
  fd = system_open(&options);
  if (fd < 0) return 0;
  stale = system_connect(fd, path) == -ECONNREFUSED;
  system_close(fd);
  return stale;
}

/* Binds a descriptor so that the path appears with the mode, if one is given:
   it is never open to more than that. */
static int bind_with_mode(int fd, const Address *path, int mode) {
  int status = mode >= 0 ? system_restrict_mode(fd, mode) : 0;
  if (status < 0) return status;
  if (bind(fd, &path->name.base, path->length) < 0) return -errno;
  if (mode >= 0) system_widen_mode(path->name.local.sun_path, mode);
  return 0;
}

/* Takes a lock without waiting long: anybody who may read a directory may hold
   its lock for ever. */
static void lock_briefly(int fd) {
  static const struct timespec pause = {0, 1000000};
  int tries = LOCK_TRIES;
  while (flock(fd, LOCK_EX | LOCK_NB) < 0 && --tries > 0)
    nanosleep(&pause, NULL);
}

/* Locks the directory of a path against others who replace a stale socket in
   it; returns a descriptor to close, or -1 when it cannot be opened. */
static int lock_directory(const char *path) {
  char name[sizeof(struct sockaddr_un)] = ".";
  const char *end = strrchr(path, '/');
  int fd;
  if (end != NULL)
    snprintf(name, sizeof name, "%.*s/", (int)(end - path), path);
  fd = open(name, O_RDONLY | O_CLOEXEC);
  if (fd >= 0) lock_briefly(fd);
  return fd;
}

/* Replaces a socket nobody listens on; returns 0 or a negative errno. */
static int replace_stale(int fd, const Address *path, int mode) {
  const char *text = path->name.local.sun_path;
  int lock = lock_directory(text), status = -EADDRINUSE;
  if (is_stale(path) && unlink(text) == 0)
    status = bind_with_mode(fd, path, mode);
  if (lock >= 0) close(lock);
  return status;
}

/* Remembers the file a path stands for, to remove it also when the process has
   moved to another directory by then. */
static void remember(const char *text, BoundPath *bound) {
  struct stat info;
  if (lstat(text, &info) < 0) return;
  bound->path = realpath(text, NULL);
  bound->device = (uint64_t)info.st_dev;
  bound->inode = (uint64_t)info.st_ino;
}

/* Binds to a unix path, replacing a socket nobody listens on; mode -1: as the
   umask has it. A name without a file has no mode: -ENOTSUP. */
int path_bind(int fd, const Address *path, int mode, BoundPath *bound) {
  const char *text = path->name.local.sun_path;
  int is_file = text[0] != '\0', status;
  if (!is_file && mode >= 0) return -ENOTSUP;
  status = bind_with_mode(fd, path, mode);
  if (status == -EADDRINUSE && is_file) status = replace_stale(fd, path, mode);
  if (status == 0 && is_file) remember(text, bound);
  return status;
}

/* Removes the file, if it is still the same; may be called twice. */
void path_remove(BoundPath *bound) {
  struct stat info;
  if (bound->path != NULL && lstat(bound->path, &info) == 0 &&
      (uint64_t)info.st_dev == bound->device &&
      (uint64_t)info.st_ino == bound->inode)
    unlink(bound->path);
  path_forget(bound);
}

/* Leaves the file to others. */
void path_forget(BoundPath *bound) {
  free(bound->path);
  bound->path = NULL;
}
