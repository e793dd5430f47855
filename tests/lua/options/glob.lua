-- Globs match whole names, and nothing of a name is a pattern of Lua's.
local t = require "luaunit"
local pattern_of = require "yolua.options.glob"

TestGlob = {}

function TestGlob.testMatches()
  for _, case in ipairs { { "conv1*", "conv1.bn", true }, { "conv?", "conv1", true }, { "conv?", "conv12", false }, { "a.c", "abc", false },
    { "a-c", "a-c", true }, { "*.bn", "conv1.bn", true }, { "*.bn", "conv1.bn.act", false }, { "[a]+(%)", "[a]+(%)", true } } do
    t.assertEquals(case[2]:find(pattern_of(case[1])) ~= nil, case[3], case[1] .. " on " .. case[2])
  end
end

os.exit(t.LuaUnit.run())
