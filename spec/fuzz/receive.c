/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes what the kernel delivers: names, sizes, flags and control messages of
 * every kind, through system_receive, control_read and the cutting of
 * trains. The datagrams of a message are its bytes, each once, in order.
 */
#include "engine.h"

#include <fcntl.h>
#include <unistd.h>

#define close(fd) ((void)(fd), 0) /* descriptors that came are made up */
#define fcntl(fd, ...) ((void)(fd), 0)
#define recvmmsg fake_recvmmsg
static int fake_recvmmsg(int fd, struct mmsghdr *message, unsigned count,
                         int flags, struct timespec *timeout);
#define recvmsg fake_recvmsg
static ssize_t fake_recvmsg(int fd, struct msghdr *header, int flags);
#include "../../src/engine/system.c"
#include "../../src/engine/system_io.c"
#include "../../src/engine/system_option.c"

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

/* Appends a control message of a kind there is, as long as there is room;
   returns whether there was. Its length may lie. */
static int append(struct msghdr *header, size_t room) {
  size_t used = header->msg_controllen, size = take() % 48;
  struct cmsghdr *c = (void *)((char *)header->msg_control + used);
  const ControlRow *row = &system_controls[take() % CONTROL_KINDS];
  if (used + CMSG_SPACE(size) > room) return 0;
  header->msg_controllen += CMSG_SPACE(size);
  memset(c, 0, CMSG_SPACE(size));
  c->cmsg_level = row->level;
  c->cmsg_type = row->type;
  c->cmsg_len = take() % 8 == 0 ? take() : CMSG_LEN(size);
  take_bytes(CMSG_DATA(c), size);
  return 1;
}

/* Fills the control buffer: with known kinds, or with whatever. */
static void fill_control(struct msghdr *header) {
  size_t room = header->msg_controllen;
  unsigned count = take();
  memset(header->msg_control, 0, room);
  header->msg_controllen = 0;
  if (count % 2 == 0)
    for (count = count / 2 % 8; count > 0 && append(header, room); count--)
      ;
  else header->msg_controllen = take_bytes(header->msg_control,
                                           take() % (room + 1));
  if (header->msg_controllen == room) header->msg_flags |= MSG_CTRUNC;
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
  if (header->msg_control != NULL) fill_control(header);
}

static int fake_recvmmsg(int fd, struct mmsghdr *message, unsigned count,
                         int flags, struct timespec *timeout) {
  unsigned i, got = take() % (count + 1);
  (void)fd, (void)flags, (void)timeout;
  if (got == 0) return errno = take() | 1, errno == EINTR ? errno = EIO : 0, -1;
  for (i = 0; i < got; i++) fill(&message[i]);
  return (int)got;
}

static ssize_t fake_recvmsg(int fd, struct msghdr *header, int flags) {
  struct mmsghdr message = {*header, 0};
  int got = fake_recvmmsg(fd, &message, 1, flags, NULL);
  *header = message.msg_hdr;
  return got > 0 ? (ssize_t)message.msg_len : -1;
}

/* Checks what was told of a message. */
static void check_info(const Info *info) {
  char text[ADDRESS_TEXT];
  assert(info->told < 1u << INFO_KINDS);
  if (!(info->told >> INFO_LOCAL_ADDRESS & 1)) return;
  assert(address_text(&info->local, text) < sizeof text);
  assert(address_port(&info->local) == 0);
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
    check_info(&in->info);
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
    size_t room = system_control_room(family, take() % (1u << INFO_KINDS));
    int most = batch_slots(room), count = batch_fill(batch, -1, most, room);
    assert(count != 0 && count <= most);
    assert(batch->rights.count == 0 || most == 1);
    if (count > 0) check_batch(batch);
  }
  rights_close(&batch->rights);
  return 0;
}
