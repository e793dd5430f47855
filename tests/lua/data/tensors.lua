-- yl.tensors and weights=FILE.npz: NumPy's arrays, one or an archive of them, as f32 in C's order.
local t = require "luaunit"
local core = require "yolua.core"
local program = require "support.program"
local yl = require "yolua"

local top = program.new_folder()
core.files.make_folder(top)

local function crc32(bytes)
  local crc = 0xffffffff
  for i = 1, #bytes do
    crc = crc ~ bytes:byte(i)
    for _ = 1, 8 do crc = crc & 1 == 1 and crc >> 1 ~ 0xedb88320 or crc >> 1 end
  end
  return crc ~ 0xffffffff
end

-- A .npy: order '<' or '>', type "f4", fortran, dims as Python writes them, numbers packed one by one.
local function npy(type, fortran, dims, numbers, version)
  local text = ("{'descr': '%s', 'fortran_order': %s, 'shape': %s, }"):format(type, fortran and "True" or "False", dims)
  local head = version == 2 and string.pack("<c6BBI4", "\x93NUMPY", 2, 0, #text + 1) or string.pack("<c6BBI2", "\x93NUMPY", 1, 0, #text + 1)
  local code, list = ({ f4 = "f", f8 = "d", f2 = "I2", i4 = "i4" })[type:sub(2)], {}
  for i, x in ipairs(numbers) do list[i] = string.pack(type:sub(1, 1):gsub("[=|]", "<") .. code, x) end
  return head .. text .. "\n" .. table.concat(list)
end

-- An archive of {name, bytes}; deflated: as a stored block of DEFLATE.
local function zip(list, deflated, change)
  local out, directory = "", ""
  for _, e in ipairs(list) do
    local name, bytes = e[1] .. ".npy", e[2]
    local packed = deflated and string.pack("<BI2I2", 1, #bytes, ~#bytes & 0xffff) .. bytes or bytes
    local common = string.pack("<I2I2I2I2I2I4I4I4I2", 20, 0, deflated and 8 or 0, 0, 0, crc32(bytes), #packed, #bytes, #name)
    local offset = #out
    out = out .. "PK\3\4" .. common .. string.pack("<I2", 4) .. name .. "xxxx" .. packed
    directory = directory .. "PK\1\2" .. string.pack("<I2", 20) .. common .. string.pack("<I2I2I2I2I4I4", 0, 0, 0, 0, 0, offset) .. name
  end
  local all = out .. directory .. "PK\5\6" .. string.pack("<I2I2I2I2I4I4I2", 0, 0, #list, #list, #directory, #out, 0)
  return change and change(all) or all
end

local function put(name, bytes)
  core.system.write(top .. "/" .. name, bytes)
  return top .. "/" .. name
end

local function fails(f, ...)
  local ok, sentence = pcall(f, ...)
  t.assertFalse(ok)
  return tostring(sentence)
end

TestTensors = {}

function TestTensors.testArrays()
  local one = yl.tensors(put("one.npy", npy("<f4", false, "(2, 3)", { 1, 2, 3, 4, 5, 6 })))["one.npy"]
  t.assertEquals({ one:shape(), one:reshape(-1):totable() }, { { 2, 3 }, { 1, 2, 3, 4, 5, 6 } })
  for i, deflated in ipairs { false, true } do
    local all = yl.tensors(put(i .. ".npz", zip({ { "fortran", npy("<f8", true, "(2, 3)", { 1, 4, 2, 5, 3, 6 }, 2) },
      { "big", npy(">f4", false, "(2,)", { 0.5, -7 }) }, { "half", npy("<f2", false, "(3,)", { 0x3c00, 0x0001, 0xfbff }) },
      { "scalar", npy("<f4", false, "()", { 9 }) }, { "none", npy("<f4", false, "(0, 4)", {}) } }, deflated)))
    t.assertEquals(all.fortran:reshape(-1):totable(), { 1, 2, 3, 4, 5, 6 })
    t.assertEquals(all.fortran:shape(), { 2, 3 })
    t.assertEquals(all.big:totable(), { 0.5, -7 })
    t.assertEquals(all.half:totable(), { 1, 2.0 ^ -24, -65504 })
    t.assertEquals({ all.scalar:count(), all.none:shape() }, { 1, { 0, 4 } })
  end
end

-- A network's weights: PyTorch's names and orders, as in a state dict.
function TestTensors.testWeights()
  local cfg = put("net.cfg", "[net]\nwidth=2\nheight=2\nchannels=2\n[convolutional]\nfilters=3\nsize=1\nactivation=linear\n")
  local path = put("net.npz", zip { { "conv1.weight", npy("<f4", false, "(3, 2, 1, 1)", { 1, 2, 3, 4, 5, 6 }) },
    { "conv1.bias", npy("<f8", false, "(3,)", { 7, 8, 9 }) } })
  local net = yl.load { cfg = cfg, weights = path }
  t.assertEquals(net.layers.conv1.weight:reshape(-1):totable(), { 1, 2, 3, 4, 5, 6 })
  t.assertEquals(net.layers.conv1.bias:totable(), { 7, 8, 9 })
  path = put("norm.npz", zip { { "conv1.weight", npy("<f4", false, "(3, 2, 1, 1)", { 1, 2, 3, 4, 5, 6 }) },
    { "conv1.bias", npy("<f8", false, "(3,)", { 7, 8, 9 }) }, { "conv1.bn.num_batches_tracked", npy("<i4", false, "()", { 5 }) } })
  t.assertEquals(yl.load({ cfg = cfg, weights = path }).layers.conv1.bias:totable(), { 7, 8, 9 })
  path = put("nan.npz", zip { { "conv1.weight", npy("<f4", false, "(3, 2, 1, 1)", { 1, 2, 3, 4, 5, 6 }) },
    { "conv1.bias", npy("<f8", false, "(3,)", { 7, 0 / 0, 9 }) } })
  t.assertStrContains(fails(yl.load, { cfg = cfg, weights = path }), "nan.npz: 'conv1.bias': number 2 is not finite")
  t.assertNotEquals(yl.tensors(path)["conv1.bias"][2], yl.tensors(path)["conv1.bias"][2]) -- a tensor may hold it
  path = put("other.npz", zip { { "conv1.weights", npy("<f4", false, "(1,)", { 1 }) } })
  t.assertStrContains(fails(yl.load, { cfg = cfg, weights = path }),
    "other.npz: the network has no parameter 'conv1.weights' (the nearest are 'conv1.weight' and 'conv1.bias')")
end

function TestTensors.testRefused()
  local function refused(name, bytes, sentence) t.assertStrContains(fails(yl.tensors, put(name, bytes)), sentence) end
  local good = npy("<f4", false, "(2,)", { 1, 2 })
  refused("wide.npz", zip { { "x", npy("<f8", true, "(2, 2)", { 1, 2, 3e38, 3.5e38 }) } },
    "wide.npz: 'x.npy': number 4 (3.5e+38) is beyond the range of f32")
  refused("wide.npz", zip { { "x", npy(">f8", true, "(2, 2)", { 1, -1e300, 3, 4 }) } }, "'x.npy': number 3 (-1e+300)")
  refused("a.npy", npy("<i4", false, "(1,)", { 1 }), "expected an array of floating-point numbers (f2, f4 or f8), got '<i4'")
  t.assertNil(fails(yl.tensors, put("b.npy", npy("<i4", false, "(1,)", { 1 }))):find "fortran_order")
  refused("a.npy", good .. "x", "expected 2 numbers of 4 bytes, got 9 bytes")
  refused("a.npy", good:sub(1, 20), "does not fit into 20")
  refused("a.npy", "nothing at all", "a.npy: not a NumPy array")
  refused("a.npy", good:gsub("False", "Maybe"), "neither True nor False")
  refused("a.npy", npy("<f4", false, "(4000000000, 4000000000, 4)", {}), "numbers of 4 bytes")
  refused("a.npy", npy("<f4", false, "(-1,)", {}), "is not that of a NumPy array")
  refused("a.npz", zip({ { "x", good } }):sub(1, -2), "a.npz: the archive is damaged: its directory is missing")
  refused("a.npz", zip({ { "x", good } }, true, function(z) return (z:gsub("\xff\xff\x01", "\0\0\0")) end):gsub("\x93NUMPY", "\x93NUMPX"),
    "'x.npy'")
  refused("a.npz", zip({ { "x", good } }):gsub("\x93NUMPY", "\x93NUMPX"), "its checksum is wrong")
  refused("a.npz", zip({ { "x", good } }):gsub("%.npy", ".txt"), "'x.txt' is no array")
  t.assertStrContains(fails(yl.tensors, "x.tar"), "expected the path of a .npz, .npy, .safetensors or .h5 file, got 'x.tar'")
  t.assertStrContains(fails(yl.tensors, 5), "got 5")
  t.assertStrContains(fails(yl.tensors, top .. "/absent.npz"), "absent.npz")
end

os.exit(t.LuaUnit.run())
