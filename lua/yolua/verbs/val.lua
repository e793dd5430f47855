-- `yolua val`: scores a detector on a labelled data set.
local conf = require "yolua.report.conf"
local core = require "yolua.core"
local eval = require "yolua.eval.protocols"
local fields = require "yolua.options.fields"
local input = require "yolua.model.input"
local options = require "yolua.options.table"
local result_files = require "yolua.eval.result_files"
local schema = require "yolua.options.schema"
local score = require "yolua.eval.score"
local structs = require "yolua.options.structs"
local terminal = require "yolua.terminal"
local inputs = require "yolua.cli.inputs"

-- A list that is named here and not scored would be silently left out; a run's config.yaml may hold them all.
local function refuse_unused(o)
  for _, key in ipairs { "data.train", "data.pick", o.data.split and "data.dev" or nil } do
    if options.origin(o, key) == "command line" then
      error(schema.usage(("val: %s has no effect: one list is scored, data.split (without it data.dev)"):format(key)))
    end
  end
end

local function run(o)
  refuse_unused(o)
  local data = inputs.data(o)
  local model = inputs.network(o)
  local list = data:list(o.data.split)
  if o.dets then result_files.check(o.dets, list) end
  input.say(model, o)
  local follows = conf.follow(model, o)
  if follows and not o.json then print(follows) end
  local rows, seen = score(model, list, o, { stage = "val" })
  if o.dets then
    local _, lost = result_files.write(o.dets, seen.stored, data)
    if lost > 0 then core.system.warn(("dets: left out %d detections of classes that data=%s does not have"):format(lost, data.name)) end
  end
  local size = seen.input
  return { images = seen.images, infer_ms = seen.infer_ms, imgsz = { size.w, size.h }, resize = size.resize,
    map = data:map(model.names).name, eval = rows }
end

local function show(result)
  print(("%d images, %.1f ms per image in the network, class map %s"):format(result.images, result.infer_ms or 0, result.map))
  for _, row in ipairs(result.eval) do terminal.print("\n" .. eval.text(row)) end
end

local list = {
  { "dets", "string", nil, "", "also write what was found as KITTI's result files into this folder, for yolua eval and KITTI's server",
    aliases = { "save_txt", "results", "detections" } },
  "model", "data", "size", "eval", "protocols",
  structs.field("detect", "clip"),
  structs.field("loader", "batch", { help = "images per forward pass" }),
  fields.pick("run", "config"), fields.pick("run", "device"), fields.pick("run", "threads"), fields.pick("run", "precision"),
  fields.pick("run", "tf32"),
  fields.pick("run", "json"),
}

return { help = "score a detector on a labelled data set", fields = list, defaults = { conf = score.conf }, run = run, show = show }
