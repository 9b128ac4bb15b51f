/* SPDX-License-Identifier: MIT */
/*
 * The symbols of error numbers, for the codes of Lua's errors.
 */
#include "system.h"

#include <string.h>

static const struct {
  int error;
  const char *name;
} error_names[] = {
#define ROW(name) \
  { name, #name }
    ROW(EACCES),       ROW(EADDRINUSE),      ROW(EADDRNOTAVAIL),
    ROW(EAFNOSUPPORT), ROW(EAGAIN),          ROW(EALREADY),
    ROW(EBADF),        ROW(EBUSY),           ROW(ECANCELED),
    ROW(ECONNABORTED), ROW(ECONNREFUSED),    ROW(ECONNRESET),
    ROW(EDEADLK),      ROW(EDESTADDRREQ),    ROW(EDQUOT),
    ROW(EEXIST),       ROW(EFAULT),          ROW(EFBIG),
    ROW(EHOSTDOWN),    ROW(EHOSTUNREACH),    ROW(EINPROGRESS),
    ROW(EINTR),        ROW(EINVAL),          ROW(EIO),
    ROW(EISCONN),      ROW(EISDIR),          ROW(ELOOP),
    ROW(EMFILE),       ROW(EMSGSIZE),        ROW(ENAMETOOLONG),
    ROW(ENETDOWN),     ROW(ENETRESET),       ROW(ENETUNREACH),
    ROW(ENFILE),       ROW(ENOBUFS),         ROW(ENODEV),
    ROW(ENOENT),       ROW(ENOLCK),          ROW(ENOMEM),
    ROW(ENONET),       ROW(ENOPROTOOPT),     ROW(ENOSPC),
    ROW(ENOSYS),       ROW(ENOTCONN),        ROW(ENOTDIR),
    ROW(ENOTSOCK),     ROW(ENOTSUP),         ROW(ENXIO),
    ROW(EOVERFLOW),    ROW(EPERM),           ROW(EPIPE),
    ROW(EPROTO),       ROW(EPROTONOSUPPORT), ROW(EPROTOTYPE),
    ROW(ERANGE),       ROW(EROFS),           ROW(ESHUTDOWN),
    ROW(ESTALE),       ROW(ETIMEDOUT),       ROW(ETOOMANYREFS),
    ROW(ETXTBSY),
#undef ROW
};

/* Returns the symbol of a negative errno, "UNKNOWN" when it has none here. */
const char *errno_name(int error) {
  size_t i;
  for (i = 0; i < sizeof error_names / sizeof *error_names; i++)
    if (error_names[i].error == -error) return error_names[i].name;
  return "UNKNOWN";
}

/* Returns the negative errno of a symbol, 0 when it is not known here. */
int errno_number(const char *name) {
  size_t i;
  for (i = 0; i < sizeof error_names / sizeof *error_names; i++)
    if (strcmp(error_names[i].name, name) == 0) return -error_names[i].error;
  return 0;
}
