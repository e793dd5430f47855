-- Zeros may stand anywhere.
return {}
