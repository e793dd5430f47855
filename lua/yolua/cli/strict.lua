-- Strict globals: in recipes, tests and at the prompt, reading or writing a global that nobody declared is an error that names
-- it. Modules of the system (under a share/lua folder) are left alone, and tests may define test* as LuaUnit asks for.
local library = require "yolua.library"

local strict = {}

-- Whether the function at that level is code of the user.
local function is_users(level)
  local at = debug.getinfo(level + 1, "S")
  return at and at.what ~= "C" and not at.source:find("^@/usr/") and not at.source:find("/share/lua/", 1, true)
end

local function did_you_mean(name)
  local names = {}
  if rawget(_G, "yl") and library.module(name) then return (", did you mean 'yl.%s'?"):format(name) end
  for key in pairs(_G) do
    if type(key) == "string" then names[#names + 1] = key end
  end
  table.sort(names)
  return require("yolua.options.schema").did_you_mean(name, names)
end

-- Switches strictness on. `free`: assignments may make new globals (the prompt).
function strict.on(free)
  setmetatable(_G, {
    __index = function(_, name)
      if not is_users(2) then return nil end
      error(("undeclared global '%s'%s"):format(tostring(name), did_you_mean(tostring(name))), 2)
    end,
    __newindex = function(_, name, value)
      if not free and is_users(2) and not tostring(name):find "^[Tt]est" then
        error(("assignment to undeclared global '%s' (write: local %s = ...)"):format(tostring(name), tostring(name)), 2)
      end
      rawset(_G, name, value)
    end,
  })
end

return strict
