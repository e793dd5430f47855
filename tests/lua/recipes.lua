-- Every recipe in a smoke size, on the tiny data set; what a run leaves behind; the bench verb's document.
local t = require "luaunit"
local core = require "yolua.core"
local tree = require "support.tree"

local program = os.getenv "YOLUA_PROGRAM"
local folder = os.tmpname()
os.remove(folder)

local function yolua(words)
  local pipe <close> = io.popen(("%s %s 2>&1"):format(program, words))
  local said = pipe:read "a"
  return pipe:close() == true, said
end

local function must(words)
  local ok, said = yolua(words)
  t.assertTrue(ok, words .. ": " .. said)
  return said
end

TestRecipes = {}

function TestRecipes:setUp()
  if core.files.kind(folder) == "folder" then return end
  must(("%s/tests/support/tiny.lua out=%s"):format(tree.top, folder))
end

function TestRecipes.testSmoke()
  for _, path in ipairs(tree.files("%.lua$", "recipes")) do
    local out = folder .. "/" .. path:match "([%w_]+)%.lua$"
    must(("%s/%s config=%s/config.yaml epochs=2 data.limit=4 out=%s"):format(tree.top, path, folder, out))
    for _, name in ipairs { "config.yaml", "metrics.jsonl", "results.json", "results.md", "best.safetensors", "last.safetensors" } do
      t.assertEquals(core.files.kind(out .. "/" .. name), "file", path .. " leaves no " .. name)
    end
    t.assertEquals(select(2, core.system.read(out .. "/metrics.jsonl"):gsub("\n", "")), 2)
    local results = core.json.decode(core.system.read(out .. "/results.json"))
    t.assertEquals({ results.epochs, results.data.name }, { 2, "kitti" })
    t.assertTrue(#results.eval >= 2)
  end
end

function TestRecipes.testSameBytesTwice()
  local call = ("%s/recipes/coco_ft.lua config=%s/config.yaml epochs=1 data.limit=4 out=%s/%%s"):format(tree.top, folder, folder)
  must(call:format "first")
  must(call:format "second")
  local first = core.system.read(folder .. "/first/last.safetensors")
  t.assertTrue(first == core.system.read(folder .. "/second/last.safetensors"))
end

function TestRecipes.testBench()
  local call = ("bench cfg=%s/tiny.cfg names=%s/tiny.names runs=3 batch=2 layers=true json=true mode="):format(folder, folder)
  for _, mode in ipairs { "infer", "train" } do
    local document = core.json.decode(must(call .. mode))
    t.assertEquals({ document.batch, document.device, document.precision, document.imgsz }, { 2, "cpu", "f32", { 160, 96 } })
    t.assertTrue(document.min_ms <= document.median_ms and document.median_ms <= document.max_ms)
    t.assertAlmostEquals(document.images_per_s, 2e3 / document.median_ms, 1e-6 * document.images_per_s)
    t.assertEquals(document.layers[1].name, "conv1")
    t.assertEquals(type(document.layers[1].algorithm), "string")
  end
end

local status = t.LuaUnit.run()
os.execute("rm -rf '" .. folder .. "'")
os.exit(status)
