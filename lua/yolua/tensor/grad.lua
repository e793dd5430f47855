-- yl.grad(f)(x, ...): the gradient of f, which returns one number as a tensor (a sum, say): one tensor for each argument that is a tensor
-- of floats, nil for others. The arguments stay as they are. What f computes is noted and walked back; gradients of gradients are not
-- computed. x.requires_grad = true and y:backward() do the same step by step: x.grad is what they leave.
local callback = require "yolua.options.callback"
local core = require "yolua.core"
local options = require "yolua.options.table"

local FLOATS = { f32 = true, f64 = true, bf16 = true, f16 = true }

local function fail(format, ...) error(("%s: yl.grad: " .. format):format(options.position(), ...), 0) end

-- A copy of the argument whose gradient is asked for.
local function leaf(x)
  if not core.tensor.is(x) or not FLOATS[x:dtype()] then return x end
  if x.requires_grad and not x.is_leaf then
    fail "an argument was itself computed from a tensor with requires_grad, and gradients of gradients are not computed; detach() it"
  end
  return x:detach():clone():requires_grad_()
end

local function value_of(f, arguments, count)
  local marked <close> = core.tensor.differentiate() -- luacheck: ignore 211
  local y = f(table.unpack(arguments, 1, count))
  if core.tensor.is(y) and y.requires_grad then return y end
  fail("expected a function that returns a tensor computed from its arguments, got %s",
    core.tensor.is(y) and "one that does not depend on them" or callback.shown(y))
end

return function(f, ...)
  callback.argument(type(f) == "function", "yl.grad", "a function", f)
  callback.argument(select("#", ...) == 0, "yl.grad", "nothing after the function: yl.grad(f)(x)", ...)
  return function(...)
    local arguments, count = { ... }, select("#", ...)
    for i = 1, count do arguments[i] = leaf(arguments[i]) end
    value_of(f, arguments, count):backward()
    for i = 1, count do
      local x = arguments[i]
      arguments[i] = core.tensor.is(x) and x.requires_grad and (x.grad or x:detach() * 0) or nil
    end
    return table.unpack(arguments, 1, count)
  end
end
