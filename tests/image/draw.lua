-- Drawing on pictures, sheets and plots, through the Lua face.
local t = require "luaunit"
local core = require "yolua.core"

local function flat(w, h, r, g, b)
  return core.image.new(w, h, string.char(r, g, b):rep(w * h))
end

TestDraw = {}

function TestDraw:testABoxIsDrawnOnItsEdgesOnly()
  local im = flat(100, 80, 10, 10, 10):draw { { box = { 20, 20, 60, 60 }, role = "hit" } }
  local _, edge = im:pixel(21, 40)
  t.assertTrue(edge > 50)                          -- hit is green; the line covers half of this pixel
  t.assertEquals({ im:pixel(40, 40) }, { 10, 10, 10 })
  t.assertEquals({ im:pixel(5, 5) }, { 10, 10, 10 })
end

function TestDraw:testRolesDiffer()
  local seen = {}
  for _, role in ipairs { "found", "truth", "hit", "miss", "false_alarm", "ignore" } do
    local bytes = flat(64, 64, 0, 0, 0):draw({ { box = { 8, 8, 56, 56 }, role = role } }):bytes()
    t.assertNil(seen[bytes], role)
    seen[bytes] = true
  end
end

function TestDraw:testLabelsStayInside()
  local im = flat(60, 40, 0, 0, 0)
  im:draw { { box = { -5, -5, 30, 30 }, label = "person .99", role = "truth" }, { box = { 50, 30, 90, 90 }, label = "car" } }
  t.assertEquals(im:w(), 60)
end

-- Two boxes in one place: their labels stand side by side, so that both can be read.
function TestDraw:testLabelsDoNotCover()
  local one = flat(200, 100, 0, 0, 0):draw { { box = { 40, 40, 90, 70 }, label = "car", role = "hit" } }
  local two = flat(200, 100, 0, 0, 0):draw { { box = { 40, 40, 90, 70 }, label = "car", role = "hit" },
    { box = { 40, 40, 90, 70 }, label = "van", role = "miss" } }
  for y = 30, 38 do t.assertEquals({ two:pixel(50, y) }, { one:pixel(50, y) }) end -- the first label is whole
  local r = two:pixel(60, 75) -- the second one stands below
  t.assertTrue(r > 150)
end

function TestDraw:testClassColours()
  local seen = {}
  for colour = 1, 8 do
    local bytes = flat(64, 64, 0, 0, 0):draw({ { box = { 8, 8, 56, 56 }, role = "truth", colour = colour } }):bytes()
    t.assertNil(seen[bytes], colour)
    seen[bytes] = true
  end
  local ninth = flat(64, 64, 0, 0, 0):draw({ { box = { 8, 8, 56, 56 }, role = "truth", colour = 9 } }):bytes()
  t.assertTrue(seen[ninth])
end

-- A known alpha is an arrow from the middle: 0 to the right, -pi/2 up (away from the camera); an unknown one draws nothing.
function TestDraw:testHeadings()
  local function drawn(alpha) return flat(100, 100, 0, 0, 0):draw { { box = { 10, 10, 90, 90 }, role = "truth", alpha = alpha } } end
  local function lit(im, x, y) return (im:pixel(x, y)) > 100 end
  for alpha, at in pairs { [0] = { 71, 51 }, [-math.pi / 2] = { 51, 31 }, [math.pi / 2] = { 51, 71 }, [math.pi] = { 31, 51 } } do
    local im = drawn(alpha)
    for _, p in ipairs { { 71, 51 }, { 51, 31 }, { 51, 71 }, { 31, 51 } } do
      t.assertEquals(lit(im, p[1], p[2]), p[1] == at[1] and p[2] == at[2], ("alpha %g at %d, %d"):format(alpha, p[1], p[2]))
    end
  end
  t.assertEquals(drawn(-10):bytes(), drawn(nil):bytes())
end

function TestDraw:testFitAndJpeg()
  local im = flat(300, 100, 200, 40, 90)
  local small = im:fit(60, 60)
  t.assertEquals({ small:w(), small:h() }, { 60, 20 })
  t.assertEquals({ small:pixel(1, 1) }, { 200, 40, 90 }) -- no pale edge
  t.assertEquals(im:fit(900, 900):bytes(), im:bytes())
  t.assertEquals({ flat(1000, 1, 0, 0, 0):fit(10, 10):h() }, { 1 })
  local jpeg = im:jpeg(90)
  t.assertEquals(jpeg:sub(1, 3), "\xff\xd8\xff")
  local back = core.image.decode(jpeg)
  t.assertEquals({ back:w(), back:h() }, { 300, 100 })
  local r, g, b = back:pixel(150, 50)
  t.assertTrue(math.abs(r - 200) < 6 and math.abs(g - 40) < 6 and math.abs(b - 90) < 6)
  local function stripes()
    local rows = {}
    for y = 1, 100 do rows[y] = (y % 2 == 0 and "\255\0\0" or "\0\0\255"):rep(300) end
    return core.image.new(300, 100, table.concat(rows))
  end
  t.assertTrue(#stripes():jpeg(95) > #stripes():jpeg(30))
  t.assertErrorMsgContains("1 to 100", im.jpeg, im, 0)
  t.assertErrorMsgContains("at least one pixel", im.fit, im, 0, 5)
end

function TestDraw:testBadMarks()
  local im = flat(20, 20, 0, 0, 0)
  t.assertErrorMsgContains("|ignore, got 'false-alarn', did you mean 'false_alarm'?", im.draw, im,
    { { box = { 1, 1, 2, 2 }, role = "false-alarn" } })
  t.assertErrorMsgContains("not finite", im.draw, im, { { box = { 0 / 0, 1, 2, 2 } } })
  t.assertErrorMsgContains("mark: unknown option 'lable', did you mean 'label'?", im.draw, im, { { box = { 1, 1, 2, 2 }, lable = "x" } })
  t.assertErrorMsgContains("mark: option 'colour': expected an integer", im.draw, im, { { box = { 1, 1, 2, 2 }, colour = -1 } })
  t.assertErrorMsgContains("has no box", im.draw, im, { {} })
  t.assertErrorMsgContains("four numbers", im.draw, im, { { box = { 1, 2, "x" } } })
  t.assertErrorMsgContains("closed", function() im:close() im:draw {} end)
end

function TestDraw:testSheet()
  local sheet = core.image.sheet({ flat(20, 10, 255, 0, 0), flat(10, 20, 0, 0, 255), flat(5, 5, 0, 255, 0) },
    { columns = 2, cell = { 40, 40 }, captions = { "one", "two" } })
  t.assertEquals({ sheet:w(), sheet:h() }, { 4 + 2 * 44, 4 + 2 * 60 })
  t.assertEquals({ sheet:pixel(24, 24) }, { 255, 0, 0 })
  t.assertEquals({ sheet:pixel(24, 6) }, { 255, 255, 255 })
  t.assertErrorMsgContains("at least one picture", core.image.sheet, {}, {})
  t.assertErrorMsgContains("sheet: unknown option 'colums', did you mean 'columns'?", core.image.sheet, {}, { colums = 2 })
  t.assertErrorMsgContains("sheet: option 'columns': expected an integer of at least 1, got 0", core.image.sheet, {}, { columns = 0 })
end

TestPlot = {}

local function plot(path, more)
  local p = { path = path, title = "Loss", xlabel = "epoch", ylabel = "loss",
              series = { { name = "train", x = { 1, 2, 3, 4 }, y = { 3, 2, 0 / 0, 1 } }, { name = "dev", x = { 2 }, y = { 2 } } } }
  for k, v in pairs(more or {}) do p[k] = v end
  core.plot.lines(p)
  local bytes = core.system.read(path)
  os.remove(path)
  return bytes
end

function TestPlot:testSvgAndPng()
  local svg = plot "draw_test.svg"
  t.assertStrContains(svg, "<svg")
  t.assertStrContains(svg, "</svg>")
  t.assertEquals(plot("draw_test.png"):sub(2, 4), "PNG")
end

function TestPlot:testLimitsAndOddData()
  t.assertNotEquals(plot("draw_test.png", { ylim = { 0, 10 } }), plot "draw_test.png")
  for _, series in ipairs { {}, { { x = {}, y = {} } }, { { x = { 1 }, y = { 1e300 } } }, { { x = { 0, 0 }, y = { 5, 5 } } },
                            { { x = { 1, 2 }, y = { 1 / 0, -1 / 0 } } } } do
    t.assertStrContains(plot("draw_test.svg", { series = series }), "</svg>")
  end
end

function TestPlot:testOptions()
  t.assertErrorMsgContains("plot: unknown option 'xlable', did you mean 'xlabel'?", plot, "draw_test.svg", { xlable = "epoch" })
  t.assertErrorMsgContains("series: unknown option 'nmae', did you mean 'name'?", plot, "draw_test.svg", { series = { { nmae = "a" } } })
  for _, limits in ipairs { { 1 }, { 0, 1, 2 }, { 2, 1 } } do
    t.assertErrorMsgContains("a plot's limits are two finite numbers, the lower first", plot, "draw_test.svg", { xlim = limits })
  end
end

-- Words stay words, escaped; what is no text becomes a question mark; the file is XML whatever a class is called.
function TestPlot:testSvgWords()
  local svg = plot("draw_test.svg", { title = 'a<b> & "c"', series = { { name = "\1Zug\255 \u{e4}", x = { 1, 2 }, y = { 1, 2 } } } })
  t.assertStrContains(svg, "<title>a&#60;b&#62; &#38; &#34;c&#34;</title>")
  t.assertStrContains(svg, ">?Zug? \u{e4}</text>")
  t.assertStrContains(svg, "prefers-color-scheme:dark")
  for _, mark in ipairs { "nan", "inf" } do t.assertNil(svg:find(mark .. '"', 1, true)) end
end

local function ticks(svg)
  local list = {}
  for text in svg:gmatch 'text%-anchor="middle">([%d.]+)</text>' do list[#list + 1] = text end
  return table.concat(list, " ")
end

-- Epochs have no halves; a few of them are marked each, and one alone is a dot.
function TestPlot:testWholeNumbers()
  local svg = plot("draw_test.svg", { series = { { name = "a", x = { 1, 2, 3 }, y = { 1, 4, 2 } } } })
  t.assertEquals(ticks(svg), "1 2 3")
  t.assertEquals(select(2, svg:gsub("<circle", "")), 3)
  svg = plot("draw_test.svg", { series = { { x = { 0, 0.5, 1 }, y = { 1, 4, 2 } } } })
  t.assertEquals(ticks(svg), "0 0.1 0.2 0.3 0.4 0.5 0.6 0.7 0.8 0.9 1")
  t.assertEquals(select(2, plot("draw_test.svg", { series = { { x = { 0.5 }, y = { 1 } } } }):gsub("<circle", "")), 1)
end

-- Ten thousand points make no file of ten thousand points, and the curve's ends stay.
function TestPlot:testManyPoints()
  local s = { x = {}, y = {} }
  for i = 1, 10000 do s.x[i], s.y[i] = i / 10000, (i / 10000) ^ 2 end
  local svg = plot("draw_test.svg", { xlim = { 0, 1 }, ylim = { 0, 1 }, series = { s } })
  t.assertTrue(#svg < 20000, #svg)
  t.assertStrMatches(svg:match 'points="([^"]*)"', ".* 464,38")
end

-- Names that fill more lines than there is room leave the plot in place.
function TestPlot:testManyNames()
  local series = {}
  for i = 1, 40 do series[i] = { name = "a rather long name of a stage", x = { 1, 2 }, y = { i, i } } end
  t.assertStrContains(plot("draw_test.svg", { series = series }), "</svg>")
end

function TestPlot:testErrors()
  t.assertErrorMsgContains(".svg or .png", plot, "draw_test.gif")
  t.assertErrorMsgContains("the lower first", plot, "draw_test.svg", { xlim = { 2, 1 } })
  t.assertErrorMsgContains("cannot write", plot, "absent/folder/p.svg")
  t.assertErrorMsgContains("needs a list 'y'", plot, "draw_test.svg", { series = { { x = { 1 } } } })
end

TestImage = {}

function TestImage:testPixelsAndCopies()
  local im = core.image.new(2, 1, "\1\2\3\4\5\6")
  t.assertEquals({ im:pixel(2, 1) }, { 4, 5, 6 })
  local copy = im:copy()
  im:close()
  t.assertEquals(copy:bytes(), "\1\2\3\4\5\6")
  t.assertErrorMsgContains("outside", copy.pixel, copy, 3, 1)
  t.assertErrorMsgContains("6 bytes", core.image.new, 2, 1, "\1")
  t.assertEquals(tostring(copy), "image 2x1")
end

local data = os.getenv "YOLUA_DATA" or (os.getenv "YOLUA_SOURCE" or ".") .. "/../shared/data"

function TestImage:testRealPictures()
  local path = data .. "/kitti/training/image_2/000001.png" -- JPEG by content
  if not io.open(path) then print "SKIP: real pictures are not here" return end
  local im = core.image.load(path)
  t.assertEquals({ im:w(), im:h() }, { 1242, 375 })
  t.assertEquals({ core.image.probe(path) }, { 1242, 375 })
  t.assertEquals({ core.image.probe(data .. "/kitti_png/image_2/000000.png") }, { 1224, 370 })
end

os.exit(t.LuaUnit.run())
