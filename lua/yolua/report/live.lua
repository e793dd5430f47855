-- serve=8080: a page that shows a training while it runs, at http://127.0.0.1:8080/. The server (core.serve) has a thread of its own,
-- which only hands out what was published here: how far the training is, a few times a second; curves, rounds, pictures and the log, after
-- epochs; and some files of the run directory.
local about = require "yolua.report.html.about"
local core = require "yolua.core"
local curves = require "yolua.report.html.curves"
local html = require "yolua.report.html"
local matches = require "yolua.report.matches"
local page = require "yolua.report.html.page"
local parts = require "yolua.report.html.parts"
local plots = require "yolua.report.plots"
local pruned = require "yolua.report.pruning"
local pruning = require "yolua.report.html.pruning"
local shell = require "yolua.report.html.live"

local Live = { interval = 0.5, sections_interval = 3, pictures_interval = 20 } -- seconds between two of each
Live.__index = Live

local PICTURES, LOSSES = 4, 240 -- pictures that are shown, and losses of the last steps at most
local HTML, JSON, TEXT = "text/html; charset=utf-8", "application/json", "text/plain; charset=utf-8"
local FILES = { { "config.yaml", TEXT }, { "metrics.jsonl", TEXT }, { "log.txt", TEXT }, { "results.json", JSON }, { "results.md", TEXT },
  { "report.html", HTML } }

-- Starts to listen, before the run has a directory. place: "[ADDRESS:]PORT". Errors: one sentence.
function Live.listen(place)
  return setmetatable({ server = core.serve.start(place), losses = {}, stride = 1, steps = 0, version = 0, pictures = {} }, Live)
end

-- From now on it shows that run. Returns itself.
function Live:show(run)
  self.run, self.started = run, core.system.clock()
  for _, file in ipairs(FILES) do self.server:publish_file("/" .. file[1], file[2], run:path(file[1])) end
  self.server:publish("/", HTML, shell(run.name))
  self:publish_state { state = "starting" }
  self:publish_sections(true)
  run:say("live page at %s", self.server:address())
  return self
end

-- ---- how far it is -----------------------------------------------------------------------------------------------------------

-- Every loss as long as there are few; of many every second, fourth, ... one.
function Live:keep_loss(loss)
  self.steps = self.steps + 1
  if type(loss) ~= "number" or loss ~= loss or self.steps % self.stride ~= 0 then return end
  self.losses[#self.losses + 1] = { self.steps, loss }
  if #self.losses <= LOSSES then return end
  for i = 1, #self.losses // 2 do self.losses[i] = self.losses[2 * i] end
  for i = #self.losses, #self.losses // 2 + 1, -1 do self.losses[i] = nil end
  self.stride = 2 * self.stride
end

-- Images per second since the page began to look, and how many seconds are left.
local function pace(self, s)
  local images = (s.epoch - 1) * s.total + s.done
  self.first_images, self.first_clock = self.first_images or images, self.first_clock or core.system.clock()
  local seconds = core.system.clock() - self.first_clock
  local rate = seconds > 0 and (images - self.first_images) / seconds or 0
  if rate > 0 then return rate, (s.epochs * s.total - images) / rate end
end

function Live:publish_state(state)
  state.version, state.losses, state.seconds = self.version, self.losses, core.system.clock() - self.started
  self.server:publish("/state.json", JSON, core.json.encode(state))
  self.state, self.published = state, core.system.clock()
end

-- s: as the progress line's (terminal/screen.lua); nil: the epoch is over.
function Live:step(s)
  if not s then return end
  if s.done > 0 then self:keep_loss(s.loss) end -- 0: an epoch begins
  if self.published and core.system.clock() - self.published < self.interval and s.done < s.total then return end
  local rate, left = pace(self, s)
  self:publish_state { state = "training", epoch = s.epoch, epochs = s.epochs, done = s.done, total = s.total, loss = s.loss, lr = s.lr,
    sparsity = s.sparsity, wait_share = s.wait_share, images_per_s = rate, left_s = left }
end

-- ---- what there is to see ------------------------------------------------------------------------------------------------------

-- What the network finds on the first frames that it is judged on, as it stands after this epoch.
local function drawn(t, frame)
  local image <close> = core.image.load(frame.image, t.data.options.exif == "apply")
  local found = t.model:detect(image, { conf = 0.25 })
  local list, hits, misses, false_alarms = matches.of(t.data:mapped(frame, t.model.names), found, 0.25)
  local caption = ("Frame %s: hits %d, misses %d, false alarms %d"):format(frame.id, hits, misses, false_alarms)
  return (parts.drawn(image:draw(list), "Detections on the picture of " .. caption:lower(), caption))
end

-- After an epoch of the training. A picture that cannot be shown is no reason to end it.
function Live:look(t)
  local list = t.data.pick or t.data.dev
  local rests = self.pictured and core.system.clock() - self.pictured < self.pictures_interval and t.epoch < t.epochs
  if rests or #t.model.heads == 0 or not list or t.data.source.pixels then return end
  self.pictures = { epoch = t.epoch }
  for i = 1, math.min(PICTURES, #list.frames) do
    local ok, text = pcall(drawn, t, list.frames[i])
    self.pictures[i] = ok and text or nil
  end
  self.pictured = core.system.clock()
end

local function pictures(self)
  if #self.pictures == 0 then return end
  local format = "%s<p>After epoch %d, on the first frames that the network is judged on.</p><div class=\"pictures\">\n%s\n</div>"
  return format:format(page.legend, self.pictures.epoch, table.concat(self.pictures, "\n"))
end

-- The rounds of a pruning that has not left its results yet.
local function with_rounds(run)
  local ok, rounds = pcall(function() return core.json.decode(core.system.read(run.dir .. "/rounds.json")) end)
  if not ok or type(rounds) ~= "table" or type(rounds.rounds) ~= "table" then return run end
  pruned.plots(run.dir, rounds.rounds, rounds.dense, rounds.measure)
  run.results = run.results or rounds
  return run
end

local function sections(self)
  local run, list, out = html.look(self.run.dir), {}, {}
  plots.epochs(run.dir, run.epochs)
  parts.section(list, "Training", curves.training(run))
  parts.section(list, "Pruning", pruning.section(with_rounds(run)))
  parts.section(list, "Detections", pictures(self))
  parts.section(list, "Configuration", about.configuration(run))
  parts.section(list, "Log", about.log(run))
  for i, s in ipairs(list) do out[i] = s.text end
  return table.concat(out, "\n")
end

-- Makes the curves and all below them anew, where the last ones are some seconds old, or always.
function Live:publish_sections(always)
  local now = core.system.clock()
  if not always and self.sectioned and now - self.sectioned < self.sections_interval then return end
  local ok, text = pcall(sections, self)
  if not ok then text = ('<section><h2>Curves</h2><p>They cannot be drawn: %s</p></section>'):format(parts.escape(text)) end
  self.server:publish("/sections.html", HTML, text)
  self.version, self.sectioned = self.version + 1, core.system.clock()
  if self.state then self:publish_state(self.state) end
end

-- A record was added to the run.
function Live:epoch(record)
  local last = self.state and self.state.epochs == record.epoch
  self:publish_sections(last)
end

-- The run has ended, well or not: the page says so until the program ends.
function Live:close(reason)
  local state = self.state or {}
  state.state = reason == nil and "finished" or "ended"
  state.left_s = nil
  self:publish_sections(true)
  self.server:close()
end

return Live
