-- Every recipe runs in a smoke size on the tiny data set and leaves a whole run directory.
local t = require "luaunit"
local core = require "yolua.core"
local program = require "support.program"
local tree = require "support.tree"
local wait = require "support.wait"

TestRecipes = {}

local OWN = {
  ["recipes/propose_topology.lua"] = "budget=0.9", -- the tiny network cannot be made much smaller
  ["recipes/quantize.lua"] = "max_loss=-100", -- trains whatever int8 loses
  ["recipes/compress.lua"] = false, -- classifies digits; its own test runs it
  ["recipes/prune_lenet.lua"] = false, -- likewise
  ["recipes/prune_poster.lua"] = false, -- many trainings in one, each in a folder of its own; its own test runs it
}

function TestRecipes.testSmoke()
  local top = program.tiny()
  local detectors = {}
  for _, path in ipairs(tree.files("^recipes/[%w_]+%.lua$", "recipes")) do
    if OWN[path] ~= false then detectors[#detectors + 1] = path end
  end
  for _, path in ipairs(detectors) do
    local out = top .. "/" .. path:match "([%w_]+)%.lua$"
    program.ok { path, "config=" .. top .. "/config.yaml", "epochs=2", "data.limit=4", "out=" .. out, OWN[path] }
    for _, name in ipairs { "config.yaml", "metrics.jsonl", "results.json", "results.md", "best.safetensors", "last.safetensors" } do
      t.assertEquals(core.files.kind(out .. "/" .. name), "file", path .. " leaves no " .. name)
    end
    t.assertTrue(#core.json.decode(core.system.read(out .. "/results.json")).eval >= 2)
  end
  os.execute("rm -rf '" .. top .. "'")
end

local function untimed(path)
  local results = core.json.decode(core.system.read(path))
  results.seconds, results.speed = nil, nil
  return results
end

-- Two runs with one seed and number of threads: the same bytes, and the same results but for times.
function TestRecipes.testSameSeed()
  local top = program.tiny()
  for _, out in ipairs { "a", "b" } do
    program.ok { "recipes/coco_full.lua", "config=" .. top .. "/config.yaml", "epochs=2", "ft.epochs=2", "threads=2", "seed=11",
      ("out=%s/%s/run"):format(top, out) }
  end
  for _, name in ipairs { "run/last", "run/best", "coco_ft/last", "coco_ft/best" } do
    local function hash(out) return core.files.hash(("%s/%s/%s.safetensors"):format(top, out, name)) end
    t.assertEquals(hash "a", hash "b", name)
  end
  t.assertEquals(untimed(top .. "/a/run/results.json"), untimed(top .. "/b/run/results.json"))
  program.ok { "recipes/coco_full.lua", "config=" .. top .. "/config.yaml", "epochs=2", "ft.epochs=2", "threads=2", "seed=12",
    ("out=%s/c/run"):format(top) }
  t.assertNotEquals(core.files.hash(top .. "/a/run/last.safetensors"), core.files.hash(top .. "/c/run/last.safetensors"))
  os.execute("rm -rf '" .. top .. "'")
end

-- SIGTERM ends a training as Ctrl-C does: after a step, saved.
function TestRecipes.testTerminated()
  local top = program.tiny()
  local id = core.process.start({ "train", "config=" .. top .. "/config.yaml", "epochs=500", "protocol=voc" }, top .. "/output.txt")
  wait(function() return core.files.kind(top .. "/run/metrics.jsonl") end, "an epoch")
  os.execute("kill -TERM " .. id)
  t.assertEquals(wait(function() return core.process.ended(id) end, "its end"), 1)
  t.assertStrContains(core.system.read(top .. "/output.txt"), "continue with resume=" .. top .. "/run")
  t.assertEquals(core.files.kind(top .. "/run/last.safetensors"), "file")
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
