-- Every protocol against golden results, made by the official development kit, pycocotools, py-faster-rcnn and the poster's own
-- functions, where they are at hand.
local t = require "luaunit"
local core = require "yolua.core"
local boxes = require "support.boxes"
local eval = require "yolua.eval.protocols"

local data = boxes.data("eval/set_a/golden.json", "golden results of the protocols")
if not data then os.exit(0) end

local levels, coco_keys = { "easy", "moderate", "hard" }, { "AP", "AP50", "AP75", "AP_small", "AP_medium", "AP_large", "AR1", "AR10",
  "AR100", "AR_small", "AR_medium", "AR_large" }

local compared

local function same(got, want, tolerance, ...)
  compared = compared + 1
  if want == core.null or got == core.null or tolerance == 0 then
    if got ~= want then t.fail(("%s: got %s, want %s"):format(table.concat({ ... }, " "), tostring(got), tostring(want))) end
  elseif math.abs(got - want) > tolerance then
    t.fail(("%s: got %.17g, want %.17g"):format(table.concat({ ... }, " "), got, want))
  end
end

local function same_list(got, want, ...)
  same(#got, #want, 0, "length", ...)
  for i, value in ipairs(want) do same(got[i], value, 0, i, ...) end
end

local function any_case(classes)
  return setmetatable({}, { __index = function(_, key)
    for name, value in pairs(classes) do
      if name:lower() == key:lower() then return value end
    end
  end })
end

local function compare_kitti(set, golden, where)
  local classes = any_case(set:kitti { curves = true }.classes)
  for name, want in pairs(golden) do
    if want.evaluated == false then same(classes[name], core.null, 0, where, name)
    else
      for _, level in ipairs(levels) do
        local g, w = classes[name][level], want[level]
        same(g.n_gt, w.n_gt, 0, where, name, level)
        for _, key in ipairs { "thresholds", "tp", "fp", "fn", "precision" } do same_list(g[key], w[key], where, name, level, key) end
        for _, key in ipairs { "AP_R11", "AP_R40", "AOS_R11", "AOS_R40" } do
          same(g[key:lower()], w[key], 1e-12, where, name, level, key)
        end
        same(g.aos == core.null, w.aos == core.null, 0, where, name, level, "aos")
        for k, value in ipairs(w.aos ~= core.null and w.aos or {}) do same(g.aos[k], value, 1e-12, where, name, level, "aos", k) end
      end
    end
  end
end

local function compare_coco(set, golden, where)
  local options = { ["8cls_dontcare_crowd"] = {}, ["8cls_dontcare_dropped"] = { dontcare = "drop" },
    ["3cls_dontcare_and_neighbours_crowd"] = { neighbours = true } }
  for variant, want in pairs(golden) do
    local row = set:coco(options[variant])
    for _, key in ipairs(coco_keys) do
      same(row[key:lower()], want.summary[key], 1e-9, where, variant, key)
      for class, w in pairs(want.per_class) do same(row.classes[class][key:lower()], w[key], 1e-9, where, variant, class, key) end
    end
    for class, w in pairs(want.per_class) do
      for _, key in ipairs { "n_gt", "n_crowd", "n_det" } do same(row.classes[class][key], w[key], 0, where, variant, class, key) end
    end
  end
end

local function compare_voc(set, golden, where)
  for _, want in ipairs(golden) do
    local row = set:voc { iou = want.iou_thr, plus1 = want.plus1, compare = want.compare == ">=" and "ge" or "gt",
      difficult = want.difficult }
    for class, w in pairs(want.per_class) do
      local g = row.classes[class]
      for key, name in pairs { n_gt = "npos", n_det = "ndet", tp = "tp", fp = "fp" } do same(g[key], w[name], 0, where, class, key) end
      same(g.ap07, w.ap07 or core.null, 1e-12, where, class, "ap07")
      same(g.ap, w.ap_area or core.null, 1e-12, where, class, "ap")
    end
  end
end

local function compare_poster(set, golden, where)
  for key, want in pairs(golden) do
    local variant, list = key:match "^(%a+)_(%w+)$"
    local classes = any_case(set:poster { variant = variant, classes = list == "5coco" and "coco" or "kitti" }.classes)
    for class, w in pairs(want) do
      local g = classes[class]
      for _, name in ipairs { "tp", "fp", "fn" } do same(g[name], w[name:upper()], 0, where, key, class, name) end
      same(g.precision, w.precision, 1e-12, where, key, class, "precision")
      same(g.recall, w.recall, 1e-12, where, key, class, "recall")
    end
  end
end

local function compare(path, where)
  local set <close> = core.eval_set()
  set:load(path .. "/labels", path .. "/dets", { names = eval.kitti_names })
  local golden = core.json.decode(core.system.read(path .. "/golden.json"))
  same(#set, golden.frames, 0, where, "frames")
  compare_kitti(set, golden.kitti, where)
  compare_coco(set, golden.coco or {}, where)
  compare_voc(set, golden.voc or {}, where)
  compare_poster(set, golden.poster or {}, where)
end

local edges = { "alpha_invalid", "coco_area_limits", "coco_crowd", "coco_maxdets", "dontcare_exact", "duplicates", "height_equal",
  "iou_exact", "letter_case", "levels_boundary", "nan_precision", "negative_scores", "negative_x1", "neighbours", "no_detections",
  "no_truth_of_class", "perfect60", "poster_quirks", "poster_unclamped", "short_other_class", "short_vs_valid", "tie_order",
  "tie_pass1", "two_short", "voc_best_taken", "voc_iou_exact", "voc_recall_tenths" }

TestGolden = {}

function TestGolden:testAll()
  compared = 0
  compare(data .. "/eval/set_a", "set_a")
  for _, name in ipairs(edges) do compare(data .. "/eval/edge/" .. name, name) end
  print(compared .. " golden values hold")
  t.assertTrue(compared > 16000)
end

-- All of KITTI's labels, taken as their own detections, are found.
function TestGolden:testOwnLabels()
  local folder = os.tmpname()
  os.remove(folder)
  os.execute("mkdir -p " .. folder)
  local ids = {}
  for id in core.system.read(data .. "/kitti_labels/image_sizes.txt"):gmatch "(%d+) %d+ %d+" do ids[#ids + 1] = id end
  for i = 1, 400 do
    local text = core.system.read(("%s/kitti_labels/label_2/%s.txt"):format(data, ids[i]))
    core.system.write(("%s/%s.txt"):format(folder, ids[i]), (text:gsub("\n", " 0.5\n")))
  end
  local split = folder .. "/split.list"
  core.system.write(split, table.concat(ids, "\n", 1, 400))
  local set <close> = core.eval_set()
  set:load(data .. "/kitti_labels/label_2", folder, { split = split })
  for _, level in ipairs(levels) do -- few truths do not reach all of the 40 recalls
    t.assertEquals(set:kitti().classes.Car[level].ap_r40, 1.0)
    t.assertTrue(set:kitti().classes.Cyclist[level].ap_r40 > 0.9)
  end
  t.assertAlmostEquals(set:voc().map, 1, 1e-12)
  t.assertAlmostEquals(set:coco().ap, 1, 1e-12)
  t.assertAlmostEquals(set:poster().map, 1, 1e-6)
  os.execute("rm -rf " .. folder)
end

os.exit(t.LuaUnit.run())
