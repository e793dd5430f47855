-- data=mnist: the four files, plain and gzipped, under both spellings; drawn digits without them; training on it and the row top1.
local t = require "luaunit"
local core = require "yolua.core"
local yl = require "yolua"

local top = os.tmpname()
os.remove(top)

local function be32(n) return string.pack(">I4", n) end

-- n pictures of h x w whose pixels are the picture's number; classes in turn.
local function write(folder, stem, n, change)
  local spec = { h = 4, w = 3, n = n, labels = n, class = 10, dash = "-", zip = false }
  for key, value in pairs(change or {}) do spec[key] = value end
  local pixels, labels = {}, {}
  for i = 1, spec.n do pixels[i] = string.char(i % 256):rep(spec.h * spec.w) end
  for i = 1, spec.labels do labels[i] = string.char((i - 1) % spec.class) end
  local function put(name, bytes)
    local path = ("%s/%s"):format(folder, name)
    core.system.write(path, bytes)
    if spec.zip then assert(os.execute(("gzip -f '%s'"):format(path))) end
  end
  core.files.make_folder(folder)
  put(stem .. "-images" .. spec.dash .. "idx3-ubyte", "\0\0\8\3" .. be32(spec.n) .. be32(spec.h) .. be32(spec.w) .. table.concat(pixels))
  put(stem .. "-labels" .. spec.dash .. "idx1-ubyte", "\0\0\8\1" .. be32(spec.labels) .. table.concat(labels))
end

local function both(name, train, test)
  local folder = top .. "/" .. name
  write(folder, "train", 40, train)
  write(folder, "t10k", 12, test or train)
  return folder
end

TestMnist = {}

function TestMnist.testFiles()
  for name, change in pairs { plain = {}, zipped = { zip = true }, dots = { dash = "." } } do
    local data = yl.data { name = "mnist", root = both(name, change) }
    local train, test = data:list "train", data:list "test"
    t.assertEquals({ #train.frames, #test.frames, #data:list("all").frames }, { 40, 12, 52 }, name)
    local frame = test.frames[3]
    t.assertEquals({ frame.id, frame.width, frame.height, frame.objects[1].class }, { "test/00002", 3, 4, "2" })
    t.assertEquals(data.source.pixels[{ frame.at, 1, 1, 1 }], 3)
    t.assertEquals({ #data.train.frames, #data.dev.frames }, { 36, 4 }) -- a tenth of train is dev
    t.assertEquals(data:truth(frame, data.classes), { { 0, 0, 3, 4, 2, 0 } })
  end
end

function TestMnist.testRefusals()
  local function refused(sentence, folder)
    local ok, message = pcall(yl.data, { name = "mnist", root = folder })
    t.assertFalse(ok, sentence)
    t.assertStrContains(message, sentence)
    t.assertNotStrContains(message, "\n")
  end
  core.files.make_folder(top .. "/none")
  refused("contains no train-images-idx3-ubyte (or .gz)", top .. "/none")
  refused("expected a label for each of the 40 pictures, got 39", both("few", { labels = 39 }, {}))
  refused("expected classes 0 to 9, got 10 at place 11", both("classes", { class = 11 }, {}))
  refused("expected pictures of 3x4 like the others, got 3x5", both("sizes", {}, { h = 5 }))
  local folder = both("cut", {})
  core.system.write(folder .. "/train-images-idx3-ubyte", "\0\0\8\3" .. be32(40) .. be32(4) .. be32(3) .. "abc")
  refused("its sizes say 480 bytes of elements, got 3", folder)
  t.assertErrorMsgContains("no such split 'tset'", function() yl.data({ name = "mnist", root = both("split", {}) }):list "tset" end)
end

-- Drawn digits: the same for the same seed, with both splits.
function TestMnist.testDrawn()
  local a, b = yl.data { name = "mnist", digits = 40 }, yl.data { name = "mnist", digits = 40 }
  t.assertTrue(a.source.pixels:equal(b.source.pixels))
  t.assertEquals({ #a:list("train").frames, #a:list("test").frames }, { 32, 8 })
  t.assertFalse(a.source.pixels:equal(yl.data({ name = "mnist", digits = 40, seed = 2 }).source.pixels))
  t.assertTrue(a.source.pixels:max() == 255 and a.source.pixels:min() == 0)
end

TestTraining = {}

-- A network learns drawn digits, and is scored by the share of wrong ones; what has no class or no softmax is refused.
function TestTraining.testItLearns()
  local data, net = yl.data { name = "mnist", digits = 300 }, yl.load { model = "lenet300" }
  local score = require "yolua.eval.score"
  local before = score.run(net, data:list "test", {}, { stage = "before" })[1]
  yl.train { net = net, data = data, options = { epochs = 12, batch = 24, optim = { name = "adam", lr = 1e-3 } } }
  local rows = score.run(net, data:list "test", {}, { stage = "after" })
  t.assertEquals({ #rows, rows[1].protocol, rows[1].n, rows[1].split }, { 1, "top1", 60, "test" })
  t.assertTrue(before.error > 0.6 and rows[1].error < 0.1, before.error .. " " .. rows[1].error)
  t.assertStrContains(require("yolua.eval.protocols").text(rows[1]), "top1: error ")
  t.assertErrorMsgContains("expected augment=none", yl.train, { net = net, data = data, options = { epochs = 1, augment = "standard" } })
end

local status = t.LuaUnit.run()
os.execute("rm -rf '" .. top .. "'")
os.exit(status)
