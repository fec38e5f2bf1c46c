-- The kinds of files that knowledge bases are documented to take: file extension -> content type.

return {
  csv = "text/csv",
  json = "application/json",
  md = "text/markdown",
  pdf = "application/pdf",
  txt = "text/plain",
}
