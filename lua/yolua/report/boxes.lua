-- boxes.json of a run directory: how large the labelled boxes of its lists are where the network sees them, as report.html shows them.
local core = require "yolua.core"
local sizes_of = require "yolua.data.sizes"

local boxes = { EDGES = { 8, 16, 32, 64, 128, 256 } } -- pixels of the network's input, the side of a square of the box's area

-- How many boxes lie below the first edge, between each two, and above the last.
function boxes.count(sizes)
  local counts = {}
  for i = 1, #boxes.EDGES + 1 do counts[i] = 0 end
  for _, s in ipairs(sizes) do
    local side, bin = math.sqrt(s[1] * s[2]), 1
    while boxes.EDGES[bin] and side >= boxes.EDGES[bin] do bin = bin + 1 end
    counts[bin] = counts[bin] + 1
  end
  return counts
end

-- Of the run's data, for the model and input size of its last evaluation; nothing where there are no boxes.
function boxes.write(run)
  local seen, data, lists = run.seen, run.data, {}
  if not (data and seen and seen.input and run.model and run.model.heads and #run.model.heads > 0) or data.source.pixels then return end
  for _, key in ipairs { "train", "pick", "dev" } do
    local list = data[key]
    if list and #list.frames > 0 then
      local counts = boxes.count(sizes_of(list, run.model.names, seen.input.w, seen.input.h, seen.input.resize))
      lists[#lists + 1] = { list = list.name or key, use = key, counts = counts }
    end
  end
  if #lists == 0 then return end
  local document = { input = { seen.input.w, seen.input.h }, edges = boxes.EDGES, lists = lists }
  core.system.write(run:path "boxes.json", core.json.encode(document) .. "\n")
end

return boxes
