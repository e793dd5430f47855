-- Exported networks in other programs' runtimes: ONNX Runtime and OpenVINO on the ONNX file, ncnn on its own. Compares the numbers that
-- enter the heads, and what is detected on real pictures, by a decoder and a suppression written anew (exchange.py); of int8 networks also
-- AP on coco128. Not one of the suite's tests: it needs these runtimes as Python's packages, and the data.
--
--   YOLUA_DATA=DIR yolua tests/bench/exchange.lua python=PYTHON [only=NAME,...]     DIR holds weights/, cfg/, images/ and coco128/
--
-- Prints a table, and says at the end what is over its limit. Figures stand in tests/bench/RESULTS.md.
local yl = require "yolua"
local check = require "yolua.model.export.check"
local core = yl.core
local stored = require "yolua.eval.stored"

local o = yl.options({ seed = 1 }, {
  { "python", "string", "python3", "", "the interpreter whose packages are the runtimes" },
  { "only", "list", nil, "", "networks to look at (default: all)" },
})
local root = os.getenv "YOLUA_DATA" or error("exchange.lua: YOLUA_DATA is missing: expected the folder of the data", 0)

local HEADS, SCORE, OVERLAP = 1e-4, 2e-3, 0.99 -- of a head's largest number; of a detection that both find
local AP = 0.5 -- points that a runtime's int8 may lose against ours
local COMPARED = 3 -- pictures whose heads are compared

local function at(...) return table.concat({ root, ... }, "/") end

local function named(name, file)
  local stem = at("weights", name, file)
  return yl.load { cfg = stem .. ".cfg", weights = stem .. ".weights", names = at("weights", "coco.names") }
end

local function calibrated(model)
  local data = yl.data { name = "yolo", root = at "coco128" }
  yl.calibrate(model, data:list(), { frames = 64, out = os.tmpname() .. ".safetensors" })
  return model
end

-- Without the channels that hold 30 % of the numbers and, of what is left, without half of the weights.
local function pruned(model)
  yl.prune.cut(model, { 0.3, pattern = "channel", score = "filter_l1" })
  local small = yl.compact(model)
  yl.prune.cut(small, 0.5)
  return small
end

local NETWORKS = {
  { "yolov3-tiny", function() return named("yolov3-tiny", "yolov3-tiny") end },
  { "yolo-fastest", function() return named("yolo-fastest", "yolo-fastest-1.1") end },
  { "yolo-lite", function() return named("yolo-lite", "coco") end },
  { "yolov2 random", function() return yl.load { cfg = at("cfg", "yolov2.cfg"), names = at("weights", "coco.names") } end },
  { "yolov2-tiny random", function() return yl.load { cfg = at("cfg", "yolov2-tiny.cfg"), names = at("weights", "coco.names") } end },
  { "yolov3-tiny pruned", function() return pruned(named("yolov3-tiny", "yolov3-tiny")) end },
  { "yolo-fastest pruned", function() return pruned(named("yolo-fastest", "yolo-fastest-1.1")) end },
  { "yolov3-tiny int8", function() return calibrated(named("yolov3-tiny", "yolov3-tiny")) end, int8 = true },
  { "yolo-fastest int8", function() return calibrated(named("yolo-fastest", "yolo-fastest-1.1")) end, int8 = true },
}

-- ---- what a head's options say ------------------------------------------------------------------------------------------------

local function numbers(text)
  local list = {}
  for word in tostring(text or ""):gmatch "[^,%s%[%]{}]+" do list[#list + 1] = tonumber(word) end
  return list
end

-- The heads as exchange.py wants them, and the layers whose outputs enter them.
local function heads_of(model)
  local heads, from = {}, {}
  for _, layer in ipairs(model.net:layers()) do
    local l = layer.options
    if layer.kind == "yolo" or layer.kind == "region" then
      local all, mask, anchors = numbers(l.anchors), numbers(l.mask), {}
      if #mask == 0 then for i = 1, #all // 2 do mask[i] = i - 1 end end
      for i, m in ipairs(mask) do anchors[i] = { all[2 * m + 1], all[2 * m + 2] } end
      local beta = l.nms_kind and l.nms_kind ~= "default" and tonumber(l.beta_nms) or 0
      heads[#heads + 1] = { name = layer.name, kind = layer.kind, anchors = anchors, classes = tonumber(l.classes),
        scale = tonumber(l.scale_x_y) or 1, softmax = tostring(l.softmax) == "true", beta = beta }
      from[#from + 1] = layer.inputs[1]
    end
  end
  return heads, from
end

-- ---- ours ---------------------------------------------------------------------------------------------------------------------

local folder = os.tmpname()
os.remove(folder)
core.files.make_folder(folder)

local function clear(name)
  for _, file in ipairs(core.files.list(folder)) do
    if not name or file:find(name, 1, true) then os.remove(folder .. "/" .. file) end
  end
end

-- Our detections and heads of each picture; the inputs lie in the folder. Returns {{path, w, h, dets, heads}, ...} and the input's shape.
local function ours(model, paths, precision, from, conf)
  local plan <close> = model.net:plan { mode = "infer", batch = 1, keep = true, precision = precision }
  local list, shape = {}, nil
  for i, path in ipairs(paths) do
    local picture = yl.image(path)
    local size = picture:shape()
    local one = { input = ("%s/input.%d"):format(folder, i), h = size[2], w = size[3], heads = {} }
    one.dets = plan:predict(picture, { conf = conf, iou = 0.45, resize = model.resize })
    for k, layer in ipairs(i <= COMPARED and from or {}) do one.heads[k] = check.turned(plan:output(layer), plan:shape(layer)) end
    local input, lent = plan:lend_input() -- which the plan takes for a new one
    core.system.write(one.input, input:permute(1, 4, 2, 3):clone():tobytes())
    shape = input:shape()
    lent:close()
    list[i] = one
  end
  return list, { shape[4], shape[2], shape[3] }
end

-- ---- a peer -------------------------------------------------------------------------------------------------------------------

local function quoted(word) return "'" .. word:gsub("'", "'\\''") .. "'" end

local function peer(job)
  local images = {}
  for i, one in ipairs(job.list) do images[i] = { input = one.input, w = one.w, h = one.h } end
  core.system.write(folder .. "/job.json", core.json.encode { runtime = job.runtime, model = job.model, images = images, shape = job.shape,
    heads = job.heads, conf = job.conf, iou = 0.45, keep = COMPARED, folder = folder })
  local pipe = io.popen(("OMP_NUM_THREADS=1 %s tests/bench/exchange.py %s 2>&1"):format(quoted(o.python), quoted(folder .. "/job.json")))
  local said = pipe:read "a"
  if not pipe:close() then error(("%s: %s"):format(job.runtime, said:match "([^\n]*)%s*$"), 0) end
  local found = core.json.decode(core.system.read(folder .. "/detections.json"))
  for _, dets in ipairs(found) do
    for k, d in ipairs(dets) do dets[k] = { class = d[1] + 1, score = d[2], box = { d[3], d[4], d[5], d[6] } } end
  end
  return found
end

-- The largest difference of a head, of its largest number; `square`: root mean squares.
local function heads_off(job, square)
  local worst = 0
  for i = 1, math.min(COMPARED, #job.list) do
    for k, head in ipairs(job.heads) do
      local want = job.list[i].heads[k]
      local got = yl.tensor.from_bytes(core.system.read(("%s/%s.%d"):format(folder, head.name, i - 1)), want:shape(), "f32")
      local off = got - want
      local share = square and ((off * off):mean() / (want * want):mean()) ^ 0.5 or off:abs():max() / want:abs():max()
      worst = math.max(worst, share)
    end
  end
  return worst
end

local function overlap(a, b)
  local w, h = math.min(a[3], b[3]) - math.max(a[1], b[1]), math.min(a[4], b[4]) - math.max(a[2], b[2])
  local inter = math.max(w, 0) * math.max(h, 0)
  return inter / ((a[3] - a[1]) * (a[4] - a[2]) + (b[3] - b[1]) * (b[4] - b[2]) - inter)
end

-- How many of the detections have no equal among the others; those within a hair of the threshold may be on one side alone.
local function unmatched(list, others, conf)
  local count = 0
  for i, dets in ipairs(list) do
    for _, d in ipairs(dets) do
      local found = d.score < conf + SCORE
      for _, e in ipairs(others[i]) do
        found = found or e.class == d.class and math.abs(e.score - d.score) <= SCORE and overlap(e.box, d.box) >= OVERLAP
      end
      if not found then count = count + 1 end
    end
  end
  return count
end

-- ---- AP -----------------------------------------------------------------------------------------------------------------------

local function scored(model, data, list, found)
  data:follow(model)
  local frames = {}
  for i, frame in ipairs(list.frames) do
    local dets = {}
    for k, d in ipairs(found[i]) do dets[k] = { class = model.names[d.class], score = d.score, box = d.box } end
    frames[i] = { id = frame.id, truths = data:rows(frame, model.names), dets = dets }
  end
  local rows = stored.new { split = list.name, data = { name = data.name }, names = model.names, classes = data:map(model.names).classes,
    protocols = { "voc" }, options = { conf = 0.005, voc = {}, coco = {}, poster = {} }, frames = frames }:rows()
  return 100 * rows[1].map
end

-- ---- all of it ----------------------------------------------------------------------------------------------------------------

local faults = {}
local function fault(...) faults[#faults + 1] = string.format(...) end

local function pictures(folder_of)
  local list = {}
  for _, name in ipairs(core.files.list(folder_of)) do list[#list + 1] = folder_of .. "/" .. name end
  table.sort(list)
  return list
end

-- The confidence at which the network finds about a hundred things on the first picture: random weights know no other measure.
local function conf_of(model, path)
  local scores = {}
  for i, d in ipairs(model:detect(path, { conf = 0.001 })) do scores[i] = d.score end
  table.sort(scores, function(a, b) return a > b end)
  return scores[math.min(#scores, 100)] or 0.05
end

local function told(name, runtime, off, own, lost, extra, ap, own_ap)
  print(("| %s | %s | %.1e | %d | %d, %d | %s |"):format(name, runtime, off, own, lost, extra,
    ap and ("%.2f, %+.2f"):format(ap, ap - own_ap) or ""))
end

local function compare(net, job, precision, data, list)
  local dets = {}
  for i, one in ipairs(job.list) do dets[i] = one.dets end
  local own_ap, total = list and scored(job.of, data, list, dets), 0
  for _, d in ipairs(dets) do total = total + #d end
  if own_ap then print(("| %s | yolua | | %d | | %.2f |"):format(net[1], total, own_ap)) end
  for _, runtime in ipairs(check.runtimes(o.python, { "onnxruntime", "openvino", "ncnn" })) do
    job.runtime = runtime
    job.model = ("%s/net.%s"):format(folder, runtime == "ncnn" and "param" or "onnx")
    job.of:export { out = job.model, precision = precision }
    local found = peer(job)
    local off = heads_off(job, net.int8)
    local lost, extra = unmatched(dets, found, job.conf), unmatched(found, dets, job.conf)
    local ap = list and scored(job.of, data, list, found)
    told(net[1], runtime, off, total, lost, extra, ap, own_ap)
    if not net.int8 and off > HEADS then fault("%s in %s: a head differs by %.1e", net[1], runtime, off) end
    if not net.int8 and lost + extra > 0 then
      fault("%s in %s: %d detections are ours alone, %d its alone", net[1], runtime, lost, extra)
    end
    if ap and ap < own_ap - AP then fault("%s in %s: AP %.2f, and ours %.2f", net[1], runtime, ap, own_ap) end
  end
end

local function look(net)
  local model = net[2]()
  local heads, from = heads_of(model)
  local data = net.int8 and yl.data { name = "yolo", root = at "coco128" }
  local list, paths = data and data:list(), {}
  for i, frame in ipairs(list and list.frames or {}) do paths[i] = frame.image end
  if not list then paths = pictures(at "images") end
  local job = { of = model, heads = heads, conf = net.int8 and 0.005 or net[1]:find "random$" and conf_of(model, paths[1]) or 0.05 }
  local precision = net.int8 and "int8" or "f32"
  job.list, job.shape = ours(model, paths, precision, from, job.conf)
  compare(net, job, precision, data, list)
  model:close()
  clear()
end

print "| network | runtime | heads | our detections | missing, extra | AP, against ours |\n| --- | --- | --- | --- | --- | --- |"
local wanted, known = {}, {}
for _, net in ipairs(NETWORKS) do known[net[1]] = true end
for _, name in ipairs(o.only or {}) do
  wanted[name] = known[name] or error(("only=%s: there is no such network here"):format(name), 0)
end
for _, net in ipairs(NETWORKS) do
  if not o.only or wanted[net[1]] then look(net) end
end
os.remove(folder)
print(#faults == 0 and "all within their limits" or table.concat(faults, "\n"))
os.exit(#faults == 0 and 0 or 1)
