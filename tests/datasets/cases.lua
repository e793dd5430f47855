-- Small data sets rebuilt after public reports, where they are at hand ($YOLUA_DATA/cases): what each gives, through `yolua doctor` and
-- yl.data.
local t = require "luaunit"
local yl = require "yolua"
local program = require "support.program"
local core = yl.core

local root = (os.getenv "YOLUA_DATA" or os.getenv "YOLUA_SOURCE" .. "/../shared/data") .. "/cases"

-- folder; options of doctor (default: data.root=FOLDER); its status; objects of each split; words among the notes and faults
local cases = {
  { "01-coco-zero-height/05c-zero", status = 0, objects = { val2017 = 3 },
    says = "boxes without area, which are left out: 1, the first at" },
  { "01-coco-zero-height/05t-realzero", status = 0, objects = { train2017 = 1 }, says = "instances_train2017.json: annotation 1" },
  { "02-no-labels/13c-nolabels", status = 1, objects = { all = 0 }, says = "for which" },
  { "02-no-labels/13d-typo", status = 1, objects = { all = 0 }, says = "labels/000000000139.txt was looked for" },
  { "03-coco-dict/05u-dictann", status = 0, objects = { val2017 = 3 } },
  { "04-yaml-splits/22f-listyaml", status = 0, objects = { train = 20, val = 1 } },
  { "04-yaml-splits/22g-typo", status = 1, objects = { train = 0, val = 0 },
    says = "data.yaml: val: no such folder or file 'images/bb'" },
  { "05-roboflow/02-roboflow", status = 0, objects = { train = 46, val = 4, test = 4 } },
  { "05-roboflow/02-roboflow", file = "data.yaml", status = 0, objects = { train = 46, val = 4, test = 4 } },
  { "06-darknet-obj/02b-cvat-yolo11", file = "obj.data", status = 0, objects = { train = 42 },
    says = "name folders which are not here: 4" },
  { "06-darknet-obj/09-objdata", file = "data/obj.data", status = 0, objects = { train = 38, valid = 4 } },
  { "06-darknet-obj/09-objdata", status = 0, objects = { train = 38, valid = 4 } },
  { "10-numeric-names/22c-numnames", status = 0, objects = { all = 38 } },
  { "16-polygon/03a-polygon", status = 0, objects = { all = 19 }, says = "polygons, whose bounding boxes count: 1, the first at" },
}

TestCases = {}

local function look(case)
  local folder = root .. "/" .. case[1]
  local status, out, err = program.run { "doctor", case.file and ("data=%s/%s"):format(folder, case.file) or "data.root=" .. folder,
    "sheet=none",
    "json=true" }
  t.assertEquals({ status, err }, { case.status, "" }, case[1])
  local said, objects = {}, {}
  for _, split in ipairs(core.json.decode(out).data.splits) do
    objects[split.name] = split.objects
    said[#said + 1] = table.concat(split.notes, "\n") .. table.concat(split.bad, "\n")
  end
  t.assertEquals(objects, case.objects, case[1])
  if case.says then t.assertStrContains(table.concat(said, "\n"), case.says) else t.assertEquals(table.concat(said), "", case[1]) end
end

function TestCases.testDoctor()
  if core.files.kind(root) ~= "folder" then return print "SKIP the cases are not here" end
  for _, case in ipairs(cases) do look(case) end
end

function TestCases.testLists()
  if core.files.kind(root) ~= "folder" then return print "SKIP the cases are not here" end
  for _, name in ipairs { "02-no-labels/13c-nolabels", "02-no-labels/13d-typo" } do
    t.assertErrorMsgContains("contain no objects", function() return yl.data({ name = "yolo", root = root .. "/" .. name }).train end)
  end
  local typo = root .. "/04-yaml-splits/22g-typo"
  t.assertErrorMsgContains("val: no such folder or file 'images/bb'", function() return yl.data({ root = typo }).train end)
  t.assertEquals(yl.data({ root = root .. "/10-numeric-names/22c-numnames" }).classes, { "0", "1", "2", "3" })
  local darknet = yl.data { name = root .. "/06-darknet-obj/02b-cvat-yolo11/obj.data" }
  t.assertEquals({ #darknet.train, #darknet.dev, #darknet.classes, darknet.classes[80] }, { 3, 1, 80, "toothbrush" })
  local polygon = yl.data({ root = root .. "/16-polygon/03a-polygon" }):list().frames[1].objects[1]
  t.assertAlmostEquals(polygon.box[1], 0.728294 * 640, 1e-9)
end

os.exit(t.LuaUnit.run())
