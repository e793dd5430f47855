-- What a run directory keeps for its report of pruning: zeros.json (each layer's zeros), and plots of the rounds.
local core = require "yolua.core"
local look = require "yolua.model.look"

local pruning = {}

local function numbers(rounds, x, y, scale)
  local series = { x = {}, y = {} }
  for i, r in ipairs(rounds) do
    series.x[i] = type(r[x]) == "number" and r[x] or 0 / 0
    series.y[i] = type(r[y]) == "number" and (scale or 1) * r[y] or 0 / 0
  end
  return series
end

local PLOTS = { -- file, title, horizontal, its words, vertical, its words, factor
  { "ap", "AP over the sparsity", "sparsity", "zeros of the prunable numbers", "ap", "mean AP, judged" },
  { "loss", "Dev loss over the sparsity", "sparsity", "zeros of the prunable numbers", "dev_loss", "loss per image" },
  { "sparsity", "Sparsity over the rounds", "round", "round", "sparsity", "zeros of the prunable numbers" },
  { "size", "Numbers over the rounds", "round", "round", "nonzero", "numbers that are not zero, millions", 1e-6 },
  { "time", "Time over the rounds", "round", "round", "ms", "ms of a forward pass" },
}

-- plots/prune-*.svg of rounds as results.json has them; a plot of which nothing is known is left out. dense: the network before them;
-- measure: what they were judged by, AP or accuracy.
function pruning.plots(dir, rounds, dense, measure)
  local all = { { round = 0 } }
  for key, value in pairs(dense or {}) do all[1][key] = value end
  table.move(rounds, 1, #rounds, 2, all)
  core.files.make_folder(dir .. "/plots")
  for _, p in ipairs(PLOTS) do
    local series, known = numbers(all, p[3], p[5], p[7]), 0
    for i in ipairs(all) do known = known + (series.x[i] == series.x[i] and series.y[i] == series.y[i] and 1 or 0) end
    if known > 1 then
      local path = ("%s/plots/prune-%s.svg"):format(dir, p[1])
      local title, vertical = p[2], p[6]
      if measure == "accuracy" and p[1] == "ap" then title, vertical = "Accuracy over the sparsity", "share of right answers, judged" end
      core.plot.lines { path = path, title = title, xlabel = p[4], ylabel = vertical, series = { series } }
    end
  end
end

-- weights/LAYER.png: which weights of each layer are left.
local function draw(run, model, layers)
  core.files.make_folder(run:path "weights")
  for _, layer in ipairs(layers) do
    local image <close> = look.picture(model, layer.parameter)
    image:save(run:path(("weights/%s.png"):format(layer.name)))
  end
end

-- Writes which weights of a network are left: zeros.json and weights/; nothing where it has no zeros.
function pruning.zeros(run, model)
  local zeros, any = look.layers(model), 0
  for _, layer in ipairs(zeros) do any = any + layer.zeros end
  if any == 0 then return end
  core.system.write(run:path "zeros.json", core.json.encode(zeros) .. "\n")
  draw(run, model, zeros)
end

-- Writes what there is to show of a run. A pruning has written its own network's zeros: another may have been evaluated since.
function pruning.write(run)
  local model, rounds = run.model, run.pruning and run.pruning.rounds
  if not rounds and model and model.net and not model.net:closed() then pruning.zeros(run, model) end
  if rounds and #rounds > 0 then pruning.plots(run.dir, rounds, run.pruning.dense, run.pruning.measure) end
end

return pruning
