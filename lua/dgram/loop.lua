-- SPDX-License-Identifier: MIT
-- The name that dgram.loop.luv had before 1.0; it goes with 2.0.
return require "dgram.loop.luv"
