-- The run object: everything that an experiment leaves on disk is its business.
--
--   local run <close> = yl.run(o)                 makes runs/NAME (o.out changes it; never overwritten, a number is added)
--   run:eval("Original", model, data.dev)         scores the model by every protocol, prints and keeps the rows
--   run:report()                                  results.json, results.md, plots, drawn detections
--
-- Fields: dir, name, resumed (the record of an earlier run is continued), epochs (one record each), rows, options.
local arguments = require "yolua.options.arguments"
local callback = require "yolua.options.callback"
local core = require "yolua.core"
local document = require "yolua.report.document"
local dry = require "yolua.report.dry"
local fields = require "yolua.options.fields"
local options = require "yolua.options.table"
local provenance = require "yolua.report.provenance"
local ranks = require "yolua.ranks"
local resume = require "yolua.report.resumed"
local rundir = require "yolua.report.rundir"
local schema = require "yolua.options.schema"
local screen = require "yolua.terminal.screen"

local Run = { __name = "run" }
Run.__index = Run

-- A recipe's or verb's name: the stem of the file that is running, else "run".
local function program_name()
  local path = arguments.program or "run"
  return (path:match "([^/]*)$":gsub("%.lua$", ""))
end

local function plain(o) return options.is(o) and options.plain(o) or o end

-- yl.run(o [, name]): o is the recipe's options (out, resume, device, ... of them are read here).
-- Errors: one sentence that names the folder which cannot be made, written to, or continued.
local function new(o, name)
  local runs = arguments.on_run and arguments.on_run(o)
  if ranks.size > 1 and (arguments.repeats(o) or rawget(o, "dry_run")) then
    error("folds=, seeds= and dry_run=true are for one process: expected the call without mpirun", 0)
  end
  if arguments.repeats(o) then error("folds= and seeds= repeat a call of the program: expected `yolua RECIPE.lua ...`", 0) end
  local run = setmetatable({ name = name or program_name(), options = o, epochs = {}, rows = {}, curves = {}, stored = {}, kept = {},
    tables = {}, evaluated = 0, seconds_before = 0, started = core.system.clock() }, Run)
  local live = rawget(o, "serve") and ranks.rank == 0 and not rawget(o, "dry_run") and require("yolua.report.live").listen(o.serve)
  if rawget(o, "dry_run") then dry.begin(run, runs or 1)
  elseif rawget(o, "resume") then resume(run, o)
  else run.dir, run.made_folder, run.lock = rundir.begin(run.name, rawget(o, "out")) end
  if (rawget(o, "threads") or 0) > 0 then core.system.threads(o.threads) end -- the call's, or those of the run that continues
  run.made = run.made or provenance.look(rawget(o, "device"))
  run.made.name = run.name
  run:write_config()
  run.log_before = core.system.warn_file(run:path "log.txt") -- until the run is closed
  run:say("%s", run.dry and "dry run: nothing is trained or kept" or "run directory " .. run.dir)
  run.live = live and live:show(run) or nil
  return run
end

function Run:path(name) return self.dir .. "/" .. name end

-- Prints a line and keeps it in log.txt, where warnings go too.
function Run:say(format, ...)
  local line = select("#", ...) > 0 and format:format(...) or format
  screen.say(self, line)
  core.files.append(self:path "log.txt", line .. "\n")
end

-- config.yaml: the resolved options as `config=` reads them, and below `provenance` what the run was made with. What decides a
-- training's result (fields.deciding) is as it ran: the training loop sets `deciding`.
function Run:write_config()
  local config, ran = {}, self.deciding
  for key, value in pairs(plain(self.options)) do config[key] = value end
  for _, key in ipairs(ran and fields.deciding or {}) do config[key] = ran[key] end
  if ran and ran.data and config.data then
    config.data = {}
    for key, value in pairs(plain(self.options).data) do config.data[key] = value end
    config.data.map = ran.data.map
  end
  config.resume, config.serve, config.provenance = nil, nil, self.made
  core.system.write(self:path "config.yaml", core.yaml.encode(config))
end

-- Tells the run which data it works on ({name, train, dev, hash}); a resumed run refuses other data than it began with.
function Run:use(data)
  if self.data == data then return end
  self.data = data
  local hash = data.hash
  if self.data_hash and hash and self.data_hash ~= hash then
    error(("resume: the data differ from those of %s: their hash was %s and is now %s"):format(self.dir, self.data_hash, hash), 2)
  end
  self.data_hash = hash or self.data_hash
  self.made.data_hash = self.data_hash
  self:write_config()
end

-- Puts an epoch's record aside before its checkpoint is written, so that a run which dies between checkpoint and log_epoch loses no line.
function Run:expect(record) core.system.write(self:path "epoch.json", core.json.encode(record)) end

-- Appends an epoch's record ({epoch, train_loss, dev_loss, lr, seconds, wait_share, images_per_s, ...}) to metrics.jsonl and waits
-- for the disk. To be called when that epoch's checkpoint is in place.
function Run:log_epoch(record)
  self.epochs[#self.epochs + 1] = record
  rundir.append_metrics(self.dir, self.epochs, rawget(self.options, "tensorboard"))
  os.remove(self:path "epoch.json")
  self:step(nil)
  self:say(screen.epoch_text(record))
  if self.live then self.live:epoch(record) end
end

-- Shows how far an epoch is.
function Run:step(state)
  screen.step(self, state)
  if self.live then self.live:step(state) end
end

-- How many records a training has.
local function recorded(self, training)
  local count = 0
  for _, record in ipairs(self.epochs) do count = count + ((record.training or 1) == training and 1 or 0) end
  return count
end

-- Forgets the records after `epoch` of that training (default: the first): those of a resumed run that its checkpoint does not hold.
function Run:rewind(epoch, training)
  training = training or 1
  self.epochs = ranks.first(rundir.metrics, self.dir, epoch, training)
  local path = self:path "epoch.json"
  local record = ranks.first(document, path)
  local next_one = record and record.epoch == epoch and (record.training or 1) == training
  if next_one and recorded(self, training) == epoch - 1 then self.epochs[#self.epochs + 1] = record end
  rundir.write_metrics(self.dir, self.epochs)
  os.remove(path)
end

-- The model of best.safetensors; of last.safetensors where no policy kept a best one. Those of the training that was the last to run,
-- also where a resumed run has gone past it.
function Run:best()
  if self.dry then return self.dry.model or error("nothing was trained: there is no best model", 2) end
  local past = self.current and self.current.past and self.current.training or nil
  local path = ranks.first(function()
    for _, file in ipairs { "best.safetensors", "last.safetensors" } do
      local name = self:path(rundir.mark(file, past))
      if core.files.kind(name) then return name end
    end
  end)
  if path then return require("yolua.model.load") { model = path, device = rawget(self.options, "device") } end
  error(("%s has no checkpoint: nothing was trained"):format(self.dir), 2)
end

-- Says what pictures are brought to, once as long as it stays the same.
function Run:say_input(text)
  if text ~= self.input_said then self:say("%s", text) end
  self.input_said = text
end

-- Drops what an earlier evaluation of that stage left.
local function forget(run, stage)
  for _, list in ipairs { run.rows, run.curves, run.stored } do
    for i = #list, 1, -1 do
      if list[i].stage == stage then table.remove(list, i) end
    end
  end
end

local call = options.declare("run:eval", { fields.pick("eval", "protocol"), fields.pick("size", "imgsz"),
  { "against", "string", nil, "", "an earlier stage: the report compares this one with it, too" } })

-- Errors: no earlier stage has that name.
local function check_against(run, name)
  local names = {}
  for _, row in ipairs(run.rows) do
    if row.stage == name then return end
    if names[#names] ~= row.stage then names[#names + 1] = row.stage end
  end
  error(("%s: run:eval: against: no earlier stage is named '%s'%s%s"):format(options.position(), name, schema.did_you_mean(name, names),
    #names > 0 and (" (stages: %s)"):format(table.concat(names, "; ")) or ""), 0)
end

-- Scores `model` on `list`; prints and keeps the rows, and returns them. `stage` names the moment: "Original", "Coco-FT", ... An earlier
-- result of the same stage is replaced. how: {protocol = {"voc"}, imgsz = {w, h}} in place of the run's own;
-- against = "NAME": an earlier stage that the report compares this one with, beside the first.
function Run:eval(stage, model, list, how)
  callback.argument(type(stage) == "string", "run:eval", "a stage's name", stage)
  require("yolua.eval.score").check("run:eval", model, list)
  how = call(how or {})
  local more = { stage = stage, one_of_several = true, protocols = how.protocol, size = how }
  self:use(list.data)
  self:say_input(require("yolua.model.input").text(model, self.options, how))
  if self.dry then return dry.eval(self, stage, model, list, more) end
  if how.against then check_against(self, how.against) end
  more.hash = self.data_hash
  local rows, seen = require("yolua.eval.score")(model, list, self.options, more)
  forget(self, stage)
  for _, row in ipairs(rows) do
    self.rows[#self.rows + 1] = row
    self:say("%s: %s", stage, require("yolua.eval.protocols").text(row))
  end
  self.evaluated = self.evaluated + 1
  if seen.stored then -- of boxes
    require("yolua.eval.stages").write(self.dir, seen.stored, self.evaluated)
    seen.stored.against = how.against
    self.stored[#self.stored + 1] = seen.stored
    self.curves[#self.curves + 1] = { stage = stage, classes = seen.curves, confusion = seen.confusion }
  end
  self.model, self.seen = model, seen
  seen.list = list
  return rows
end

-- Prints a table of the recipe's own and keeps it for the report: title, head (texts), body (lists of texts), rows (what results.json has).
function Run:table(made)
  if self.dry then return end
  self.tables[#self.tables + 1] = { title = made.title, head = made.head, body = made.body, rows = made.rows }
  self:say("%s", tostring(made))
end

function Run:seconds() return self.seconds_before + core.system.clock() - self.started end

-- Writes results.json, results.md, plots/ and detections/.
function Run:report()
  if self.dry then return dry.report(self) end
  return ranks.first(require "yolua.report", self)
end

-- A run that failed before it had anything to show takes its folder away; else the reason stays in log.txt.
function Run:__close(reason)
  self:step(nil)
  core.system.warn_file(self.log_before)
  if self.live then self.live:close(reason) end
  if ranks.rank > 0 then return end
  if self.dry then return dry.finish(self) end
  if self.lock then rundir.unlock(self.dir, self.lock) end
  self.lock = nil
  if reason == nil then return end
  if self.made_folder and #self.epochs == 0 and #self.rows == 0 then return rundir.discard(self.dir, self.made_folder) end
  pcall(core.files.append, self:path "log.txt", ("failed: %s\n"):format(tostring(reason)))
end

function Run:__tostring()
  return ("run %s in %s: %d epochs, %d results"):format(self.name, self.dir, #self.epochs, #self.rows)
end

return setmetatable({ new = new }, { __call = function(_, ...) return new(...) end })
