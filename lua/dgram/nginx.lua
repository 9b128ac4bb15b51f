-- SPDX-License-Identifier: MIT
-- Drives luv's loop inside an nginx worker: OpenResty, or nginx with ngx_lua.
-- A light thread turns the loop and waits in between, on a thread of nginx's
-- thread pool, until a descriptor is ready. docs/embedding.md has the traps.
--
--   thread_pool dgram threads=1;             # beside `events { }`
--   init_worker_by_lua_block {
--     require("dgram.nginx").start(function() ... make sockets ... end)
--   }

local check = require "dgram.check"
local core = require "dgram.core"
local handlers = require "dgram.nginx.handlers"
local log = require "dgram.nginx.log"
local loop = require "dgram.loop.luv"
local misuse = require "dgram.nginx.misuse"
local requests = require "dgram.nginx.requests"
local schedulers = require "dgram.scheduler"

local new_adapter = loop.luv

local M = {}

local READABLE = 1
local DISCARD = 9   -- a port from which nobody sends
local SLICE = 250   -- milliseconds of one wait: TERM waits for its end
local POLLING = 0.005 -- seconds between turns without a thread pool
local PAUSE = 1     -- seconds until it looks for a thread pool again
local STAY = 0.25   -- seconds more than nginx gives new workers to begin in
local MOST = 100    -- turns that what has arrived may take then
local FOREVER = 1e6 -- seconds until the timer that hears of nginx's end
local TICK = 1      -- seconds between looks at the light threads
local MISSED = 3    -- such seconds without a turn: the driver has ended
local LOOK = 5      -- such seconds between looks for what ended requests have left

-- The options of start().
local KNOWN = { setup = true, thread_pool = true, handlers = true, backlog = true,
  grace = true }

local options -- what start() was given; nil: not started
local adapter -- luv's, as soon as the driver runs
local wake    -- ends the driver's wait
local turning -- the loop is being turned: nobody needs to be woken
local quitting
local watching -- a semaphore: ends the wait of the light thread that watches

local turns = 0 -- of the loop
local polling   -- since when there is no thread to wait on; false: there is

-- ------------------------------------------------ light threads that wait

-- The phases whose light threads can wait.
local PATIENT = {
  rewrite = true, access = true, content = true, timer = true, preread = true,
  server_rewrite = true, ssl_cert = true, ssl_session_fetch = true,
  ssl_client_hello = true,
}

local driver -- the coroutine of the driver

-- Tells whether the running light thread can wait; false and why if not.
local function can_wait()
  if turning then return false, log.NO_YIELD:sub(1, -3) end
  if coroutine.running() == driver then
    return false, "setup() cannot wait: call what dgram.async(fn) returns"
  end
  local phase = ngx.get_phase()
  return PATIENT[phase] or false, "nothing can wait in the phase " .. phase
end

local suspended = {} -- the waits, until their light threads go on

-- Lets a light thread wait on a semaphore.
local function suspend(wait)
  wait.host = require("ngx.semaphore").new()
  suspended[wait] = true
  repeat wait.host:wait(FOREVER) until wait.resumed
  suspended[wait] = nil
end

-- Ends such a wait.
local function resume(wait) wait.host:post(1) end

-- Tells whether the light thread is still there: nginx ends those of a request
-- whose client has gone.
local function still_waits(wait)
  return wait.host and wait.host:count() < 0
end

-- Ends the waits whose light threads nginx has ended: in a socket's queue, as a
-- listener or as a timer each would stay, and a client may cause as many as it likes.
local function abandon_ended()
  local list = {}
  for wait in pairs(suspended) do
    if not wait:alive() then list[#list + 1] = wait end
  end
  for _, wait in ipairs(list) do
    suspended[wait] = nil
    wait:abandon()
  end
end

-- ---------------------------------------------------------------- the driver

-- Keeps an error from luv, which would end the worker.
local function protect(callback)
  return function(a, b)
    local ok, err = pcall(callback, a, b)
    if not ok then log.error(err) end
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
  luv.stop = nil -- nginx runs it
  luv.running, luv.suspend, luv.resume = can_wait, suspend, resume
  luv.waits, luv.spawn = still_waits, handlers.spawn
  return luv
end

-- Makes the scheduler of the driver's loop, which notes sockets of requests, and
-- their iterators.
local function new_scheduler()
  local scheduler = schedulers.of(adapter)
  local keep = scheduler.keep
  function scheduler.begun(_, iterator)
    if not turning then requests.note(iterator) end
  end
  function scheduler:keep(socket)
    if not turning then requests.note(socket) end
    keep(self, socket)
  end
  schedulers.current = adapter
end

-- Turns the loop without waiting. A listener that tried to yield has raised,
-- but nginx would still resume us for it, amid the next wait: a yield ends what
-- coroutines have begun, ngx.sleep what its light thread waits for.
local function turn()
  local errors = log.errors
  turns = turns + 1
  turning = true
  local ok, err = pcall(adapter.run, "nowait")
  turning = false
  if not ok then log.error(err) end
  requests.close_ended()
  coroutine.yield()
  if log.errors ~= errors then ngx.sleep(0.001) end
end

-- Notes that there is no thread to wait on; says so the first time.
local function fall_back(why)
  if not polling then
    local remedy = ngx.run_worker_thread and ": add `thread_pool "
      .. options.thread_pool .. " threads=1;` to nginx.conf" or ""
    log.warn(why, "; looking for datagrams every ", POLLING * 1000, " ms", remedy)
  end
  polling = ngx.now()
end

-- Waits on a thread; returns false when there is none.
local function wait_on_thread(patience)
  if polling and ngx.now() - polling < PAUSE then return false end
  local ok, why = false, "this ngx_lua has no ngx.run_worker_thread"
  if ngx.run_worker_thread then
    ok, why = ngx.run_worker_thread(options.thread_pool, "dgram.core", "poll",
      { [adapter.descriptor()] = READABLE }, patience)
  end
  if ok then polling = false else fall_back(why) end
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
  local last = ngx.now() + options.grace
  while not condition() and ngx.now() < last do
    turn()
    if not condition() then wait() end
  end
end

-- Delivers what has arrived.
local function drain()
  local fds, last = { [adapter.descriptor()] = READABLE }, turns + MOST
  repeat
    turn()
  until turns == last or not next(core.poll(fds, 0) or {})
end

-- Takes the sockets that share a port out of its group: one that has a peer
-- hears this peer alone, and the kernel gives all others to the next workers.
-- What it has already is read afterwards, so that nothing is lost in between.
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

-- The sockets that have a descriptor.
local function open_sockets()
  return adapter.scheduler and adapter.scheduler.sockets or {}
end

-- Ends the handlers and the light thread that watches them.
local function close_handlers()
  handlers.close()
  watching:post(1)
end

-- Serves until the next workers have had time to bind, lets the handlers
-- answer, delivers what has arrived, and closes the sockets.
local function finish()
  local sockets, stay = open_sockets(), ngx.now() + STAY
  collectgarbage() -- no handler that was ended is waited for
  turn_until(function() return ngx.now() > stay and handlers.all_done() end)
  drain()
  withdraw(sockets)
  drain()
  turn_until(handlers.all_done)
  close_all(sockets)
  turn_until(function() return next(sockets) == nil end)
  close_handlers()
end

-- Ends this worker, whose driver has ended; nginx starts another. The loop is
-- not turned any more: its listeners belong to a light thread that is gone.
local function give_up()
  ngx.log(ngx.ALERT, "dgram: the driver's light thread has ended, as by ",
    "ngx.exit in a listener; this worker quits, nginx starts another")
  close_all(open_sockets())
  close_handlers()
  require("ngx.process").signal_graceful_exit()
end

-- Has found now and then what requests that have ended left: their waits, and by a
-- collection their sockets, while any has some.
local function look_for_ended(ticks)
  if ticks % LOOK ~= 0 then return end
  if next(suspended) then adapter.soon(abandon_ended) end
  if requests.have_sockets() then collectgarbage() end
end

-- Looks after the light threads until the driver has finished.
local function watch()
  local seen, missed, ticks = nil, 0, 0
  while not handlers.closed do
    watching:wait(TICK)
    missed = turns == seen and missed + 1 or 0
    seen = turns
    if missed >= MISSED and not handlers.closed then return give_up() end
    ticks = ticks + 1
    handlers.tell_dropped()
    handlers.look_after()
    look_for_ended(ticks)
  end
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
  ngx.ctx.dgram = true
  driver = coroutine.running()
  adapter = adapt(new_adapter())
  wake = adapter.waker()
  new_scheduler()
  handlers.start()
  local ok, err = pcall(options.setup)
  if not ok then log.error(err) end
  ngx.timer.at(0, watch)
  while not (quitting or ngx.worker.exiting()) do
    turn()
    wait()
  end
  finish()
end

-- Why there can be no socket here yet.
local function refusal()
  if options then return "make sockets in the function given to start()" end
  if ngx.get_phase() == "init" then
    return "no sockets in init_by_lua, which runs before there are workers: "
      .. "make them in the function given to start(), in init_worker_by_lua"
  end
  return "no driver runs here: call require('dgram.nginx').start() in "
    .. "init_worker_by_lua, with lua_code_cache on"
end

-- Refuses sockets before the driver runs: nobody would turn their loop, and luv
-- would be loaded in a context of nginx that ends.
function loop.luv()
  if not adapter then error("dgram.nginx: " .. refusal(), 0) end
  return adapter
end

misuse.forbid(function() return turning end)

--- Starts the driver of this worker; to be called in init_worker_by_lua.
-- @tparam function|table setup makes the sockets; or the options setup,
--   thread_pool ("dgram"), handlers (16 light threads), backlog (4096 jobs that
--   may wait for them; more are dropped), grace (0.5 seconds that they have to
--   end in when nginx quits)
function M.start(setup)
  local phase = ngx.get_phase()
  assert(phase == "init_worker" or phase == "timer",
    "start() in init_worker_by_lua or a timer")
  assert(not options, "the driver was started before")
  local given = type(setup) == "table" and setup or { setup = setup }
  check.known_options(given, KNOWN)
  options = {
    setup = given.setup or function() end,
    thread_pool = given.thread_pool or "dgram",
    handlers = given.handlers or 16,
    backlog = given.backlog or 4096,
    grace = given.grace or 0.5,
  }
  handlers.init(options)
  watching = require("ngx.semaphore").new()
  assert(ngx.timer.at(0, drive))
  assert(ngx.timer.at(FOREVER, watch_for_quit))
end

--- Turns a handler that may yield (ngx.sleep, cosockets) into a listener: it is
-- run by one of the driver's light threads, in the order of arrival.
-- @tparam function handler called with the arguments of the listener
-- @treturn function a listener or callback
function M.async(handler)
  return function(...) handlers.spawn(handler, ...) end
end

--- Lets a socket that was made in a request outlive it, or an iterator of dgram.on.
-- @return the socket
function M.keep(socket)
  return requests.keep(socket)
end

--- Wakes the driver. Sockets do so; who starts luv's handles elsewhere must.
function M.wake()
  if wake and not turning then wake() end
end

--- Returns counters: errors (raised by listeners and handlers), dropped (jobs
-- beyond the backlog), waiting (jobs), polling (true without a thread pool).
function M.stats()
  return {
    errors = log.errors,
    dropped = handlers.dropped,
    waiting = handlers.waiting(),
    polling = polling and true or false,
  }
end

return M
