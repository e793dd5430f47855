-- yl.reuse{...}: the model that a training gives, taken from a finished earlier run where one lies beside this run, else trained now in
-- a run directory of its own, where the next recipe finds it. One that was interrupted there continues; one at which another process is
-- at work is awaited.
local core = require "yolua.core"
local fields = require "yolua.options.fields"
local identity = require "yolua.train.identity"
local options = require "yolua.options.table"
local policy = require "yolua.train.policy"
local ranks = require "yolua.ranks"
local rundir = require "yolua.report.rundir"
local files = core.files

local reuse = {}

-- Calls visit(dir, made) for the run directories among the folders of `parent` whose training has that key, until it returns something.
local function each(parent, key, visit)
  for _, name in ipairs(files.kind(parent) == "folder" and files.list(parent) or {}) do
    local dir = parent .. "/" .. name
    local ok, _, made = pcall(rundir.config, dir)
    local found = ok and made.training == key and visit(dir, made)
    if found then return found end
  end
end

-- The folder of a finished run of that key among the folders of `parent`, and its checkpoint; nil if there is none. A checkpoint
-- that is not what the run left does not count.
function reuse.find(parent, key)
  local path
  local dir = each(parent, key, function(dir, made)
    path = made.result and rundir.result(dir)
    return path and files.hash(path) == made.result and dir
  end)
  return dir, dir and path
end

-- The folder of a run of that key that is not finished.
local function begun(parent, key)
  return each(parent, key, function(dir, made) return not made.result and dir end)
end

-- Waits while another process trains what is asked for.
local function await(spec, parent, key)
  local told
  while true do
    local dir = begun(parent, key)
    if not dir or not rundir.busy(dir) then return end
    if not told then spec.run:say("%s: waiting for the process that trains it in %s", spec.name, dir) end
    told = true
    core.process.rest(0.2)
    if core.system.interrupted() then
      core.system.clear_interrupt()
      error(("stopped by the user while waiting for %s; continue with resume=%s"):format(dir, spec.run.dir), 0)
    end
  end
end

-- Writes changes over plain options; a table of another name (optim, augment) takes the place of the whole.
local function overlay(values, with)
  for key, value in pairs(with) do
    local old = values[key]
    if type(old) == "table" and type(value) == "table" and (value.name or old.name) == old.name then overlay(old, value)
    else values[key] = value end
  end
  return values
end

-- This recipe's options with changes; keys that only this recipe has are left out.
local function changed(o, with)
  local known, values = {}, options.plain(o)
  local list = fields.get(fields.recipe)
  for _, field in ipairs(list) do known[field[1]] = true end
  for key in pairs(values) do values[key] = known[key] and values[key] or nil end
  for _, key in ipairs { "out", "resume", "config", "folds", "seeds", "jobs", "dry_run" } do values[key] = nil end
  return options.check("reuse", list, overlay(values, with))
end

-- Trains in a new folder, or continues the interrupted run.
local function train(spec, o, data, parent, interrupted)
  o.resume, o.out = interrupted, not interrupted and parent .. "/" .. spec.name or nil
  local run <close> = require("yolua.report.run")(o, spec.name)
  spec.net:freeze(o.freeze)
  require "yolua.train" { net = spec.net, data = data, run = run, options = o, table.unpack(spec) }
  return run.dir, ranks.first(rundir.result, run.dir)
end

-- Of a dry run: tells the training instead. The network is as it was, and lies as the result where the dry run keeps its files.
local function tell(spec, o, data)
  o.dry_run = true
  spec.run:say("%s: there is no finished run of it: it would be trained first", spec.name)
  local frozen = spec.net.frozen or "none"
  spec.net:freeze(o.freeze)
  require "yolua.train" { net = spec.net, data = data, run = spec.run, options = o, table.unpack(spec) }
  spec.net:freeze(frozen)
  local dir = spec.run:path(spec.name)
  files.make_folder(dir)
  spec.net:save(dir .. "/best.safetensors")
  for _, p in ipairs(spec) do
    for _, name in ipairs((policy.forecast[p] or {}).files or {}) do spec.net:save(dir .. "/" .. name) end
  end
  return spec.net, data, dir
end

-- spec: name (of the training's run directory), run (the one that asks), net (a model, or a function that makes it of the training's data),
-- options, with (what the training changes in them), and policies in the array part. Returns the model, the data as the training saw
-- them, and the folder.
local function new(spec)
  local o = changed(spec.options, spec.with or {})
  local data = require "yolua.data"(o.data)
  if type(spec.net) == "function" then spec.net = spec.net(data) end
  local parent = (spec.run.dry and spec.run.dry.dir or spec.run.dir):match "^(.*)/[^/]+$" or "."
  local key = identity.hash { net = spec.net, data = data, options = o, table.unpack(spec) }
  if not spec.run.dry then ranks.first(await, spec, parent, key) end
  local dir, path = ranks.first(reuse.find, parent, key)
  local interrupted = not dir and ranks.first(begun, parent, key)
  if dir then spec.run:say("%s: reusing the finished run %s (%s)", spec.name, dir, key)
  elseif spec.run.dry then return tell(spec, o, data)
  elseif interrupted then
    spec.run:say("%s: continuing the interrupted run %s (%s)", spec.name, interrupted, key)
    dir, path = train(spec, o, data, parent, interrupted)
  else
    spec.run:say("%s: no finished run in %s has the hash %s: training it now", spec.name, parent, key)
    dir, path = train(spec, o, data, parent)
  end
  return require "yolua.model.load" { model = path, device = rawget(o, "device") }, data, dir
end

return setmetatable(reuse, { __call = function(_, spec) return new(spec) end })
