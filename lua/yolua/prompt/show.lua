-- Values as a person at the terminal wants to see them: objects by their own __tostring, plain tables spelled out, within its width.
local terminal = require "yolua.terminal"

local show

local function key_text(key)
  if type(key) == "string" and key:find "^[%a_][%w_]*$" then return key end
  return "[" .. show(key, 9) .. "]"
end

local function sorted(keys)
  table.sort(keys, function(a, b)
    if type(a) == type(b) and (type(a) == "number" or type(a) == "string") then return a < b end
    return type(a) < type(b)
  end)
  return keys
end

local function parts_of(value, depth)
  local parts, keys = {}, {}
  for i = 1, math.min(#value, 100) do parts[i] = show(value[i], depth + 1) end
  if #value > 100 then parts[#parts + 1] = ("... (%d in all)"):format(#value) end
  for key in pairs(value) do
    if math.type(key) ~= "integer" or key < 1 or key > #value then keys[#keys + 1] = key end
  end
  for _, key in ipairs(sorted(keys)) do parts[#parts + 1] = key_text(key) .. " = " .. show(value[key], depth + 1) end
  return parts
end

-- Short parts side by side, as many as a line holds; a part of more than one line stands alone.
local function filled(parts, indent, width)
  local lines, line = {}, nil
  for _, part in ipairs(parts) do
    part = part .. ","
    local joined = line and line .. " " .. part
    local fits = joined and terminal.length(joined) + #indent <= width and not joined:find "\n" and terminal.length(part) <= 24
    if line and not fits then lines[#lines + 1] = line end
    line = fits and joined or part
  end
  lines[#lines + 1] = line
  return table.concat(lines, "\n" .. indent)
end

-- Boxes, sizes and the like: small enough to be spelled out at any depth.
local function is_small(value)
  local count = 0
  for _, inner in pairs(value) do
    count = count + 1
    if count > 6 or type(inner) == "table" or type(inner) == "string" and #inner > 20 then return false end
  end
  return true
end

-- A value as text; `depth` counts the tables around it: texts are quoted inside tables, and three levels are spelled out, of
-- small tables four.
function show(value, depth)
  depth = depth or 0
  if type(value) == "string" then return depth > 0 and ("%q"):format(value):gsub("\\\n", "\\n") or value end
  local meta = getmetatable(value)
  if type(value) ~= "table" or type(meta) == "table" and (meta.__tostring or meta.__name) then return tostring(value) end
  if depth > 2 and not is_small(value) then return "{...}" end
  local parts, width = parts_of(value, depth), math.min(100, terminal.width())
  local line = #parts == 0 and "{}" or "{ " .. table.concat(parts, ", ") .. " }"
  if terminal.length(line) + 2 * depth <= width and not line:find "\n" then return line end
  local indent = ("  "):rep(depth + 1)
  return "{\n" .. indent .. filled(parts, indent, width) .. "\n" .. ("  "):rep(depth) .. "}"
end

return show
