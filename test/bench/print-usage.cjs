// Preloaded by benchmarks of processes: tells on stderr what the process used.
process.on('exit', () => {
  const { user, system } = process.cpuUsage();
  const { maxRSS } = process.resourceUsage();
  require('node:fs').writeSync(2, `\nUSAGE ${JSON.stringify({ cpuMs: (user + system) / 1000, maxRssMiB: maxRSS / 1024 })}\n`);
});
