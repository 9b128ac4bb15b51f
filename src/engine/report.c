/* SPDX-License-Identifier: MIT */
/*
 * Reports: what the kernel tells of datagrams that failed on their way, read
 * from its queue of errors into room that is never outgrown: what it has no room
 * for stays with the kernel until some were taken.
 */
#include "engine.h"

#include <stdlib.h>

/* Makes room for the reports of a socket; NULL for no memory. */
Reports *reports_new(Ledger *ledger) {
  Reports *reports = malloc(sizeof *reports);
  if (reports == NULL) return NULL;
  reports->ledger = ledger;
  reports->first = reports->count = 0;
  return reports;
}

/* Reads the oldest report the kernel has; 0 when it has none. */
static int receive(Report *out, int fd) {
  char control[CONTROL_ROOM] __attribute__((aligned(sizeof(size_t))));
  struct iovec data = {out->data, sizeof out->data};
  struct msghdr header = {.msg_name = &out->to.name,
                          .msg_namelen = sizeof out->to.name,
                          .msg_iov = &data,
                          .msg_iovlen = 1,
                          .msg_control = control,
                          .msg_controllen = sizeof control};
  int size = system_receive_error(fd, &header);
  if (size < 0) return 0;
  out->to.length = header.msg_namelen;
  out->size = (size_t)size;
  control_read_report(&header, out);
  return 1;
}

/* Returns the n-th report that nobody took yet. */
static Report *slot(Reports *reports, int n) {
  return &reports->slot[(reports->first + n) % REPORTS];
}

/* Reads what the kernel tells, after a call of this socket failed with an error
   (0: none did); returns whose error that was. What tells of a datagram that was
   refused at once is not kept, but for the last: whoever is refused tries again,
   so there may be several for one. */
int reports_fill(Reports *reports, int fd, int error) {
  int whose = REPORT_NONE;
  if (reports == NULL) return REPORT_NONE;
  while (reports->count < REPORTS) {
    Report *next = slot(reports, reports->count);
    if (!receive(next, fd)) return whose;
    if (next->origin == ORIGIN_LOCAL) {
      reports->own = *next;
      if (next->error == error) whose = REPORT_OWN;
    } else if (next->origin == ORIGIN_ICMP || next->origin == ORIGIN_ICMP6) {
      reports->count++;
      reports->ledger->async_errors++;
      if (next->error == error) whose = REPORT_EARLIER;
    }
  }
  return REPORT_FULL;
}

/* Keeps the report of a datagram that was refused at once, after REPORT_OWN; to
   is where it went, NULL: to the peer. (IPv4 does not tell the port.) */
void reports_keep_own(Reports *reports, const Address *to) {
  Report *own = slot(reports, reports->count++);
  *own = reports->own;
  if (to != NULL) own->to = *to;
}

/* Tells how many reports nobody took yet. */
int reports_count(const Reports *reports) {
  return reports != NULL ? reports->count : 0;
}

/* Takes the oldest report; returns 0 when there is none. */
int reports_take(Reports *reports, Report *out) {
  if (reports_count(reports) == 0) return 0;
  *out = *slot(reports, 0);
  reports->first = (reports->first + 1) % REPORTS;
  reports->count--;
  return 1;
}
