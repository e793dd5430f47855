-- One call of a recipe, repeated: with several seeds (`seeds=N`), on several folds of the data (`folds=a,b,c`), or both. Each repeat is a
-- trial in a run directory of its own. The detections on the folds' test lists are pooled into one set, the seeds' figures are averaged.
local core = require "yolua.core"
local doctor = require "yolua.doctor.splits"
local options = require "yolua.options.table"
local schema = require "yolua.options.schema"
local session = require "yolua.sweep.session"
local spread = require "yolua.sweep.spread"
local stages = require "yolua.eval.stages"
local stored = require "yolua.eval.stored"
local trial = require "yolua.sweep.trial"
local files = core.files

local repeats = {}

local PARTS = { { "train", "train" }, { "pick", "pick" }, { "dev", "test" } } -- the list of the data, and how a fold's file of it ends

local function usage(format, ...) error(schema.usage(format:format(...))) end

-- The folds that the options ask for; an empty list where there are none.
local function folds_of(o)
  return o.folds[1] ~= "none" and o.folds or {}
end

-- ---- the trials --------------------------------------------------------------------------------------------------------

local function check(o, folds)
  if o.resume then usage("resume= continues one run; with folds= or seeds=, the same call continues (with the same out=)") end
  for _, part in ipairs(#folds > 0 and PARTS or {}) do
    local key = "data." .. part[1]
    if options.explicit(o, key) then
      usage("%s=%s and folds= cannot both be given: a fold NAME trains on NAME_train, chooses on NAME_pick and is tested on NAME_test", key,
        o.data[part[1]])
    end
  end
end

-- What all repeats have in common: the words of the call without those that differ.
local function shared(given, o)
  local own = { dry_run = true, folds = true, seeds = true, jobs = true, out = true, json = true, seed = o.seeds > 1 }
  local words = { "folds=none", "seeds=1" } -- a config file may ask for them too
  for _, argument in ipairs(given) do
    if not own[argument.key] then words[#words + 1] = argument.key .. "=" .. argument.value end
  end
  return words
end

local function plan(program, given, o)
  local folds, trials = folds_of(o), {}
  check(o, folds)
  for _, fold in ipairs(#folds > 0 and folds or { false }) do
    for seed = o.seed, o.seed + o.seeds - 1 do
      local words, names = shared(given, o), {}
      for _, part in ipairs(fold and PARTS or {}) do words[#words + 1] = ("data.%s=%s_%s"):format(part[1], fold, part[2]) end
      if fold then names[1] = fold end
      if o.seeds > 1 then
        words[#words + 1] = "seed=" .. seed
        names[#names + 1] = "seed " .. seed
      end
      trials[#trials + 1] = { number = #trials + 1, name = table.concat(names, ", "), recipe = program, words = words, fold = fold or nil,
        seed = seed, where = (fold and "fold " or "") .. table.concat(names, ", ") }
    end
  end
  return trials
end

-- ---- the folds ---------------------------------------------------------------------------------------------------------

local function ids(list)
  local out = {}
  for i, frame in ipairs(list.frames) do out[i] = frame.id end
  return out
end

-- Warns of a drive that two lists of one fold share. Errors: a frame in two folds' test lists, which cannot be pooled.
local function check_folds(trials)
  local tested, checked = {}, {}
  for _, t in ipairs(trials) do
    if t.fold and not checked[t.fold] then
      checked[t.fold] = true
      local data = require "yolua.data"(t.options.data)
      local names = {}
      for i, part in ipairs(PARTS) do names[i] = t.fold .. "_" .. part[2] end
      local lists = { [names[1]] = ids(data.train), [names[2]] = ids(data.pick), [names[3]] = ids(data.dev) }
      for _, found in ipairs(doctor.drives(names, lists, data:drives() or {}).shared) do
        core.system.warn(("%s and %s share %d drive%s (%s): numbers on the second will look too good"):format(found.splits[1],
          found.splits[2], found.count, found.count == 1 and "" or "s", table.concat(found.drives, ", ")))
      end
      for _, id in ipairs(lists[names[3]]) do
        if tested[id] then usage("frame %s is in %s and in %s: expected each frame in one test list", id, tested[id], names[3]) end
        tested[id] = names[3]
      end
    end
  end
end

-- ---- the results -------------------------------------------------------------------------------------------------------

-- The rows of one seed: those of its run, or those of its folds' stages pooled, which are kept in `dir`.
local function rows_of(list, dir, o)
  if #folds_of(o) == 0 then return list[1].result.eval end
  local rows = {}
  for number, name in ipairs(stages.list(list[1].dir)) do
    local parts = {}
    for i, t in ipairs(list) do parts[i] = stages.read(t.dir, name) end
    local pooled = stored.pool(parts, name)
    for _, row in ipairs(pooled:rows()) do rows[#rows + 1] = row end
    if o.seeds > 1 then pooled.stage = ("%s, seed %d"):format(name, list[1].seed) end
    stages.write(dir, pooled, (list[1].seed - o.seed) * 1000 + number)
  end
  return rows
end

local function sum(trials, key)
  local total = 0
  for _, t in ipairs(trials) do total = total + (tonumber(t.result[key]) or 0) end
  return total
end

-- results.json of the repeats: as a run's, with the pooled rows, or the means over the seeds and their standard deviations.
local function gather(trials, dir, o)
  local by_seed, rows = {}, {}
  for _, t in ipairs(trials) do
    local index = t.seed - o.seed + 1
    by_seed[index] = by_seed[index] or {}
    table.insert(by_seed[index], t)
  end
  for i, list in ipairs(by_seed) do rows[i] = rows_of(list, dir, o) end
  local first, all = trials[1].result, {}
  for i, t in ipairs(trials) do all[i] = { hash = t.hash, dir = t.dir, fold = t.fold, seed = t.seed, eval = t.result.eval } end
  local results = { folds = folds_of(o), seeds = o.seeds, trials = all, seconds = sum(trials, "seconds"), epochs = sum(trials, "epochs") }
  for _, key in ipairs { "recipe", "model", "params", "nonzero", "flops", "bytes", "imgsz", "resize", "seed", "speed" } do
    results[key] = first[key]
  end
  results.data = { name = first.data.name, split_hash = files.hash_text(trials[1].data_hash .. #trials) }
  results.eval = o.seeds > 1 and spread.mean(rows) or rows[1]
  results.spread = o.seeds > 1 and spread.deviation(rows) or core.null
  return results
end

-- Where the repeats lie: `out`, or a folder named after what they are, so that the same call finds them again.
local function folder(program, trials, o)
  if o.out then return (o.out:gsub("(.)/+$", "%1")) end
  local hashes = {}
  for i, t in ipairs(trials) do hashes[i] = t.hash end
  local name = program:match "([^/]*)$":gsub("%.lua$", "")
  return ("runs/%s-%s"):format(name, files.hash_text(table.concat(hashes, " ")):sub(1, 8))
end

-- Runs the repeats that are not done yet. program: the recipe's path, or the verb; given: the call's {key=, value=} words; o: its options.
-- Returns the results. Errors: some repeats failed, or the user stopped them.
function repeats.run(program, given, o)
  local trials = plan(program, given, o)
  trial.identify(trials)
  check_folds(trials)
  local dir, results = folder(program, trials, o), nil
  local complaint = session.run(trials, { dir = dir, jobs = o.jobs, title = program, at_end = function(say)
    results = gather(trials, dir, o)
    core.system.write(dir .. "/results.md", spread.markdown(program, results))
    core.system.write(dir .. "/results.json", core.json.encode(results, { pretty = true }) .. "\n")
    say("%s", spread.text(results))
    say("results in %s/results.md", dir)
  end })
  if complaint then error(complaint, 0) end
  return results
end

-- For a dry run: makes o the options of the first repeat. Returns how many there are.
function repeats.rehearse(program, given, o)
  local trials, from = plan(program, given, o), { where = "command line" }
  local first, names = trials[1], {}
  for i, t in ipairs(trials) do names[i] = t.name end
  for _, part in ipairs(first.fold and PARTS or {}) do options.set(o, "data." .. part[1], ("%s_%s"):format(first.fold, part[2]), from) end
  options.set(o, "folds", "none", from)
  options.set(o, "seeds", 1, from)
  print(("%d runs (%s), one like the other; the first of them:"):format(#trials, table.concat(names, "; ")))
  return #trials
end

return repeats
