-- The confusion matrix: pairs by overlap, each box once, background, regions to ignore.
local t = require "luaunit"
local boxes = require "support.boxes"
local truth, det, set = boxes.truth, boxes.det, boxes.set

local function matrix(truths, dets, options)
  options = options or {}
  options.classes = options.classes or { "a", "b" }
  return set { { truths, dets } }:confusion(options).matrix
end

TestConfusion = {}

function TestConfusion:testCells()
  local truths = { truth("a", 0, 0, 100, 100), truth("b", 200, 0, 300, 100), truth("a", 400, 0, 500, 100) }
  local dets = { det("a", 0.9, 0, 0, 100, 90), det("a", 0.8, 200, 0, 300, 90), det("b", 0.7, 800, 0, 900, 100) }
  t.assertEquals(matrix(truths, dets), { { 1, 0, 1 }, { 1, 0, 0 }, { 0, 1, 0 } })
  local all = set { { truths, dets } }:confusion { classes = { "a", "b" } }
  t.assertEquals({ all.classes, all.iou, all.score }, { { "a", "b", "background" }, 0.5, 0.25 })
end

-- The larger overlap is paired first, whatever score and class; what is left over is background.
function TestConfusion:testLargerOverlapFirst()
  local dets = { det("a", 0.9, 0, 0, 100, 60), det("b", 0.3, 0, 0, 100, 95) }
  t.assertEquals(matrix({ truth("a", 0, 0, 100, 100) }, dets), { { 0, 1, 0 }, { 0, 0, 0 }, { 1, 0, 0 } })
  t.assertEquals(matrix({ truth("a", 0, 0, 100, 100) }, dets, { score = 0.5 }), { { 1, 0, 0 }, { 0, 0, 0 }, { 0, 0, 0 } })
  t.assertEquals(matrix({ truth("a", 0, 0, 100, 100) }, { det("a", 0.9, 0, 0, 100, 50) }), { { 0, 0, 1 }, { 0, 0, 0 }, { 1, 0, 0 } })
end

function TestConfusion:testIgnoredRegions()
  local region = truth("b", 0, 0, 60, 100, { ignore = true })
  t.assertEquals(matrix({ region }, { det("a", 0.9, 0, 0, 100, 100) }), { { 0, 0, 0 }, { 0, 0, 0 }, { 0, 0, 0 } })
  t.assertEquals(matrix({ region }, { det("a", 0.9, 20, 0, 120, 100) }), { { 0, 0, 0 }, { 0, 0, 0 }, { 1, 0, 0 } })
  t.assertEquals(matrix({}, { det("other", 0.9, 20, 0, 120, 100) }), { { 0, 0, 0 }, { 0, 0, 0 }, { 0, 0, 0 } })
end

-- Every truth and every detection above the score is in exactly one cell.
function TestConfusion:testSums()
  local frames, rows, columns = boxes.random_frames(3, 60, { "a", "b" }), { 0, 0 }, { 0, 0 }
  local m = set(frames):confusion { classes = { "a", "b" } }.matrix
  for _, frame in ipairs(frames) do
    for _, g in ipairs(frame[1]) do rows[g.class == "a" and 1 or 2] = rows[g.class == "a" and 1 or 2] + 1 end
    for _, d in ipairs(frame[2]) do
      local i = d.class == "a" and 1 or 2
      if d.score >= 0.25 then columns[i] = columns[i] + 1 end
    end
  end
  for i = 1, 2 do
    t.assertEquals(m[i][1] + m[i][2] + m[i][3], rows[i])
    t.assertEquals(m[1][i] + m[2][i] + m[3][i], columns[i])
  end
end

os.exit(t.LuaUnit.run())
