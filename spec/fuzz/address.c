/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes addresses and block lists: any text, any family. What is read can be
 * written, and reads back as the same address.
 */
#include "engine.h"

#include <assert.h>
#include <string.h>

/* Asserts that an address survives being written and read again. */
static void check_round_trip(const Address *address, int family, int port) {
  char text[ADDRESS_TEXT];
  size_t size = address_text(address, text);
  Address again;
  assert(size <= sizeof text);
  assert(family == AF_UNIX || address_port(address) == port);
  assert(address_parse(&again, family, text, size, port) == 0);
  assert(address_equal(address, &again));
}

/* Adds an address to a list as every kind of rule; then it is blocked. */
static void check_list(const Address *address, int prefix) {
  BlockList list = {0};
  unsigned char bytes[16];
  if (!address_bytes(address, bytes)) return;
  assert(!blocklist_check(&list, address));
  if (blocklist_subnet(&list, address, prefix) == 0)
    assert(blocklist_check(&list, address));
  assert(blocklist_add(&list, address, address) == 0);
  assert(blocklist_check(&list, address));
  blocklist_free(&list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const int families[] = {AF_INET, AF_INET6, AF_UNIX};
  char text[512];
  Address address;
  int family, literal, port, status;
  unsigned index;
  if (size < 4 || size - 4 >= sizeof text) return 0;
  family = families[data[0] % 3];
  port = data[1] << 8 | data[2];
  memcpy(text, data + 4, size - 4);
  text[size - 4] = '\0';
  literal = address_literal(text);
  status = address_parse(&address, family, text, size - 4, port);
  if (status == 0) {
    check_round_trip(&address, family, port);
    check_list(&address, (signed char)data[3]);
    if (family == AF_INET) assert(literal == 4);
    if (family == AF_INET6) assert(literal == 6);
  } else if (strlen(text) == size - 4 && strchr(text, '%') == NULL) {
    assert(literal != 4 || family != AF_INET);
    assert(literal != 6 || family != AF_INET6);
  }
  if (family != AF_UNIX && (data[3] & 15) == 0)
    multicast_interface(text, family, &index);
  return 0;
}
