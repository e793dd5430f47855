-- Runs trials, one after the other or several at a time, each in a process of its own. A trial that is done is not run again; one that was
-- interrupted continues. Ctrl-C, or SIGTERM, is passed on to the trials, which save; the same call continues them.
local core = require "yolua.core"
local trial = require "yolua.sweep.trial"
local process = core.process

local runner = {}

local REST = 0.05 -- seconds between two looks

local function label(r, t)
  return ("trial %d of %d%s, %s"):format(t.number, r.count, t.name and (" (%s)"):format(t.name) or "", t.hash)
end

local function size_of(path) return #(core.system.try_read(path) or "") end

local function start(r, t)
  local words, begun = trial.command(t)
  local output = trial.output(t)
  t.printed = size_of(output)
  t.started, t.status = core.system.clock(), "running"
  r.active[#r.active + 1] = t -- before there is a process that could be forgotten
  t.process = process.start(words, output)
  r.say("%s: %s in %s", label(r, t), begun and "continues" or "starts", t.dir)
end

local function refuse(r, t, reason)
  trial.refused(t, reason)
  r.say("%s: failed: %s", label(r, t), reason)
  r.changed()
end

-- Starts waiting trials while there are places. One that needs another's files waits for that; so does one whose folder a process of an
-- earlier call still holds.
local function fill(r)
  for _, t in ipairs(r.trials) do
    if #r.active >= r.jobs or r.stopping then return end
    local ready, never = trial.ready(t)
    if t.status == "waiting" and never then refuse(r, t, never)
    elseif t.status == "waiting" and not ready then goto next
    elseif t.status == "waiting" and trial.busy(t) then
      if not t.told then r.say("%s: waiting for the process that is still running in %s", label(r, t), t.dir) end
      t.told = true
    elseif t.status == "waiting" then start(r, t) end
    ::next::
  end
end

local function finish(r, t, code)
  trial.ended(t, code, t.printed)
  if r.stopping and t.status == "failed" then
    t.status = "stopped"
    r.say("%s: stopped: %s", label(r, t), t.reason)
  elseif t.status == "failed" then r.say("%s: failed: %s (%s)", label(r, t), t.reason, trial.output(t))
  else r.say("%s: done in %.0f s", label(r, t), core.system.clock() - t.started) end
  r.changed()
end

-- Takes the trials whose process has ended out of those at work.
local function collect(r)
  for i = #r.active, 1, -1 do
    local t = r.active[i]
    local code = process.ended(t.process)
    if code then
      table.remove(r.active, i)
      finish(r, t, code)
    end
  end
end

local function stop(r)
  r.stopping = true
  for _, t in ipairs(r.active) do process.interrupt(t.process) end
  if #r.active > 0 then r.say("stopping: waiting until %d running trial%s saved", #r.active, #r.active == 1 and " has" or "s have") end
end

local function waiting(r)
  for _, t in ipairs(r.trials) do
    if t.status == "waiting" then return true end
  end
end

-- What an error leaves running is asked to stop, and waited for: no trial works on after its sweep has ended. Ctrl-C ends the wait.
local function guard(r)
  core.system.heed_interrupt(true)
  return setmetatable({}, { __close = function()
    core.system.heed_interrupt(false)
    for _, t in ipairs(r.active) do
      if t.process then process.interrupt(t.process) end
    end
    for _, t in ipairs(r.active) do
      while t.process and not process.ended(t.process) do process.rest(REST) end
    end
  end })
end

-- spec: trials (identified and looked at), count (of the whole sweep; default: these), jobs, say(format, ...) for events, changed() after
-- each end. Returns whether the user stopped it before all were run.
function runner.run(spec)
  local r = { trials = spec.trials, count = spec.count or #spec.trials, jobs = spec.jobs, say = spec.say, changed = spec.changed,
    active = {} }
  local guarded <close> = guard(r)
  repeat
    if not r.stopping and core.system.interrupted() then stop(r) end
    collect(r)
    fill(r)
    if #r.active > 0 or waiting(r) and not r.stopping then process.rest(REST) end
  until #r.active == 0 and (r.stopping or not waiting(r))
  if r.stopping then core.system.clear_interrupt() end
  return guarded and r.stopping
end

return runner
