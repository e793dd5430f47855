-- `yolua doctor`: what this program runs on, whether a data set is fit to learn from, and whether a network fits it.
local core = require "yolua.core"
local fields = require "yolua.options.fields"
local fit = require "yolua.doctor.fit"
local inspect = require "yolua.doctor.inspect"
local machine = require "yolua.doctor.machine"
local overfit = require "yolua.doctor.overfit"
local inputs = require "yolua.cli.inputs"
local options = require "yolua.options.table"
local schema = require "yolua.options.schema"
local files = core.files

-- sheet: none, a file, or nil (runs/doctor-NAME.jpg, which a later call replaces).
local function draw(o, data, lists, facts)
  if o.sheet == "none" then return nil end
  local path = o.sheet or ("runs/doctor-%s.jpg"):format(data.name)
  local folder = path:match "^(.*)/[^/]*$"
  if folder and folder ~= "" then files.make_folder(folder) end
  local written, count = require("yolua.doctor.sheet")(data, lists, facts, path, o.frames)
  return written and { path = written, frames = count } or nil
end

local function look_over(o, progress)
  local data = inputs.data(o, { images = false })
  local found, lists, facts = inspect.run(data, nil, progress)
  found.name, found.root = data.name, data.root
  found.sheet = draw(o, data, lists, facts)
  return found, facts
end

-- Errors: overfit=true without something to train, or options of it without it.
local function check_overfit(o, has_data)
  if o.overfit and not (has_data and (o.cfg or o.model)) then
    error(schema.usage "doctor: overfit=true needs a network (cfg=, weights=, names=, or model=) and data= with pictures")
  end
  for _, key in ipairs { "batch", "steps", "lr", "freeze" } do
    if not o.overfit and options.explicit(o, key) then error(schema.usage(("doctor: option '%s' needs overfit=true"):format(key))) end
  end
end

local function run(o)
  local m = machine.look()
  local result = { machine = m, advice = machine.advice(m) }
  local bar <close> = require("yolua.terminal.progress").new { label = "looking", total = 0, unit = "" }
  local function progress(what, done, total)
    bar.label, bar.total = what, total
    bar:update(done)
  end
  local has_data = o.data.name or o.data.root or o.data.file
  if has_data then inputs.named_data(o) end
  check_overfit(o, has_data)
  local pair = (o.cfg or o.model) and fit.open(o) -- before the long look: it may be refused
  local facts
  if has_data then result.data, facts = look_over(o, progress) end
  if pair and has_data then fit.choose(pair, facts) end
  if pair then result.network = fit.measure(pair, o, progress) end
  if o.overfit then result.overfit = overfit.run(pair.model, inputs.data(o), o, progress) end
  return result
end

local function status(result)
  local faulty = result.data and result.data.faults > 0 or result.network and fit.faulty(result.network)
    or result.overfit and overfit.faulty(result.overfit)
  return faulty and 1 or 0
end

local function show(result)
  for _, line in ipairs(machine.lines(result.machine)) do print(line) end
  for _, line in ipairs(result.advice) do print("advice: " .. line) end
  for _, line in ipairs(result.data and require("yolua.doctor.text").lines(result.data) or {}) do print(line) end
  for _, line in ipairs(result.network and fit.lines(result.network) or {}) do print(line) end
  for _, line in ipairs(result.overfit and overfit.lines(result.overfit) or {}) do print(line) end
end

return {
  help = "check the machine, a data set, and whether a network's anchors fit the data",
  fields = {
    "data", "model", fields.pick("eval", "resize"), "size",
    { "sheet", "string", nil, "", "file for a contact sheet of the data, .jpg or .png (default: runs/doctor-NAME.jpg); none: no sheet" },
    { "frames", "int", 24, "frames", "how many frames the sheet shows", min = 1, max = 1000 },
    fields.pick("run", "threads"), fields.pick("run", "json"), table.unpack(overfit.fields),
  },
  run = run, show = show, status = status,
}
