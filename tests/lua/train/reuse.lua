-- A finished run is found by the hash of what decides its result, and by nothing else; what is not whole is trained again.
local t = require "luaunit"
local yl = require "yolua"
local core = yl.core
local program = require "support.program"
local identity = require "yolua.train.identity"
local reuse = require "yolua.train.reuse"
local wait = require "support.wait"

TestReuse = {}

local top

local function words_in(folder, out, ...)
  return { "config=" .. top .. "/config.yaml", "threads=2", "protocol=poster", "seed=3", ("out=%s/%s/%s"):format(top, folder, out), ... }
end

local function words(...) return words_in("runs", ...) end

local function recipe(name, list) return program.ok { "recipes/" .. name .. ".lua", table.unpack(list) } end

local function ran(name) return core.files.kind(top .. "/runs/" .. name) ~= nil end

function TestReuse.setUp()
  if top then return end
  top = program.tiny()
  recipe("coco_ft", words("first", "freeze=body", "epochs=2"))
end

function TestReuse.testFound()
  local out = recipe("coco_full", words("full", "epochs=1", "ft.epochs=2", "ft.lr=0.003"))
  t.assertStrContains(out, "coco_ft: reusing the finished run " .. top .. "/runs/first")
  t.assertFalse(ran "coco_ft")
  out = recipe("kitti_ft", words("kitti", "epochs=1", "ft.epochs=2", "ft.lr=0.003"))
  t.assertStrContains(out, "runs/first (")
  for _, line in ipairs { "Van: moved from Car", "Cyclist: moved from Cyclist", "Tram: initialized" } do t.assertStrContains(out, line) end
end

-- Another seed is another run; it is trained once, and found from then on, with the same bytes either way.
function TestReuse.testTrainedOnce()
  local out = recipe("coco_full", words("a", "epochs=1", "ft.epochs=1", "seed=4"))
  t.assertStrContains(out, "training it now")
  t.assertTrue(ran "coco_ft")
  out = recipe("coco_full", words("b", "epochs=1", "ft.epochs=1", "seed=4"))
  t.assertStrContains(out, "runs/coco_ft (")
  t.assertEquals(core.files.hash(top .. "/runs/a/last.safetensors"), core.files.hash(top .. "/runs/b/last.safetensors"))
end

-- One that was interrupted is continued, by whoever asks for it next, and ends as if nothing had happened.
function TestReuse.testInterrupted()
  local function call(folder, out) return words_in(folder, out, "epochs=1", "ft.epochs=12") end
  recipe("coco_full", call("whole", "full"))
  local list = { program.source .. "/recipes/coco_full.lua", table.unpack(call("broken", "full")) }
  local id = core.process.start(list, top .. "/output.txt")
  wait(function() return core.files.kind(top .. "/broken/coco_ft/metrics.jsonl") end, "an epoch of Coco-FT")
  os.execute("kill -KILL " .. id)
  wait(function() return core.process.ended(id) end, "its end")
  local out = recipe("coco_full", call("broken", "other"))
  t.assertStrContains(out, ("coco_ft: continuing the interrupted run %s/broken/coco_ft ("):format(top))
  local function hash(path) return core.files.hash(top .. "/" .. path .. ".safetensors") end
  for _, name in ipairs { "last", "best" } do t.assertEquals(hash("broken/coco_ft/" .. name), hash("whole/coco_ft/" .. name)) end
  t.assertEquals(hash "broken/other/last", hash "whole/full/last")
  t.assertNil(core.files.kind(top .. "/broken/coco_ft-2"))
end

-- Two processes do not train the same: one waits for the other.
function TestReuse.testAwaited()
  local ids = {}
  for i = 1, 2 do
    local list = words_in("pair", "full" .. i, "epochs=1", "ft.epochs=6")
    ids[i] = core.process.start({ program.source .. "/recipes/coco_full.lua", table.unpack(list) }, ("%s/pair%d.txt"):format(top, i))
    if i == 1 then wait(function() return (core.system.try_read(top .. "/pair1.txt") or ""):find "training it now" end, "the first") end
    if i == 1 then wait(function() return (core.system.try_read(top .. "/pair1.txt") or ""):find "epoch 1" end, "its start") end
  end
  for i = 1, 2 do t.assertEquals(wait(function() return core.process.ended(ids[i]) end, "the end"), 0) end
  local second = core.system.read(top .. "/pair2.txt")
  t.assertStrContains(second, "coco_ft: reusing the finished run")
  t.assertEquals(core.files.hash(top .. "/pair/full1/last.safetensors"), core.files.hash(top .. "/pair/full2/last.safetensors"))
end

local function key(change)
  local o = yl.options { cfg = top .. "/tiny.cfg", names = top .. "/tiny.names", data = { name = "kitti", root = top .. "/data" } }
  local net = yl.load { cfg = o.cfg, names = o.names, seed = change.weights or 1 }
  o.data.map, o.data.limit = change.map or "auto", change.limit
  for _, name in ipairs { "batch", "seed", "threads", "conf" } do o[name] = change[name] or o[name] end
  if change.lr then o.optim.lr = change.lr end
  return identity.hash { net = net, data = yl.data(o.data), options = o, { name = change.policy or "keep" } }
end

function TestReuse.testKey()
  local plain = key {}
  t.assertEquals(#plain, 16)
  t.assertEquals(key { threads = 7, conf = 0.5 }, plain) -- nothing that decides the result
  local seen = { [plain] = "nothing" }
  local changes = { { weights = 2 }, { limit = 3 }, { batch = 2 }, { seed = 9 }, { lr = 0.5 }, { policy = "stop" }, { map = "poster" } }
  for _, change in ipairs(changes) do
    local hash = key(change)
    t.assertNil(seen[hash], hash)
    seen[hash] = true
  end
end

-- A run that did not end, and one whose checkpoint was exchanged, do not count.
function TestReuse.testOnlyWhole()
  local dir = top .. "/parent/run"
  core.files.make_folder(dir)
  local function config(made) core.system.write(dir .. "/config.yaml", core.yaml.encode { epochs = 1, provenance = made }) end
  core.system.write(dir .. "/last.safetensors", "bytes")
  config { training = "k" }
  t.assertNil(reuse.find(top .. "/parent", "k"))
  config { training = "k", result = core.files.hash(dir .. "/last.safetensors") }
  t.assertEquals(reuse.find(top .. "/parent", "k"), dir)
  t.assertNil(reuse.find(top .. "/parent", "other"))
  core.system.write(dir .. "/last.safetensors", "others")
  t.assertNil(reuse.find(top .. "/parent", "k"))
end

local status = t.LuaUnit.run()
if top then os.execute("rm -rf '" .. top .. "'") end
os.exit(status)
