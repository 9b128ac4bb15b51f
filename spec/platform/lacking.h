/* SPDX-License-Identifier: MIT */
/*
 * What NetBSD and OpenBSD lack and Linux has: included before system*.c, it makes
 * each use of these an error. `make lint` compiles DGRAM_PORTABLE=2 with it.
 */
#include "../../src/engine/engine.h"

#undef MCAST_JOIN_GROUP
#undef MCAST_LEAVE_GROUP
#undef MCAST_JOIN_SOURCE_GROUP
#undef MCAST_LEAVE_SOURCE_GROUP
#pragma GCC poison group_req group_source_req ip_mreqn
