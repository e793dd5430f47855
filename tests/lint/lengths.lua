-- Lengths: functions of C up to 60 lines, C files up to 500, Lua files up to 250, recipes up to 60 straight lines. Tests are exempt.
local t = require "luaunit"
local tree = require "support.tree"

TestLengths = {}

local function too_long(paths, most)
  local faults = {}
  for _, path in ipairs(paths) do
    local count = #tree.lines(path)
    if count > most then faults[#faults + 1] = ("%s: %d lines, at most %d"):format(path, count, most) end
  end
  return faults
end

function TestLengths.testFiles()
  t.assertEquals(too_long(tree.files("%.[ch]u?h?$", "runtime"), 500), {})
  t.assertEquals(too_long(tree.files("%.lua$", "lua", "datasets"), 250), {})
  t.assertEquals(too_long(tree.files("%.lua$", "recipes"), 60), {})
end

-- A body opens with "{" at the margin, or at the end of a line that starts there with a name; it closes with "}" at the margin.
local function functions(path)
  local list, start = {}, nil
  for number, line in ipairs(tree.lines(path)) do
    if not start and (line == "{" or line:find "^[%a_].*%)%s*{%s*$") then start = number
    elseif start and line:sub(1, 1) == "}" then
      list[#list + 1] = { line = start, count = number - start + 1 }
      start = nil
    end
  end
  return list
end

function TestLengths.testFunctions()
  local faults, seen = {}, 0
  for _, path in ipairs(tree.files("%.[ch]u?h?$", "runtime")) do
    for _, f in ipairs(functions(path)) do
      seen = seen + 1
      if f.count > 60 then faults[#faults + 1] = ("%s:%d: a function of %d lines, at most 60"):format(path, f.line, f.count) end
    end
  end
  t.assertEquals(faults, {})
  t.assertTrue(seen > 1000)
end

-- A recipe reads from top to bottom: no loops, no branches; a function that is a policy stays.
function TestLengths.testRecipesAreStraight()
  t.assertEquals(tree.faults(tree.files("%.lua$", "recipes"), function(line)
    local word = line:match "^(%l+)%f[%W]"
    if word == "for" or word == "while" or word == "if" or word == "repeat" then return "a recipe has no " .. word .. " at the top" end
  end), {})
end

os.exit(t.LuaUnit.run())
