/* SPDX-License-Identifier: MIT */
/*
 * A set of IP address ranges. Single addresses and subnets are ranges too, so
 * one comparison serves all three; IPv4 is compared in its mapped IPv6 form.
 */
#include "engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Makes room for one more range; -ENOMEM when there is none. */
static int ranges_grow(Ranges *list) {
  unsigned room = list->room != 0 ? list->room * 2 : 8;
  Range *range;
  if (list->count < list->room) return 0;
  range = realloc(list->range, room * sizeof *range);
  if (range == NULL) return -ENOMEM;
  list->range = range;
  list->room = room;
  return 0;
}

/* Returns the place of the first range that ends at an address or behind it. */
static unsigned ranges_place(const Ranges *list,
                             const unsigned char bytes[16]) {
  unsigned low = 0, high = list->count;
  while (low < high) {
    unsigned middle = low + (high - low) / 2;
    if (memcmp(list->range[middle].high, bytes, 16) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/* Puts a range in the place of those from one to before another. */
static void ranges_replace(Ranges *list, unsigned from, unsigned to,
                           const Range *range) {
  memmove(list->range + from + 1, list->range + to,
          (list->count - to) * sizeof *range);
  list->range[from] = *range;
  list->count = list->count + 1 - (to - from);
}

/* Widens a range so that another is in it, too. */
static void range_take_in(Range *range, const Range *other) {
  if (memcmp(other->low, range->low, 16) < 0)
    memcpy(range->low, other->low, 16);
  if (memcmp(other->high, range->high, 16) > 0)
    memcpy(range->high, other->high, 16);
}

/* Adds a range, which takes in those that it overlaps; -EINVAL when it ends
   before it begins. */
static int ranges_add(Ranges *list, Range *range) {
  unsigned from, to;
  int status = ranges_grow(list);
  if (status < 0) return status;
  if (memcmp(range->low, range->high, 16) > 0) return -EINVAL;
  from = to = ranges_place(list, range->low);
  while (to < list->count && memcmp(list->range[to].low, range->high, 16) <= 0)
    range_take_in(range, &list->range[to++]);
  ranges_replace(list, from, to, range);
  return 0;
}

/* Tells whether an address is in one of the ranges. */
static int ranges_have(const Ranges *list, const unsigned char bytes[16]) {
  unsigned place = ranges_place(list, bytes);
  return place < list->count && memcmp(list->range[place].low, bytes, 16) <= 0;
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
  int for_v4;
  address_bytes(low, range.low);
  address_bytes(high, range.high);
  for_v4 = is_mapped(range.low) && is_mapped(range.high);
  return ranges_add(for_v4 ? &list->both : &list->v6, &range);
}

/* Blocks a subnet of IP addresses, of prefix bits. */
int blocklist_subnet(BlockList *list, const Address *net, int prefix) {
  Range range;
  int bits = net->name.base.sa_family == AF_INET ? prefix + 96 : prefix;
  int i;
  if (bits < 0 || bits > 128) return -EINVAL;
  address_bytes(net, range.low);
  for (i = 0; i < 16; i++) {
    int kept = bits - 8 * i;
    int mask = kept >= 8 ? 255 : kept <= 0 ? 0 : (255 << (8 - kept)) & 255;
    range.low[i] = (unsigned char)(range.low[i] & mask);
    range.high[i] = (unsigned char)(range.low[i] | (~mask & 255));
  }
  return ranges_add(&list->both, &range);
}

/* Tells whether an address is blocked: a remote host may have that asked as
   often as it likes, so it takes little longer for many rules. */
int blocklist_check(const BlockList *list, const Address *address) {
  unsigned char bytes[16];
  if (list == NULL || !address_bytes(address, bytes)) return 0;
  return ranges_have(&list->both, bytes) ||
         (address->name.base.sa_family != AF_INET &&
          ranges_have(&list->v6, bytes));
}

/* Frees the rules. */
void blocklist_free(BlockList *list) {
  free(list->both.range);
  free(list->v6.range);
  memset(list, 0, sizeof *list);
}
