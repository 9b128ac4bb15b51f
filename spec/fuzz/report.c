/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes what the kernel's queue of errors delivers: names, payloads and control
 * messages of every kind, through system_receive_error, control_read_report and
 * the ring of reports. What was kept is a report of the network or of a datagram
 * refused at once, in order, and never more than there is room for.
 */
#include "engine.h"

#define recvmsg fake_recvmsg
static ssize_t fake_recvmsg(int fd, struct msghdr *header, int flags);
#include "../../src/engine/system.c"
#include "../../src/engine/system_io.c"
#include "../../src/engine/system_option.c"

#include <assert.h>
#include <stdlib.h>

static const uint8_t *input; /* what the kernel will do */
static size_t left;          /* bytes of it */
static unsigned delivered;   /* messages so far; each tells its number */

/* Takes the next byte of the input; 0 when there is none. */
static unsigned take(void) { return left > 0 ? (left--, *input++) : 0; }

/* Copies input to where the kernel would write; returns how much. */
static size_t take_bytes(void *to, size_t most) {
  size_t size = most < left ? most : left;
  memcpy(to, input, size);
  input += size;
  left -= size;
  return size;
}

/* Writes a control message as the kernel does: an error, and who tells of it. */
static size_t write_error(char *control, unsigned how) {
  struct cmsghdr *c = (struct cmsghdr *)(void *)control;
  uint32_t error = how & 8 ? take() << 24 : take();
  uint8_t origin = how >> 4 & 3;
  sa_family_t family = how & 4 ? AF_INET6 : AF_INET;
  c->cmsg_level = how & 4 ? IPPROTO_IPV6 : IPPROTO_IP;
  c->cmsg_type = how & 4 ? IPV6_RECVERR : IP_RECVERR;
  c->cmsg_len = CMSG_LEN(how & 64 ? take() : 44);
  memcpy(CMSG_DATA(c), &error, sizeof error);
  memcpy(CMSG_DATA(c) + 4, &origin, 1);
  memcpy(CMSG_DATA(c) + 8, &delivered, sizeof delivered);
  memcpy(CMSG_DATA(c) + 16, &family, sizeof family);
  return CMSG_LEN(44);
}

static ssize_t fake_recvmsg(int fd, struct msghdr *header, int flags) {
  unsigned how = take(), name = take() % (sizeof(struct sockaddr_storage) + 1);
  size_t room = header->msg_iov != NULL ? header->msg_iov->iov_len : 0;
  size_t size = take() | take() << 8;
  (void)fd;
  assert(flags & MSG_ERRQUEUE);
  if (left == 0 || how == 255) return errno = left ? ENOMEM : EAGAIN, -1;
  if (header->msg_name == NULL) return 0; /* it is only thrown away */
  memset(header->msg_name, 0, header->msg_namelen);
  take_bytes(header->msg_name, name < 28 ? name : 28);
  header->msg_namelen = name;
  memset(header->msg_control, 0, header->msg_controllen);
  header->msg_controllen = how & 1
                               ? write_error(header->msg_control, how)
                               : take_bytes(header->msg_control,
                                            take() * 2 % CONTROL_ROOM);
  delivered++;
  return (ssize_t)(size < room ? size : room);
}

/* Checks a report that was kept. */
static void check_report(const Report *r) {
  char text[ADDRESS_TEXT];
  assert(r->origin >= ORIGIN_LOCAL && r->origin <= ORIGIN_ICMP6);
  assert(r->error <= 0 && r->size <= REPORT_DATA);
  assert(r->type < 256 && r->code < 256);
  assert(address_text(&r->to, text) <= sizeof text);
  assert(address_text(&r->offender, text) <= sizeof text);
  address_port(&r->to);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  Ledger ledger = {0};
  Reports *reports = reports_new(&ledger);
  uint64_t told = 0, own = 0;
  Report r;
  input = data;
  left = size;
  delivered = 0;
  while (left > 0) {
    unsigned op = take();
    int error = -(int)take(), before = reports_count(reports), whose, most;
    whose = reports_fill(reports, -1, error);
    assert(whose >= REPORT_NONE && whose <= REPORT_FULL);
    assert((whose == REPORT_FULL) == (reports_count(reports) == REPORTS));
    assert(whose != REPORT_EARLIER || reports_count(reports) > before);
    if (whose == REPORT_OWN) reports_keep_own(reports, NULL), own++;
    if (op & 128) system_drain_errors(-1);
    for (most = op & 63; most > 0 && reports_take(reports, &r); most--)
      check_report(&r), told++;
  }
  while (reports_take(reports, &r)) check_report(&r), told++;
  assert(told == ledger.async_errors + own);
  assert(reports_fill(NULL, -1, -1) == REPORT_NONE && !reports_take(NULL, &r));
  free(reports);
  return 0;
}
