-- clang-tidy over the C that this build compiles: .clang-tidy says what it looks for. That takes some ten minutes of processor time, so it
-- is done where it is asked for:
--
--   YOLUA_TIDY=all ctest -R lint/tidy              all of runtime/ and tests/
--   YOLUA_TIDY=runtime/core ctest -R lint/tidy     what lies below a folder
local t = require "luaunit"
local core = require "yolua.core"
local program = require "support.program"
local tree = require "support.tree"
local files = core.files

local chosen = os.getenv "YOLUA_TIDY"
local build = program.path:match "^(.*)/[^/]*$" or "."

local function said(command)
  local pipe <close> = io.popen(command)
  return pipe:read "a"
end

local top = said(("cd '%s' && pwd"):format(tree.top)):gsub("\n", "")

-- One command for each file below the folders, in the order of their names: kernels are compiled once per instruction set.
local function commands(folders)
  local list, seen = {}, {}
  for _, entry in ipairs(core.json.decode(core.system.read(build .. "/compile_commands.json"))) do
    local path = entry.file
    for _, folder in ipairs(folders) do
      local below = path:sub(1, #folder + 1) == folder .. "/" and path:find "%.c$"
      if below and not seen[path] then seen[path], list[#list + 1] = true, entry end
    end
  end
  table.sort(list, function(a, b) return a.file < b.file end)
  return list
end

TestTidy = {}

function TestTidy.testClangTidy()
  if not chosen then return print "SKIP: YOLUA_TIDY=all (or a folder) asks for clang-tidy" end
  -- other versions find other things
  t.assertStrContains(said "clang-tidy --version 2>&1", "version 14.", "YOLUA_TIDY needs clang-tidy 14")
  local folders = chosen == "all" and { top .. "/runtime", top .. "/tests" } or { top .. "/" .. chosen:gsub("/+$", "") }
  local list, paths, place = commands(folders), {}, program.new_folder()
  t.assertTrue(#list > 0, ("YOLUA_TIDY=%s: this build compiles nothing there"):format(chosen))
  for i, entry in ipairs(list) do paths[i] = entry.file end
  files.make_folder(place)
  core.system.write(place .. "/compile_commands.json", core.json.encode(list))
  core.system.write(place .. "/files", table.concat(paths, "\n") .. "\n")
  -- a process for each file: the analyzer of this version mistakes variable arguments in the second one
  local words = said(("cd '%s' && xargs -P2 -n1 clang-tidy -p '%s' --quiet <'%s/files' 2>'%s/noise'; echo status $?"):format(top,
    place, place, place))
  local found, known = {}, {}
  for line in words:gmatch "[^\n]+" do
    if line:find ": error: " and not known[line] then known[line], found[#found + 1] = true, line:sub(#top + 2) end
  end
  table.sort(found)
  t.assertEquals(table.concat(found, "\n"), "")
  t.assertStrContains(words, "status 0\n", nil, core.system.read(place .. "/noise"):sub(-2000))
  os.execute(("rm -r '%s'"):format(place))
  print(("%d files"):format(#list))
end

os.exit(t.LuaUnit.run())
