-- Which parameters are frozen, and their checksum: printed after the run as a proof that freezing froze.
local proof = {}

function proof.take(t)
  local frozen = {}
  for _, r in ipairs(t.model.net:ranges()) do frozen[r.name] = r.frozen or nil end
  local which = function(r) return frozen[r.name] end
  local sum, count, numbers = t.model:checksum(which)
  return { sum = sum, count = count, numbers = numbers, which = which, step = t.step }
end

-- Nothing where no step was made.
function proof.show(t)
  local before = t.proof
  if before.count == 0 or not t.run or t.step == before.step then return end
  local after = t.model:checksum(before.which)
  t.run:say("frozen at the start: %d parameters, %d numbers, checksum %s before and %s after: %s", before.count, before.numbers,
    before.sum, after, before.sum == after and "not a byte changed" or "changed since a schedule thawed them")
end

return proof
