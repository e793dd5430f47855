-- Snapshots of a training that can be returned to: in memory, and where there is a run also as a checkpoint in its directory, so that a
-- resumed run can return to them too. They hold slabs and the ranges' counts of steps; the clock of the training continues.
local checkpoint = require "yolua.train.checkpoint"
local core = require "yolua.core"

local Snapshots = {}
Snapshots.__index = Snapshots

function Snapshots.new() return setmetatable({ memory = {} }, Snapshots) end

local function file(name) return ("prune-%s.safetensors"):format(name) end

function Snapshots:take(t, name)
  checkpoint.save(t, file(name))
  local old = self.memory[name]
  self.memory[name] = core.snapshot(t.model.net)
  if old then old:close() end
end

local function from_file(t, path)
  t.model:drop_plans()
  t.model.net:drop() -- what the file lacks was not there
  t.model.net:drop "mask"
  core.restore(t.model.net, path, true)
end

-- Errors: no such snapshot.
function Snapshots:restore(t, name)
  local path = t.run and t.run:path(file(name))
  if self.memory[name] then self.memory[name]:restore(t.model.net)
  elseif path and core.files.kind(path) then from_file(t, path)
  else error(("prune: there is no snapshot '%s' to return to%s"):format(name, path and " (" .. path .. " is missing)" or ""), 0) end
end

-- Forgets all but those that `keep` names.
function Snapshots:prune(t, keep)
  for name, s in pairs(self.memory) do
    if not keep[name] then
      s:close()
      self.memory[name] = nil
    end
  end
  for _, path in ipairs(t.run and core.files.list(t.run.dir) or {}) do
    local name = path:match "^prune%-(.*)%.safetensors$"
    if name and not keep[name] then os.remove(t.run:path(path)) end
  end
end

return Snapshots
