-- SPDX-License-Identifier: MIT
-- Deprecated since 1.0.0: the name that dgram.loop.poll had before.
return require "dgram.loop.poll"
