-- Class names: out of a file, a list that the program knows by name, or by number where nobody named them.
local core = require "yolua.core"
local trim = require "yolua.options.trim"

local names = {}

-- Of a file, one a line; blank lines at the end do not count. text: of the file at `path`, where it is there already.
function names.read(path, text)
  local list = {}
  for line in ((text or core.system.read(path)) .. "\n"):gmatch("([^\n]*)\n") do
    list[#list + 1] = trim(line)
  end
  while list[#list] == "" do list[#list] = nil end
  local seen = {}
  for i, name in ipairs(list) do
    if name == "" then error(("%s:%d: expected a class name, got an empty line"):format(path, i), 0) end
    if seen[name] then error(("%s:%d: the class '%s' is already on line %d"):format(path, i, name, seen[name]), 0) end
    seen[name] = i
  end
  if #list == 0 then error(path .. ": expected class names, one a line, got an empty file", 0) end
  return list
end

-- which: a file, or a list of datasets/names.yaml ("coco"); a file of that name goes first.
function names.named(which)
  local lists = core.files.kind(which) ~= "file" and core.yaml.decode(core.embedded "datasets/names.yaml", "datasets/names.yaml")
  if lists and lists[which] then return lists[which] end
  local known = {}
  for name in pairs(lists or {}) do known[#known + 1] = name end
  table.sort(known)
  local near = lists and require("yolua.options.schema").did_you_mean(which, known) or ""
  if near ~= "" then error(("names: no such file '%s', and no list of that name%s"):format(which, near), 0) end
  return names.read(which)
end

-- The name of the i-th class (from 1) where nobody gave it one: by its number in label files, which count from 0.
function names.of(i) return ("class%d"):format(i - 1) end

-- `count` such names.
function names.numbered(count)
  local list = {}
  for i = 1, count do list[i] = names.of(i) end
  return list
end

return names
