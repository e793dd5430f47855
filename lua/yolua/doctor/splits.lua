-- What splits have to do with each other: frames, drives (scenes) and pictures that two of them share, and frames that none of them names.
--
-- A frame in a training split and in the dev split that goes with it is a leak; in two divisions of the same frames (train and
-- poster_train, train and trainval) it is not.
local splits = {}

local roles = { "trainval", "train", "pick", "dev", "valid", "validation", "val", "test" }

-- "poster_train" -> "poster_", "train"; a name without a role is a family of its own. A trailing year does not count.
local function family(name)
  local stem = name:lower():gsub("%d+$", "")
  for _, role in ipairs(roles) do
    local before = stem:match("^(.*)" .. role .. "$")
    if before and (before == "" or before:find "%A$") then return before, role end
  end
  return stem, nil
end

-- Whether frames of the split are learnt from or chosen by: it has to hold objects. A split of no known role may be either.
function splits.needs_objects(name) return select(2, family(name)) ~= "test" end

local learns = { train = true, trainval = true }

-- Whether a frame in both would be learnt from and then asked for.
function splits.leaks(a, b)
  local family_a, role_a = family(a)
  local family_b, role_b = family(b)
  if not (role_a and role_b) or family_a ~= family_b or role_a == role_b then return false end
  if role_a == "trainval" or role_b == "trainval" then return role_a == "test" or role_b == "test" end
  if role_a == "pick" or role_b == "pick" then return true end -- what is chosen by one list is reported on the other
  return (learns[role_a] or learns[role_b] or role_a == "test" or role_b == "test") and true or false
end

-- keys: for each split {key -> frame's id}. Returns a list of {splits = {a, b}, count, frames (ten at most), leak}.
function splits.shared(names, keys)
  local list = {}
  for i = 1, #names do
    for k = i + 1, #names do
      local ids = {}
      for key, id in pairs(keys[names[i]] or {}) do
        if keys[names[k]] and keys[names[k]][key] then ids[#ids + 1] = id end
      end
      table.sort(ids)
      if #ids > 0 then
        list[#list + 1] = { splits = { names[i], names[k] }, count = #ids, leak = splits.leaks(names[i], names[k]),
          frames = table.move(ids, 1, math.min(10, #ids), 1, {}) }
      end
    end
  end
  return list
end

-- group: frame's id -> drive; ids: for each split a list of frame ids. How many drives each split has, and for each pair that must not
-- share any the drives that it shares, with the frames of the second split that lie in them.
function splits.drives(names, ids, group)
  local has, result = {}, { counts = {}, shared = {} }
  for _, name in ipairs(names) do
    local seen, count = {}, 0
    for _, id in ipairs(ids[name] or {}) do
      local drive = group[id]
      if drive and not seen[drive] then count = count + 1 end
      if drive then seen[drive] = (seen[drive] or 0) + 1 end
    end
    has[name], result.counts[name] = seen, count
  end
  for i = 1, #names do
    for k = i + 1, #names do
      local first, second = names[i], names[k]
      if learns[select(2, family(second))] then first, second = second, first end -- the split that is learnt from comes first
      local a, b = has[first], has[second]
      if splits.leaks(first, second) then
        local found, frames = {}, 0
        for drive, count in pairs(b) do
          if a[drive] then found[#found + 1], frames = drive, frames + count end
        end
        table.sort(found)
        if #found > 0 then
          result.shared[#result.shared + 1] = { splits = { first, second }, count = #found, frames = frames,
            drives = table.move(found, 1, math.min(10, #found), 1, {}) }
        end
      end
    end
  end
  return result
end

return splits
