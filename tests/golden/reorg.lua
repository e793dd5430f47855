-- reorg and reorg3d against Darknet's own results.
local t = require "luaunit"
local core = require "yolua.core"
local counted = require "support.reorg"

local folder = os.getenv "YOLUA_DATA" or (os.getenv "YOLUA_SOURCE" or ".") .. "/../shared/data"
local file = io.open(folder .. "/eval/reorg.json")
if not file then
  print "SKIP reorg against Darknet: eval/reorg.json is missing"
  os.exit(0)
end

function TestReorgGolden()
  local cases = core.json.decode(file:read "a").cases
  t.assertTrue(#cases > 0)
  for _, case in ipairs(cases) do
    for _, kind in ipairs { "reorg", "reorg3d" } do
      if case[kind] then t.assertEquals(counted(kind, case.c, case.h, case.w, case.stride), case[kind]) end
    end
  end
end

os.exit(t.LuaUnit.run())
