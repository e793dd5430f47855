-- `yolua eval`: scores detections in KITTI's file format against labels, without a model.
local core = require "yolua.core"
local eval = require "yolua.eval.protocols"
local groups = require("yolua.options.fields").groups
local schema = require "yolua.options.schema"
local terminal = require "yolua.terminal"

local fields = {
  { "labels", "string", nil, "", "folder of label files ID.txt, fifteen fields a row", aliases = { "gt", "label_dir", "truth" } },
  { "dets", "string", nil, "", "folder of detection files ID.txt, sixteen fields a row",
    aliases = { "det", "detections", "results", "pred" } },
  { "protocol", "list", "kitti", "", "which protocols", choices = eval.all, aliases = { "metric", "metrics" } },
  { "split", "string", nil, "", "a list file: only these frames (default: all label files)" },
  { "classes", "list", nil, "", "class names that may occur and are scored by voc, coco and poster (default: KITTI's)" },
  { "json", "bool", false, "", "print one JSON document on standard output" },
}
table.move(groups.protocols, 1, #groups.protocols, #fields + 1, fields)

local function run(o)
  for _, key in ipairs { "labels", "dets" } do
    if not o[key] then error(schema.usage(("yolua eval: option '%s' is missing, expected a folder"):format(key))) end
  end
  local set <close> = core.eval_set()
  set:load(o.labels, o.dets, { split = o.split, names = eval.known_names(o.classes) })
  return { frames = #set, eval = eval.rows(set, o, { split = o.split, classes = o.classes }) }
end

local function show(result)
  print(("%d frames"):format(result.frames))
  for _, row in ipairs(result.eval) do terminal.print("\n" .. eval.text(row)) end
end

return { help = "score detections against labels, both in KITTI's file format", fields = fields, run = run, show = show }
