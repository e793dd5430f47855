-- yl.look(net): where a network's zeros are, layer by layer, at a glance: their share of each layer's weights, filters that are all
-- zero, and input channels that nothing reads.
local callback = require "yolua.options.callback"
local core = require "yolua.core"
local terminal = require "yolua.terminal"

local look = {}

-- How many of a weight's filters (its first axis) are all zero, and how many of its input channels (its last).
local function dead(model, r)
  if #r.dims < 2 then return 0, 0 end
  local value = model.net:tensor(r.name, model.averaged and "ema" or "value")
  local rows = value:reshape(r.dims[1], -1):abs():max(2)
  local columns = value:reshape(-1, r.dims[#r.dims]):abs():max(1)
  return rows:eq(0):to("i64"):sum(), columns:eq(0):to("i64"):sum()
end

-- {{name (of the layer), count, zeros, filters, dead, inputs, deaf}, ...} of the weights: filters that are all zero, and input channels
-- that no weight reads.
function look.layers(model)
  local list = {}
  for _, r in ipairs(model.net:ranges()) do
    if r.kind == "weight" then
      local filters, inputs = dead(model, r)
      list[#list + 1] = { name = r.layer, count = r.count, zeros = r.count - core.nonzero(model.net, r.name), filters = r.dims[1],
        dead = filters, inputs = r.dims[#r.dims], deaf = inputs }
    end
  end
  return list
end

local Zeros = { __name = "zeros" }
local WIDTH = 24

local function bar(share)
  local full = math.floor(share * WIDTH + 0.5)
  return ("#"):rep(full) .. ("."):rep(WIDTH - full)
end

local function note(l)
  if l.dead == l.filters then return "all filters are zero" end
  local words = {}
  if l.dead > 0 then words[1] = ("%d of %d filters are zero"):format(l.dead, l.filters) end
  if l.deaf > 0 then words[#words + 1] = ("%d of %d inputs are not read"):format(l.deaf, l.inputs) end
  return table.concat(words, ", ")
end

function Zeros:__tostring()
  local rows, count, zeros = {}, 0, 0
  for i, l in ipairs(self) do
    rows[i] = { l.name, tostring(l.count), bar(l.zeros / l.count), ("%.1f %%"):format(100 * l.zeros / l.count), note(l) }
    count, zeros = count + l.count, zeros + l.zeros
  end
  rows[#rows + 1] = { "all", tostring(count), bar(zeros / math.max(1, count)), ("%.1f %%"):format(100 * zeros / math.max(1, count)), "" }
  local columns = { { "layer" }, { "weights", right = true }, { "zeros" }, { "", right = true }, { "" } }
  return table.concat(terminal.columns(columns, rows), "\n")
end

return setmetatable(look, { __call = function(_, model)
  return setmetatable(look.layers(callback.model("yl.look", model)), Zeros)
end })
