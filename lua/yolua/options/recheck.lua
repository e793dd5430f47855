-- Checks an options table anew: Lua's plain assignment to a key that is there (o.epochs = "many", o.optim = "adam") passes every check by.
local options = require "yolua.options.table"
local schema = require "yolua.options.schema"

-- Returns the table. Errors: as for any other value, with the place where it was set, or of the caller.
local function recheck(o, path)
  for _, field in ipairs(options.fields(o)) do
    local key = field[1]
    local value = rawget(o, key)
    if options.is(value) then recheck(value, (path or "") .. key .. ".")
    elseif value ~= nil and field[2] == "table" then
      rawset(o, key, options.new(field.fields or {}, "options", (path or "") .. key .. ".", field))
      options.set(o, key, value, { where = options.position() })
    elseif value ~= nil then
      local from = { where = options.origin(o, key) or options.position() }
      rawset(o, key, schema.convert(field, value, from, (path or "") .. key))
    end
  end
  return o
end

return recheck
