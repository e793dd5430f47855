-- softmax: probabilities and the cross-entropy with the class of each image's first object.
local t = require "luaunit"
local check = require "support.layercheck"
local core = require "yolua.core"

local function oracle(x, truth)
  local loss = 0
  for n = 0, x.n - 1 do
    local class, sum = nil, 0
    for _, row in ipairs(truth[n + 1]) do
      if row[6] == 0 and not class then class = row[5] end
    end
    for k = 1, x.c do sum = sum + math.exp(x[n * x.c + k]) end
    if class then loss = loss - math.log(math.exp(x[n * x.c + class + 1]) / sum) end
  end
  return { class = loss }
end

local function row(class, kind) return { 0.5, 0.5, 1, 1, class, kind or 0 } end

TestSoftmax = check.loss {
  kind = "softmax",
  oracle = oracle,
  tolerance = { forward = 2e-6, backward = 2e-5 },
  cases = {
    { input = { 3, 1, 1, 5 }, truth = { { row(2) }, { row(0, 1), row(4), row(1) }, {} } },
    { input = { 1, 1, 1, 10 }, truth = { { row(9) } } },
  },
}

function TestSoftmax.test_extremes()
  local net = core.net { h = 1, w = 1, c = 3, layers = { { "softmax" } }, seed = 1 }
  local plan = net:plan { mode = "train", batch = 1, keep = true, whole_gradient = true }
  plan:input { 1e30, -1e30, 0 }
  plan:forward {}
  check.compare(plan:output(1), { 1, 0, 0 }, 1e-6, "probabilities")
  local loss = plan:loss({ { row(1) } }).softmax1.class
  t.assertTrue(loss > 80 and loss < 1e6)
  t.assertEquals(plan:loss({ { row(7) } }).softmax1.class, 0)
  plan:input { 0 / 0, 0, 0 }
  plan:forward {}
  loss = plan:loss({ { row(1) } }).softmax1.class
  t.assertTrue(loss ~= loss)
end

function TestSoftmax.test_refusal()
  t.assertErrorMsgContains("expected a 1 x 1 input", core.net, { h = 4, w = 5, c = 4, layers = { { "softmax" } } })
end

os.exit(t.LuaUnit.run())
