-- SPDX-License-Identifier: MIT
-- Light threads of a worker, so many, that run what may yield: the jobs of
-- async(), in the order of arrival. More than the backlog are dropped.

local compat = require "dgram.compat"
local log = require "dgram.nginx.log"

local TERM = 1000 -- jobs of a light thread before a new one takes its place

local M = { dropped = 0, closed = false }

local options -- handlers, backlog
local jobs = { first = 1, last = 0 }
local told = 0 -- the dropped jobs that were logged

-- The handlers: busy while they run a job. Only a handler's light thread holds
-- it: one that was ended (by ngx.exit) goes with the next collection.
local pool = setmetatable({}, { __mode = "v" })

--- How many jobs wait.
function M.waiting() return jobs.last - jobs.first + 1 end

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
  if not ok then log.error(err) end
end

-- Serves jobs until the driver has ended. What a cosocket allocates is freed
-- with the light thread, so that after a term a new one takes over.
local work
function work(_, handler)
  local served = 0
  ngx.ctx.dgram = true
  while not M.closed do
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

--- Takes the options `handlers` and `backlog`; jobs may be given from now on.
function M.init(given)
  options = given
  jobs.semaphore = require("ngx.semaphore").new()
end

--- Starts the handlers.
function M.start() fill_pool() end

--- Replaces the handlers that were ended. When the oldest job waits since the
-- last look, they may all have been: a collection shows it.
function M.look_after()
  local oldest = jobs[jobs.first]
  if oldest and oldest == jobs.oldest then collectgarbage() end
  jobs.oldest = oldest
  fill_pool()
end

--- Tells whether no job waits or runs.
function M.all_done() return M.waiting() == 0 and running() == 0 end

--- Logs how many jobs were dropped since it did so last.
function M.tell_dropped()
  local number = M.dropped - told
  if number == 0 then return end
  told = M.dropped
  log.warn("dropped ", number, " jobs: the backlog is ", options.backlog)
end

--- Ends the handlers.
function M.close()
  local number = M.waiting() + running()
  if number > 0 then
    log.warn("discarded ", number, " jobs at the end, ", running(), " of them running")
  end
  M.tell_dropped()
  M.closed = true
  jobs.semaphore:post(options.handlers)
end

--- Runs a function with arguments in one of the light threads, soon.
function M.spawn(handler, ...)
  if M.waiting() >= options.backlog then
    M.dropped = M.dropped + 1
    return
  end
  jobs.last = jobs.last + 1
  jobs[jobs.last] = { handler = handler, n = select("#", ...), ... }
  jobs.semaphore:post(1)
end

return M
