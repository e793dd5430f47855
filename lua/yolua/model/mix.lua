-- yl.mix(a, b, share): a network between two of the same structure, each of its numbers share * a + (1 - share) * b. Between a network and
-- the one that it was trained from, some of what the training forgot comes back, at no cost in speed (Wortsman et al. 2022, "Robust
-- fine-tuning of zero-shot models"). It is a copy of `a` (yl.copy) and keeps a's masks.
local callback = require "yolua.options.callback"
local copy = require "yolua.model.copy"
local structure = require "yolua.model.structure"

local argument = callback.argument

local function dims(r) return table.concat(r.dims, "x") end

-- Errors: heads that give the same numbers another meaning.
local function check_heads(a, b)
  for i, head in ipairs(a.heads) do
    local of_a, of_b = structure.layer(a.structure, head.name).options, structure.layer(b.structure, b.heads[i].name).options
    for _, key in ipairs { "anchors", "mask", "scale_x_y", "new_coords" } do
      if of_a[key] ~= of_b[key] then
        error(("yl.mix: %s has the %s %s in %s and %s in %s"):format(head.name, key, of_a[key], a.path, of_b[key], b.path), 3)
      end
    end
  end
end

-- Errors: the first parameter that only one of them has, or that has another shape.
local function check_alike(a, b)
  local of_b = {}
  for _, r in ipairs(b.net:ranges()) do of_b[r.name] = r end
  for _, r in ipairs(a.net:ranges()) do
    local other = of_b[r.name]
    if not other then error(("yl.mix: %s has a parameter %s, and %s has none"):format(a.path, r.name, b.path), 3) end
    if dims(r) ~= dims(other) then
      error(("yl.mix: %s is %s in %s and %s in %s"):format(r.name, dims(r), a.path, dims(other), b.path), 3)
    end
    of_b[r.name] = nil
  end
  local name = next(of_b)
  if name then error(("yl.mix: %s has a parameter %s, and %s has none"):format(b.path, name, a.path), 3) end
end

return function(a, b, share, ...)
  callback.model("yl.mix", a)
  callback.model("yl.mix", b)
  argument(type(share) == "number" and share >= 0 and share <= 1, "yl.mix", "a share from 0 to 1", share)
  argument(select("#", ...) == 0, "yl.mix", "nothing after the share", ...)
  check_alike(a, b)
  check_heads(a, b)
  local made, other = copy(a), copy(b)
  for _, r in ipairs(made.net:ranges()) do
    made.net:set(r.name, made.net:tensor(r.name):mul(share):add(other.net:tensor(r.name):mul(1 - share)))
  end
  other:close()
  return made
end
