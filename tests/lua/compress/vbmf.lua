-- Ranks by variational Bayes: of a matrix of known rank in noise of known variance.
local t = require "luaunit"
local vbmf = require "yolua.compress.vbmf"
local yl = require "yolua"

TestVbmf = {}

local function noisy(rows, columns, rank, noise, seed)
  local a, b = yl.randn { rows, rank, seed = seed }, yl.randn { rank, columns, seed = seed + 100 }
  local m = a:matmul(b) + yl.randn { rows, columns, seed = seed + 200 } * noise
  local _, s = m:svd()
  return s:totable()
end

function TestVbmf.testTheRankIsFound()
  for seed = 1, 5 do
    for _, case in ipairs { { 40, 90, 5, 0.5 }, { 90, 40, 5, 0.5 }, { 60, 60, 12, 0.2 }, { 30, 300, 1, 1 } } do
      local rows, columns, rank, noise = table.unpack(case)
      local found, variance = vbmf.rank(noisy(rows, columns, rank, noise, seed), rows, columns)
      t.assertEquals(found, rank, table.concat(case, " "))
      t.assertAlmostEquals(variance / noise ^ 2, 1, 0.15)
    end
  end
end

function TestVbmf.testNoiseAlone()
  for seed = 1, 5 do
    local _, s = yl.randn { 50, 120, seed = seed }:svd()
    t.assertEquals((vbmf.rank(s:totable(), 50, 120)), 0) -- none is signal
  end
  t.assertEquals((vbmf.rank({ 0, 0, 0 }, 3, 5)), 0)
  t.assertEquals((vbmf.rank({ 2 }, 1, 1)), 0)
end

os.exit(t.LuaUnit.run())
