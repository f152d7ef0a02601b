import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ROOT } from './sources.js';

interface Locked {
  readonly version?: string;
  readonly dev?: boolean;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly hasInstallScript?: boolean;
  readonly engines?: { readonly node?: string };
}

const pjson = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as Record<string, Record<string, string>>;
const lock = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as { packages: Record<string, Locked> };

it('dependencies have exact versions', () => {
  const loose = Object.entries({ ...pjson.dependencies, ...pjson.devDependencies }).filter(
    ([, range]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(range),
  );
  expect(loose).toEqual([]);
});

it('nothing that users install runs a script', () => {
  const scripts = Object.entries(lock.packages).filter(([, { dev, hasInstallScript }]) => hasInstallScript === true && dev !== true);
  expect(scripts.map(([path]) => path)).toEqual([]);
  expect(Object.keys(pjson.scripts ?? {}).filter((name) => /^(pre|post)?install$|^prepare$/.test(name))).toEqual([]);
});

it('the lock file has the optional packages of every platform, without which npm ci refuses it', () => {
  const missing = Object.values(lock.packages).flatMap(({ optionalDependencies }) =>
    Object.keys(optionalDependencies ?? {}).filter((name) => lock.packages[`node_modules/${name}`] === undefined),
  );
  expect(missing).toEqual([]);
});
