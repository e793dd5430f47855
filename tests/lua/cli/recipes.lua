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

-- Without arguments, but with fewer frames, the poster's recipes run on synthetic streets, and the later ones reuse the first one's run.
function TestRecipes.testEmbedded()
  local top = os.tmpname()
  os.remove(top)
  for i, name in ipairs { "coco_ft", "coco_full", "kitti_ft" } do
    local words = { "recipes/" .. name .. ".lua", "protocol=voc", "threads=2", "out=" .. top .. "/" .. name, "data=synthetic",
      "data.frames=10", "data.picture=416x128", "data.root=" .. top .. "/streets", i > 1 and "epochs=1" or nil }
    local out, err = program.ok(words)
    t.assertStrContains(err, "using synthetic data (10 frames")
    t.assertNotStrContains(err, "dropped")
    if i > 1 then t.assertStrContains(out, ("coco_ft: reusing the finished run %s/coco_ft"):format(top)) end
    t.assertEquals(core.files.kind(top .. "/" .. name .. "/report.html"), "file")
  end
  os.execute("rm -rf '" .. top .. "'")
end

os.exit(t.LuaUnit.run())
