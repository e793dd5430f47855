-- Files of `require=FILE.lua`: they make the layers, optimizers and data sets that other keys name.
local core = require "yolua.core"
local schema = require "yolua.options.schema"

-- prepare: what happens before such a file runs; the program switches strict globals on.
local required = { prepare = function() end }

local done = {} -- path -> the text that was run
local running = {} -- path -> true while its file runs

-- A recipe reads the options of the call, `require` among them, and would run itself without end.
local function enter(path)
  if running[path] then
    error(schema.usage(("require=%s: the file asks for the options of the call: expected one that makes layers, optimizers or data sets, "
      .. "no recipe"):format(path)))
  end
  running[path] = true
  return setmetatable({}, { __close = function() running[path] = nil end })
end

local function run_file(path)
  local text = core.system.read(path)
  if done[path] == text then return end
  local chunk, message = load(text:gsub("^#[^\n]*", ""), "@" .. path, "t")
  if not chunk then error(message, 0) end
  required.prepare()
  local _ <close> = enter(path)
  chunk()
  done[path] = text
end

-- Runs the files (a path, paths with commas between them, or a list), each once as long as its text is the same.
function required.load(files)
  if type(files) == "table" then
    for _, path in ipairs(files) do run_file(path) end
  else
    for path in tostring(files):gmatch "[^,]+" do run_file(path) end
  end
end

return required
