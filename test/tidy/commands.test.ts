import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { ROOT, sourcesOf } from './sources.js';

interface ManifestCommand {
  readonly id: string;
  readonly summary?: string;
  readonly examples?: readonly string[];
  readonly options?: Readonly<Record<string, { readonly text: string }>>;
}

const BINS = readdirSync(join(ROOT, 'bin'))
  .map((file) => basename(file, '.js'))
  .sort();

function manifestOf(bin: string): Readonly<Record<string, ManifestCommand>> {
  const file = join(ROOT, 'dist', 'apps', bin, 'oclif.manifest.json');
  return (JSON.parse(readFileSync(file, 'utf8')) as { commands: Record<string, ManifestCommand> }).commands;
}

it('package.json names every launcher', () => {
  const { bin } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { bin: Record<string, string> };
  expect(bin).toEqual(Object.fromEntries(BINS.map((name) => [name, `bin/${name}.js`])));
});

it('only commands have a default export, and each of their files has one class', () => {
  const wrong = sourcesOf('src', 'broker')
    .filter(({ path }) => !path.startsWith('src/commands/'))
    // Parsed only where the words are.
    .filter((source) => /\bexport\s*(=|default\b)/.test(source.text) && source.tree.statements.some(isDefaultExport))
    .map(({ path }) => path);
  expect(wrong).toEqual([]);
});

function isDefaultExport(node: ts.Statement): boolean {
  const modifiers = ts.canHaveModifiers(node) ? (ts.getModifiers(node) ?? []) : [];
  return ts.isExportAssignment(node) || modifiers.some(({ kind }) => kind === ts.SyntaxKind.DefaultKeyword);
}

describe.each(BINS)('%s', (bin) => {
  it('has commands', () => {
    expect(Object.keys(manifestOf(bin)).length).toBeGreaterThan(0);
  });

  it('says of each command what it does, with an example that calls it', () => {
    const wrong = Object.values(manifestOf(bin)).filter(
      ({ id, summary, examples }) =>
        (summary ?? '').length < 10 ||
        !(examples ?? []).some((example) => example.startsWith(id.length > 0 && BINS.includes(id) ? id : bin)),
    );
    expect(wrong.map(({ id }) => id)).toEqual([]);
  });

  it('explains every option', () => {
    const wrong = Object.values(manifestOf(bin)).flatMap(({ id, options }) =>
      Object.entries(options ?? {})
        .filter(([, { text }]) => text.trim() === '')
        .map(([key]) => `${id} --${key}`),
    );
    expect(wrong).toEqual([]);
  });
});
