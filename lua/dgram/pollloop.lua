-- SPDX-License-Identifier: MIT
-- The name that dgram.loop.poll had before; it goes on working for one release.
return require "dgram.loop.poll"
