-- `yolua compact`: a pruned network becomes a smaller one that computes the same, as Darknet's files and as a checkpoint.
local compact = require "yolua.prune.compact"
local fields = require "yolua.options.fields"
local save = require "yolua.cli.save_folder"
local tables = require "yolua.report.tables"
local timing = require "yolua.prune.timing"

local MOST = 1e-4 -- of the largest output

local function made_smaller(model, o)
  local made = compact(model, o)
  local result = compact.report(model, made)
  if result.max_error > MOST then
    error(("compact: an output of the smaller network differs by %.2g of the largest number; nothing is written (is the `channels` of a "
      .. "layer of your own right?)"):format(result.max_error), 0)
  end
  result.before = { params = model:counts().params, flops = model:flops() }
  result.files = save.write(made, o.out)
  return result
end

local function run(o)
  return save.around(o, function(model) return made_smaller(model, o) end)
end

local function percent(part, whole) return ("%.1f %%"):format(100 * part / whole) end

local function show(r)
  local names, body = {}, {}
  for name in pairs(r.channels) do names[#names + 1] = name end
  table.sort(names, tables.by_name)
  for i, name in ipairs(names) do
    local before, after = table.unpack(r.channels[name])
    body[i] = { name, tostring(before), after > 0 and tostring(after) or "gone" }
  end
  print(table.concat(tables.align({ "layer", "channels", "left" }, body), "\n"))
  print(("%d parameters (%s), %.3g FLOPs (%s); largest difference of an output on noise %.2g"):format(r.params,
    percent(r.params, r.before.params), r.flops, percent(r.flops, r.before.flops), r.max_error))
  if r.params == r.before.params then
    print("no channel is zero as a whole, so nothing was removed (pattern=channel prunes whole ones; yolua compress makes the file of "
      .. "single zeros small)")
  end
  print(("a forward pass takes %.2f ms, before %.2f ms%s"):format(r.speed.after_ms, r.speed.before_ms,
    r.speed.speedup and ", in turn: " .. timing.words(r.speed.speedup) or ""))
  print("written: " .. table.concat(r.files, ", "))
end

local list = {
  "model",
  save.field,
}
table.move(compact.fields, 1, #compact.fields, #list + 1, list)
for _, key in ipairs { "device", "threads", "json" } do list[#list + 1] = fields.pick("run", key) end

return { help = "a smaller network from a pruned one, which computes the same", fields = list, run = run, show = show }
