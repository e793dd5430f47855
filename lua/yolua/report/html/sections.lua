-- Markdown's headings and tables, as report.lua writes them, back into lists.
local trim = require "yolua.options.trim"

local function split_cells(line)
  local cells = {}
  for cell in line:gmatch "|([^|]*)" do cells[#cells + 1] = trim(cell) end
  cells[#cells] = nil -- what stands after the last bar
  return cells
end

-- The headings and tables of results.md: {{title, head, body}, ...}; the first title is the run's name.
return function(markdown)
  local list, section = {}, nil
  for line in markdown:gmatch "[^\n]+" do
    local title = line:match "^#+%s+(.*)"
    if title then
      section = { title = title, body = {} }
      list[#list + 1] = section
    elseif section and line:find "^|" and not line:find "^| ?%-%-%-" then
      if section.head then table.insert(section.body, split_cells(line)) else section.head = split_cells(line) end
    end
  end
  return list
end
