-- yl.no_grad(f, ...): calls f(...) without noting its operations, and returns what it returns: what it computes are constants to later
-- gradients, and it may change tensors in place whose requires_grad is set, as an optimizer does.
local callback = require "yolua.options.callback"
local core = require "yolua.core"

return function(f, ...)
  callback.argument(type(f) == "function", "yl.no_grad", "a function", f)
  local pause <close> = core.tensor.pause() -- luacheck: ignore 211
  return f(...)
end
