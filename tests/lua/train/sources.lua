-- Which frames a training is judged on: those of data.pick, where the options name it; dev is then left alone.
local t = require "luaunit"
local yl = require "yolua"
local core = yl.core

local training = require "support.training"

local options = training.options { epochs = 2, optim = { name = "sgd", lr = 0.01 }, data = { features = 0 } }

core.system.write(training.top .. "/data/ImageSets/few.txt", "000024\n000025\n")
core.system.write(training.top .. "/data/ImageSets/rest.txt", "000026\n000027\n000028\n000029\n")

-- The records of a training on data of these options.
local function records(o, run)
  local list, data = {}, training.data(o)
  local listen = { name = "records", on = { epoch_end = function(_, tr) list[#list + 1] = tr.record end } }
  yl.train { net = training.model(), data = data, options = options, run = run, yl.evaluate "voc", yl.keep.best "dev_loss", listen }
  return list
end

TestJudged = {}

-- Loss and AP of the epochs are those of the pick list, as if it were dev.
function TestJudged.testPickIsJudged()
  local as_dev, as_pick, other = records { dev = "few" }, records { dev = "rest", pick = "few" }, records { dev = "rest" }
  for epoch = 1, 2 do
    t.assertEquals(as_pick[epoch].dev_loss, as_dev[epoch].dev_loss)
    t.assertEquals(as_pick[epoch].dev_ap, as_dev[epoch].dev_ap)
    t.assertNotEquals(as_pick[epoch].dev_loss, other[epoch].dev_loss)
  end
end

function TestJudged.testARunSaysSo()
  local _, said = training.quietly(function()
    local run <close> = yl.run({ out = training.top .. "/run" }, "pick")
    records({ dev = "rest", pick = "few" }, run)
  end)
  t.assertStrMatches(said, ".*dev loss on 2 with %d+ of data%.pick=few.*")
end

training.run(t)
