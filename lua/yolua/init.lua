-- The library's front door: `local yl = require "yolua"`. Modules load on first use; the file name is the registry:
-- yl.train is the module yolua.train. The names below live in a module of another name.
local core = require "yolua.core"

local from = {
  zeros = "tensor", ones = "tensor", full = "tensor", rand = "tensor", randn = "tensor", arange = "tensor",
}

-- Policies of the training loop: yl.keep is the module yolua.policies.keep.
local alias = { keep = "policies.keep", freeze = "policies.freeze", stop = "policies.stop", evaluate = "policies.evaluate" }

local yl = { core = core, version = core.version }

return setmetatable(yl, {
  __name = "yolua",
  __tostring = function() return ("yolua %s: help \"library\" says what it offers"):format(core.version) end,
  __index = function(_, key)
    if type(key) ~= "string" then return nil end
    local module = "yolua." .. (from[key] or alias[key] or key)
    local ok, value = pcall(require, module)
    if not ok then
      if not value:find(("module '%s' not found"):format(module), 1, true) then error(value, 0) end
      local schema, names = require "yolua.schema", core.options.modules "lua/yolua/"
      for name in pairs(from) do names[#names + 1] = name end
      for name in pairs(alias) do names[#names + 1] = name end
      table.sort(names)
      error(("yl has no '%s'%s"):format(key, schema.did_you_mean(key, names)), 2)
    end
    if from[key] then value = value[key] end
    rawset(yl, key, value)
    return value
  end,
})
