-- The record of chosen algorithms: a checkpoint's text, obeyed when it comes back.
local t = require "luaunit"
local core = require "yolua.core"

TestAlgorithms = {}

local function plan(precision, filters)
  local net = core.net { h = 26, w = 26, c = 64, layers = { { "conv2d", name = "a", filters = filters or 64, size = 3, pad = true } },
    seed = 1 }
  return net:plan { mode = "infer", batch = 1, precision = precision }
end

function TestAlgorithms.test_record_is_obeyed()
  plan()
  local record = core.algorithms()
  local name = record:match "26x26x64 26x26x64 k3x3 s1x1 d1x1 g1 p1x1 f32 = (%w+)\n"
  t.assertNotNil(name, record)
  t.assertEquals(plan():algorithm(1, "forward"), name)
  for _, other in ipairs { "gemm", "direct", "winograd", "sparse" } do
    core.algorithms((record:gsub("= %w+", "= " .. other)))
    t.assertEquals(plan():algorithm(1, "forward"), other)
  end
end

-- What was measured for one precision says nothing of another.
function TestAlgorithms.test_precision_is_part_of_the_key()
  t.skipIf(not core.machine().bf16, "takes a CPU with AVX512-BF16")
  local function known(precision) return core.algorithms():match("26x26x48 k3x3 s1x1 d1x1 g1 p1x1 " .. precision .. " = ") ~= nil end
  plan("bf16", 48)
  t.assertEquals({ known "bf16", known "f32" }, { true, false })
  plan("f32", 48)
  t.assertTrue(known "f32")
end

function TestAlgorithms.test_damaged_record()
  core.algorithms "nonsense\n = \n"
  core.algorithms ""
  t.assertNotNil(plan():algorithm(1, "forward"))
end

os.exit(t.LuaUnit.run())
