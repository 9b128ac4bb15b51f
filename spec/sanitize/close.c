/*
 * Part of the interpreter under the thread sanitizer. libuv closes descriptors
 * by syscall(SYS_close), which that does not see: a number that another thread
 * gets next looks like one both use. Here close() closes them.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdarg.h>
#include <sys/syscall.h>
#include <unistd.h>

typedef long (*Call)(long number, ...);

/* Enters the kernel as the C library's does, but for SYS_close. */
long syscall(long number, ...) {
  Call next = (Call)dlsym(RTLD_NEXT, "syscall");
  long a[6];
  va_list list;
  va_start(list, number);
  for (int i = 0; i < 6; i++) a[i] = va_arg(list, long);
  va_end(list);
  if (number == SYS_close) return close((int)a[0]);
  return next(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
