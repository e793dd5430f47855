-- Every recipe runs in a smoke size on the tiny data set and leaves a whole run directory.
local t = require "luaunit"
local core = require "yolua.core"
local program = require "support.program"
local tree = require "support.tree"

TestRecipes = {}

function TestRecipes.testSmoke()
  local top = program.tiny()
  for _, path in ipairs(tree.files("^recipes/[%w_]+%.lua$", "recipes")) do
    local out = top .. "/" .. path:match "([%w_]+)%.lua$"
    program.ok { path, "config=" .. top .. "/config.yaml", "epochs=2", "data.limit=4", "out=" .. out }
    for _, name in ipairs { "config.yaml", "metrics.jsonl", "results.json", "results.md", "best.safetensors", "last.safetensors" } do
      t.assertEquals(core.files.kind(out .. "/" .. name), "file", path .. " leaves no " .. name)
    end
    t.assertTrue(#core.json.decode(core.system.read(out .. "/results.json")).eval >= 2)
  end
  os.execute("rm -rf '" .. top .. "'")
end

os.exit(t.LuaUnit.run())
