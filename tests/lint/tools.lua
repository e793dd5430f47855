-- luacheck over all Lua, where it is installed.
local t = require "luaunit"
local tree = require "support.tree"

TestTools = {}

local function installed(tool) return os.execute("command -v " .. tool .. " >/dev/null 2>&1") == true end

function TestTools.testLuacheck()
  if not installed "luacheck" then return print "SKIP luacheck is not installed" end
  local check <close> = io.popen(("cd '%s' && env -u LUA_PATH luacheck -q --no-color lua recipes datasets tests 2>&1"):format(tree.top))
  local words = check:read "a"
  t.assertTrue(check:close(), words)
end

os.exit(t.LuaUnit.run())
