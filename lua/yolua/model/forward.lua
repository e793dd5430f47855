-- net:forward(x, o): a network on a tensor, as an operation that has a gradient. x: f32 {n, h, w, c} in 0..1. o: mode ("infer", or "train":
-- batch-norm takes the batch's statistics, which the running ones take in, and dropout drops), seed and step of what is random, layers (a
-- list of names). Returns the numbers that enter each head, as exports do (without a head: the last layer's output), or the outputs of
-- `layers`: a tensor each. Gradients reach x, if its requires_grad is set, and the parameters after net:requires_grad_():
-- net.layers.conv1.weight.grad. Runs layer by layer in f32 on the CPU; detect, val and training run plans, which are faster.
local callback = require "yolua.options.callback"
local core = require "yolua.core"
local options = require "yolua.options.table"
local structs = require "yolua.options.structs"

local forward = {}

local fields = structs.fields "apply"
fields[#fields + 1] = { "layers", "list", nil, "", "names of layers whose outputs are returned" }
local check = options.declare("net:forward", fields)

-- What enters the heads; without one the last layer's output.
local function outputs(net)
  local layers, list = net:layers(), {}
  for _, layer in ipairs(layers) do
    if layer.loss then list[#list + 1] = layer.inputs[1] end
  end
  return #list > 0 and list or { #layers }
end

function forward.run(model, x, o)
  o = check(o)
  local argument = callback.argument
  argument(core.tensor.is(x), "net:forward", "a tensor f32 {n, h, w, c}", x)
  argument(not model.precision or model.precision == "f32", "net:forward", "net.precision = \"f32\": it computes in f32", model.precision)
  return model.net:apply(x, o.layers or outputs(model.net), { mode = o.mode, seed = o.seed, step = o.step })
end

-- The parameters whose gradients are asked for are held by the model: a tensor over a parameter lives as long as somebody holds it.
function forward.require_grad(model, yes)
  callback.argument(yes == nil or type(yes) == "boolean", "net:requires_grad_", "true or false", yes)
  local held = {}
  for _, r in ipairs(model.net:ranges()) do
    local asked = yes ~= false and not r.frozen and r.kind ~= "statistic"
    local leaf = model.net:leaf(r.name, asked)
    if asked then held[#held + 1] = leaf end
  end
  model.leaves = held
  return model
end

return forward
