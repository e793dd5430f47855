-- `yolua help [verb|key|...]`: pages made from the field tables.
local core = require "yolua.core"
local fields = require "yolua.fields"
local schema = require "yolua.schema"

local help = {}

local overview = [[
yolua trains, prunes and measures YOLO detectors.

  yolua RECIPE.lua [key=value ...]   run an experiment
  yolua VERB [key=value ...]         one job; dots reach inside: data.root=... optim.lr=1e-4
  yolua -e CODE                      run Lua code
  yolua -i RECIPE.lua [key=value]    run it, then stay at the prompt
  yolua                              the prompt
  yolua help [VERB|KEY|RECIPE.lua]   this page, or that one
]]

local function list_verbs()
  local lines = {}
  for _, name in ipairs(core.options.modules "lua/yolua/verbs/") do
    local verb = require("yolua.verbs." .. name)
    lines[#lines + 1] = ("  %-10s %s"):format(name, verb.help or "")
  end
  return table.concat(lines, "\n")
end

-- "int in 1..65536", "f32|bf16", "size"
local function type_text(field)
  if field.choices then return table.concat(field.choices, field[2] == "list" and "," or "|") end
  if field.min and field.max then return ("%s %g..%g"):format(field[2], field.min, field.max) end
  if field.min then return ("%s >= %g"):format(field[2], field.min) end
  return field[2]
end

local function add_rows(list, prefix, rows)
  for _, field in ipairs(list) do
    local key = prefix .. field[1]
    if field[2] == "table" then
      rows[#rows + 1] = { key, field.variants and "NAME" or "", "", field.help or field[5] or "" }
      add_rows(field.fields or {}, key .. ".", rows)
      add_rows(field.otherwise or {}, key .. ".", rows)
    else
      local unit = field[4] and field[4] ~= "" and ("[" .. field[4] .. "] ") or ""
      rows[#rows + 1] = { key, type_text(field), field[3] ~= nil and tostring(field[3]) or "", unit .. (field[5] or "") }
    end
  end
  return rows
end

-- The fields as aligned lines: key, type, default, help.
function help.table(list)
  local rows, widths, lines = add_rows(list, "", {}), { 0, 0, 0 }, {}
  for _, row in ipairs(rows) do
    for i = 1, 3 do widths[i] = math.min(24, math.max(widths[i], #row[i])) end
  end
  for i, row in ipairs(rows) do
    local line = ("  %-" .. widths[1] .. "s  %-" .. widths[2] .. "s  %-" .. widths[3] .. "s  %s"):format(table.unpack(row))
    lines[i] = line:match "^(.-)%s*$"
  end
  return table.concat(lines, "\n")
end

function help.verb(name, verb)
  local list = fields.get(verb.fields or {})
  return ("yolua %s [key=value ...]\n%s%s"):format(name, verb.help or "",
    #list > 0 and "\n\n  key, type, default, meaning\n" .. help.table(list) or "")
end

-- A file's opening comment.
local function recipe_page(path)
  local lines = {}
  for line in core.system.read(path):gmatch "([^\n]*)\n" do
    local text = line:match "^%-%-%s?(.*)$"
    if not text then break end
    lines[#lines + 1] = text
  end
  return path .. "\n" .. table.concat(lines, "\n") .. "\n\n  key, type, default, meaning\n" .. help.table(fields.all())
end

-- Every field with that key or dotted path.
local function find_key(list, key, prefix, found)
  for _, field in ipairs(list) do
    local path = prefix .. field[1]
    if path == key or field[1] == key then found[#found + 1] = { field, prefix } end
    find_key(field.fields or {}, key, path .. ".", found)
    find_key(field.otherwise or {}, key, path .. ".", found)
  end
  return found
end

local function key_page(key)
  local lines = {}
  for _, hit in ipairs(find_key(fields.all(), key, "", {})) do
    lines[#lines + 1] = help.table { setmetatable({ hit[2] .. hit[1][1] }, { __index = hit[1] }) }
  end
  return #lines > 0 and table.concat(lines, "\n") or nil
end

-- The names that help knows besides files.
local function topics()
  local names = core.options.modules "lua/yolua/verbs/"
  for _, row in ipairs(add_rows(fields.all(), "", {})) do names[#names + 1] = row[1] end
  return names
end

-- The page on that topic as text; throws where there is none.
function help.page(topic)
  if topic == nil then return overview .. "\nVerbs:\n" .. list_verbs() end
  if topic:find "%.lua$" then return recipe_page(topic) end
  local verb = require("yolua.cli").verb(topic)
  local page = verb and help.verb(topic, verb) or key_page(topic)
  if page then return page end
  error(schema.usage(("there is no help on '%s'%s"):format(topic, schema.did_you_mean(topic, topics()))))
end

function help.show(topic) print(help.page(topic)) end

return setmetatable(help, { __call = function(_, topic) help.show(topic) end })
