/* SPDX-License-Identifier: MIT */
/*
 * From a fifo to the kernel, in order, until it is empty or the kernel refuses
 * for a while. What refuses a datagram for good is its completion.
 */
#include "engine.h"

#include <errno.h>
#include <string.h>

/* The kernel has more reports than there is room for: the socket's turn tells
   some, and goes on. */
#define WAIT_TURN -1

/* Points a message at a datagram or train. */
static void aim(struct msghdr *header, const Outgoing *out, char *control) {
  memset(header, 0, sizeof *header);
  header->msg_iov = (struct iovec *)&out->data;
  header->msg_iovlen = 1;
  header->msg_control = control;
  control_write(header, out->route, out->segment);
}

/* Hands messages to the kernel; returns how many it took, or a negative
   errno. */
static int hand_over(int fd, const Outgoing *out, int count) {
  Message message[SYSTEM_MESSAGES];
  char control[SYSTEM_MESSAGES][CONTROL_OUT]
      __attribute__((aligned(sizeof(size_t))));
  int i, sent;
  for (i = 0; i < count; i++) aim(&message[i].header, &out[i], control[i]);
  sent = system_send(fd, message, count);
  return sent != 0 ? sent : -EAGAIN;
}

/* Notes that what refused the next datagram before was the error of an earlier
   one. */
static void note_earlier(Queue *queue) {
  if (queue->pending_error == 0) return;
  queue->async_error = queue->pending_error;
  queue->ledger.async_errors++;
  queue->pending_error = 0;
}

/* Notes the success of count messages. */
static void note_sent(Queue *queue, Fifo *fifo, const Outgoing *out,
                      int count) {
  int i;
  note_earlier(queue);
  for (i = 0; i < count; i++) {
    fifo_sent(fifo, out[i].items, out[i].data.iov_len);
    train_passed(&queue->offload, &out[i]);
  }
}

/* Tells what a unix socket waits for whose datagram is refused for a while: its
   own buffer may be full of what nobody has read, or the peer's queue is. A peer
   without a name has no lane. */
static int unix_wait(const Queue *queue, int fd, const Outgoing *out,
                     int error) {
  int full = error == -EAGAIN && system_is_buffer_full(fd);
  if (full && queue->named) return WAIT_TIMER;
  if (route_to(out->route) != NULL || (full && queue->local->peer.length > 0))
    return WAIT_PEER;
  return error == -EAGAIN ? WAIT_WRITABLE : WAIT_TIMER;
}

/* Notes that the first message, one datagram, was refused for good. The error may
   be an earlier one's (ICMP): the kernel's reports tell, but it does not always
   make them, so without one it is tried once more. */
static int note_failure(Queue *queue, Fifo *fifo, int fd, const Outgoing *out,
                        int error) {
  int whose = reports_fill(queue->reports, fd, error);
  if (whose == REPORT_FULL) return WAIT_TURN;
  if (whose == REPORT_EARLIER) return WAIT_NOTHING;
  if (whose == REPORT_OWN) {
    note_earlier(queue);
    reports_keep_own(queue->reports, route_to(out->route));
    fifo_complete_told(fifo, error);
  } else if (queue->pending_error == 0 && !queue->local) {
    queue->pending_error = error;
    return WAIT_NOTHING;
  } else {
    queue->pending_error = 0;
    fifo_complete(fifo, error);
  }
  train_passed(&queue->offload, NULL);
  return WAIT_NOTHING;
}

/* Notes that the first message was refused; returns what it waits for. */
static int note_refusal(Queue *queue, Fifo *fifo, int fd, const Outgoing *out,
                        int error) {
  if (error == -EAGAIN || error == -ENOBUFS) {
    if (queue->local) return unix_wait(queue, fd, out, error);
    return error == -EAGAIN ? WAIT_WRITABLE : WAIT_TIMER;
  }
  if (train_refused(&queue->offload, out, error)) return WAIT_NOTHING;
  return note_failure(queue, fifo, fd, out, error);
}

/* Passes over datagrams that have their completion already. */
static void skip_completed(Queue *queue, Fifo *fifo) {
  Block *block;
  while ((block = fifo_unsent(fifo)) != NULL &&
         block_item(block, block->done)->error != 0) {
    fifo_complete(fifo, 0);
    queue->pending_error = 0;
  }
}

/* Hands a fifo to the kernel; returns what must come to pass before it makes
   sense to try again, WAIT_NOTHING when it is empty. */
int transmit(Queue *queue, Fifo *fifo, int fd) {
  Outgoing out[SYSTEM_MESSAGES];
  int wait = WAIT_NOTHING;
  while (wait == WAIT_NOTHING) {
    int count, sent;
    skip_completed(queue, fifo);
    count = train_collect(fifo, &queue->offload, out,
                          queue->one_message ? 1 : SYSTEM_MESSAGES);
    if (count == 0) break;
    sent = hand_over(fd, out, count);
    if (sent > 0) note_sent(queue, fifo, out, sent);
    else wait = note_refusal(queue, fifo, fd, out, sent);
    queue->one_message = sent < count;
  }
  queue->one_message = 0;
  fifo_tidy(fifo);
  return wait == WAIT_TURN ? WAIT_NOTHING : wait;
}
