-- The region loss (kernels/region.h) in ten lines of tensor operations: its value and its gradient are the kernel's.
local t = require "luaunit"
local core = require "yolua.core"
local yl = require "yolua"

local n, h, w, classes = 2, 5, 7, 4
local o = { anchors = { 1, 1.5, 2.5, 1, 4, 3 }, num = 3, classes = classes, softmax = true, bias_match = true, rescore = true, thresh = 0.3,
  coord_scale = 1.5, object_scale = 5, noobject_scale = 0.7, class_scale = 2 }

-- x {n, h, w, anchors, 5 + classes}; what the loss compares it with does not depend on the network.
local function region_loss(x, targets)
  local xy, wh = x[{ {}, {}, {}, {}, { 1, 2 } }]:sigmoid(), x[{ {}, {}, {}, {}, { 3, 4 } }]
  local object, class = x[{ {}, {}, {}, {}, 5 }]:sigmoid(), x[{ {}, {}, {}, {}, { 6, -1 } }]:log_softmax(-1)
  local box = ((xy - targets.xy) ^ 2 + (wh - targets.wh) ^ 2):sum(-1) * (o.coord_scale / 2)
  local hit = (object - targets.iou) ^ 2 * (o.object_scale / 2)
  local named = (class * targets.class):sum(-1) * o.class_scale
  local miss = object ^ 2 * targets.negative * (o.noobject_scale / 2)
  return ((box + hit - named) * targets.positive + miss):sum()
end

-- Corners of what x predicts, as fractions of the picture: x1, y1, x2, y2 {n, h, w, anchors}.
local function corners(x)
  local cols, rows = yl.arange(0, w - 1):reshape(1, 1, w, 1), yl.arange(0, h - 1):reshape(1, h, 1, 1)
  local shapes = yl.tensor(o.anchors):reshape(o.num, 2)
  local cx, cy = (x[{ {}, {}, {}, {}, 1 }]:sigmoid() + cols) / w, (x[{ {}, {}, {}, {}, 2 }]:sigmoid() + rows) / h
  local bw, bh = x[{ {}, {}, {}, {}, 3 }]:exp() * shapes[{ {}, 1 }] / w, x[{ {}, {}, {}, {}, 4 }]:exp() * shapes[{ {}, 2 }] / h
  return cx - bw / 2, cy - bh / 2, cx + bw / 2, cy + bh / 2
end

local function overlap(x1, y1, x2, y2, r)
  local iw = (x2:minimum(r[1] + r[3] / 2) - x1:maximum(r[1] - r[3] / 2)):relu()
  local ih = (y2:minimum(r[2] + r[4] / 2) - y1:maximum(r[2] - r[4] / 2)):relu()
  return iw * ih / ((x2 - x1) * (y2 - y1) + r[3] * r[4] - iw * ih)
end

-- The anchor whose shape is nearest.
local function nearest(r)
  local best, found = 0, 1
  for a = 1, o.num do
    local aw, ah, bw, bh = o.anchors[2 * a - 1], o.anchors[2 * a], r[3] * w, r[4] * h
    local inter = math.min(aw, bw) * math.min(ah, bh)
    local iou = inter / (aw * ah + bw * bh - inter)
    if iou > best then best, found = iou, a end
  end
  return found
end

local function assign(x, truth)
  local targets = { xy = yl.zeros { n, h, w, o.num, 2 }, wh = yl.zeros { n, h, w, o.num, 2 }, iou = yl.zeros { n, h, w, o.num },
    class = yl.zeros { n, h, w, o.num, classes }, positive = yl.zeros { n, h, w, o.num } }
  local best, x1, y1, x2, y2 = yl.zeros { n, h, w, o.num }, corners(x)
  for i, rows in ipairs(truth) do
    for _, r in ipairs(rows) do
      local iou = overlap(x1[i], y1[i], x2[i], y2[i], r)
      local row, col, a = 1 + r[2] * h // 1 | 0, 1 + r[1] * w // 1 | 0, nearest(r)
      best[i]:maximum_(iou)
      targets.xy[{ i, row, col, a }] = { r[1] * w + 1 - col, r[2] * h + 1 - row }
      targets.wh[{ i, row, col, a }] = { math.log(r[3] * w / o.anchors[2 * a - 1]), math.log(r[4] * h / o.anchors[2 * a]) }
      targets.iou[{ i, row, col, a }] = iou[{ row, col, a }]
      targets.class[{ i, row, col, a, r[5] + 1 }] = 1
      targets.positive[{ i, row, col, a }] = 1
    end
  end
  targets.negative = best:le(o.thresh) * (1 - targets.positive)
  return targets
end

TestRegionLoss = {}

function TestRegionLoss.testAgainstTheKernel()
  local spec = { "region" }
  for key, value in pairs(o) do spec[key] = value end
  local truth = { { { 0.31, 0.52, 0.4, 0.35, 1, 0 }, { 0.74, 0.2, 0.12, 0.3, 3, 0 }, { 0.9, 0.93, 0.35, 0.1, 0, 0 } },
    { { 0.5, 0.45, 0.6, 0.7, 2, 0 } } }
  local channels = o.num * (5 + classes)
  local x = yl.randn { n, h, w, channels, seed = 4 }
  local net <close> = core.net { h = h, w = w, c = channels, layers = { spec } }
  local plan <close> = net:plan { mode = "train", batch = n, keep = true, whole_gradient = true }
  plan:input(x:reshape(-1):totable())
  plan:forward {}
  local kernel = 0
  for _, part in pairs(plan:loss(truth).region1) do kernel = kernel + part end
  plan:backward()
  local gradient = plan:gradient(0)
  local want = yl.tensor(gradient):reshape(n, h, w, channels)

  local boxes = x:reshape(n, h, w, o.num, 5 + classes)
  local targets = assign(boxes, truth)
  t.assertTrue(targets.negative:sum() < n * h * w * o.num - 4, "something near an object is no negative")
  t.assertAlmostEquals(region_loss(boxes, targets), kernel, 1e-4 * kernel)
  local got = yl.grad(function(v) return region_loss(v:reshape(n, h, w, o.num, -1), targets) end)(x)
  local off = (got - want):abs():max()
  t.assertTrue(off < 1e-4, off)
  t.assertTrue(want:abs():max() > 1)
end

os.exit(t.LuaUnit.run())
