/* SPDX-License-Identifier: MIT */
/*
 * A set of IP address ranges. Single addresses and subnets are ranges too, so
 * one comparison serves all three; IPv4 is compared in its mapped IPv6 form.
 */
#include "engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Makes room for one more rule; -ENOMEM when there is none. */
static int blocklist_grow(BlockList *list) {
  unsigned room = list->room != 0 ? list->room * 2 : 8;
  Range *range;
  if (list->count < list->room) return 0;
  range = realloc(list->range, room * sizeof *range);
  if (range == NULL) return -ENOMEM;
  list->range = range;
  list->room = room;
  return 0;
}

/* Adds a finished range; -EINVAL when it ends before it begins. */
static int blocklist_append(BlockList *list, const Range *range) {
  int status = blocklist_grow(list);
  if (status < 0) return status;
  if (memcmp(range->low, range->high, 16) > 0) return -EINVAL;
  list->range[list->count++] = *range;
  return 0;
}

/* Tells whether the bytes are those of an IPv4 address. */
static int is_mapped(const unsigned char bytes[16]) {
  static const unsigned char prefix[12] = {[10] = 255, [11] = 255};
  return memcmp(bytes, prefix, sizeof prefix) == 0;
}

/* Blocks every IP address from low to high; IPv4 addresses are in the range
   only if both its ends stand for one (as in Node). */
int blocklist_add(BlockList *list, const Address *low, const Address *high) {
  Range range;
  address_bytes(low, range.low);
  address_bytes(high, range.high);
  range.for_v4 = is_mapped(range.low) && is_mapped(range.high);
  return blocklist_append(list, &range);
}

/* Blocks a subnet of IP addresses, of prefix bits. */
int blocklist_subnet(BlockList *list, const Address *net, int prefix) {
  Range range;
  int bits = net->name.base.sa_family == AF_INET ? prefix + 96 : prefix;
  int i;
  if (bits < 0 || bits > 128) return -EINVAL;
  address_bytes(net, range.low);
  range.for_v4 = 1;
  for (i = 0; i < 16; i++) {
    int kept = bits - 8 * i;
    int mask = kept >= 8 ? 255 : kept <= 0 ? 0 : (255 << (8 - kept)) & 255;
    range.low[i] = (unsigned char)(range.low[i] & mask);
    range.high[i] = (unsigned char)(range.low[i] | (~mask & 255));
  }
  return blocklist_append(list, &range);
}

/* Tells whether an address is blocked. */
int blocklist_check(const BlockList *list, const Address *address) {
  unsigned char bytes[16];
  unsigned i;
  int v4;
  if (list == NULL || !address_bytes(address, bytes)) return 0;
  v4 = address->name.base.sa_family == AF_INET;
  for (i = 0; i < list->count; i++) {
    const Range *range = &list->range[i];
    if (memcmp(bytes, range->low, 16) >= 0 &&
        memcmp(bytes, range->high, 16) <= 0 && (range->for_v4 || !v4))
      return 1;
  }
  return 0;
}

/* Frees the rules. */
void blocklist_free(BlockList *list) {
  free(list->range);
  list->range = NULL;
  list->count = list->room = 0;
}
