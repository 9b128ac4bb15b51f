-- SPDX-License-Identifier: MIT
-- Deprecated since 1.0.0: the name that dgram.loop.luv had before.
return require "dgram.loop.luv"
