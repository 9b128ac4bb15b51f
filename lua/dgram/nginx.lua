-- SPDX-License-Identifier: MIT
-- Drives luv's loop inside an nginx worker: OpenResty, or nginx with ngx_lua.
-- A light thread turns the loop and waits in between, on a thread of nginx's
-- thread pool, until a descriptor is ready. docs/embedding.md has the traps.
--
--   thread_pool dgram threads=1;             # beside `events { }`
--   init_worker_by_lua_block {
--     require("dgram.nginx").start(function() ... make sockets ... end)
--   }

local core = require "dgram.core"
local loop = require "dgram.loop.luv"

local M = {}

local READABLE = 1
local DISCARD = 9   -- a port from which nobody sends
local SLICE = 250   -- milliseconds of one wait: TERM waits for its end
local POLLING = 0.005 -- seconds between turns without a thread pool
local PAUSE = 1     -- seconds until it looks for a thread pool again
local GRACE = 0.5   -- seconds that handlers have to end in when nginx quits
local MOST = 100    -- turns that what has arrived may take then
local TERM = 1000   -- jobs of a light thread before a new one takes its place
local FOREVER = 1e6 -- seconds until the timer that hears of nginx's end

local options -- what start() was given; nil: not started
local adapter -- luv's, as soon as the driver runs
local wake    -- ends the driver's wait
local turning -- the loop is being turned: nobody needs to be woken
local quitting

local counts = { errors = 0, dropped = 0, polling = false }

-- Logs an error; nobody else hears of it.
local function log_error(err)
  local text = tostring(err)
  if text:find("attempt to yield", 1, true) then
    text = "a listener must not yield: wrap it in dgram.nginx's async(); " .. text
  end
  counts.errors = counts.errors + 1
  ngx.log(ngx.ERR, "dgram: ", text)
end

-- ------------------------------------------------- handlers that may yield

local jobs = { first = 1, last = 0, busy = 0 }

-- Takes the oldest job, nil when there is none.
local function take()
  local job = jobs[jobs.first]
  if not job then return nil end
  jobs[jobs.first] = nil
  jobs.first = jobs.first + 1
  return job
end

-- Runs a job.
local function serve(job)
  jobs.busy = jobs.busy + 1
  local ok, err = pcall(job.handler, job[1], job[2], job[3])
  jobs.busy = jobs.busy - 1
  if not ok then log_error(err) end
end

-- Serves jobs until the driver has ended. What a cosocket allocates is freed
-- with the light thread, so that after a term a new one takes over.
local work
function work()
  local served = 0
  while not jobs.closed do
    local job = take()
    if job then
      serve(job)
      served = served + 1
      if served >= TERM and ngx.timer.at(0, work) then return end
    else
      jobs.semaphore:wait(60)
    end
  end
end

-- Tells whether no job waits or runs.
local function all_done() return jobs.busy == 0 and not jobs[jobs.first] end

--- Turns a handler that may yield (ngx.sleep, cosockets) into a listener: it is
-- run by one of the driver's light threads, in the order of arrival.
-- @tparam function handler called with up to three arguments
-- @treturn function a listener or callback
function M.async(handler)
  return function(a, b, c)
    if jobs.last - jobs.first + 1 >= options.backlog then
      counts.dropped = counts.dropped + 1
      return
    end
    jobs.last = jobs.last + 1
    jobs[jobs.last] = { handler = handler, a, b, c }
    jobs.semaphore:post(1)
  end
end

-- ---------------------------------------------------------------- the driver

-- Keeps an error from luv, which would end the worker.
local function protect(callback)
  return function(a, b)
    local ok, err = pcall(callback, a, b)
    if not ok then log_error(err) end
  end
end

-- Lets a handle that is started outside the driver's turn wake the driver.
local function waking(handle)
  local start = handle.start
  function handle.start(...)
    start(...)
    if not turning then wake() end
  end
  return handle
end

-- Makes luv's adapter one for this driver.
local function adapt(luv)
  local poll, idle, timer = luv.poll, luv.idle, luv.timer
  function luv.poll(fd, callback)
    local handle, code = poll(fd, protect(callback))
    return handle and waking(handle), code
  end
  function luv.idle(callback) return waking(idle(protect(callback))) end
  function luv.timer(callback) return waking(timer(protect(callback))) end
  return luv
end

-- Turns the loop without waiting. A listener that tried to yield has raised, but
-- nginx would still resume us for it, in the midst of the next wait: ngx.sleep
-- drops what its light thread waits for.
local function turn()
  local errors = counts.errors
  turning = true
  local ok, err = pcall(adapter.run, "nowait")
  turning = false
  if not ok then log_error(err) end
  if counts.errors ~= errors then ngx.sleep(0.001) end
end

-- Notes that there is no thread to wait on; says so the first time.
local function fall_back(why)
  if not counts.polling then
    ngx.log(ngx.WARN, "dgram: ", why, "; looking for datagrams every ",
      POLLING * 1000, " ms: add `thread_pool ", options.thread_pool,
      " threads=1;` to nginx.conf")
  end
  counts.polling = ngx.now()
end

-- Waits on a thread; returns false when there is none.
local function wait_on_thread(patience)
  if counts.polling and ngx.now() - counts.polling < PAUSE then return false end
  local ok, why = false, "this ngx_lua has no ngx.run_worker_thread"
  if ngx.run_worker_thread then
    ok, why = ngx.run_worker_thread(options.thread_pool, "dgram.core", "poll",
      { [adapter.descriptor()] = READABLE }, patience)
  end
  if ok then counts.polling = false else fall_back(why) end
  return ok
end

-- Waits until the loop has something to do, or for a slice of time.
local function wait()
  local patience = adapter.patience()
  if patience < 0 or patience > SLICE then patience = SLICE end
  if wait_on_thread(patience) then return end
  ngx.sleep(math.min(POLLING, math.max(patience, 1) / 1000))
end

-- Turns the loop until a condition holds, for the time of grace at most.
local function turn_until(condition)
  local last = ngx.now() + GRACE
  while not condition() and ngx.now() < last do
    turn()
    if not condition() then wait() end
  end
end

-- Delivers what has arrived.
local function drain()
  local fds, turns = { [adapter.descriptor()] = READABLE }, 0
  repeat
    turn()
    turns = turns + 1
  until turns == MOST or not next(core.poll(fds, 0) or {})
end

-- Takes the sockets that share a port out of its group: one that has a peer hears
-- this peer alone, and the kernel gives all others to the next workers. What it
-- has already is read afterwards, so that nothing is lost in between.
local function withdraw(sockets)
  for socket in pairs(sockets) do
    local address = socket._options.reusePort and socket[core.FIELD]:name()
    if address then socket[core.FIELD]:connect(address, DISCARD) end
  end
end

-- Closes the sockets.
local function close_all(sockets)
  local list = {}
  for socket in pairs(sockets) do list[#list + 1] = socket end
  for _, socket in ipairs(list) do pcall(socket.close, socket) end
end

-- Delivers what has arrived, closes the sockets and lets the handlers end.
local function finish()
  local sockets = adapter.scheduler and adapter.scheduler.sockets or {}
  drain()
  turn_until(all_done)
  drain()
  withdraw(sockets)
  drain()
  close_all(sockets)
  turn_until(function() return all_done() and next(sockets) == nil end)
  jobs.closed = true
  jobs.semaphore:post(options.handlers)
end

-- Hears that nginx quits: its pending timers are called at once then.
local function watch_for_quit(premature)
  if not premature then return ngx.timer.at(FOREVER, watch_for_quit) end
  quitting = true
  if wake then wake() end
end

-- Runs as long as the worker.
local function drive(premature)
  if premature then return end
  adapter = adapt(options.luv())
  wake = adapter.waker()
  for _ = 1, options.handlers do ngx.timer.at(0, work) end
  local ok, err = pcall(options.setup)
  if not ok then log_error(err) end
  while not (quitting or ngx.worker.exiting()) do
    turn()
    wait()
  end
  finish()
end

-- Refuses sockets that are made before the driver runs: luv would be loaded
-- in a context of nginx that ends.
local function hold_back()
  options.luv = loop.luv
  function loop.luv()
    if not adapter then
      error("dgram.nginx: make sockets in the function given to start()", 0)
    end
    return adapter
  end
end

--- Starts the driver of this worker; to be called in init_worker_by_lua.
-- @tparam function|table setup makes the sockets; or the options setup,
--   thread_pool ("dgram"), handlers (16 light threads), backlog (4096 jobs that
--   may wait for them; more are dropped)
function M.start(setup)
  assert(ngx.get_phase() == "init_worker", "start() in init_worker_by_lua")
  assert(not options, "the driver was started before")
  local given = type(setup) == "table" and setup or { setup = setup }
  options = {
    setup = given.setup or function() end,
    thread_pool = given.thread_pool or "dgram",
    handlers = given.handlers or 16,
    backlog = given.backlog or 4096,
  }
  jobs.semaphore = require("ngx.semaphore").new()
  hold_back()
  assert(ngx.timer.at(0, drive))
  assert(ngx.timer.at(FOREVER, watch_for_quit))
end

--- Wakes the driver. Sockets do so; who starts luv's handles elsewhere must.
function M.wake()
  if wake and not turning then wake() end
end

--- Returns counters: errors (raised by listeners and handlers), dropped (jobs
-- beyond the backlog), waiting (jobs), polling (true without a thread pool).
function M.stats()
  return {
    errors = counts.errors,
    dropped = counts.dropped,
    waiting = jobs.last - jobs.first + 1,
    polling = counts.polling and true or false,
  }
end

return M
