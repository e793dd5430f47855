-- worst/ of a run directory: the frames of the last evaluation that the network's loss is largest on, drawn, and their list, frames.json. A
-- large loss is a miss, a false alarm, or a label that is wrong.
local attributes = require "yolua.options.attributes"
local batches = require "yolua.data.batches"
local core = require "yolua.core"
local matches = require "yolua.report.matches"

local worst = { shown = 8, looked = 1000 } -- how many frames are drawn, and looked at

-- The losses of an image, in the order of their names: the same bits in every run.
local function total(parts)
  local names, sum = {}, 0
  for head, list in pairs(parts) do
    for part, value in pairs(list) do names[#names + 1] = { head .. "." .. part, value } end
  end
  table.sort(names, function(a, b) return a[1] < b[1] end)
  for _, pair in ipairs(names) do sum = sum + pair[2] end
  return sum
end

-- {frame, loss} of each frame of the list (the first of a long one), the largest loss first. input: {w, h, resize}
function worst.rank(model, list, input)
  local some = setmetatable({ frames = table.move(list.frames, 1, math.min(#list.frames, worst.looked), 1, {}) }, { __index = list })
  local ranked = {}
  local source <close> = batches.images { data = list.data, list = some, names = model.names, batch = 1, w = input.w, h = input.h,
    resize = input.resize, train = false, seed = 1, workers = list.data.options.workers, cache = 0, strict = true,
    attributes = #attributes.of_model(model) > 0 }
  local plan = model:plan { mode = "infer", part = source.part, batch = 1, h = input.h, w = input.w }
  for batch in source:epoch(0) do
    source:feed(plan, batch)
    plan:forward()
    ranked[#ranked + 1] = { frame = some.frames[batch:indices()[1]], loss = total(source:loss(plan, batch)) }
  end
  table.sort(ranked, function(a, b) return a.loss > b.loss or a.loss == b.loss and a.frame.id < b.frame.id end)
  return ranked
end

-- Draws them for the run's last evaluation; nothing where there are no boxes, or none of the network's classes.
function worst.draw(run)
  local seen, model, out = run.seen, run.model, {}
  local list = seen and seen.list
  if not (list and model and model.heads and #model.heads > 0) or list.data.source.pixels then return end
  local known, ranked = core.system.attempt(worst.rank, model, list, seen.input)
  if not known then return end -- a list without an object that the network knows has no loss
  core.files.make_folder(run:path "worst")
  for i = 1, math.min(worst.shown, #ranked) do
    local frame = ranked[i].frame
    local image <close> = core.image.load(frame.image, list.data.options.exif == "apply")
    local found = model:detect(image, { conf = 0.25, resize = seen.input.resize, imgsz = { seen.input.w, seen.input.h } })
    local drawn, hits, misses, false_alarms = matches.of(list.data:mapped(frame, model.names), found, 0.25)
    local file = ("%02d-%s.png"):format(i, (frame.id:gsub("[^%w_.-]", "_")))
    image:draw(drawn):save(run:path("worst/" .. file))
    out[i] = { id = frame.id, file = file, loss = ranked[i].loss, hits = hits, misses = misses, false_alarms = false_alarms }
  end
  core.system.write(run:path "worst/frames.json", core.json.encode(out) .. "\n")
end

return worst
