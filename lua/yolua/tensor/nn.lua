-- yl.nn.KIND(x, { ... }): a layer as a function of tensors, with a gradient as any operation has one:
-- yl.nn.conv2d(x, { weight = w, bias = b, pad = true }), yl.nn.maxpool(x, { size = 2, stride = 2 }), yl.nn.activation(x, { activation =
-- "leaky" }), yl.nn.batchnorm(x, { mode = "train" }). The kinds are those of `help layers`, your own included; `help conv2d` lists a kind's
-- options. x is f32 {n, h, w, c}, or a list of such where a layer reads several. Parameters are named tensors of the layer's sizes;
-- sizes that are options follow from the weight. Left out, a bias or a mean is zeros, a scale or a variance ones. mode = "train" takes
-- batch statistics, which a mean and a variance that are given take in, and lets dropout drop (seed =, step =).
local callback = require "yolua.options.callback"
local core = require "yolua.core"
local options = require "yolua.options.table"
local schema = require "yolua.options.schema"
local sealed = require "yolua.options.sealed"

-- Options that a weight's sizes tell.
local IMPLIED = {
  conv2d = function(sizes) return { filters = sizes[1], size = sizes[2] } end,
  connected = function(sizes) return { output = sizes[1] } end,
}

local function complete(kind, o)
  local implied = IMPLIED[kind] and core.tensor.is(o.weight) and IMPLIED[kind](o.weight:shape())
  if not implied then return o end
  for key, value in pairs(o) do implied[key] = value end
  return implied
end

local function apply(kind, x, o, ...)
  local who = "yl.nn." .. kind
  callback.argument(core.tensor.is(x) or type(x) == "table", who, "a tensor f32 {n, h, w, c}, or a list of them", x)
  callback.argument(o == nil or type(o) == "table", who, "a table of parameters and options", o)
  callback.argument(select("#", ...) == 0, who, "nothing after the options", ...)
  return core.layers.apply(kind, core.tensor.is(x) and { x } or x, complete(kind, o or {}))
end

local nn = {}

function nn.__index(_, kind)
  if core.layers.kind(kind) then return function(...) return apply(kind, ...) end end
  error(("%s: yl.nn: there is no layer '%s'%s"):format(options.position(), tostring(kind),
    schema.did_you_mean(tostring(kind), core.layers.kinds())), 0)
end

function nn.__newindex(_, kind) sealed.refuse("yl.nn", kind, "yl.layer makes a layer of your own") end

function nn.__names() return core.layers.kinds() end

function nn.__tostring() return "layers as functions: " .. table.concat(core.layers.kinds(), " ") end

return setmetatable({}, nn)
