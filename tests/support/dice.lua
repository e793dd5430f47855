-- Random choices that are the same everywhere for a seed: dice(seed) -> r. r.state may be set anew.
return function(seed)
  local r = { state = seed }
  function r.below(n) -- 0..n-1: splitmix64 (Steele, Lea, Flood 2014)
    r.state = r.state + 0x9e3779b97f4a7c15
    local z = r.state
    z = (z ~ z >> 30) * 0xbf58476d1ce4e5b9
    z = (z ~ z >> 27) * 0x94d049bb133111eb
    return ((z ~ z >> 31) >> 1) % n
  end
  function r.pick(list) return list[r.below(#list) + 1] end
  function r.chance(p) return r.below(1 << 30) < p * (1 << 30) end
  function r.real(low, high) return low + (high - low) * r.below(1 << 30) / (1 << 30) end
  return r
end
