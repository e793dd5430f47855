-- resume=RUNDIR: a run that continues where it stopped, with its options, records and time.
local document = require "yolua.report.document"
local options = require "yolua.options.table"
local ranks = require "yolua.ranks"
local required = require "yolua.options.required"
local rundir = require "yolua.report.rundir"

-- The value of a dotted key.
local function value_of(o, path)
  for key in path:gmatch "[^.]+" do o = type(o) == "table" and rawget(o, key) or nil end
  return o
end

-- Takes over the options of an earlier run, except those that this call's command line gives.
local function take_over(o, values, from, prefix)
  local keys = {}
  for key in pairs(values) do keys[#keys + 1] = key end
  table.sort(keys, function(a, b) return (a == "name") ~= (b == "name") and a == "name" or (a ~= "name" and b ~= "name" and a < b) end)
  for _, key in ipairs(keys) do
    local path, value = prefix .. key, values[key]
    if type(value) == "table" and #value == 0 and next(value) ~= nil then take_over(o, value, from, path .. ".")
    elseif path ~= "resume" and path ~= "out" and options.origin(o, path) ~= "command line" and value_of(o, path) ~= value then
      options.set(o, path, value, from)
    end
  end
end

-- o: the run's options, which take over those it was made with.
return function(run, o)
  local path = o.resume:gsub("(.)/+$", "%1")
  local values, made = ranks.first(rundir.config, path)
  run.lock = rundir.lock(path)
  if options.is(o) then
    if values.require then required.load(values.require) end -- other keys may name what those files make
    take_over(o, values, { where = path .. "/config.yaml" }, "")
  end
  run.dir, run.resumed, run.made, run.data_hash, run.deciding = path, true, made, made.data_hash, values
  run.name = made.name or run.name
  run.epochs, run.seconds_before = ranks.first(function()
    local before = document(path .. "/results.json")
    return rundir.metrics(path), before and tonumber(before.seconds) or 0
  end)
  local trained = 0 -- at least that long ran one that was interrupted
  for _, record in ipairs(run.epochs) do trained = trained + (tonumber(record.seconds) or 0) end
  run.seconds_before = math.max(run.seconds_before, trained)
end
