-- The loader's Lua face: options, batches, and what closes with it.
local t = require "luaunit"
local core = require "yolua.core"

local folder = os.tmpname()
os.remove(folder)
core.files.make_folder(folder)
local function picture(name, w, h, r, g, b)
  local path = folder .. "/" .. name
  core.image.new(w, h, string.char(r, g, b):rep(w * h)):save(path)
  return path
end

local samples = {
  { image = picture("red.png", 20, 10, 255, 0, 0), truth = { { 5, 0, 15, 10, 3, 0 }, { 0, 0, 20, 10, 0, 1 } } },
  { image = picture("green.png", 10, 20, 0, 255, 0) },
  { image = picture("blue.png", 16, 16, 0, 0, 255), truth = { { 0, 0, 16, 16, 1, 0 } } },
}

local function loader(more)
  local o = { samples = samples, batch = 2, width = 32, height = 32, workers = 1 }
  for k, v in pairs(more or {}) do o[k] = v end
  return core.loader(o)
end

TestLoader = {}

function TestLoader:testBatches()
  local l <close> = loader()
  l:epoch(1)
  local b = l:next()
  t.assertEquals({ b.n, b.count, b.w, b.h }, { 2, 2, 32, 32 })
  t.assertEquals(b:indices(), { 1, 2 })
  t.assertEquals(b:sizes(), { { 20, 10 }, { 10, 20 } })
  t.assertEquals(#b:truth(1), 2)
  t.assertEquals(b:truth(1)[1], { 0.5, 0.5, 0.5, 1, 3, 0 })
  t.assertEquals(b:truth(2), {})
  local pixels = b:pixels(2)
  t.assertEquals(#pixels, 32 * 32 * 3)
  t.assertEquals({ pixels[1], pixels[2], pixels[3] }, { 0, 1, 0 })
  t.assertEquals(b:unmap(1, { 0.25, 0.5, 0.75, 1 }), { 5, 5, 15, 10 })
  t.assertEquals(b:places(), { { 20, 0, 10, 0, 20, 10 }, { 10, 0, 20, 0, 10, 20 } })
  b = l:next()
  t.assertEquals({ b.n, b.count }, { 2, 1 })
  t.assertEquals(b:indices(), { 3 })
  t.assertNil(l:next())
end

function TestLoader:testSizesAndPlacesThatCannotBe()
  local l <close> = loader {}
  l:epoch(1, math.maxinteger)
  t.assertNil(l:next())
  l:epoch(1)
  t.assertEquals(l:next().count, 2)
  for _, side in ipairs { 0, 65537, math.maxinteger } do
    t.assertErrorMsgContains("expected sides in 1..65536, got " .. side, loader, { train = true, sizes = { { 32, side } } })
  end
  t.assertErrorMsgContains("out of memory", loader, { train = true, batch = 65536, sizes = { { 65536, 65536 } } })
end

function TestLoader:testLetterboxLeavesGrey()
  local l <close> = loader { resize = "letterbox" }
  l:epoch(1)
  local b = l:next()
  local pixels = b:pixels(1)
  t.assertEquals({ pixels[1], pixels[2], pixels[3] }, { 0.5, 0.5, 0.5 })
  local middle = (16 * 32 + 16) * 3
  t.assertEquals({ pixels[middle + 1], pixels[middle + 2] }, { 1, 0 })
  t.assertEquals(b:truth(1)[2], { 0.5, 0.5, 1, 0.5, 0, 1 })
  t.assertEquals(b:unmap(1, { 0, 0.25, 1, 0.75 }), { 0, 0, 20, 10 })
end

function TestLoader:testEpochsCountAndStart()
  local l <close> = loader { train = true, augment = { flip = true, jitter = 0.2, hue = 0.1, saturation = 1.5, exposure = 1.5 } }
  local function order(e, start)
    local all = {}
    l:epoch(e, start)
    for b in function() return l:next() end do
      for _, i in ipairs(b:indices()) do all[#all + 1] = i end
    end
    return all
  end
  local first = order(1)
  t.assertEquals(#first, 4)
  t.assertEquals(first[4], first[1])
  t.assertEquals(order(1), first)
  t.assertEquals(order(1, 2), { first[3], first[4] })
  local stats = l:stats()
  t.assertEquals(stats.decoded, 3)
  t.assertEquals(stats.bad, 0)
  t.assertTrue(stats.waited_s >= 0)
end

-- Quarters of plain pictures: every pixel is of one of them, every object lies on its own colour, and nobody's work is in the order.
function TestLoader:testMosaic()
  local colours = { red = { 1, 0, 0 }, green = { 0, 1, 0 }, blue = { 0, 0, 1 } }
  local list = {}
  for i, name in ipairs { "red", "green", "blue" } do
    list[i] = { image = folder .. "/" .. name .. ".png", truth = { { 0, 0, i == 2 and 10 or 16, i == 1 and 10 or 16, i, 0 } } }
  end
  local plain = { mosaic = 1, flip = true, jitter = 0, hue = 0, saturation = 1, exposure = 1 }
  local function all(workers)
    local l <close> = loader { samples = list, train = true, batch = 3, workers = workers, augment = plain }
    local seen = {}
    for e = 1, 4 do
      l:epoch(e)
      local b = l:next()
      for i = 1, b.n do seen[#seen + 1] = { b:pixels(i), b:truth(i) } end
    end
    return seen
  end
  local seen, mixed = all(1), 0
  t.assertEquals(all(0), seen)
  for _, s in ipairs(seen) do
    local pixels, found = s[1], {}
    for k = 1, #pixels, 3 do found[("%g %g %g"):format(pixels[k], pixels[k + 1], pixels[k + 2])] = true end
    local count = 0
    for _, c in pairs(colours) do count = count + (found[("%d %d %d"):format(c[1], c[2], c[3])] and 1 or 0) end
    mixed = mixed + (count > 1 and 1 or 0)
    for _ in pairs(found) do count = count - 1 end
    t.assertEquals(count, 0) -- no other colour, and no grey
    for _, row in ipairs(s[2]) do
      local x, y = math.floor(row[1] * 32), math.floor(row[2] * 32)
      t.assertEquals(pixels[(y * 32 + x) * 3 + row[5]], 1)
    end
  end
  t.assertTrue(mixed > 8)
end

function TestLoader:testSizes()
  local l <close> = loader { train = true, batch = 1, sizes = { { 32, 32 }, { 64, 48 } } }
  local seen = {}
  for e = 1, 8 do
    l:epoch(e)
    for b in function() return l:next() end do seen[b.w .. "x" .. b.h] = true end
  end
  t.assertEquals(seen, { ["32x32"] = true, ["64x48"] = true })
end

function TestLoader:testClosing()
  local l = loader()
  l:epoch(1)
  local b = l:next()
  l:close()
  t.assertErrorMsgContains("closed", function() return b.w end)
  t.assertErrorMsgContains("closed", function() return l:next() end)
  l:close()
  for _ = 1, 20 do
    local other = loader()
    other:epoch(1)
    b = other:next()
  end
  collectgarbage() -- loaders at work are collected; the last batch keeps its own alive
  t.assertEquals(b.w, 32)
end

function TestLoader:testBadOptions()
  for word, more in pairs {
    ["one of stretch|letterbox, got 'crop'"] = { resize = "crop" },
    ["loader: option 'batch': expected an integer in 1..65536"] = { batch = 0 }, ["'workers'"] = { workers = -1 },
    ["'jitter'"] = { augment = { jitter = 0.7 } }, ["at least one sample"] = { samples = {} }, ["expected a path"] = { samples = { {} } },
    ["list of samples"] = { samples = 5 }, ["expected sample 1 as a table, got 5"] = { samples = { 5 } },
    ["expected a truth row of numbers, got 5"] = { samples = { { image = "x", truth = { 5 } } } },
    ["expected numbers in a truth row, got a table"] = { samples = { { image = "x", truth = { { 1, {} } } } } },
    ["truth 1: expected x1 < x2"] = { samples = { { image = "x", truth = { { 5, 5, 4, 9, 0, 0 } } } } },
    ["expected sides in 1..65536, got 0"] = { sizes = { { 0, 32 } } },
    ["augment: option 'saturation': expected a number in 1..10"] = { augment = { saturation = 0.5 } },
    ["augment: unknown option 'filp', did you mean 'flip'?"] = { augment = { filp = true } },
  } do t.assertErrorMsgContains(word, loader, more) end
end

function TestLoader:testMissingImage()
  local l <close> = loader { samples = { { image = folder .. "/absent.png" } }, batch = 1 }
  l:epoch(1)
  t.assertErrorMsgContains(folder .. "/absent.png", l.next, l)
  local lenient <close> = loader { samples = { { image = folder .. "/absent.png" } }, batch = 1, strict = false }
  lenient:epoch(1)
  t.assertEquals(lenient:next():truth(1), { { 0.5, 0.5, 1, 1, 0, 1 } })
  t.assertEquals(lenient:stats().bad, 1)
end

local data = os.getenv "YOLUA_DATA" or (os.getenv "YOLUA_SOURCE" or ".") .. "/../shared/data"

-- Real frames of three sizes, JPEG data in files named .png: boxes go to the input and come back.
function TestLoader:testRealFrames()
  local root, list = data .. "/kitti/training/image_2/", {}
  for id in io.lines(data .. "/kitti/ImageSets/dev.txt") do
    if #list < 12 then
      local w, h = core.image.probe(root .. id .. ".png")
      list[#list + 1] = { image = root .. id .. ".png", truth = { { w / 4, h / 4, w / 2, h / 2, 0, 0 } }, w = w, h = h }
    end
  end
  local l <close> = loader { samples = list, batch = 5, width = 416, height = 128, resize = "letterbox", workers = 2 }
  l:epoch(1)
  for b in function() return l:next() end do
    for i, index in ipairs(b:indices()) do
      local s, r = list[index], b:truth(i)[1]
      local back = b:unmap(i, { r[1] - r[3] / 2, r[2] - r[4] / 2, r[1] + r[3] / 2, r[2] + r[4] / 2 })
      t.assertAlmostEquals(back[1], s.w / 4, 1e-3)
      t.assertAlmostEquals(back[4], s.h / 2, 1e-3)
    end
  end
  t.assertEquals(l:stats().decoded, 12)
end
if not io.open(data .. "/kitti/ImageSets/dev.txt") then
  TestLoader.testRealFrames = nil
  print "SKIP: the real frames are not here"
end

local status = t.LuaUnit.run()
os.execute("rm -rf " .. folder)
os.exit(status)
