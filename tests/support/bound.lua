-- What is bound, for programs that call all of it: core's functions, and one object of each kind with its methods.
local yl = require "yolua"
local core = yl.core
local Model = require "yolua.model"

local PICTURE <const> = "picture.png"

-- objects: the names of what a world holds; callback: what the layer written in Lua calls in forward and backward.
local bound = { callback = function() end,
  objects = { "net", "model", "plan", "infer", "loader", "batch", "image", "layers", "set", "x", "y", "bytes", "weight" } }

-- Left out: what would reach beyond the working folder or this process, or take its output away (threads, prompt, take_output, fall_silent,
-- process), what only the library itself calls with checked tables (layer.register), and drawing (scene), which is slow.
bound.left_out = { ["system.threads"] = true, ["system.take_output"] = true, ["system.warn"] = true, ["prompt.open"] = true,
  ["prompt.interactive"] = true, ["layer.register"] = true, ["scene.write"] = true, ["scene.camera"] = true, ["core.machine"] = true,
  ["process.start"] = true, ["process.interrupt"] = true, ["process.rest"] = true, ["system.heed_interrupt"] = true,
  ["ranks.fall_silent"] = true }

yl.layer {
  name = "wild", reads = "x", fields = { { "k", "number", 1, "", "a factor" } },
  parameters = function() return { { "w", "weight", { 2 } } } end,
  forward = function(_, x, y) y:copy_(x) bound.callback() end,
  backward = function(l, _, _, dy, dx)
    if dx then dx:copy_(dy) end
    bound.callback()
    if l.gradients.w then l.gradients.w:add_(1) end
  end,
}

-- New objects, by name.
function bound.world()
  local w = {}
  core.image.new(8, 6, ("abc"):rep(48)):save(PICTURE) -- a program may have written over it
  w.net = core.net { h = 6, w = 8, c = 3, seed = 1, layers = { { "conv2d", filters = 4, size = 3, pad = true }, { "wild" },
    { "conv2d", filters = 14, size = 1 }, { "region", classes = 2, num = 2, anchors = { 1, 1, 2, 2 } } } }
  w.model = Model.new { net = w.net, names = { "a", "b" }, path = "here" }
  w.plan, w.infer = w.net:plan { mode = "train", batch = 1 }, w.net:plan { mode = "infer", batch = 1 }
  w.loader = core.loader { samples = { { image = PICTURE, truth = { { 1, 1, 5, 5, 0, 0 } } } }, width = 8, height = 6, workers = 0 }
  w.loader:epoch(1)
  w.batch, w.image, w.layers = w.loader:next(), core.image.load(PICTURE), w.model.layers
  w.set = core.eval_set { classes = { "a" } }
  w.x, w.y = core.tensor.zeros({ 2, 3 }), core.tensor.new({ { 1, 2, 3 }, { 4, 5, 6 } })
  w.bytes, w.weight = core.tensor.zeros({ 6, 8, 3 }, "u8"), w.net:tensor "conv1.weight"
  return w
end

-- The functions of core and its modules as expressions, in order.
function bound.functions()
  local list, left_out = {}, bound.left_out
  for name, value in pairs(core) do
    if type(value) == "function" and not left_out["core." .. name] then list[#list + 1] = "core." .. name end
    for inner, f in pairs(type(value) == "table" and value or {}) do
      if type(f) == "function" and not left_out[name .. "." .. inner] then list[#list + 1] = ("core.%s.%s"):format(name, inner) end
    end
  end
  table.sort(list)
  return list
end

function bound.methods_of(value)
  local meta, list = debug.getmetatable(value), {}
  local from = meta and (rawget(meta, "methods") or meta) or {}
  for name, f in pairs(from) do
    if type(f) == "function" and name:sub(1, 2) ~= "__" then list[#list + 1] = name end
  end
  table.sort(list)
  return #list > 0 and list or { "close" }
end

return bound
