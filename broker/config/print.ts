import type { LoadedConfig } from './loaded-config.js';
import { keysOf, rowsOf } from './sections.js';

/** `-p` (all) and `-m` (important): `key=value` lines in the order of the tables. */
export function printConfig(config: LoadedConfig, which: 'all' | 'important'): string {
  const lines: string[] = [];
  for (const name of keysOf(config.kind)) {
    const rows = rowsOf(config.kind, name).map(({ row }) => row);
    if (rows.every((row) => row.until !== undefined) && !config.isSet(name)) continue;
    if (which === 'all' || rows.some((row) => row.important)) lines.push(`${name}=${config.value(name)}`);
  }
  return `${lines.join('\n')}\n`;
}

/** `--print-config`: a properties file with every key, where its value came from, and whether it has an effect here. */
export function printConfigSources(config: LoadedConfig): string {
  const rows = keysOf(config.kind).map((name) => ({
    assignment: `${name}=${config.value(name)}`,
    source: config.source(name).text,
    isWithoutEffect: rowsOf(config.kind, name).every(({ row }) => row.use === undefined),
  }));
  const lines = rows.map(
    ({ assignment, source, isWithoutEffect }) => `# ${source}${isWithoutEffect ? ' (no effect here)' : ''}\n${assignment}`,
  );
  return `${lines.join('\n')}\n`;
}
