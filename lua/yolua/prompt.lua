-- The prompt: reads chunks (unfinished ones go on over lines), prints what expressions give, keeps a history.
local core = require "yolua.core"

local prompt = {}

-- ---- values as a person wants to see them ------------------------------------------------------------------------------------

local function key_text(key)
  if type(key) == "string" and key:find "^[%a_][%w_]*$" then return key end
  return "[" .. prompt.show(key, 9) .. "]"
end

local function sorted(keys)
  table.sort(keys, function(a, b)
    if type(a) == type(b) and (type(a) == "number" or type(a) == "string") then return a < b end
    return type(a) < type(b)
  end)
  return keys
end

local function table_parts(value, depth)
  local parts, keys = {}, {}
  for i = 1, math.min(#value, 100) do parts[i] = prompt.show(value[i], depth + 1) end
  if #value > 100 then parts[#parts + 1] = ("... (%d in all)"):format(#value) end
  for key in pairs(value) do
    if math.type(key) ~= "integer" or key < 1 or key > #value then keys[#keys + 1] = key end
  end
  for _, key in ipairs(sorted(keys)) do parts[#parts + 1] = key_text(key) .. " = " .. prompt.show(value[key], depth + 1) end
  return parts
end

-- A value as text: objects by their own __tostring, plain tables spelled out (three levels deep), texts quoted inside tables.
function prompt.show(value, depth)
  depth = depth or 0
  if type(value) == "string" then return depth > 0 and ("%q"):format(value) or value end
  local meta = getmetatable(value)
  if type(value) ~= "table" or type(meta) == "table" and (meta.__tostring or meta.__name) then return tostring(value) end
  if depth > 2 then return next(value) == nil and "{}" or "{...}" end
  local parts = table_parts(value, depth)
  local line = #parts == 0 and "{}" or "{ " .. table.concat(parts, ", ") .. " }"
  if #line <= 100 and not line:find "\n" then return line end
  local indent = ("  "):rep(depth + 1)
  return "{\n" .. indent .. table.concat(parts, ",\n" .. indent) .. ",\n" .. ("  "):rep(depth) .. "}"
end

-- ---- chunks -------------------------------------------------------------------------------------------------------------------

-- The chunk that the text is: an expression first, else statements. Returns nil and the message, and whether more is expected.
function prompt.compile(text)
  local chunk = load("return " .. text, "=prompt", "t")
  if chunk then return chunk end
  local statements, message = load(text, "=prompt", "t")
  if statements then return statements end
  return nil, message, message:find "<eof>$" ~= nil
end

local function run(chunk)
  local cli = require "yolua.cli"
  cli.attempt(function()
    local results = table.pack(chunk())
    for i = 1, results.n do results[i] = prompt.show(results[i]) end
    if results.n > 0 then print(table.concat(results, "\t")) end
  end)
end

-- Reads one whole chunk. Returns its text; false after Ctrl-C, nil at the end of the input.
local function read_chunk(editor)
  local text = editor:read "> "
  while text do
    local _, _, unfinished = prompt.compile(text)
    if not unfinished then return text end
    local more = editor:read ">> "
    text = more and text .. "\n" .. more
  end
  return text
end

local function loop(editor)
  while true do
    local text = read_chunk(editor)
    if text == nil then return print() end
    if text and text:find "%S" then
      editor:add(text)
      local chunk, message = prompt.compile(text)
      if chunk then run(chunk) else io.stderr:write("yolua: ", message, "\n") end
    end
  end
end

local function history_file()
  local home = os.getenv "HOME"
  return os.getenv "YOLUA_HISTORY" or home and home .. "/.yolua_history"
end

-- Without a terminal the whole input is one chunk, as with lua.
local function run_input()
  local chunk, message = load(io.read "a":gsub("^#[^\n]*", ""), "=stdin", "t")
  if not chunk then error(message, 0) end
  chunk()
end

-- Starts the prompt; `before` (running a recipe, say) goes first, and the prompt opens even where it fails.
function prompt.run(before)
  rawset(_G, "yl", require "yolua")
  rawset(_G, "help", require "yolua.help")
  local interactive = core.prompt.interactive()
  if before and interactive then require("yolua.cli").attempt(before) elseif before then before() end
  require("yolua.strict").on(true)
  if not interactive then return run_input() end
  local editor <close> = core.prompt.open(history_file())
  editor:complete(require("yolua.complete").tab)
  print(("yolua %s; help() tells more, Ctrl-D leaves"):format(core.version))
  loop(editor)
end

return prompt
