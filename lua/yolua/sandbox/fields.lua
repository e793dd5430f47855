-- Options of a recipe that is not trusted.
return {
  { "sandbox", "table", main = "on", help = "contain a recipe that you do not trust", fields = {
    { "on", "bool", false, "", "the recipe reads only what the command line names and writes only into its run's folder, starts no "
      .. "other program, and has the limits below; the kernel enforces it too (Landlock, Linux 5.13)" },
    { "memory", "int", 8192, "MiB", "what the process may take besides what it has at the start", min = 64, max = 1 << 30 },
    { "instructions", "int", 20000, "millions", "Lua instructions that the recipe may run (hours of training need some hundred millions)",
      min = 1, max = 1000000000 },
  } },
}
