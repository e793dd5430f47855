-- Field tables as help text: one key a line, its meaning beside it, and in brackets its type, unit, default, and whose it is.
local schema = require "yolua.options.schema"
local terminal = require "yolua.terminal"

local rows = {}

local function number_text(x) return math.type(x) == "integer" and tostring(x) or ("%g"):format(x) end

-- "int 1..65536", "f32|bf16", "size"
local function type_text(field)
  if field.choices then return table.concat(field.choices, (field[2] == "list" or field[2] == "flags") and "," or "|") end
  if field.variants then return table.concat(schema.variant_names(field), "|") end
  if field.min and field.max then return ("%s %s..%s"):format(field[2], number_text(field.min), number_text(field.max)) end
  if field.min then return ("%s >= %s"):format(field[2], number_text(field.min)) end
  return field[2] == "table" and "" or field[2]
end

local function default_text(value)
  if type(value) == "table" then return table.concat(value, ",") end
  return value == nil and "" or tostring(value)
end

-- Appends {key =, help =, type =, unit =, default =, of = names that have it} for every field, those inside tables too.
function rows.add(fields, prefix, list)
  schema.each(fields, function(field, key, names)
    list[#list + 1] = { key = key, help = field[5] or field.help or "", type = type_text(field), unit = field[4] or "",
      default = default_text(field[3]), of = names and table.concat(names, ", ") }
  end, prefix)
  return list
end

-- "how long to train (int 0..1000000; in epochs; default 5)"
function rows.meaning(row)
  local facts = {}
  local function add(text, format)
    if text and text ~= "" then facts[#facts + 1] = (format or "%s"):format(text) end
  end
  add(row.type)
  add(row.unit, "in %s")
  add(row.default, "default %s")
  add(row.of, "%s only")
  local brackets = #facts > 0 and "(" .. table.concat(facts, "; ") .. ")" or ""
  return row.help ~= "" and row.help .. " " .. brackets or brackets
end

-- Pairs {name, text} as lines of at most `width`: texts in a column of their own, or below their names where that would be narrow.
function rows.layout(pairs_, width)
  local column, lines = 0, {}
  width = width or terminal.page_width()
  for _, pair in ipairs(pairs_) do column = math.max(column, #pair[1]) end
  column = math.min(column, 20)
  local beside = width - column - 4 >= 30
  for _, pair in ipairs(pairs_) do
    local text = terminal.wrap(pair[2], beside and width - column - 4 or width - 6)
    local first = ("  %-" .. column .. "s"):format(pair[1])
    local start = 1
    if beside and #pair[1] <= column then
      first, start = first .. "  " .. text[1], 2
    end
    lines[#lines + 1] = first:match "^(.-)%s*$"
    for i = start, #text do
      if text[i] ~= "" then lines[#lines + 1] = (" "):rep(beside and column + 4 or 6) .. text[i] end
    end
  end
  return table.concat(lines, "\n")
end

-- The fields as lines of at most `width` (default: the terminal's).
function rows.text(fields, width)
  local list = rows.add(fields, "", {})
  for i, row in ipairs(list) do list[i] = { row.key, rows.meaning(row) } end
  return rows.layout(list, width)
end

return rows
