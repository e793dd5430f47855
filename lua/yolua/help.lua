-- `yolua help [verb|layer|recipe|key]`: pages made from the field tables.
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
  yolua help [VERB|LAYER|KEY|RECIPE.lua] [require=FILE.lua]
]]

local function list_verbs()
  local lines = {}
  for _, name in ipairs(core.options.modules "lua/yolua/verbs/") do
    local verb = require("yolua.verbs." .. name)
    lines[#lines + 1] = ("  %-10s %s"):format(name, verb.help or "")
  end
  return table.concat(lines, "\n")
end

local function number_text(x) return math.type(x) == "integer" and tostring(x) or ("%g"):format(x) end

-- "int 1..65536", "f32|bf16", "size"
local function type_text(field)
  if field.choices then return table.concat(field.choices, field[2] == "list" and "," or "|") end
  if field.variants then return table.concat(schema.variant_names(field), "|") end
  if field.min and field.max then return ("%s %s..%s"):format(field[2], number_text(field.min), number_text(field.max)) end
  if field.min then return ("%s >= %s"):format(field[2], number_text(field.min)) end
  return field[2] == "table" and "" or field[2]
end

local function default_text(value)
  if type(value) == "table" then return table.concat(value, ",") end
  return value == nil and "" or tostring(value)
end

local add_rows

-- The fields that the names of a table add: those of each module, with the names that have them.
local function add_variants(field, prefix, rows)
  local order, by_key = {}, {}
  for _, name in ipairs(schema.variant_names(field)) do
    for _, extra in ipairs(schema.variant_fields(field, name, { where = "help" })) do
      local entry = by_key[extra[1]]
      if not entry then
        entry = { extra, names = {} }
        order[#order + 1], by_key[extra[1]] = entry, entry
      end
      table.insert(entry.names, name)
    end
  end
  for _, entry in ipairs(order) do
    add_rows({ entry[1] }, prefix, rows)
    local row = rows[#rows]
    row[4] = ("%s (%s)"):format(row[4], table.concat(entry.names, ", "))
  end
end

-- One row per key: key, type, default, meaning.
function add_rows(list, prefix, rows)
  for _, field in ipairs(list) do
    local key = prefix .. field[1]
    local unit = field[4] and field[4] ~= "" and ("[" .. field[4] .. "] ") or ""
    rows[#rows + 1] = { key, type_text(field), default_text(field[3]), unit .. (field[5] or field.help or "") }
    add_rows(field.fields or {}, key .. ".", rows)
    if field.variants then add_variants(field, key .. ".", rows) end
  end
  return rows
end

-- The fields as aligned lines: key, type, default, help.
function help.table(list)
  local rows, widths, lines = add_rows(list, "", {}), { 1, 1, 1 }, {}
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
local function opening_comment(path)
  local lines = {}
  for line in core.system.read(path):gmatch "([^\n]*)\n" do
    local text = line:match "^%-%-%s?(.*)$"
    if not text then break end
    lines[#lines + 1] = text
  end
  return table.concat(lines, "\n")
end

-- The recipe is run up to its yl.options, whose values are its own defaults.
local function recipe_page(path)
  local page = path .. "\n" .. opening_comment(path)
  local o = require("yolua.cli").recipe_options(path)
  return o and page .. "\n\n  key, value here, set at\n" .. tostring(o) or page
end

local function layer_page(kind)
  local list, made = core.layers.fields(kind), require("yolua.layer").kinds[kind]
  return list and ("layer %s%s%s"):format(kind, made and made.help ~= "" and "\n" .. made.help or "",
    #list > 0 and "\n\n  key, type, default, meaning\n" .. help.table(list) or ", without options")
end

-- Every field with that key or dotted path.
local function find_key(list, key, prefix, found)
  for _, field in ipairs(list) do
    local path = prefix .. field[1]
    if path == key or field[1] == key then found[#found + 1] = { field, prefix } end
    find_key(field.fields or {}, key, path .. ".", found)
    for _, name in ipairs(field.variants and schema.variant_names(field) or {}) do
      if #find_key(schema.variant_fields(field, name, { where = "help" }), key, path .. ".", found) > 0 then break end
    end
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
  table.move(core.layers.kinds(), 1, #core.layers.kinds(), #names + 1, names)
  for _, row in ipairs(add_rows(fields.all(), "", {})) do names[#names + 1] = row[1] end
  return names
end

-- The page on that topic as text; throws where there is none.
function help.page(topic)
  if topic == nil then return overview .. "\nVerbs:\n" .. list_verbs() end
  if topic:find "%.lua$" then return recipe_page(topic) end
  local verb = require("yolua.cli").verb(topic)
  local page = verb and help.verb(topic, verb) or layer_page(topic) or key_page(topic)
  if page then return page end
  error(schema.usage(("there is no help on '%s'%s"):format(topic, schema.did_you_mean(topic, topics()))))
end

function help.show(topic) print(help.page(topic)) end

return setmetatable(help, { __call = function(_, topic) help.show(topic) end })
