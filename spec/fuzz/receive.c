/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes what the kernel delivers: names, sizes, flags and control messages of
 * every kind, through system_receive, control_read and the cutting of trains. The datagrams
 * of a message are its bytes, each once, in order.
 */
#include "engine.h"

#define close(fd) ((void)(fd), 0) /* descriptors that came are made up */
#define fcntl(fd, ...) ((void)(fd), 0)
#define recvmmsg fake_recvmmsg
static int fake_recvmmsg(int fd, struct mmsghdr *message, unsigned count,
                         int flags, struct timespec *timeout);
#include "../../src/engine/system.c"

#include <assert.h>

static const uint8_t *input; /* what the kernel will do */
static size_t left;          /* bytes of it */

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

/* Fills one message as the input says. */
static void fill(struct mmsghdr *message) {
  struct msghdr *header = &message->msg_hdr;
  size_t size = take() | take() << 8 | take() << 16;
  size_t room = header->msg_iov->iov_len;
  unsigned name = take() % (sizeof(struct sockaddr_storage) + 1);
  memset(header->msg_name, 0, header->msg_namelen);
  take_bytes(header->msg_name, name < 28 ? name : 28);
  header->msg_namelen = name;
  header->msg_flags = size > room ? MSG_TRUNC : 0;
  message->msg_len = (unsigned)(size > room ? room : size);
  if (header->msg_control == NULL) return;
  size = take() % (header->msg_controllen + 1);
  memset(header->msg_control, 0, header->msg_controllen);
  header->msg_controllen = take_bytes(header->msg_control, size);
}

static int fake_recvmmsg(int fd, struct mmsghdr *message, unsigned count,
                         int flags, struct timespec *timeout) {
  unsigned i, got = take() % (count + 1);
  (void)fd, (void)flags, (void)timeout;
  if (got == 0) return errno = take() | 1, errno == EINTR ? errno = EIO : 0, -1;
  for (i = 0; i < got; i++) fill(&message[i]);
  return (int)got;
}

/* Takes the datagrams of a batch and checks each against its message. */
static void check_batch(Batch *batch) {
  int index = 0;
  size_t offset = 0;
  Datagram d;
  while (batch_next(batch, &d)) {
    const Incoming *in = &batch->slot[index];
    char text[ADDRESS_TEXT];
    unsigned char bytes[16];
    assert(d.in == in && d.data == in->data + offset);
    assert(in->info.segment == 0 || d.size <= in->info.segment);
    assert(in->info.segment > 0 || d.size == in->size);
    assert(address_text(&in->from, text) <= sizeof text);
    address_bytes(&in->from, bytes);
    address_port(&in->from);
    offset += d.size;
    if (offset == in->size) index++, offset = 0;
  }
  assert(index == batch->count && offset == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const int families[] = {AF_INET, AF_INET6, AF_UNIX};
  static Batch *batches[2];
  Batch *batch;
  int family;
  input = data;
  left = size;
  family = families[take() % 3];
  if (batches[family == AF_UNIX] == NULL)
    batches[family == AF_UNIX] = batch_new(family);
  batch = batches[family == AF_UNIX];
  while (left > 0) {
    int count = batch_fill(batch, -1, BATCH_SLOTS, family != AF_UNIX ? CONTROL_ROOM : 0);
    assert(count != 0 && count <= BATCH_SLOTS);
    if (count > 0) check_batch(batch);
  }
  return 0;
}
