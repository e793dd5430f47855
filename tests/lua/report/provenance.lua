-- What a result was made with: facts of the machine, and the revision of the folder where the program runs.
local t = require "luaunit"
local core = require "yolua.core"
local program = require "support.program"
local provenance = require "yolua.report.provenance"

local top

TestProvenance = {}

function TestProvenance.setUp()
  top = os.tmpname()
  os.remove(top)
  core.files.make_folder(top)
end

function TestProvenance.tearDown() os.execute("rm -rf '" .. top .. "'") end

function TestProvenance.testFacts()
  local made = provenance.look()
  t.assertEquals({ made.yolua, made.lua, made.device, made.threads }, { core.version, "5.4", "cpu", core.system.threads() })
  t.assertEquals({ made.blas_parallel, made.isa }, { core.machine().blas_parallel, core.machine().isa })
  t.assertTrue(made.processors >= 1)
  t.assertEquals(provenance.look("other").device, "other")
end

local function revision()
  return program.ok { "-e", "print(require('yolua.report.provenance').revision() or 'none')", cwd = top }:match "^(.-)\n$"
end

local function git(words)
  return os.execute(("cd '%s' && git -c user.name=a -c user.email=a@b -c init.defaultBranch=m %s >/dev/null 2>&1"):format(top, words))
end

function TestProvenance.testRevision()
  t.assertEquals(revision(), "none")
  if not git "init" then return print "SKIP git is missing" end
  t.assertEquals(revision(), "none") -- nothing was committed
  core.system.write(top .. "/a", "1\n")
  git "add a"
  git "commit -m one"
  local clean = revision()
  t.assertStrMatches(clean, "%x+")
  t.assertEquals(#clean, 40)
  git "tag v1.0" -- a name is no revision
  t.assertEquals(revision(), clean)
  core.system.write(top .. "/a", "2\n")
  t.assertEquals(revision(), clean .. "-dirty")
end

os.exit(t.LuaUnit.run())
