-- Which options a call of the library takes, for help pages, completion at the prompt and annotations. The calls declare them
-- (options.declare); here are those that take a recipe's.
local fields = require "yolua.options.fields"
local options = require "yolua.options.table"
local schema = require "yolua.options.schema"

local calls = {}

-- The fields of the data table, and those that the data sets bring along.
local function data()
  local field = fields.groups.data[1]
  local list = { table.unpack(field.fields) }
  for _, entry in ipairs(schema.variants(field)) do list[#list + 1] = entry[1] end
  return list
end

-- What yl.train takes, with the options beside it.
local function trainer()
  local list = { table.unpack(calls.fields "train") }
  return table.move(fields.get(require("yolua.train.setup").groups), 1, 1000, #list + 1, list)
end

local composed = { data = data, options = fields.all, run = fields.all, trainer = trainer }

-- The field list of yl.NAME ("load", "prune.cut"), or of the method ("detect"); nil where it takes no such table.
function calls.fields(name)
  if composed[name] then return composed[name]() end
  pcall(function() -- what is loaded has declared its fields
    local at = require "yolua"
    for key in name:gmatch "[^.]+" do at = at[key] end
  end)
  return options.declared["yl." .. name] or options.declared["net:" .. name]
end

return calls
