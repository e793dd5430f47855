-- Mutated data sets: small valid ones of each kind (KITTI, COCO, VOC, YOLO by data.yaml and by obj.data), of which a text file or two is
-- changed, are read as `yolua doctor` and training read them. Nothing may crash or hang; what is said is one line, and a failure names a
-- place. CASES says how many (150), SEED which (1), ONLY one of them; the data set lies in `set` below the working folder.
local yl = require "yolua"
local core = yl.core
local inspect = require "yolua.doctor.inspect"
local text = require "yolua.doctor.text"
local files = core.files

local COUNT, SEED, ONLY = tonumber(os.getenv "CASES" or 150), tonumber(os.getenv "SEED" or 1), tonumber(os.getenv "ONLY")
local SLOW <const> = 10 -- seconds of processor time that a data set may take
local ROOT <const> = "set"

-- ---- the valid ones: {options, files = {path -> text}, picture paths} ------------------------------------------------------------

local kitti_row = "%s 0.00 0 -1.58 1.00 2.00 5.00 6.00 1.65 1.67 3.64 -0.65 1.71 46.70 -1.59\n"
local matrix = "7.2 0 6 4.4 0 7.2 1.7 0.2 0 0 1 0.002"
local calib = ("P0: %s\nP1: %s\nP2: %s\nP3: %s\nR0_rect: 1 0 0 0 1 0 0 0 1\nTr_velo_to_cam: %s\nTr_imu_to_velo: %s\n"):gsub("%%s", matrix)

local function voc_xml(object)
  return ([[<annotation>
<folder>a</folder><filename>a.png</filename>
<!-- a comment -->
<size><width>12</width><height>9</height><depth>3</depth></size>
<object>
<name>%s</name><truncated>0</truncated><difficult>1</difficult>
<bndbox><xmin>2</xmin><ymin>3</ymin><xmax>8</xmax><ymax>7.5</ymax></bndbox>
<part><name>head</name><bndbox><xmin>1</xmin></bndbox></part></object>
</annotation>
]]):format(object)
end

local coco_json = [=[{"info": {}, "categories": [{"id": 1, "name": "cat"}, {"id": 7, "name": "dog\u00e9"}],
"images": [{"id": 10, "file_name": "a.png", "width": 12, "height": 9}, {"id": 11, "file_name": "b.png", "width": 12, "height": 9}],
"annotations": [{"id": 1, "image_id": 10, "category_id": 7, "bbox": [1, 2, 4.5, 3], "area": 13.5, "iscrowd": 0,
"segmentation": [[1, 2, 5, 2, 5, 5]]}, {"id": 2, "image_id": 11, "category_id": 1, "iscrowd": 1,
"segmentation": {"size": [9, 12], "counts": [10, 3, 6, 3, 86]}}, {"id": 3, "image_id": 11, "category_id": 1, "bbox": [],
"segmentation": {"size": [9, 12], "counts": ":3o2"}}]}]=]

local sets = {
  { options = { name = "kitti", names = nil },
    pictures = { "training/image_2/a.png", "training/image_2/b.png", "training/image_2/c.png" },
    files = { ["training/label_2/a.txt"] = kitti_row:format "Car" .. kitti_row:format "DontCare",
      ["training/label_2/b.txt"] = kitti_row:format "Van",
      ["training/label_2/c.txt"] = kitti_row:format "cyclist", ["training/calib/a.txt"] = calib, ["ImageSets/train.txt"] = "a\nb\n",
      ["ImageSets/dev.txt"] = "c\n", ["ImageSets/drives.txt"] = "a drive_1\nb drive_1\nc drive_2\n" } },
  { options = { name = "kitti", images = false, names = { ROOT .. "/mine.names" }, map = ROOT .. "/map.yaml" }, pictures = {},
    files = { ["label_2/000000.txt"] = kitti_row:format "Car", ["label_2/000001.txt"] = kitti_row:format "bus",
      ["image_sizes.txt"] = "000000 12 9\n000001 12 9\n",
      ["mine.names"] = "Car\nbus\n", ["map.yaml"] = "Car: car\nbus: neighbour of car\n", ["mapping/train_rand.txt"] = "2,1\n",
      ["mapping/train_mapping.txt"] = "2011 drive_1 0001\n2011 drive_2 0002\n" } },
  { options = { name = "coco" }, pictures = { "train/a.png", "train/b.png", "val/a.png", "val/b.png" },
    files = { ["train/_annotations.coco.json"] = coco_json, ["val/_annotations.coco.json"] = coco_json } },
  { options = { name = "coco", images = false }, pictures = {},
    files = { ["annotations/instances_val2017.json"] = coco_json, ["annotations/instances_train2017.json"] = coco_json } },
  { options = { name = "voc" }, pictures = { "JPEGImages/a.png", "JPEGImages/b.png" },
    files = { ["Annotations/a.xml"] = voc_xml "cat", ["Annotations/b.xml"] = voc_xml "dog", ["ImageSets/Main/train.txt"] = "a\n",
      ["ImageSets/Main/val.txt"] = "b\n" } },
  { options = { name = "voc", images = false }, pictures = {},
    files = { ["train/a.xml"] = voc_xml "a cat", ["train/b.xml"] = voc_xml "dog",
      ["labelmap.txt"] = "# label:color:parts:actions\nbackground:0,0,0::\na cat:1,2,3::\ndog:::\n" } },
  { options = { root = ROOT }, pictures = { "images/train/a.png", "images/train/b.png", "images/val/c.png" },
    files = { ["data.yaml"] = "path: .\ntrain: images/train\nval: [images/val]\nnc: 2\nnames:\n  0: cat\n  1: dog\n",
      ["labels/train/a.txt"] = "0 0.5 0.5 0.25 0.25\n1 .3 .3 .2 .2\n", ["labels/train/b.txt"] = "1.0 .1 .1 .3 .1 .3 .4\n",
      ["labels/val/c.txt"] = "0 0.5 0.5 1 1\n" } },
  { options = { root = ROOT }, pictures = { "data/obj/a.png", "data/obj/b.png" },
    files = {
      ["data/obj.data"] = "classes = 2\ntrain = data/train.txt\nvalid = data/val.txt\nnames = data/obj.names\nbackup = backup/\n",
      ["data/train.txt"] = "data/obj/a.png\n", ["data/val.txt"] = "/gone/data/obj/b.png\n", ["data/obj.names"] = "cat\ndog\n",
      ["data/obj/a.txt"] = "0 0.5 0.5 0.25 0.25\n", ["data/obj/b.txt"] = "1 0.5 0.5 0.25 0.25\n" } },
  { options = { name = "yolo", names = { "cat", "dog" } }, pictures = { "a.png", "b.png" },
    files = { ["a.txt"] = "0 0.5 0.5 0.25 0.25\n", ["b.txt"] = "1 0.5 0.5 0.25 0.25\n", ["train.txt"] = "a.png\n",
      ["val.txt"] = "./b.png\n" } },
}

-- ---- mutations -----------------------------------------------------------------------------------------------------------------

local dice = require "support.dice" (SEED)
local below, pick = dice.below, dice.pick

local words = { "", " ", "\n", "\r\n", "\r", "\t", "\0", "\255", "\239\187\191", "-", ".", "..", "/", "../", "0", "1", "-1", "1.5", "2",
  "3.0", "1e9", "1e999", "nan", "inf", "0x10", "9007199254740993", "99999999999999999999", "-9223372036854775808", "null", "true",
  "false", "[]", "{}", "[1]", "{\"a\": 1}", "\"\"", "\"a\"", "[[[[", "{{", "]", "}", ",", ":", "#", "'", "\"", "<", ">", "<object>",
  "</object>", "<!--", "-->", "<name>", "<size>", "</size>", "<bndbox>", "<part>", "&#0;", "&#99999999;", "&amp;", "%s", "%d", "a",
  "b.png", "a.png", "*", "&x", "*x", "!!binary", "- ", "? ", "|", "id", "name", "class=", "=", "cat", "Car", "images/train",
  "train.txt", ("x"):rep(3000), ("a/"):rep(9000), ("["):rep(300), "\\u0000", "\\u000a", "\\ud800", "é",
  "x" .. (" "):rep(200000) .. "y" } -- where a reader takes the square of a run of blanks, that is seconds

-- Another value for a number, word or quoted text of the file.
local function change_token(s)
  local places = {}
  for first, last in s:gmatch '()"[^"\n]*"()' do places[#places + 1] = { first, last } end
  for first, last in s:gmatch "()[%w_.+-]+()" do places[#places + 1] = { first, last } end
  if #places == 0 then return pick(words) end
  local at, other = pick(places), pick(places)
  local new = below(3) == 0 and s:sub(other[1], other[2] - 1) or pick(words)
  return s:sub(1, at[1] - 1) .. new .. s:sub(at[2])
end

local function change_line(s)
  local lines = {}
  for line in s:gmatch "[^\n]*\n?" do lines[#lines + 1] = line end
  local i, k = below(#lines) + 1, below(#lines) + 1
  local how = below(3)
  if how == 0 then table.remove(lines, i)
  elseif how == 1 then table.insert(lines, k, lines[i])
  else lines[i], lines[k] = lines[k], lines[i] end
  return table.concat(lines)
end

local function change_bytes(s)
  local at = below(#s + 1)
  local size = math.min(below(64) + 1, #s - at)
  local how = below(5)
  if how == 0 then return s:sub(1, at) .. s:sub(at + size + 1) end
  if how == 1 then return s:sub(1, at) .. s:sub(at + 1, at + size) .. s:sub(at + 1) end
  if how == 2 then return s:sub(1, at) .. string.char(below(256)) .. s:sub(at + 2) end
  if how == 3 then return s:sub(1, at) .. pick(words) .. s:sub(at + 1) end
  return s:sub(1, at)
end

local function change_whole(s)
  local how = below(5)
  if how == 0 then return s:gsub("\n", "\r\n") end
  if how == 1 then return "\239\187\191" .. s end
  if how == 2 then return "" end
  if how == 3 then return (s:gsub("[\0-\127]", "%0\0")) end
  return s .. s
end

local function mutate(s)
  local how = below(16)
  if how < 8 then return change_token(s) end
  if how < 11 then return change_line(s) end
  return how < 15 and change_bytes(s) or change_whole(s)
end

-- ---- reading -------------------------------------------------------------------------------------------------------------------

local faults, failures, changed = {}, 0, {}

local function fault(number, format, ...)
  faults[#faults + 1] = ("case %d: %s"):format(number, format:format(...))
  io.stderr:write(faults[#faults], "\n")
  for path, content in pairs(changed) do io.stderr:write(("  %s: %q\n"):format(path, content:sub(1, 1500))) end
end

local ours = { "yolua/[%w_/]+%.lua:%d+:", "attempt to", "bad argument", "invalid option", "stack overflow", "not enough memory",
  "traceback" }

-- What is said: a line, without a trace of the library's own code.
local function check_line(number, what, line)
  if type(line) ~= "string" then return fault(number, "%s: a %s", what, type(line)) end
  if line:find "\n" then fault(number, "%s: more than one line: %s", what, line) end
  for _, pattern in ipairs(ours) do
    if line:find(pattern) then fault(number, "%s: a fault of the library: %s", what, line) end
  end
end

local function attempt(number, what, f, ...)
  local ok, answer = pcall(f, ...)
  if ok then return answer end
  failures = failures + 1
  if number == 0 then print(answer) end
  check_line(number, what, answer)
  if type(answer) == "string" and not (answer:find(ROOT, 1, true) or answer:find("data[.:]")) then
    fault(number, "%s: a failure without its place: %s", what, answer)
  end
end

local function look(number, options)
  local data = attempt(number, "yl.data", yl.data, options)
  local found = data and attempt(number, "inspect", inspect.run, data)
  for _, line in ipairs(found and text.lines(found) or {}) do check_line(number, "doctor", line) end
  for _, split in ipairs(found and found.splits or {}) do
    if number == 0 then failures = failures + #split.bad end
    for _, line in ipairs(split.bad) do
      if not (line:find(ROOT, 1, true) or line:find "none of its frames") then
        fault(number, "doctor: a fault without its place: %s", line)
      end
    end
  end
end

local function learn(number, options)
  local data = attempt(number, "yl.data", yl.data, options)
  if not data then return end
  local names = { "car", "person", "cat", "dog" }
  for _, role in ipairs { "train", "dev" } do
    local list = attempt(number, role, function() return data[role] end)
    for _, frame in ipairs(list and list.frames or {}) do
      for _, row in ipairs(attempt(number, "truth", data.truth, data, frame, names) or {}) do
        for i = 1, 4 do
          if not (row[i] > -1e9 and row[i] < 1e9) then fault(number, "a box of %s has %s", frame.id, row[i]) end
        end
      end
      attempt(number, "rows", data.rows, data, frame)
    end
  end
  attempt(number, "head", data.head_classes, data, names)
end

local function write(path, content)
  files.make_folder((ROOT .. "/" .. path):match "^(.*)/")
  local file <close> = assert(io.open(ROOT .. "/" .. path, "wb")) -- core.system.write would sync each
  file:write(content)
end

local picture = core.image.new(12, 9, ("abc"):rep(108))
local function make(set)
  os.execute(("rm -rf '%s'"):format(ROOT))
  for _, path in ipairs(set.pictures) do
    files.make_folder((ROOT .. "/" .. path):match "^(.*)/")
    picture:save(ROOT .. "/" .. path)
  end
  for path, content in pairs(set.files) do write(path, content) end
end

local function sorted(set)
  local list = {}
  for path in pairs(set.files) do list[#list + 1] = path end
  table.sort(list)
  return list
end

local function options_of(set)
  local o = { root = ROOT, workers = 1 }
  for key, value in pairs(set.options) do o[key] = value end
  if below(4) == 0 then o.strict = false end
  if below(4) == 0 then o.exif = "apply" end
  return o
end

local function run(number, set)
  local paths, started = sorted(set), os.clock()
  changed = {}
  for _ = 1, pick { 1, 1, 1, 2, 3 } do
    local path = pick(paths)
    local content = changed[path] or set.files[path]
    for _ = 1, pick { 1, 1, 2, 4 } do content = mutate(content) end
    changed[path] = content
    write(path, content)
  end
  local gone = below(40) == 0 and pick(paths)
  if gone then os.remove(ROOT .. "/" .. gone) end
  local options = options_of(set)
  look(number, options)
  learn(number, options)
  if os.clock() - started > SLOW then fault(number, "took %.0f s", os.clock() - started) end
  for path in pairs(changed) do write(path, set.files[path]) end
  if gone then write(gone, set.files[gone]) end
end

core.system.warn = function(line) check_line(0, "warning", line) end
for s, set in ipairs(sets) do
  make(set)
  changed, dice.state = {}, 1
  look(0, options_of(set))
  learn(0, options_of(set))
  if failures > 0 then fault(0, "set %d is not read as it was made", s) end
  for number = s, COUNT, #sets do
    dice.state = SEED * 1000003 + number -- each case is one of its own
    if not ONLY or ONLY == number then run(number, set) end
  end
  failures = 0
end
print(("%d data sets, seed %d: %d faults"):format(COUNT, SEED, #faults))
os.exit(#faults == 0 and 0 or 1, true)
