-- yl.options(defaults [, extra]): a recipe's options, a table of them: its defaults < config=FILE.yaml < key=value. `extra` lists fields of
-- the recipe's own, as in options/fields.lua, and groups of them (prune).
local arguments = require "yolua.options.arguments"
local fields = require "yolua.options.fields"
local options = require "yolua.options.table"
local schema = require "yolua.options.schema"

-- A stock interpreter knows nothing of options: its script, and no other file, takes the words behind its name.
local function take_script()
  local words, caller = rawget(_G, "arg"), options.caller()
  if arguments.program or type(words) ~= "table" or not caller or caller.source ~= "@" .. tostring(words[0]) then return end
  arguments.program, arguments.given = words[0], arguments.parse(words)
end

return function(defaults, extra)
  take_script()
  arguments.taken = true
  local list = { table.unpack(fields.recipe) }
  table.move(extra or {}, 1, #(extra or {}), #list + 1, list)
  local o = arguments.resolve {
    who = arguments.program or "yl.options", fields = list, defaults = defaults, where = options.position(), list = arguments.given,
    given = arguments.where,
  }
  if o.sandbox.on and not arguments.contained then
    error(schema.usage(("%s: sandbox: expected sandbox=true on the command line of `yolua RECIPE.lua`"):format(options.position())))
  end
  if arguments.on_options then arguments.on_options(o) end
  return o
end
