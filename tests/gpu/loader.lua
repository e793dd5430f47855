-- Batches that a device makes are the CPU's: the same boxes, pixels within a fraction of a level, whether pictures are kept in the
-- device's memory or copied for each batch, and whatever the workers' number.
local t = require "luaunit"
local core = require "yolua.core"
local check = require "support.layercheck"
local program = require "support.program"

local LEVEL = 1 / 255
local NETWORK = { h = 26, w = 33, c = 3, seed = 1, device = "cuda", layers = { { "conv2d", filters = 2, size = 1 } } }
local CUDA = core.net(NETWORK)
local top = program.new_folder()
core.files.make_folder(top)

local function write(name, w, h, seed)
  local random, bytes = check.random(seed), {}
  for i = 1, w * h * 3 do bytes[i] = string.char(math.floor((random() + 1) * 127.99)) end
  core.image.new(w, h, table.concat(bytes)):save(name)
end

local samples = {}
for i = 1, 7 do
  local path, w, h = ("%s/%d.png"):format(top, i), 30 + 5 * i, 20 + 3 * (i % 4)
  write(path, w, h, i)
  samples[i] = { image = path, truth = { { 2, 3, w // 2, h - 2, i % 3, 0 }, { w // 3, 1, w - 1, h // 2, 0, 0 } } }
end

local function merged(...)
  local all = {}
  for _, part in ipairs { ... } do
    for key, value in pairs(part) do all[key] = value end
  end
  return all
end

-- What the epochs up to `last` hold, from `first` on (before that nobody looks): of each batch its images' numbers, truth, and the way
-- back; then the loader's statistics.
local function seen(o, last, first)
  local list = {}
  local loader <close> = core.loader(merged({ samples = samples, batch = 3, width = 33, height = 26, workers = 2 }, o))
  for e = 1, last or 3 do
    loader:epoch(e)
    for b in function() return loader:next() end do
      local images = {}
      for i = 1, e >= (first or 1) and b.n or 0 do images[i] = { pixels = b:pixels(i), truth = b:truth(i) } end
      list[#list + 1] = { images = images, count = b.count, indices = b:indices(), places = b:places(), failures = b:failures(), w = b.w }
    end
  end
  return list, loader:stats()
end

local function same(list, want)
  t.assertEquals(#list, #want)
  for k, w in ipairs(want) do
    local g = list[k]
    t.assertEquals({ g.count, g.indices, g.places, g.failures, g.w }, { w.count, w.indices, w.places, w.failures, w.w })
    for i, image in ipairs(w.images) do
      t.assertEquals(g.images[i].truth, image.truth)
      t.assertEquals(#g.images[i].pixels, #image.pixels)
      for at, value in ipairs(image.pixels) do
        local got = g.images[i].pixels[at]
        if math.abs(got - value) > 0.02 * LEVEL or got ~= got then
          t.fail(("batch %d, image %d, number %d: expected %g, got %g"):format(k, i, at, value, got))
        end
      end
    end
  end
end

local OFF = { flip = false, jitter = 0, hue = 0, saturation = 1, exposure = 1, mosaic = 0 }
local WAYS = {
  list = { strict = true },
  letterbox = { resize = "letterbox" },
  plain = { train = true },
  flip = { train = true, augment = merged(OFF, { flip = true }) },
  jitter = { train = true, augment = merged(OFF, { jitter = 0.4 }) },
  colours = { train = true, augment = merged(OFF, { hue = 0.3, saturation = 2, exposure = 2 }) },
  mosaic = { train = true, augment = merged(OFF, { mosaic = 0.5, flip = true }) },
  all = { train = true, seed = 5, resize = "letterbox", sizes = { { 33, 26 }, { 24, 48 } },
    augment = { flip = true, jitter = 0.3, hue = 0.1, saturation = 1.5, exposure = 1.5, mosaic = 0.7 } },
  parts = { train = true, parts = 2, ranks = 2, rank = 1, augment = merged(OFF, { flip = true, mosaic = 0.5 }) },
}

TestLoader = {}

function TestLoader.testEveryWay()
  for _, way in pairs(WAYS) do
    local want = seen(way)
    same(seen(merged(way, { net = CUDA })), want)
    same(seen(merged(way, { net = CUDA, device_cache = 1 })), want)
  end
end

-- A picture that is resident is not decoded again; nor are those for which there is no room, which the cache keeps.
function TestLoader.testWhatIsKept()
  local decoded = {}
  for i, cache in ipairs { 1, 0 } do
    local _, stats = seen({ net = CUDA, device_cache = cache, cache = 0 }, 4)
    decoded[i] = stats.decoded
    t.assertEquals(stats.resident_bytes > 0, cache > 0)
    t.assertTrue(stats.device_bytes > 0)
  end
  t.assertEquals(decoded, { 7, 28 })
  local bytes = 0
  for i = 1, 7 do bytes = bytes + 3 * (30 + 5 * i) * (20 + 3 * (i % 4)) end
  local _, stats = seen({ net = CUDA, device_cache = 1 }, 1)
  t.assertEquals(stats.resident_bytes, bytes)
  for workers = 0, 3 do same(seen(merged(WAYS.all, { net = CUDA, device_cache = 1, workers = workers })), seen(WAYS.all)) end
end

-- Pictures that came while nobody looked, and the device was busy with other things, are there.
function TestLoader.testUnseenEpochs()
  for _, cache in ipairs { 1, 0 } do same(seen(merged(WAYS.all, { net = CUDA, device_cache = cache }), 3, 3), seen(WAYS.all, 3, 3)) end
end

-- With room for some of the pictures these stay, the others are copied, and a warning says so once.
function TestLoader.testLittleRoom()
  local got, stats = seen(merged(WAYS.all, { net = CUDA, device_cache = 0.02 }))
  same(got, (seen(WAYS.all)))
  t.assertTrue(stats.resident_bytes > 0 and stats.resident_bytes <= 0.02 * 2 ^ 20)
  local _, more = seen(merged(WAYS.jitter, { net = CUDA, device_cache = 0.02 }), 4)
  t.assertTrue(more.decoded > 7 and more.decoded < 14) -- the host's cache keeps those
  local file = top .. "/little.lua"
  core.system.write(file, ([[local core = require "yolua.core"
    local net = core.net { h = 8, w = 8, c = 3, device = "cuda", layers = { { "conv2d", filters = 1 } } }
    local l = core.loader { samples = { { image = "%s/1.png" }, { image = "%s/2.png" } },
    width = 8, height = 8, batch = 1, net = net, device_cache = 0.004 }
    for e = 1, 3 do l:epoch(e) while l:next() do end end]]):format(top, top))
  local _, _, said = program.run { file }
  t.assertEquals(said, "yolua: warning: cuda:0 keeps 0.0 MiB of decoded frames and has no room for the others (data.device_cache), "
    .. "which are copied to it in every epoch\n")
end

-- A file that changes between epochs is read again, whatever is kept.
function TestLoader.testChangedFile()
  local path = top .. "/changing.png"
  local function epochs(o)
    local list = {}
    local loader <close> = core.loader(merged({ samples = { { image = path } }, batch = 1, width = 9, height = 9, workers = 1 }, o))
    for e = 1, 4 do
      if e ~= 2 then write(path, 20 + e, 16, e) end
      loader:epoch(e)
      list[e] = { images = { { pixels = loader:next():pixels(1) } } }
    end
    return list
  end
  same(epochs { net = CUDA, device_cache = 1 }, epochs {})
end

function TestLoader.testBadPictures()
  local path = top .. "/bad.png"
  core.system.write(path, "no picture")
  local list = table.move(samples, 1, 7, 1, {})
  list[3] = { image = path, truth = list[3].truth }
  local o = { samples = list, strict = false, told = true, train = true, augment = merged(OFF, { mosaic = 0.6 }) }
  same(seen(merged(o, { net = CUDA, device_cache = 1 })), seen(o))
  o = merged(o, { strict = true, told = false, net = CUDA })
  t.assertErrorMsgContains("bad.png", seen, o)
end

-- Batches become a plan's input in its type; slots without an image are zeros.
function TestLoader.testPlans()
  local host = core.net(merged(NETWORK, { device = "cpu" }))
  local function inputs(net, precision)
    local plan <close> = net:plan { mode = "infer", batch = 3, precision = precision }
    local all = {}
    local loader <close> = core.loader { samples = samples, batch = 3, width = 33, height = 26, net = net, device_cache = 1 }
    for e = 1, 2 do
      loader:epoch(e)
      for b in function() return loader:next() end do
        plan:load(b)
        plan:forward {}
        local images = { { pixels = plan:output(0) } }
        all[#all + 1] = { images = images }
      end
    end
    return all
  end
  local want = inputs(host)
  same(inputs(CUDA), want)
  for precision, unit in pairs { bf16 = 2 ^ -8, f16 = 2 ^ -11 } do
    for k, batch in ipairs(inputs(CUDA, precision)) do
      for at, value in ipairs(want[k].images[1].pixels) do
        t.assertAlmostEquals(batch.images[1].pixels[at], value, unit * value + 0.02 * LEVEL)
      end
    end
  end
  local loader <close> = core.loader { samples = samples, batch = 3, width = 33, height = 26, net = CUDA }
  loader:epoch(1)
  local plan <close> = host:plan { mode = "infer", batch = 3 }
  t.assertErrorMsgContains("the loader puts its images on cuda:0, and the network is on cpu", plan.load, plan, loader:next())
end

local status = t.LuaUnit.run()
os.execute("rm -rf " .. top)
os.exit(status)
