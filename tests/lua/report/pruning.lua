-- The report's pages on pruning and sensitivity, from the files of a run.
local t = require "luaunit"
local core = require "yolua.core"
local html = require "yolua.report.html.pruning"
local pruning = require "yolua.report.pruning"
local yl = require "yolua"

local training = require "support.training"

local dir = training.top .. "/run"
core.files.make_folder(dir)

local dense = { sparsity = 0, params = 100, nonzero = 100, flops = 1000, ms = 2, dev_loss = 3, ap = 0.5 }
local rounds = {
  { round = 1, sparsity = 0.5, params = 100, nonzero = 50, flops = 500, ms = 2.1, dev_loss = 3.1, ap = 0.49 },
  { round = 2, sparsity = 0.8, params = 100, nonzero = 20, flops = 200, ms = core.null, dev_loss = core.null, ap = core.null },
}

TestPruningPage = {}

function TestPruningPage.testRounds()
  pruning.plots(dir, rounds, dense)
  for _, name in ipairs { "ap", "loss", "sparsity", "size", "time" } do
    t.assertEquals(core.files.kind(("%s/plots/prune-%s.svg"):format(dir, name)), "file")
  end
  local text = html.section { dir = dir, results = { rounds = rounds, dense = dense } }
  t.assertStrContains(text, '<th scope="row">dense</th>')
  t.assertStrContains(text, '80.00 %')
  t.assertStrContains(text, ">n/<wbr>a<")
  t.assertStrContains(text, "AP over the sparsity")
end

-- The networks' times side by side, with the spread of what was seen in turn.
function TestPruningPage.testSpeeds()
  local function network(ms, speedup)
    return { params = 100, nonzero = 20, flops = 2000000, bytes = 400, ms = ms, images_per_s = 1000 / ms, speedup = speedup }
  end
  local text = html.section { dir = dir, results = { rounds = rounds, dense = dense, speed = { dense = network(10),
    masked = network(8, { median = 1.25, low = 0.9, high = 1.5, turns = 9 }), compact = core.null } } }
  t.assertStrContains(text, "1.25 (0.90 to 1.50)")
  t.assertStrContains(text, "no difference was seen")
  t.assertStrContains(text, "they do not compare")
  t.assertStrContains(text, "FLOPs with zeros")
  t.assertStrContains(text, '<td class="n">2 M</td>')
  t.assertStrContains(text, '<th scope="col" class="n">FLOPs without zeros</th>')
end

-- What nobody measured has no plot, and a run without zeros or rounds no page.
function TestPruningPage.testNothing()
  local other = training.top .. "/other"
  core.files.make_folder(other)
  pruning.plots(other, { { round = 1, sparsity = 0.5 } }, { sparsity = 0 })
  t.assertNil(core.files.kind(other .. "/plots/prune-ap.svg"))
  t.assertEquals(core.files.kind(other .. "/plots/prune-sparsity.svg"), "file")
  t.assertNil(html.section { dir = training.top, results = {} })
  t.assertNil(html.sensitivity { dir = training.top })
end

function TestPruningPage.testZerosOfANetwork()
  local model = training.model()
  local run = { dir = dir, model = model, path = function(_, name) return dir .. "/" .. name end }
  pruning.write(run)
  t.assertNil(core.files.kind(dir .. "/zeros.json"))
  model.layers.conv2.weight[{ { 1, 4 } }] = 0
  pruning.write(run)
  local text = html.section { dir = dir, results = {} }
  t.assertStrContains(text, '<dt>conv2</dt><dd><span style="width:25.0%"></span></dd><dd>25.0 % of 1152</dd>')
  t.assertStrMatches(text, '.*<th scope="row">conv2</th><td class="n">4</td><td class="n">16</td>.*')
  t.assertStrContains(text, "Weights that are left in conv2")
  os.remove(dir .. "/zeros.json")
end

function TestPruningPage.testSensitivity()
  local scan = { dense = 0.5, protocol = "voc", images = 8, split = "dev", axis = "sparsity", way = { plot = { "AP", "zeros" } },
    layers = { { name = "conv<1>", params = 216, sparsity = { 0.5, 0.9 }, ap = { 0.45, 0.1 } } } }
  yl.sensitivity.keep(dir, scan)
  local text = html.sensitivity { dir = dir }
  t.assertStrContains(text, "conv&lt;1&gt;")
  t.assertStrContains(text, "-0.050")
  t.assertStrContains(text, "The AP is 0.500 (voc, 8 frames of dev).")
  core.system.write(dir .. "/sensitivity.json", "[]")
  t.assertNil(html.sensitivity { dir = dir })
end

training.run(t)
