-- SPDX-License-Identifier: MIT
-- Drives luv's loop inside an nginx worker: OpenResty, or nginx with ngx_lua.
-- A light thread turns the loop and waits in between, on a thread of nginx's
-- thread pool, until a descriptor is ready. docs/embedding.md has the traps.
--
--   thread_pool dgram threads=1;             # beside `events { }`
--   init_worker_by_lua_block {
--     require("dgram.nginx").start(function() ... make sockets ... end)
--   }

local compat = require "dgram.compat"
local core = require "dgram.core"
local loop = require "dgram.loop.luv"
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
local TERM = 1000   -- jobs of a light thread before a new one takes its place
local FOREVER = 1e6 -- seconds until the timer that hears of nginx's end
local TICK = 1      -- seconds between looks at the light threads
local MISSED = 3    -- such seconds without a turn: the driver has ended
local LOOK = 5      -- such seconds between collections that show requests that ended

local options -- what start() was given; nil: not started
local adapter -- luv's, as soon as the driver runs
local wake    -- ends the driver's wait
local turning -- the loop is being turned: nobody needs to be woken
local quitting
local watching -- a semaphore: ends the wait of the light thread that watches

local counts = { errors = 0, dropped = 0, told = 0, turns = 0, polling = false }

local NO_YIELD = "a listener must not yield: wrap it in dgram.nginx's async(); "

-- Logs an error; nobody else hears of it.
local function log_error(err)
  local text = tostring(err)
  if text:find("attempt to yield", 1, true) then text = NO_YIELD .. text end
  counts.errors = counts.errors + 1
  ngx.log(ngx.ERR, "dgram: ", text)
end

-- ------------------------------------------------- handlers that may yield

local jobs = { first = 1, last = 0 }

-- The handlers: busy while they run a job. Only a handler's light thread holds
-- it: one that was ended (by ngx.exit) goes with the next collection.
local pool = setmetatable({}, { __mode = "v" })

-- How many jobs wait.
local function waiting() return jobs.last - jobs.first + 1 end

-- How many jobs run.
local function running()
  local count = 0
  for i = 1, options.handlers do
    if pool[i] and pool[i].busy then count = count + 1 end
  end
  return count
end

-- Takes the oldest job, nil when there is none.
local function take()
  local job = jobs[jobs.first]
  if not job then return nil end
  jobs[jobs.first] = nil
  jobs.first = jobs.first + 1
  return job
end

-- Runs a job.
local function serve(job, handler)
  handler.busy = true
  local ok, err = pcall(job.handler, compat.unpack(job, 1, job.n))
  handler.busy = false
  if not ok then log_error(err) end
end

-- Serves jobs until the driver has ended. What a cosocket allocates is freed
-- with the light thread, so that after a term a new one takes over.
local work
function work(_, handler)
  local served = 0
  ngx.ctx.dgram = true
  while not jobs.closed do
    local job = take()
    if job then
      serve(job, handler)
      served = served + 1
      if served >= TERM and ngx.timer.at(0, work, handler) then return end
    else
      jobs.semaphore:wait(60)
    end
  end
end

-- Starts handlers in place of those that are missing.
local function fill_pool()
  for i = 1, options.handlers do
    local handler = not pool[i] and {}
    if handler and ngx.timer.at(0, work, handler) then pool[i] = handler end
  end
end

-- Replaces the handlers that were ended. When the oldest job waits since the
-- last look, they may all have been: a collection shows it.
local function look_after_pool()
  local oldest = jobs[jobs.first]
  if oldest and oldest == jobs.oldest then collectgarbage() end
  jobs.oldest = oldest
  fill_pool()
end

-- Tells whether no job waits or runs.
local function all_done() return waiting() == 0 and running() == 0 end

-- Logs how many jobs were dropped since it did so last.
local function tell_dropped()
  local number = counts.dropped - counts.told
  if number == 0 then return end
  counts.told = counts.dropped
  ngx.log(ngx.WARN, "dgram: dropped ", number, " jobs: the backlog is ",
    options.backlog)
end

-- Ends the handlers and the light thread that watches them.
local function close_jobs()
  local number = waiting() + running()
  if number > 0 then
    ngx.log(ngx.WARN, "dgram: discarded ", number, " jobs at the end, ",
      running(), " of them running")
  end
  tell_dropped()
  jobs.closed = true
  jobs.semaphore:post(options.handlers)
  watching:post(1)
end

-- Runs a handler with arguments in one of the driver's light threads, soon.
local function spawn(handler, ...)
  if waiting() >= options.backlog then
    counts.dropped = counts.dropped + 1
    return
  end
  jobs.last = jobs.last + 1
  jobs[jobs.last] = { handler = handler, n = select("#", ...), ... }
  jobs.semaphore:post(1)
end

--- Turns a handler that may yield (ngx.sleep, cosockets) into a listener: it is
-- run by one of the driver's light threads, in the order of arrival.
-- @tparam function handler called with the arguments of the listener
-- @treturn function a listener or callback
function M.async(handler)
  return function(...) spawn(handler, ...) end
end

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
  if turning then return false, NO_YIELD:sub(1, -3) end
  if coroutine.running() == driver then
    return false, "setup() cannot wait: call what dgram.async(fn) returns"
  end
  local phase = ngx.get_phase()
  return PATIENT[phase] or false, "nothing can wait in the phase " .. phase
end

-- Lets a light thread wait on a semaphore.
local function suspend(wait)
  wait.host = require("ngx.semaphore").new()
  repeat wait.host:wait(FOREVER) until wait.resumed
end

-- Ends such a wait.
local function resume(wait) wait.host:post(1) end

-- Tells whether the light thread is still there: nginx ends those of a request
-- whose client has gone.
local function still_waits(wait) return wait.host:count() < 0 end

-- ------------------------------------------------------ sockets of requests

-- The phases that are a request's.
local REQUEST = {
  rewrite = true, access = true, content = true, server_rewrite = true,
  header_filter = true, body_filter = true, balancer = true,
}

local ended = {}  -- the sockets of requests that have ended, table by table
local owners = setmetatable({}, { __mode = "k" }) -- the table a socket is in

-- Makes the table of a request's sockets. What is collected with the request's
-- ngx.ctx passes it on.
local function sockets_of(context)
  local owned = context.dgram_sockets
  if owned then return owned.sockets end
  owned = { sockets = setmetatable({}, { __mode = "k" }), guard = newproxy(true) }
  getmetatable(owned.guard).__gc = function() ended[#ended + 1] = owned.sockets end
  context.dgram_sockets = owned
  return owned.sockets
end

-- Notes a socket that a request has opened.
local function belong(socket)
  if turning or owners[socket] ~= nil or not REQUEST[ngx.get_phase()] then return end
  owners[socket] = sockets_of(ngx.ctx)
  owners[socket][socket] = true
end

-- Closes what requests that have ended left open.
local function close_ended()
  local count = 0
  while ended[1] do
    for socket in pairs(table.remove(ended)) do
      if not socket._closed then
        count = count + 1
        socket:close()
      end
    end
  end
  if count > 0 then
    ngx.log(ngx.WARN, "dgram: closed ", count, " sockets that requests had left ",
      "open: close them there, or keep() them")
  end
end

-- Tells whether requests have open sockets.
local function has_owned()
  for socket in pairs(owners) do
    if owners[socket] and not socket._closed then return true end
  end
end

--- Lets a socket that was made in a request outlive it.
-- @return the socket
function M.keep(socket)
  if owners[socket] then owners[socket][socket] = nil end
  owners[socket] = false
  return socket
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
  luv.stop = nil -- nginx runs it
  luv.running, luv.suspend, luv.resume = can_wait, suspend, resume
  luv.waits, luv.spawn = still_waits, spawn
  return luv
end

-- Makes the scheduler of the driver's loop, which notes sockets of requests.
local function new_scheduler()
  local scheduler = schedulers.of(adapter)
  local keep = scheduler.keep
  function scheduler:keep(socket)
    belong(socket)
    keep(self, socket)
  end
  schedulers.current = adapter
end

-- Turns the loop without waiting. A listener that tried to yield has raised,
-- but nginx would still resume us for it, amid the next wait: a yield ends what
-- coroutines have begun, ngx.sleep what its light thread waits for.
local function turn()
  local errors = counts.errors
  counts.turns = counts.turns + 1
  turning = true
  local ok, err = pcall(adapter.run, "nowait")
  turning = false
  if not ok then log_error(err) end
  close_ended()
  coroutine.yield()
  if counts.errors ~= errors then ngx.sleep(0.001) end
end

-- Notes that there is no thread to wait on; says so the first time.
local function fall_back(why)
  if not counts.polling then
    local remedy = ngx.run_worker_thread and ": add `thread_pool "
      .. options.thread_pool .. " threads=1;` to nginx.conf" or ""
    ngx.log(ngx.WARN, "dgram: ", why, "; looking for datagrams every ",
      POLLING * 1000, " ms", remedy)
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
  local last = ngx.now() + options.grace
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

-- Serves until the next workers have had time to bind, lets the handlers
-- answer, delivers what has arrived, and closes the sockets.
local function finish()
  local sockets, stay = open_sockets(), ngx.now() + STAY
  collectgarbage() -- no handler that was ended is waited for
  turn_until(function() return ngx.now() > stay and all_done() end)
  drain()
  withdraw(sockets)
  drain()
  turn_until(all_done)
  close_all(sockets)
  turn_until(function() return next(sockets) == nil end)
  close_jobs()
end

-- Ends this worker, whose driver has ended; nginx starts another. The loop is
-- not turned any more: its listeners belong to a light thread that is gone.
local function give_up()
  ngx.log(ngx.ALERT, "dgram: the driver's light thread has ended, as by ",
    "ngx.exit in a listener; this worker quits, nginx starts another")
  close_all(open_sockets())
  close_jobs()
  require("ngx.process").signal_graceful_exit()
end

-- Has requests that have ended found, now and then, while any has sockets.
local function look_for_ended(ticks)
  if ticks % LOOK == 0 and has_owned() then collectgarbage() end
end

-- Looks after the light threads until the driver has finished.
local function watch()
  local seen, missed, ticks = nil, 0, 0
  while not jobs.closed do
    watching:wait(TICK)
    missed = counts.turns == seen and missed + 1 or 0
    seen = counts.turns
    if missed >= MISSED and not jobs.closed then return give_up() end
    ticks = ticks + 1
    tell_dropped()
    look_after_pool()
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
  fill_pool()
  local ok, err = pcall(options.setup)
  if not ok then log_error(err) end
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

-- Lets functions that yield raise while the loop is turned.
local function forbid_yields(library, ...)
  for _, name in ipairs { ... } do
    local original = library[name]
    library[name] = original and function(...)
      if turning then error(NO_YIELD .. name, 2) end
      return original(...)
    end
  end
end

-- Lets ngx.exit raise where it would end the driver or a handler.
local function forbid_exit()
  local exit = ngx.exit
  function ngx.exit(...)
    if turning or ngx.get_phase() == "timer" and ngx.ctx.dgram then
      error("ngx.exit would end a light thread of dgram.nginx: return", 2)
    end
    return exit(...)
  end
end

-- Gives listeners Lua's own coroutines: nginx's belong to a light thread, and
-- are resumed by nginx.
local function change_coroutines()
  for _, name in ipairs { "create", "resume", "status", "wrap", "yield" } do
    local theirs, own = coroutine[name], coroutine["_" .. name]
    coroutine[name] = own and function(...)
      if turning then return own(...) end
      return theirs(...)
    end or theirs
  end
end

forbid_yields(ngx, "sleep", "run_worker_thread")
forbid_yields(ngx.thread, "spawn", "wait")
forbid_yields(ngx.socket, "connect", "stream", "tcp")
forbid_exit()
change_coroutines()

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
  options = {
    setup = given.setup or function() end,
    thread_pool = given.thread_pool or "dgram",
    handlers = given.handlers or 16,
    backlog = given.backlog or 4096,
    grace = given.grace or 0.5,
  }
  jobs.semaphore = require("ngx.semaphore").new()
  watching = require("ngx.semaphore").new()
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
    waiting = waiting(),
    polling = counts.polling and true or false,
  }
end

return M
