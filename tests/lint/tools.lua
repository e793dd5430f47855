-- luacheck over all Lua, clang-format over all C, cppcheck over the runtime. Where they are not installed this is skipped, unless
-- YOLUA_LINTERS=required.
local t = require "luaunit"
local tree = require "support.tree"

TestTools = {}

local function said(command)
  local pipe <close> = io.popen(("cd '%s' && %s 2>&1"):format(tree.top, command))
  return pipe:read "a"
end

local function skip(reason)
  if os.getenv "YOLUA_LINTERS" == "required" then t.fail(reason) end
  print("SKIP " .. reason)
end

local function installed(tool) return os.execute("command -v " .. tool .. " >/dev/null 2>&1") == true end

function TestTools.testLuacheck()
  if not installed "luacheck" then return skip "luacheck is not installed" end
  local words = said "env -u LUA_PATH luacheck -q --no-color lua recipes datasets tests"
  t.assertStrContains(words, "Total: 0 warnings / 0 errors")
end

-- Other versions of clang-format lay some lines out otherwise.
function TestTools.testClangFormat()
  if not installed "clang-format" or not said "clang-format --version":find "version 14%." then
    return skip "clang-format 14 is not installed"
  end
  local found = said "find runtime tests -name '*.[ch]' -o -name '*.cu' -o -name '*.cuh' -o -name '*.cpp' | xargs clang-format --dry-run"
  local files = {}
  for path in found:gmatch "\n?([^\n:]+):%d+:%d+: warning" do files[path] = "clang-format -i " .. path end
  t.assertEquals(files, {})
end

-- Other versions of cppcheck find other things; cppcheck.txt says what is left out.
function TestTools.testCppcheck()
  if not installed "cppcheck" or not said "cppcheck --version":find "Cppcheck 2%.10" then return skip "cppcheck 2.10 is not installed" end
  local words = said("cppcheck --quiet -j2 --std=c11 --enable=warning,performance,portability --max-configs=1 "
    .. "--suppressions-list=tests/lint/cppcheck.txt -DYL_ISA=v3 '-DYL_KERNELS(K)=' '-DYL_ISAS(X)=X(v3)' "
    .. "-Iruntime --template='{file}:{line}: {id}: {message}' runtime")
  local found = {}
  for line in words:gmatch "[^\n]+" do found[#found + 1] = line end
  t.assertEquals(found, {})
end

os.exit(t.LuaUnit.run())
