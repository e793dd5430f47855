-- A text without the white space around it, in one pass: the pattern "^%s*(.-)%s*$" takes the square of the length of a run of blanks.
return function(text)
  local first = text:match "^%s*()"
  return first > #text and "" or text:match(".*%S", first)
end
