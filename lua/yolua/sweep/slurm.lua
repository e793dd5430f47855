-- A sweep as a Slurm job array: one job a trial. The script is written into the sweep's folder and submitted where sbatch is found. A job
-- that Slurm warns of its time limit (SIGUSR1, two minutes before) saves its trial and requeues itself; one whose trial is done ends at
-- once. The job that ends a round of halving, or a trial from which others take files, submits what can start then.
local core = require "yolua.core"
local document = require "yolua.report.document"

local slurm = {}

local WARNING = 120 -- seconds between Slurm's signal and the time limit

local function quoted(word) return "'" .. word:gsub("'", "'\\''") .. "'" end

-- What a program of Slurm prints; nil and its complaint where it fails, nil where it is not installed.
local function call(command)
  local program = command:match "^%S+"
  if not os.execute(("command -v %s >/dev/null 2>&1"):format(program)) then return nil end
  local pipe = assert(io.popen(command .. " 2>&1"))
  local text = pipe:read "a"
  if pipe:close() then return text end
  return nil, (text:gsub("%s+$", ""))
end

local function record_path(dir) return dir .. "/slurm.json" end

-- {jobs = {ids}, submitted = {hash = true}} of the array that runs.
local function record_of(dir)
  return document(record_path(dir)) or { jobs = {}, submitted = {} }
end

-- Errors: jobs of an earlier call are still queued or running. Else what was submitted is forgotten, since it has ended.
function slurm.begin(dir)
  local known = record_of(dir)
  if #known.jobs > 0 then
    local alive = call(("squeue --noheader --jobs=%s"):format(table.concat(known.jobs, ",")))
    if alive and alive:find "%S" then
      error(("sweep: jobs %s of %s are still queued or running; scancel ends them"):format(table.concat(known.jobs, ", "), dir), 0)
    end
  end
  os.remove(record_path(dir))
end

-- The trials that can start and have not been given to Slurm, by hash.
local function open_trials(trials, known, ready)
  local list = {}
  for _, t in ipairs(trials) do
    if t.status == "waiting" and not known.submitted[t.hash] and ready(t) then list[#list + 1] = t end
  end
  return list
end

-- The script of an array over these trials. spec: dir, file, jobs (at a time, or nil), name.
local function script(spec, list, number)
  local tasks = {}
  for i, t in ipairs(list) do tasks[i] = t.hash .. "\n" end
  local tasks_path, path = ("%s/slurm-%d.txt"):format(spec.dir, number), ("%s/slurm-%d.sh"):format(spec.dir, number)
  core.system.write(tasks_path, table.concat(tasks))
  core.system.write(path, ([[
#!/bin/sh
#SBATCH --job-name=%s
#SBATCH --array=1-%d%s
#SBATCH --output=%s/slurm-%%A-%%a.txt
#SBATCH --open-mode=append
#SBATCH --requeue
#SBATCH --signal=B:USR1@%d
cd %s || exit
hash=$(sed -n "${SLURM_ARRAY_TASK_ID}p" %s)
exec %s sweep %s out=%s task="$hash"
]]):format(spec.name:gsub("[^%w_.-]", "-"), #list, spec.jobs and "%" .. spec.jobs or "", spec.dir, WARNING, quoted(os.getenv "PWD" or "."),
    quoted(tasks_path), quoted(core.process.program()), quoted(spec.file), quoted(spec.dir)))
  return path
end

-- Writes the script for what can start, notes it as submitted, and returns how to submit it; nil where nothing can start. ready(t):
-- whether a trial's files are there. To be called with the folder locked; the result is called when it is free.
function slurm.prepare(spec, trials, ready)
  local known = record_of(spec.dir)
  local list = open_trials(trials, known, ready)
  if #list == 0 then return nil end
  known.count = (known.count or 0) + 1
  for _, t in ipairs(list) do known.submitted[t.hash] = true end
  local path, options = script(spec, list, known.count), spec.options or known.options or ""
  known.options = options
  core.system.write(record_path(spec.dir), core.json.encode(known))
  return function(say)
    local command = ("sbatch --parsable %s %s"):format(options, quoted(path))
    local text, complaint = call(command)
    if complaint then error(("sweep: sbatch failed: %s"):format(complaint), 0) end
    if not text then return say("%d trials: sbatch is not installed here; submit them with: %s", #list, command) end
    local job = text:match "^%s*(%d+)"
    known = record_of(spec.dir)
    table.insert(known.jobs, job)
    core.system.write(record_path(spec.dir), core.json.encode(known))
    say("%d trials submitted as job array %s (%s)", #list, job or text, path)
  end
end

-- The job puts itself into the queue again. Returns the sentence that says so, or why it could not.
function slurm.requeue()
  local array, task = os.getenv "SLURM_ARRAY_JOB_ID", os.getenv "SLURM_ARRAY_TASK_ID"
  if not (array and task) then return "the time limit is near: the same call continues" end
  local text, complaint = call(("scontrol requeue %s_%s"):format(array, task))
  if text then return ("the time limit is near: saved, and requeued as %s_%s"):format(array, task) end
  return ("the time limit is near: saved, but not requeued: %s"):format(complaint or "scontrol is not installed")
end

return slurm
