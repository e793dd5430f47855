-- Numbers out of files of other programs, into the network of a cfg: PyTorch's state dicts.
local t = require "luaunit"
local core = require "yolua.core"
local program = require "support.program"
local yl = require "yolua"

local top = program.new_folder()
core.files.make_folder(top)

local CFG = [[
[net]
width=8
height=8
channels=3
[convolutional]
batch_normalize=1
filters=4
size=3
pad=1
activation=leaky
[connected]
output=5
activation=linear
]]

local cfg = top .. "/net.cfg"
core.system.write(cfg, CFG)

local function fails(f, ...)
  local ok, sentence = pcall(f, ...)
  t.assertFalse(ok)
  return tostring(sentence)
end

local function load(path, text) return yl.load { cfg = text or cfg, weights = path } end

-- A safetensors file of {name, dims, numbers}.
local function write(path, list, metadata)
  local entries, data = { metadata }, ""
  for _, e in ipairs(list) do
    local bytes = ""
    for _, x in ipairs(e[3]) do bytes = bytes .. string.pack("<f", x) end
    entries[#entries + 1] = ('"%s":{"dtype":"F32","shape":[%s],"data_offsets":[%d,%d]}'):format(e[1], table.concat(e[2], ","), #data,
      #data + #bytes)
    data = data .. bytes
  end
  local head = "{" .. table.concat(entries, ",") .. "}"
  core.system.write(path, string.pack("<i8", #head) .. head .. data)
end

local function counted(count, from)
  local list = {}
  for i = 1, count do list[i] = from + i end
  return list
end

local function tensors()
  return { { "conv1.weight", { 4, 3, 3, 3 }, counted(108, 0) }, { "conv1.bn.weight", { 4 }, counted(4, 200) },
    { "conv1.bn.bias", { 4 }, counted(4, 300) }, { "conv1.bn.running_mean", { 4 }, counted(4, 400) },
    { "conv1.bn.running_var", { 4 }, counted(4, 500) }, { "conv1.bn.num_batches_tracked", {}, { 7 } },
    { "connected1.weight", { 5, 256 }, counted(1280, 1000) }, { "connected1.bias", { 5 }, counted(5, 600) } }
end

TestStateDict = {}

function TestStateDict.testNamesAndOrders()
  local path = top .. "/a.safetensors"
  write(path, tensors())
  local net = load(path)
  local function at(name, ...) return net.net:tensor(name)[{ ... }] end
  t.assertEquals(at("conv1.weight", 2, 1, 3, 2), 27 + 9 + 3) -- output 2, row 1, column 3, input 2
  t.assertEquals({ at("conv1.bn.scale", 1), at("conv1.bn.bias", 2), at("conv1.bn.mean", 3), at("conv1.bn.var", 4) }, { 201, 302, 403, 504 })
  -- output 2, channel 3 of the pixel in row 1, column 2: ours is row, column, channel; theirs channel, row, column
  t.assertEquals(at("connected1.weight", 2, (0 * 8 + 1) * 4 + 3), 1000 + 256 + (2 * 64 + 1) + 1)
  t.assertEquals(at("connected1.bias", 5), 605)
end

-- What an export wrote comes back bit for bit.
function TestStateDict.testThereAndBack()
  local net, path = yl.load { cfg = cfg, seed = 5 }, top .. "/b.safetensors"
  net:export { out = path }
  t.assertEquals(load(path):checksum(), net:checksum())
end

function TestStateDict.testRefused()
  local path, list = top .. "/c.safetensors", tensors()
  list[2][1] = "conv1.bn.wieght"
  write(path, list)
  t.assertStrContains(fails(load, path), "c.safetensors: the network has no parameter 'conv1.bn.wieght' (the nearest are 'conv1.bn.weight'")
  list = tensors()
  table.remove(list, 3)
  write(path, list)
  t.assertStrContains(fails(load, path), "the tensor 'conv1.bn.bias' is missing (the nearest are 'conv1.bn.weight'")
  list = tensors()
  list[1][2] = { 4, 3, 9 }
  write(path, list)
  t.assertStrContains(fails(load, path), "'conv1.weight' has the shape {4, 3, 9}; expected {4, 3, 3, 3}")
  list = tensors()
  list[6] = { "conv1.bn.scale", { 4 }, counted(4, 0) }
  write(path, list)
  t.assertStrContains(fails(load, path), "are the same parameter")
  write(path, {})
  t.assertStrContains(fails(load, path), "the tensor 'conv1.weight' is missing")
  list = tensors()
  list[3][3][2] = 0 / 0
  write(path, list)
  t.assertStrContains(fails(load, path), "c.safetensors: 'conv1.bn.bias': number 2 is not finite")
  core.system.write(path, string.pack("<s8dd", '{"w":{"dtype":"F64","shape":[2],"data_offsets":[0,16]}}', 1, -1e39))
  t.assertStrContains(fails(yl.tensors, path), "c.safetensors: 'w': number 2 (-1e+39) is beyond the range of f32")
  yl.load({ cfg = cfg }):save(path)
  t.assertStrContains(fails(load, path), "is a checkpoint: expected model=" .. path)
  t.assertStrContains(fails(yl.load, { cfg = cfg, weights = path, partial = true }), "partial=true is of Darknet's weights")
  t.assertStrContains(fails(core.import.state_dict, yl.load({ cfg = cfg }).net, cfg), "net.cfg")
end

os.exit(t.LuaUnit.run())
