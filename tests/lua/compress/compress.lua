-- yl.compress and `yolua compress`: the file is the shared network bit for bit, small, and refused where it is broken.
local t = require "luaunit"
local core = require "yolua.core"
local program = require "support.program"
local yl = require "yolua"

local top = os.tmpname()
os.remove(top)
core.files.make_folder(top)

TestCompress = {}

-- The bundled detector with nine tenths of the weights of each layer masked, but for the first.
local function pruned()
  local model = yl.load { model = "street" }
  for _, r in ipairs(model.net:ranges()) do
    if r.kind == "weight" and r.layer ~= "conv1" then
      local numbers = {}
      for i = 1, r.count do numbers[i] = i % 10 == 3 and 1 or 0 end
      model:set(r.name, numbers, "mask")
    end
  end
  return model
end

local function fails(words)
  local status, _, err = program.run(words)
  t.assertTrue(status ~= 0)
  return err
end

local function same(a, b)
  for _, r in ipairs(a.net:ranges()) do
    t.assertEquals(b.net:tensor(r.name):reshape(-1):totable(), a.net:tensor(r.name):reshape(-1):totable(), r.name)
  end
end

function TestCompress.testTheFileIsTheNetwork()
  local model, path = pruned(), top .. "/small.safetensors"
  local before = model:checksum()
  local r = yl.compress(model, { out = path, bits = { conv = 4 } })
  t.assertEquals(model:checksum(), before) -- the model stays as it is
  local small = yl.load { model = path }
  t.assertEquals(small.names, model.names)
  t.assertEquals(core.nonzero(small.net, "conv3.weight"), core.nonzero(model.net, "conv3.weight"))
  t.assertTrue(r.ratio > 15, r.ratio)
  -- masks came along: a step does not fill the zeros
  t.assertTrue(core.has_slab(small.net, "mask"))
  local function mask(of) return of.net:tensor("conv3.weight", "mask"):reshape(-1):totable() end
  t.assertEquals(mask(small), mask(model))
  -- sharing what is shared changes nothing
  local again = top .. "/again.safetensors"
  yl.compress(small, { out = again, bits = { conv = 4 } })
  t.assertEquals(core.system.read(again), core.system.read(path))
  same(small, yl.load { model = again })
end

function TestCompress.testTheTable()
  local r = yl.compress(pruned(), { out = top .. "/table.safetensors", bits = { conv = 4 }, index_bits = 4,
    except = { "conv1", "conv2" } })
  local rows = {}
  for _, row in ipairs(r.layers) do rows[row.name] = row end
  local row = rows.conv3
  t.assertAlmostEquals(row.kept, 0.1, 1e-3)
  t.assertEquals({ row.index_bits, row.bits, row.values }, { 4, 4, 16 })
  t.assertEquals(row.bytes_p, math.ceil(row.entries * 36 / 8))
  t.assertEquals(row.bytes_pq, math.ceil(row.entries * 8 / 8) + 64)
  t.assertTrue(row.bytes_pqh < row.bytes_pq and row.bytes_pq < row.bytes_p and row.code_bits < 4 and row.gap_bits < 4)
  if row.bytes_zstd then -- within a third of Huffman's codes, whose symbols are nearly independent
    t.assertTrue(row.bytes_zstd > row.bytes_pqh * 0.7 and row.bytes_zstd < row.bytes_pqh * 1.35, row.bytes_zstd / row.bytes_pqh)
  end
  t.assertNil(rows.conv1.bytes_zstd)
  t.assertEquals({ rows.conv1.bits, rows.conv1.index_bits, rows.conv1.bytes_pqh }, { 32, 0, 4 * rows.conv1.numbers })
  t.assertTrue(rows.conv2.values > 16 and rows.conv2.error == 0) -- not shared, and still smaller packed
  local bytes, dense, coded = 0, 0, 0
  for _, w in ipairs(r.layers) do bytes, dense, coded = bytes + w.bytes, dense + 4 * w.numbers, coded + w.bytes_pqh end
  t.assertAlmostEquals(r.weights_ratio, dense / coded, 1e-9) -- of all weights, those stored as f32 too
  t.assertTrue(bytes < r.bytes)
  t.assertStrContains(tostring(r), "times smaller than the parameters'")
end

function TestCompress.testTheVerb()
  local model, path = pruned(), top .. "/verb.safetensors"
  model:save(top .. "/pruned.safetensors")
  local r = program.json { "compress", "model=" .. top .. "/pruned.safetensors", "out=" .. path, "bits.conv=4" }
  t.assertEquals({ r.bytes, r.layers[1].name }, { #core.system.read(path), "conv1" })
  for _, key in ipairs { "kept", "bits", "index_bits", "bytes_p", "bytes_pq", "bytes_pqh" } do t.assertNotNil(r.layers[3][key], key) end
  t.assertStrContains(program.ok { "compress", "model=" .. path, "out=" .. top .. "/verb2.safetensors", "bits.conv=4" }, "kB coded")
  t.assertStrContains(fails { "compress", "model=" .. path }, "out is missing: expected a file that ends in .safetensors")
  t.assertStrContains(fails { "compress", "model=" .. path, "out=" .. top .. "/x.bin" }, ".safetensors")
  t.assertStrContains(fails { "compress", "model=" .. path, "out=" .. top .. "/x.safetensors", "bits.conv=17" }, "bits.conv")
  local function idle(word, sentence, ...)
    t.assertStrContains(fails { "compress", "out=" .. top .. "/x.safetensors", word, ... }, "compress: " .. sentence)
    t.assertNil(core.files.kind(top .. "/x.safetensors"))
  end
  idle("seed=3", "seed has no effect: start=linear draws nothing: expected start=random", "model=street")
  idle("bits.connected=4", "bits.connected has no effect: recipes/models/street.cfg has no connected layer whose weights are shared",
    "model=street")
  idle("bits.conv=4", "bits.conv has no effect: recipes/models/lenet300.cfg has no convolution whose", "model=lenet300")
  idle("bits.conv=4", "bits.conv has no effect: recipes/models/lenet5.cfg has no convolution whose", "model=lenet5", "except=conv*")
  local function idle_in_lua(o, sentence)
    o.out = top .. "/x.safetensors"
    local _, said = pcall(function() yl.compress(yl.load { model = "street" }, o) end)
    t.assertStrMatches(said, "[^:]*compress%.lua:%d+: compress: " .. sentence .. ".*")
    t.assertNil(core.files.kind(o.out))
  end
  local shared = yl.options({ share = { bits = { conv = 4, connected = 4 } } }, { "share" }).share
  yl.compress(yl.load { model = "street" }, { out = top .. "/defaults.safetensors", bits = shared.bits }) -- defaults for any network
  idle_in_lua({ seed = 3 }, "seed has no effect")
  idle_in_lua({ bits = { connected = 4 } }, "bits.connected has no effect")
  program.ok { "compress", "model=lenet5", "out=" .. top .. "/lenet5.safetensors", "bits.conv=4", "bits.connected=3", "start=random",
    "seed=3" }
end

-- Weights that have no more different values than the bits allow stay as they are: that an option changed nothing is said.
function TestCompress.testSharedAlready()
  local path, out, warned, warn = top .. "/four.safetensors", top .. "/again.safetensors", {}, core.system.warn
  yl.compress(yl.load { model = "street" }, { out = path, bits = { conv = 4 }, except = "conv1" })
  local function warns(sentence, o)
    o.out, warned = out, {}
    core.system.warn = function(text) warned[#warned + 1] = text end
    local ok, message = pcall(yl.compress, yl.load { model = path }, o)
    core.system.warn = warn
    t.assertTrue(ok, message)
    t.assertEquals(warned, { sentence and sentence:format(path) })
  end
  local function few(key, what)
    return ("compress: %s changes nothing: no %s of %%s has more different weights than its bits allow"):format(key, what)
  end
  warns(few("bits.conv", "convolution"), { bits = { conv = 4 }, except = "conv1" })
  warns(few("start", "layer"), { start = "density", except = "conv1" })
  warns(few("iterations", "layer"), { iterations = 3, except = "conv1" })
  warns(nil, { except = "conv1" })
  warns(nil, { bits = { conv = 4 } }) -- conv1 is not shared yet
  warns(nil, { bits = { conv = 3 }, except = "conv1" })
end

-- Mistakes of the call end the program with status 2 and are refused at their place.
function TestCompress.testStatusOfWrongCalls()
  local function wrong(sentence, ...)
    local status, _, err = program.run { "compress", "model=street", ... }
    t.assertEquals({ status, err }, { 2, "yolua: command line: " .. sentence .. "\n" })
  end
  local out = "out=" .. top .. "/x.safetensors"
  wrong("compress: except: 'nothing' matches no parameter", out, "except=nothing")
  wrong("compress: recipes/models/street.cfg: no weight is left to share", out, "except=*")
  wrong("option 'out': expected a name that ends in .safetensors, got 'x.txt'", "out=x.txt")
  local _, said = pcall(function() yl.compress(yl.load { model = "street" }, { out = "x.txt" }) end)
  t.assertStrMatches(said, "[^:]*compress%.lua:%d+: option 'out': expected a name that ends in %.safetensors, got 'x%.txt'")
end

-- The file's header as a table, and where its tensors begin.
local function header_of(bytes)
  local first = 8 + string.unpack("<I8", bytes)
  return core.json.decode(bytes:sub(9, first)), first
end

local function flipped(bytes, at, bit) return bytes:sub(1, at - 1) .. string.char(bytes:byte(at) ~ 1 << bit) .. bytes:sub(at + 1) end

-- The same with one weight of the first layer masked, which is stored as f32 and so needs a mask of its own.
local function with_mask()
  local model, numbers = pruned(), {}
  for i = 1, model.net:tensor("conv1.weight"):count() do numbers[i] = i == 7 and 0 or 1 end
  model:set("conv1.weight", numbers, "mask")
  return model
end

-- Bits changed in the length, all over the header, and in each tensor: packed or not, mask or bias. And every length.
function TestCompress.testBrokenFiles()
  local path, broken = top .. "/whole.safetensors", top .. "/broken.safetensors"
  yl.compress(with_mask(), { out = path, bits = { conv = 3 }, except = { "conv1", "conv4" } })
  local bytes = core.system.read(path)
  local info, header = header_of(bytes)
  local places, kinds = {}, {}
  for at = 1, 8 do places[#places + 1] = at end
  for at = 9, header, 61 do places[#places + 1] = at end
  for name, entry in pairs(info) do
    if name ~= "__metadata__" then
      local first, last = table.unpack(entry.data_offsets)
      kinds[entry.dtype .. #entry.shape] = true
      table.move({ first + 1, (first + last) // 2, last }, 1, 3, #places + 1, places)
      for i = #places - 2, #places do places[i] = places[i] + header end
    end
  end
  t.assertEquals(kinds, { U81 = true, F324 = true, F321 = true, U84 = true })
  for _, at in ipairs(places) do
    core.system.write(broken, flipped(bytes, at, at % 8))
    t.assertErrorMsgContains(broken, yl.load, { model = broken })
    if at > header then t.assertErrorMsgContains("its bytes do not fit its checksum", yl.load, { model = broken }) end
  end
  for length = 100, #bytes - 1, #bytes // 23 do
    core.system.write(broken, bytes:sub(1, length))
    t.assertErrorMsgContains(broken, yl.load, { model = broken })
  end
end

-- A file of an older program has no checksum of its own: it is read, and its codes are looked at.
function TestCompress.testOlderFiles()
  local path, old = top .. "/new.safetensors", top .. "/old.safetensors"
  yl.compress(pruned(), { out = path, bits = { conv = 3 } })
  local bytes = core.system.read(path)
  local info, header = header_of(bytes)
  local text, found = bytes:sub(9, header):gsub('"yolua.guard":"[^"]*",', "")
  t.assertEquals(found, 1)
  local function older(tensors) core.system.write(old, string.pack("<I8", #text) .. text .. tensors) end
  older(bytes:sub(header + 1))
  same(yl.load { model = path }, yl.load { model = old })
  local first, last = table.unpack(info["conv3.weight"].data_offsets)
  for at = first + 1, last, 97 do
    older(flipped(bytes:sub(header + 1), at, 6))
    t.assertErrorMsgContains(old .. ": parameter conv3.weight: packed numbers", yl.load, { model = old })
  end
end

-- Masks are in the file where they tell what nothing else does.
function TestCompress.testMasks()
  local path, model, masks = top .. "/masks.safetensors", with_mask(), {}
  yl.compress(model, { out = path, except = { "conv1" } })
  for name in pairs((header_of(core.system.read(path)))) do
    if name:find "^mask/" then masks[#masks + 1] = name end
  end
  t.assertEquals(masks, { "mask/conv1.weight" })
  local function mask(of, name) return of.net:tensor(name, "mask"):reshape(-1):totable() end
  local small = yl.load { model = path }
  for _, name in ipairs { "conv1.weight", "conv3.weight", "conv5.bn.scale" } do
    t.assertEquals(mask(small, name), mask(model, name), name)
  end
end

local status = t.LuaUnit.run()
os.execute("rm -rf '" .. top .. "'")
os.exit(status)
