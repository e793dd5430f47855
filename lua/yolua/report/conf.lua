-- Which score threshold to deploy: that with the best F1, over all classes and for each, on the frames that choices are made on (data.pick,
-- else dev). It goes into results.json, and into the run's checkpoint, where `predict` finds it, with the suppression that it belongs to,
-- which `val` takes over too.
local core = require "yolua.core"
local input = require "yolua.model.input"
local rundir = require "yolua.report.rundir"
local fields = require "yolua.options.fields"
local options = require "yolua.options.table"
local files = core.files

local conf = {}

-- {best, f1, precision, recall, split, classes = {name = {best, f1}}} of an evaluation (yolua.eval.stored), by voc's matching at IoU 0.5;
-- nil where no detection is right.
function conf.of(stored)
  local set, classes = stored:set_for "voc", stored.classes
  local point = set:best_point { classes = classes }
  if point.score == core.null or point.f1 == 0 then return nil end
  local out = { best = point.score, f1 = point.f1, precision = point.precision, recall = point.recall, split = stored.split, classes = {} }
  for _, field in ipairs(fields.groups.suppression) do out[field[1]] = stored.options[field[1]] end
  for name, curve in pairs(set:curves { classes = classes }) do
    local best = curve.best
    if curve.n_gt > 0 and best.score ~= core.null then
      out.classes[name] = { best = best.f1 > 0 and best.score or core.null, f1 = best.f1 } -- without a hit no threshold is the best
    end
  end
  return out
end

-- The evaluation of the run's last model on its choosing frames: what was just evaluated where these are dev, else one more pass.
local function evaluated(run)
  local data, seen = run.data, run.seen
  if not (seen and seen.stored) then return nil end
  if data.pick and seen.list ~= data.pick then
    local _, on_pick = require "yolua.eval.score"(run.model, data.pick, run.options, { stage = "pick", protocols = { "voc" } })
    return on_pick.stored
  end
  local choosing = data.pick or data.dev
  return seen.list == choosing and seen.stored or nil
end

local function words(c, pick)
  return ("best score threshold %.3f (F1 %.3f), chosen on %s%s"):format(c.best, c.f1, c.split,
    pick and "" or ", which is also reported (data.pick= names other frames)")
end

-- Keeps it in a checkpoint of the run, whose recorded hash follows.
local function stamp(run, path, c)
  core.safetensors.note(path, "conf", core.json.encode(c))
  local result = run.made.result and rundir.result(run.dir)
  if result == path then
    run.made.result = files.hash(path)
    run:write_config()
  end
end

-- Chooses the threshold of the run's last model; says it, and writes it into the model and its checkpoint. Returns it; nil where nothing
-- was evaluated on the choosing frames.
function conf.choose(run)
  local self = evaluated(run)
  local c = self and conf.of(self)
  if not c then return nil end
  run:say("%s", words(c, run.data.pick))
  run.model.conf = c
  local path = run.model.path
  if path and path:sub(1, #run.dir + 1) == run.dir .. "/" and path:find "%.safetensors$" then stamp(run, path, c) end
  return c
end

-- The threshold that a model says is its best; nil where it says none.
function conf.default(model) return model.conf and model.conf.best end

-- One line for a person who did not choose.
function conf.text(model)
  return ("conf=%.3f (the best by F1 on %s, as %s says; conf= overrides)"):format(model.conf.best, tostring(model.conf.split),
    input.file(model))
end

-- Sets what of suppression the user did not choose as the model was evaluated. Returns a line that says where it differs from the
-- defaults; nil where it does not.
function conf.follow(model, o)
  local said = {}
  for _, field in ipairs(fields.groups.suppression) do
    local key = field[1]
    local value = model.conf and model.conf[key]
    if value ~= nil and value ~= o[key] and not options.explicit(o, key) then
      options.set(o, key, value, { where = "default" })
      said[#said + 1] = ("%s=%s"):format(key, type(value) == "number" and ("%g"):format(value) or value)
    end
  end
  if #said == 0 then return nil end
  return ("%s (as %s was evaluated; they can be overridden)"):format(table.concat(said, " "), input.file(model))
end

return conf
