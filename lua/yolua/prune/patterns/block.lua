-- Blocks of channels: the weights of `block` = OUT,IN neighbouring output and input channels at one place of a kernel live and die
-- together. Parameters whose channels these numbers do not divide stay as they are.
local function sizes(r, how)
  local dims = r.dims
  local out, c, places = dims[1], dims[#dims], 1
  for d = 2, #dims - 1 do places = places * dims[d] end
  return { out // how.block[1], how.block[1], places, c // how.block[2], how.block[2] }
end

return {
  fits = function(r, how) return r.dims[1] % how.block[1] == 0 and r.dims[#r.dims] % how.block[2] == 0 end,
  unit = function(how) return how.block[1] * how.block[2] end,
  -- the units' scores and masks, from the numbers'
  fold = function(r, score, mask, how)
    local s = sizes(r, how)
    return score:reshape(s):mean { 2, 5 }:clone(), mask:reshape(s):to "f32":mean { 2, 5 }:gt(0):clone()
  end,
  -- and the numbers' mask from the units'
  unfold = function(r, mask, how)
    local s = sizes(r, how)
    return mask:reshape { s[1], 1, s[3], s[4], 1 }:expand(s):clone():reshape(r.dims)
  end,
}
