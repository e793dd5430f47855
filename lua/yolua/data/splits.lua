-- Which frames a split holds: those of a list file or a folder, all of them, or a seeded part where the data set has no splits.
--
-- A source (datasets/*.lua) gives: root; all() -> items; splits (the folder of split files, if any), and split(name) -> items, list file
-- (nil: none), where it keeps splits elsewhere too.
local core = require "yolua.core"
local fail = require "yolua.data.fail"
local schema = require "yolua.options.schema"
local files = core.files

local splits = {}

-- The names that a default split goes by, first come first.
local known_as = { train = { "train" }, dev = { "dev", "val", "valid", "validation" } }

-- The items of a split that the source has by this name, and their file.
local function look_up(source, name)
  local path = source.splits and ("%s/%s.txt"):format(source.splits, name)
  if path and files.kind(path) == "file" then return core.labels.list(path), path end
  if source.split then return source:split(name) end
end

local function find(source, name)
  for _, other in ipairs(known_as[name] or { name }) do
    local items, path = look_up(source, other)
    if items then return items, path end
  end
end

-- Whether the data set has a train or a dev split of its own.
function splits.any(source) return (find(source, "dev") or find(source, "train")) ~= nil end

-- The frames of each drive (scene) where the source knows them, in order of appearance; a frame of no known drive is one of its own. Nil
-- where there are not at least two.
local function scenes(source, items)
  local drives, of, list, known = source.drives and source:drives(), {}, {}, false
  for _, id in ipairs(drives and items or {}) do
    local drive = drives[id] or id
    if not of[drive] then
      of[drive] = { name = drive }
      list[#list + 1] = of[drive]
    end
    table.insert(of[drive], id)
    known = known or drives[id] ~= nil
  end
  return known and #list > 1 and list or nil
end

-- A tenth of the items, chosen by a fingerprint of seed and item: the same tenth on every machine. Of scenes it takes whole ones, until
-- they hold a tenth.
local function tenth(items, seed, of)
  local keys, chosen, count, wanted = {}, {}, 0, math.max(1, #items // 10)
  for i, scene in ipairs(of or items) do
    local name = of and scene.name or scene
    keys[i] = { files.hash_text(("%d:%s"):format(seed, name)), name, of and scene or { scene } }
  end
  table.sort(keys, function(a, b) return a[1] < b[1] or (a[1] == b[1] and a[2] < b[2]) end)
  for i = 1, #keys - 1 do -- the last stays for train
    if count >= wanted then break end
    for _, id in ipairs(keys[i][3]) do chosen[id], count = true, count + 1 end
  end
  return chosen
end

-- The part for train or dev of all frames, or of those of the training split (`of`) where there is no other.
local function draw(source, role, seed, all, listed)
  if #all < 2 then fail("%s: expected at least two frames to draw train and dev from, got %d", source.root, #all) end
  local of = scenes(source, all)
  local items, chosen = {}, tenth(all, seed, of)
  for _, id in ipairs(all) do
    if (chosen[id] ~= nil) == (role == "dev") then items[#items + 1] = id end
  end
  if not source.told then
    local dev = role == "dev" and #items or #all - #items
    core.system.warn(("%s has no %s: %d of %s %d frames, drawn with seed %d%s, are kept as dev"):format(source.root,
      listed and "dev split" or "splits", dev, listed and "the training split's" or "its", #all, seed, of and " by drive" or ""))
    source.told = true
  end
  return items
end

-- A list of frames has one word a line; other tables may lie beside the splits.
local function is_list(path)
  local ok, items = pcall(core.labels.list, path)
  return not ok or not items[1]:find "%s"
end

-- The names of the splits that the data set has.
function splits.names(source)
  local names = source.split_names and source:split_names() or {}
  for _, file in ipairs(source.splits and files.list(source.splits) or {}) do
    local name = file:match "^(.+)%.txt$"
    if name and is_list(source.splits .. "/" .. file) then names[#names + 1] = name end
  end
  return names
end

-- The part for train or dev that has to be drawn, and the list that it is drawn from; nil where the data set has that split.
local function drawn(source, role, seed)
  if find(source, "dev") then return nil end
  local items, path = find(source, "train")
  if items then return draw(source, role, seed, items, true), path end
  return draw(source, role, seed, source:all())
end

-- name: of a split, a list file (as given, or under the root), "all", or train and dev. `part`: of train and dev, what is not the other's,
-- should one have to be drawn. Returns its items and the file that they stand in (nil: none). Errors: no such split, or an empty list.
function splits.items(source, name, seed, part)
  if part and name == "train" then
    local items, path = drawn(source, name, seed)
    if items then return items, path end
  end
  local items, path = find(source, name)
  if items then return items, path end
  for _, file in ipairs { name, source.root .. "/" .. name } do
    local kind = files.kind(file)
    if kind == "file" then return core.labels.list(file), file end
    if kind == "other" then fail("%s: expected a list of ids or paths, this is not a regular file", file) end
  end
  if name == "all" then return source:all() end
  if name == "dev" or name == "train" and not splits.any(source) then
    items, path = drawn(source, name, seed)
    return items, path
  end
  local names = splits.names(source)
  local near = schema.nearest(name, names)
  fail("%s: no such split '%s' and no list file of that name (splits: %s)%s", source.root, name,
    #names > 0 and table.concat(names, ", ") or "none", near and near ~= name and (", did you mean '%s'?"):format(near) or "")
end

return splits
