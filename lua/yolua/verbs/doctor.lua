-- `yolua doctor`: what this program runs on, and whether a data set is fit to learn from.
local core = require "yolua.core"
local fields = require "yolua.fields"
local inspect = require "yolua.inspect"
local schema = require "yolua.schema"
local tables = require "yolua.tables"

local function advice(m)
  local list = {}
  if m.blas_parallel ~= "openmp" then
    list[1] = ("OpenBLAS's %s build is loaded: its threads fight with ours for the cores (install libopenblas0-openmp)")
      :format(m.blas_parallel)
  end
  if m.threads > m.processors then
    list[#list + 1] = ("%d threads are asked for, the machine gives %d processors"):format(m.threads, m.processors)
  end
  return list
end

local function run(o)
  local machine = core.machine()
  machine.version, machine.lua = core.version, _VERSION:match "[%d.]+"
  local result = { machine = machine, advice = advice(machine) }
  if not o.data.name and not o.data.root then return result end
  if not o.data.name then error(schema.usage "yolua doctor: data.root was given without data=NAME (kitti, yolo, ...)") end
  local data = require("yolua.data")(o.data, { images = false })
  local bar <close> = require("yolua.progress").new { label = "looking", total = 0, unit = "frames" }
  result.data = inspect.run(data, o.data.split and { o.data.split } or nil, function(name, done, total)
    bar.label, bar.total = "split " .. name, total
    bar:update(done)
  end)
  result.data.name, result.data.root = data.name, data.root
  return result
end

-- The first ten of a list of findings.
local function list(title, items)
  if #items == 0 then return end
  print(("  %s: %d"):format(title, #items))
  for i = 1, math.min(10, #items) do print("    " .. items[i]) end
  if #items > 10 then print(("    ... and %d more"):format(#items - 10)) end
end

local function show_machine(m)
  print(("yolua %s, Lua %s"):format(m.version, m.lua))
  print(("processors %d, threads %d, instruction set %s"):format(m.processors, m.threads, m.isa))
  print(("memory %.1f GiB, %.1f GiB free"):format(m.memory_bytes / 2 ^ 30, m.available_bytes / 2 ^ 30))
  print(("BLAS %s, kernels for %s, threads by %s"):format((m.blas:gsub("%s+$", "")), m.blas_core, m.blas_parallel))
end

local function show_split(s)
  print(("split %s: %d frames, %d objects"):format(s.name, s.frames, s.objects))
  local names, body = {}, {}
  for name in pairs(s.classes) do names[#names + 1] = name end
  table.sort(names, function(a, b)
    if s.classes[a] ~= s.classes[b] then return s.classes[a] > s.classes[b] end
    return a < b
  end)
  for i, name in ipairs(names) do body[i] = { "  " .. name, tostring(s.classes[name]) } end
  if #body > 0 then print(table.concat(tables.align({ "  class", "objects" }, body), "\n")) end
  list("frames that cannot be read", s.bad)
  list("odd boxes", s.odd)
  list("frames without objects", s.empty)
end

local function show(result)
  show_machine(result.machine)
  for _, line in ipairs(result.advice) do print("advice: " .. line) end
  if not result.data then return end
  print(("data %s in %s"):format(result.data.name, result.data.root))
  for _, split in ipairs(result.data.splits) do show_split(split) end
  local groups = {}
  for i, paths in ipairs(result.data.duplicates) do groups[i] = table.concat(paths, " = ") end
  list("images with the same content", groups)
  local pairs_of = {}
  for i, s in ipairs(result.data.shared) do
    pairs_of[i] = ("%s and %s: %d (%s%s)"):format(s.splits[1], s.splits[2], s.count, table.concat(s.frames, " "),
      s.count > 10 and " ..." or "")
  end
  list("frames shared by two splits", pairs_of)
end

return {
  help = "say what the program runs on, and look a data set over",
  fields = { "data", fields.pick("model", "require"), fields.pick("run", "threads"), fields.pick("run", "json") },
  run = run, show = show,
}
