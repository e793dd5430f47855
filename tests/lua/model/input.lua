-- What pictures are brought to: the network's own size and way of resizing, what overrides them, and which sizes fit.
local t = require "luaunit"
local core = require "yolua.core"
local input = require "yolua.model.input"
local program = require "support.program"
local yl = require "yolua"

local top = os.tmpname()
os.remove(top)
core.files.make_folder(top)

local HEAD = "[yolo]\nmask=0\nanchors=8,8, 16,16\nclasses=1\nnum=2\n"
local function conv(filters, stride)
  return ("[convolutional]\nfilters=%d\nsize=3\npad=1\nstride=%d\nactivation=linear\n"):format(filters, stride)
end

-- Two heads: stride 16, and 8 by way of an upsampling.
local function cfg(net, name)
  local path = ("%s/%s.cfg"):format(top, name or "two")
  core.system.write(path, "[net]\nwidth=64\nheight=32\nchannels=3\n" .. (net or "") .. conv(4, 2) .. conv(4, 2) .. conv(4, 2) .. conv(6, 2)
    .. HEAD .. "[route]\nlayers=-2\n[upsample]\nstride=2\n[route]\nlayers=-1,2\n" .. conv(6, 1) .. HEAD)
  return path
end

local function refusal(f, ...)
  local ok, sentence = pcall(f, ...)
  t.assertFalse(ok)
  return tostring(sentence)
end

TestInput = {}

function TestInput.testStride()
  t.assertEquals(input.stride(yl.load { cfg = cfg() }), 16)
  t.assertEquals(input.stride(yl.load { model = "street" }), 16)
  local path = top .. "/odd.cfg" -- a size that is no multiple does not mislead
  core.system.write(path, "[net]\nwidth=50\nheight=30\nchannels=3\n" .. conv(4, 2) .. "[maxpool]\nsize=2\nstride=2\n" .. conv(6, 2)
    .. HEAD)
  local odd = yl.load { cfg = path }
  t.assertEquals(input.stride(odd), 8)
  t.assertEquals({ input.of(odd, { imgsz = { 50, 30 } }).w, #odd:detect(yl.zeros({ 10, 10, 3 }):to "u8") >= 0 }, { 50, true })
end

-- The cfg's own way of resizing: Darknet stretches, unless letter_box=1.
function TestInput.testResizeFollowsTheCfg()
  for text, expected in pairs { [""] = "stretch", ["letter_box=0\n"] = "stretch", ["letter_box = 1\n"] = "letterbox" } do
    t.assertEquals(yl.load({ cfg = cfg(text) }).resize, expected)
  end
  t.assertStrContains(refusal(yl.load, { cfg = cfg "letter_box=yes\n" }), "two.cfg:5: option 'letter_box': expected an integer in 0..1")
  local picture = top .. "/wide.png"
  core.image.new(60, 90, ("\250\20\20"):rep(2700) .. ("\20\20\250"):rep(2700)):save(picture)
  local boxes, own = {}, {}
  for _, resize in ipairs { "stretch", "letterbox" } do
    local net = yl.load { cfg = cfg(resize == "letterbox" and "letter_box=1\n" or "") }
    boxes[resize], own[resize] = net:detect(picture, { conf = 0.01, resize = resize }), net:detect(picture, { conf = 0.01 })
    local stream
    yl.detect(net, { picture }, { conf = 0.01 }, function(_, list) stream = list end)
    t.assertEquals(#own[resize], #stream)
    t.assertAlmostEquals(own[resize][1].box[2], stream[1].box[2], 1e-3)
  end
  for resize, list in pairs(own) do t.assertEquals(list, boxes[resize]) end
  t.assertNotEquals(tostring(own.stretch), tostring(own.letterbox))
end

function TestInput.testText()
  local net = yl.load { cfg = cfg() }
  t.assertEquals(input.text(net, {}), "input 64x32, stretch (as two.cfg says)")
  t.assertEquals(input.text(net, { imgsz = { 64, 32 }, resize = "stretch" }), "input 64x32, stretch (as two.cfg says)")
  t.assertEquals(input.text(net, { imgsz = { 32, 96 } }), "input 32x96, stretch (two.cfg says 64x32, stretch)")
  net:adopt { w = 96, h = 48, resize = "letterbox" }
  t.assertEquals(input.text(net, {}), "input 96x48, letterbox (as it was trained)")
  t.assertEquals(input.text(net, { resize = "stretch" }), "input 96x48, stretch (it was trained at 96x48, letterbox)")
end

-- In Lua and by every verb: key, stride, and what fits; width first.
function TestInput.testSizesThatDoNotFit()
  local net = yl.load { cfg = cfg() }
  local picture = yl.zeros({ 10, 10, 3 }):to "u8"
  local two = "imgsz=300x300: expected width and height in multiples of 16, the network's stride; the nearest are 288x288 and 304x304"
  t.assertStrContains(refusal(net.detect, net, picture, { imgsz = 300 }), two)
  t.assertStrMatches(refusal(function() local _ = net:detect(picture, { imgsz = 300 }) end), ".*input%.lua:%d+: imgsz=300x300: .*")
  t.assertStrMatches(refusal(function() local _ = yl.transplant(net, { "a" }, { size = { 300, 300 } }) end),
    ".*input%.lua:%d+: size=300x300: .*")
  core.image.new(10, 10):save(top .. "/x.png")
  t.assertStrContains(refusal(yl.detect, net, { top .. "/x.png" }, { imgsz = "300" }, print), two)
  local data = yl.data { name = "synthetic", root = top .. "/drawn", frames = 10, picture = { 128, 64 } }
  for _, multiscale in ipairs { false, true } do
    t.assertStrContains(refusal(yl.train, { net = net, data = data, options = { imgsz = "300", multiscale = multiscale } }), two)
  end
  t.assertStrContains(refusal(net.detect, net, picture, { imgsz = { 416, 130 } }), "the nearest are 416x128 and 416x144")
  t.assertStrContains(refusal(net.detect, net, picture, { imgsz = { 130, 416 } }), "imgsz=130x416: expected width and height")
  t.assertStrContains(refusal(net.detect, net, picture, { imgsz = 9 }), "the nearest is 16x16")
  t.assertStrContains(refusal(yl.transplant, net, { "a" }, { size = { 300, 300 } }), "size=300x300: expected width and height in multiples")
  for _, size in ipairs { 0, -32, "0x64", "1e9", 8224, "416x", {} } do
    t.assertStrContains(refusal(net.detect, net, picture, { imgsz = size }),
      "option 'imgsz': expected a size in pixels (416x416, [width,height] or one number), each in 8..8192")
  end
  t.assertEquals({ net.w, net.h, net.net:size() }, { 64, 32, 64, 32, 3 }) -- nothing of it stays
end

-- A network with a fully connected layer has one size.
function TestInput.testSizesThatNoLayerTakes()
  local net = core.net { h = 8, w = 8, c = 3, layers = { { "connected", output = 4 } } }
  local model = require("yolua.model").new { net = net, names = {}, path = "fc.cfg" }
  t.assertStrContains(refusal(input.of, model, { imgsz = { 16, 16 } }),
    "imgsz=16x16: the network cannot run at this size: connected1: its parameters are for another input size than 16 x 16")
  t.assertErrorMsgContains("connected1", net.resize, net, 16, 16)
  t.assertErrorMsgContains("expected height, width and channels", net.resize, net, 0, 16)
  t.assertEquals({ net:size() }, { 8, 8, 3 })
  t.assertNotNil(net:plan { h = 8, w = 8 })
end

function TestInput.testVerbsRefuseThem()
  local root = top .. "/drawn"
  yl.data { name = "synthetic", root = root, frames = 10, picture = { 128, 64 } }
  for verb, words in pairs { predict = { "source=" .. top .. "/x.png" }, bench = {},
    export = { "out=" .. top .. "/x.onnx" }, val = { "data=synthetic", "data.root=" .. root },
    train = { "data=synthetic", "data.root=" .. root, "out=" .. top .. "/run" } } do
    local status, out, err = program.run { verb, "cfg=" .. cfg(), "imgsz=300", table.unpack(words) }
    t.assertEquals({ verb, status }, { verb, 2 })
    t.assertStrContains(err:gsub("\n *", " "), "command line: imgsz=300x300: expected width and height in multiples of 16")
    t.assertNotStrContains(out .. err, "traceback")
    status, out, err = program.run { verb, "cfg=" .. cfg(), "imgsz=0x64", table.unpack(words) }
    t.assertEquals({ verb, status }, { verb, 2 })
    t.assertStrContains(err, "'imgsz'")
    t.assertEquals(out, "")
  end
  t.assertNil(core.files.kind(top .. "/run"))
end

local status = t.LuaUnit.run()
os.execute("rm -rf '" .. top .. "'")
os.exit(status)
