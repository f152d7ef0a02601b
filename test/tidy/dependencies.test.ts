import { expect, it } from 'vitest';
import { type Import, importsOf, sourcesOf } from './sources.js';

const sources = sourcesOf('src', 'broker').map((source) => ({ path: source.path, imports: importsOf(source) }));

/** What each part may import; design.md says why. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  common: [],
  remoting: ['common'],
  client: ['common', 'remoting'],
  bench: ['common', 'remoting', 'client'],
  cli: ['common'],
  commands: ['common', 'remoting', 'client', 'bench', 'cli'],
  nodeCommands: ['common', 'remoting', 'client', 'bench', 'cli', 'commands', 'broker'],
  broker: ['common', 'remoting'],
  // The library's face.
  index: ['common', 'remoting', 'client'],
};

function partOf(path: string): string {
  if (path.startsWith('broker/')) {
    return 'broker';
  }
  if (path.startsWith('src/commands/nodes/')) {
    return 'nodeCommands';
  }
  return path.startsWith('src/index') ? 'index' : (/^src\/([^/]+)\//.exec(path)?.[1] ?? 'unknown');
}

it('imports follow the direction of dependency', () => {
  const wrong: string[] = [];
  for (const source of sources) {
    const part = partOf(source.path);
    for (const { target } of source.imports) {
      const targetPart = /^(src|broker)\//.test(target) ? partOf(target) : null;
      if (targetPart !== null && targetPart !== part && !(ALLOWED[part] ?? []).includes(targetPart)) {
        wrong.push(`${source.path} imports ${target}`);
      }
    }
  }
  expect(wrong).toEqual([]);
});

it('no module imports itself through others', () => {
  const graph = new Map(sources.map(({ path, imports }) => [path, staticTargets(imports)]));
  expect(cyclesOf(graph)).toEqual([]);
});

/** Imports that run code; a type is gone after the compiler. */
function staticTargets(imports: readonly Import[]): string[] {
  return imports
    .filter(({ typeOnly, dynamic, target }) => !typeOnly && !dynamic && /^(src|broker)\//.test(target))
    .map(({ target }) => target);
}

function cyclesOf(graph: ReadonlyMap<string, readonly string[]>): string[] {
  const state = new Map<string, 'open' | 'done'>();
  const path: string[] = [];
  const cycles: string[] = [];
  const visit = (node: string): void => {
    state.set(node, 'open');
    path.push(node);
    for (const next of graph.get(node) ?? []) {
      if (state.get(next) === 'open') {
        cycles.push([...path.slice(path.indexOf(next)), next].join(' → '));
      } else if (!state.has(next)) {
        visit(next);
      }
    }
    path.pop();
    state.set(node, 'done');
  };
  for (const node of graph.keys()) {
    if (!state.has(node)) {
      visit(node);
    }
  }
  return cycles;
}
