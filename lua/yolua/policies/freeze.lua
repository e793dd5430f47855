-- yl.freeze{"body", until_epoch = 3, after = "none"}: a freeze schedule. yl.freeze(function(epoch, trainer) return pattern end): one's own,
-- asked at the start of each epoch.
local function option(spec, key, expected)
  local value = spec[key]
  if value ~= nil and type(value) ~= expected then
    error(("freeze: '%s': expected a %s, got a %s"):format(key, expected, type(value)), 4)
  end
  return value
end

local function by_function(f)
  return {
    name = "freeze",
    on = {
      epoch_start = function(_, t)
        local pattern = f(t.epoch, t)
        if type(pattern) ~= "string" and type(pattern) ~= "table" then
          error(("freeze: expected a pattern for epoch %d, got a %s"):format(t.epoch, type(pattern)), 0)
        end
        t:freeze(pattern)
      end,
    },
  }
end

-- spec[1]: the pattern; until_epoch: the last epoch in which it holds (nil: always); after: the pattern from then on.
return function(spec)
  if type(spec) == "function" then return by_function(spec) end
  if type(spec) == "string" then spec = { spec } end
  local pattern, last, after = spec[1], option(spec, "until_epoch", "number"), option(spec, "after", "string") or "none"
  if type(pattern) ~= "string" then error("freeze: expected a pattern such as freeze{\"body\", until_epoch = 3}", 2) end
  return {
    name = "freeze",
    on = {
      epoch_start = function(_, t) t:freeze((not last or t.epoch <= last) and pattern or after) end,
    },
  }
end
