-- yl.freeze{"body", until_epoch = 3, after = "none"}: a freeze schedule. yl.freeze(function(epoch, trainer) return pattern end): your own,
-- asked at the start of each epoch.
local callback = require "yolua.options.callback"
local options = require "yolua.options.table"

local function by_function(f)
  return {
    name = "freeze",
    on = {
      epoch_start = function(_, t)
        local when = "for epoch " .. t.epoch
        local pattern = callback.texts(f, "freeze", callback.ask(f, "freeze", when, t.epoch, t), when)
        local ok, reason = pcall(t.freeze, t, pattern)
        if not ok then error(("%s: freeze, %s: %s"):format(callback.place(f), when, reason), 0) end
      end,
    },
  }
end

local check = options.declare("yl.freeze", {
  { "layers", "list", nil, "", "what is frozen: none, body, or names with globs (conv1*)", positional = true, required = true },
  { "until_epoch", "int", nil, "epochs", "the last epoch in which it is frozen (default: always)", min = 0 },
  { "after", "list", "none", "", "what is frozen from then on" },
})

return function(spec)
  if type(spec) == "function" then return by_function(spec) end
  local o = check(spec)
  local pattern, last, after = table.concat(o.layers, ","), o.until_epoch, table.concat(o.after, ",")
  return {
    name = "freeze",
    on = {
      epoch_start = function(_, t) t:freeze((not last or t.epoch <= last) and pattern or after) end,
    },
  }
end
