/**
 * The build: `node esbuild.config.mjs [--clean] [--no-types] [--lenient]`.
 *
 * One bundle of everything with shared chunks, so that a command loads only what it runs, and for each launcher an oclif root of its
 * own in dist/apps/<bin>: package.json (oclif section), commands.js (the explicit table of flat command ids, each loaded when asked for)
 * and oclif.manifest.json. dist/index.js is the library, dist/bench.js the measurements, dist/types their declarations.
 *
 * Files are built beside dist and then moved in one by one, chunks before what imports them, so that a running command and builds of
 * other people never see half a bundle. --clean removes everything older; --lenient leaves out entries that do not build and says so.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import * as esbuild from 'esbuild';
import { generateParser } from './broker/filter/generate-parser.js';
import { generatePage } from './src/bench/report/generate-page.js';

const ROOT = path.dirname(fileURLToPath(import.meta.url));
const DIST = path.join(ROOT, 'dist');
const LOCK = path.join(ROOT, 'node_modules', '.mqkit-build-lock');
const CONTENTS = path.join(ROOT, 'node_modules', '.cache', 'mqkit', 'contents.json');
const CHUNKS = 'chunks';
/** JSON schema of mqbench's results, part of the package. */
const RESULT_SCHEMA = 'src/bench/mqbench-1.schema.json';
/** Where mqadmin looks for the schemas of its output, and what makes them. */
const SCHEMAS = path.join('apps', 'mqadmin', 'schemas');
const SCHEMA_MAKER = 'src/cli/generate-schemas.js';
/** Workload files that come with the package. */
const WORKLOADS = 'src/bench/omb/workloads';
/** A file that no build wrote again for this long is of no running process. */
const STALE_MS = 15 * 60_000;
const SINGLE_LAUNCHERS = ['mqnamesrv', 'mqbroker', 'mqshutdown'];
/** Native modules stay outside the bundle; they are loaded lazily where they are used. */
const EXTERNAL = ['fs-native-extensions', 'lz4-napi', '@bokuweb/zstd-wasm', 'typescript', 'pnpapi'];

/** What this project uses of oclif, without the rest of its index. */
const OCLIF_SHIM = [
  "export { Command } from '@oclif/core/command';",
  "export { run } from '@oclif/core/run';",
  "export { HelpBase } from '@oclif/core/help';",
  // With NODE_ENV=test or development oclif would load the TypeScript compiler to look for sources.
  "import { settings } from '@oclif/core/settings';",
  'settings.enableAutoTranspile = false;',
].join('\n');
/** Packages that oclif loads at start for features our launchers do not have: templates in help, plugin globs, lists. */
const OCLIF_UNUSED = {
  ejs: ['render'],
  tinyglobby: ['glob'],
  minimatch: ['minimatch', 'Minimatch'],
  wordwrap: [],
  lilconfig: ['lilconfig', 'lilconfigSync'],
};

/** Keeps start-up short: parsing what no launcher uses costs more than the rest of oclif. */
const slimOclif = {
  name: 'slim-oclif',
  setup(build) {
    build.onResolve({ filter: /^@oclif\/core$/ }, () => ({ path: 'oclif', namespace: 'slim' }));
    build.onLoad({ filter: /^oclif$/, namespace: 'slim' }, () => ({ contents: OCLIF_SHIM, resolveDir: ROOT }));
    build.onResolve({ filter: new RegExp(`^(${Object.keys(OCLIF_UNUSED).join('|')})$`) }, ({ path: name, importer }) =>
      importer.includes(`${path.sep}@oclif${path.sep}core${path.sep}`) ? { path: name, namespace: 'unused' } : undefined,
    );
    build.onLoad({ filter: /.*/, namespace: 'unused' }, ({ path: name }) => ({
      contents: OCLIF_UNUSED[name]
        .map((key) => `exports.${key} = () => { throw new Error('${name} is not part of this bundle'); };`)
        .join('\n'),
    }));
  },
};

const flags = new Set(process.argv.slice(2));
const pjson = JSON.parse(fs.readFileSync(path.join(ROOT, 'package.json'), 'utf8'));

/** Source files below a folder whose default export is a command; the file's name is the command's id. */
function commandFiles(folder) {
  const dir = path.join(ROOT, folder);
  if (!fs.existsSync(dir)) {
    return [];
  }
  return fs
    .readdirSync(dir, { recursive: true })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts'))
    .map((file) => path.join(dir, file))
    .filter((file) => /^export default /m.test(fs.readFileSync(file, 'utf8')))
    .sort()
    .map((file) => ({ id: path.basename(file, '.ts'), file }));
}

/** What each launcher runs. */
function launchers() {
  const nodes = commandFiles('src/commands/nodes');
  const isSingle = (command) => SINGLE_LAUNCHERS.includes(command.id);
  return [
    { bin: 'mqadmin', commands: [...commandFiles('src/commands/mqadmin'), ...nodes.filter((command) => !isSingle(command))] },
    { bin: 'mqbench', commands: commandFiles('src/commands/mqbench') },
    ...SINGLE_LAUNCHERS.map((bin) => ({ bin, single: true, commands: nodes.filter((command) => command.id === bin) })),
  ];
}

function entryPoints(apps) {
  const entries = {
    launch: 'src/cli/launch.ts',
    help: 'src/cli/help.ts',
    index: 'src/index.ts',
    bench: 'src/bench/index.ts',
    start: 'src/commands/start.ts',
    'bench-worker': 'src/bench/workers/child-main.ts',
  };
  for (const { bin, commands } of apps) {
    for (const { id, file } of commands) {
      entries[`apps/${bin}/commands/${id}`] = path.relative(ROOT, file);
    }
  }
  return Object.fromEntries(Object.entries(entries).filter(([, file]) => fs.existsSync(path.join(ROOT, file))));
}

function bundle(entries, outdir, options = {}) {
  return esbuild.build({
    absWorkingDir: ROOT,
    entryPoints: entries,
    outdir,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    external: EXTERNAL,
    chunkNames: `${CHUNKS}/[name]-[hash]`,
    minifySyntax: true,
    minifyWhitespace: true,
    keepNames: false,
    legalComments: 'none',
    metafile: true,
    logLevel: 'silent',
    plugins: [slimOclif],
    define: { 'process.env.MQKIT_VERSION': JSON.stringify(pjson.version) },
    // CommonJS packages in an ES module bundle ask for require, __filename and __dirname.
    banner: {
      js: "import{createRequire as __cr}from'node:module';import{fileURLToPath as __fp}from'node:url';const require=__cr(import.meta.url),__filename=__fp(import.meta.url),__dirname=__fp(new URL('.',import.meta.url));",
    },
    ...options,
  });
}

/** The entries that build by themselves; the others are named on stderr. */
async function buildableEntries(entries) {
  const good = {};
  for (const [name, file] of Object.entries(entries)) {
    try {
      await bundle({ [name]: file }, path.join(ROOT, 'dist'), { write: false, splitting: false });
      good[name] = file;
    } catch (error) {
      process.stderr.write(`left out ${file}: ${firstError(error)}\n`);
      process.exitCode = 1;
    }
  }
  return good;
}

function firstError(error) {
  const first = error.errors?.[0];
  return first === undefined
    ? (error.stack ?? String(error))
    : `${first.text}${first.location ? ` (${first.location.file}:${first.location.line})` : ''}`;
}

/** What is in each file of dist and what it loads at once; the start-up test reads it. */
function writeContents(outdir, metafile) {
  const name = (file) => path.relative(outdir, path.join(ROOT, file)).split(path.sep).join('/');
  const rows = Object.entries(metafile.outputs).map(([file, { imports, inputs }]) => [
    name(file),
    {
      imports: imports.filter(({ kind, external }) => kind === 'import-statement' && !external).map(({ path: target }) => name(target)),
      inputs: Object.keys(inputs).sort(),
    },
  ]);
  fs.mkdirSync(path.dirname(CONTENTS), { recursive: true });
  // In one step: tests read it while another build goes on.
  fs.writeFileSync(`${CONTENTS}.${process.pid}`, JSON.stringify(Object.fromEntries(rows)));
  fs.renameSync(`${CONTENTS}.${process.pid}`, CONTENTS);
}

/** The explicit table: each id with a class that loads the command when oclif runs it. */
function tableText(ids) {
  return [
    '// Generated by the build: command ids of this launcher. A command is loaded when it is run.',
    'const lazy = (load) =>',
    '  class {',
    '    static async run(argv, options) {',
    '      const { default: Command } = await load();',
    '      Command.id = this.id;',
    '      Command.plugin = this.plugin;',
    '      return Command.run(argv, options);',
    '    }',
    '  };',
    'export const COMMANDS = {',
    ...ids.map((id) => `  ${id}: lazy(() => import('./commands/${id}.js')),`),
    '};',
    '',
  ].join('\n');
}

/** Writes dist/apps/<bin> beside the bundled commands. */
async function writeApp(outdir, { bin, single, commands }, built) {
  const dir = path.join(outdir, 'apps', bin);
  const ids = commands.map(({ id }) => id).filter((id) => built.has(`apps/${bin}/commands/${id}`));
  fs.mkdirSync(path.join(dir, 'commands'), { recursive: true });
  const root = (oclifCommands) => ({
    name: pjson.name,
    version: pjson.version,
    type: 'module',
    private: true,
    oclif: {
      bin,
      dirname: pjson.name,
      topicSeparator: ' ',
      commands: oclifCommands,
      helpClass: { target: '../../help.js', identifier: 'MqHelp' },
    },
  });
  const target = single ? `./commands/${bin}.js` : './commands';
  const manifestRoot = root(single ? { strategy: 'single', target } : { strategy: 'pattern', target, globPatterns: ['*.js'] });
  const finalRoot = root(
    single ? { strategy: 'single', target } : { strategy: 'explicit', target: './commands.js', identifier: 'COMMANDS' },
  );
  fs.writeFileSync(path.join(dir, 'package.json'), `${JSON.stringify(manifestRoot, null, 2)}\n`);
  const manifest = ids.length === 0 ? { commands: {}, version: pjson.version } : await manifestOf(dir, manifestRoot);
  fs.writeFileSync(path.join(dir, 'oclif.manifest.json'), `${JSON.stringify(manifest)}\n`);
  fs.writeFileSync(path.join(dir, 'package.json'), `${JSON.stringify(finalRoot, null, 2)}\n`);
  if (!single) {
    fs.writeFileSync(path.join(dir, 'commands.js'), tableText(ids));
  }
  return ids.length;
}

async function manifestOf(dir, root) {
  const { Plugin } = await import('@oclif/core');
  const plugin = new Plugin({
    root: dir,
    pjson: root,
    isRoot: true,
    type: 'core',
    name: pjson.name,
    ignoreManifest: true,
    errorOnManifestCreate: !flags.has('--lenient'),
  });
  await plugin.load();
  for (const command of Object.values(plugin.manifest.commands)) {
    // Nothing of a table with lazily loaded commands needs the file's place.
    delete command.relativePath;
    delete command.isESM;
  }
  return plugin.manifest;
}

/** Everything the declarations of the library are made from. */
const TYPES_SOURCES = ['src/common', 'src/remoting', 'src/client', 'tsconfig.json', 'package-lock.json', 'src/index.ts', 'src/bench'];
/** Everything the schemas of the commands' output are made from. */
const SCHEMA_SOURCES = [
  ...['src/common', 'src/remoting', 'src/client', 'src/cli', 'src/commands/base.ts', 'src/commands/mqadmin', 'src/commands/nodes'],
  ...['src/commands/start', 'src/commands/serving.ts'],
  ...['tsconfig.json', 'package-lock.json', SCHEMA_MAKER],
];

function hashOf(folders) {
  const hash = createHash('sha256');
  for (const folder of folders) {
    const top = path.join(ROOT, folder);
    const files = !fs.existsSync(top)
      ? []
      : fs.statSync(top).isFile()
        ? [top]
        : fs
            .readdirSync(top, { recursive: true })
            .filter((file) => file.endsWith('.ts'))
            .sort()
            .map((file) => path.join(top, file));
    for (const file of files) {
      hash.update(path.relative(ROOT, file)).update(fs.readFileSync(file));
    }
  }
  return hash.digest('hex');
}

/** Declarations of the library by the compiler; made again only when its sources changed. */
async function emitTypes(outdir) {
  if (flags.has('--no-types') || !fs.existsSync(path.join(ROOT, 'src/index.ts'))) {
    return;
  }
  const hash = hashOf(TYPES_SOURCES);
  const stamp = path.join(DIST, 'types', 'sources.sha256');
  if (fs.existsSync(stamp) && fs.readFileSync(stamp, 'utf8') === hash && fs.existsSync(path.join(DIST, 'types', 'index.d.ts'))) {
    fs.cpSync(path.join(DIST, 'types'), path.join(outdir, 'types'), { recursive: true });
    return;
  }
  const config = path.join(outdir, 'tsconfig.json');
  const compilerOptions = {
    noEmit: false,
    declaration: true,
    emitDeclarationOnly: true,
    noEmitOnError: false,
    rootDir: path.join(ROOT, 'src'),
    outDir: path.join(outdir, 'types'),
    typeRoots: [path.join(ROOT, 'node_modules', '@types')],
    stripInternal: true,
  };
  const include = [path.join(ROOT, 'src/index.ts'), path.join(ROOT, 'src/bench/index.ts'), path.join(ROOT, 'src/common/*.d.ts')];
  fs.writeFileSync(config, JSON.stringify({ extends: path.join(ROOT, 'tsconfig.json'), compilerOptions, include }));
  try {
    await promisify(execFile)(process.execPath, [path.join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', config]);
    fs.writeFileSync(path.join(outdir, 'types', 'sources.sha256'), hash);
  } catch (error) {
    process.stderr.write(`declarations of the library: ${String(error.stdout ?? error).trim()}\n`);
    if (!flags.has('--lenient')) {
      process.exitCode = 1;
    }
  }
  fs.rmSync(config);
}

/** JSON Schemas of what mqadmin's commands print; made again only when the sources of their types changed. */
async function emitSchemas(outdir, commands) {
  if (flags.has('--no-types')) {
    return;
  }
  const hash = hashOf(SCHEMA_SOURCES);
  const made = path.join(DIST, SCHEMAS);
  const target = path.join(outdir, SCHEMAS);
  if (readOrEmpty(path.join(made, 'sources.sha256')) === hash) {
    fs.cpSync(made, target, { recursive: true });
    return;
  }
  const words = commands.map(({ id, file }) => `${id}=${file}`);
  let isWhole = false;
  // What cannot be described is named, and a test fails; everything else is built all the same.
  try {
    const { stderr } = await promisify(execFile)(process.execPath, [path.join(ROOT, SCHEMA_MAKER), target, ...words]);
    process.stderr.write(stderr);
    // What has problems is made, and told of, again by the next build.
    isWhole = !/^schema of /m.test(stderr);
  } catch (error) {
    process.stderr.write(`schemas of the output: ${String(error.stderr ?? error).trim()}\n`);
    process.exitCode = 1;
    return;
  }
  if (isWhole) {
    fs.writeFileSync(path.join(target, 'sources.sha256'), hash);
  }
}

/** Runs one publication at a time; the lock of a process that is gone is taken over. */
async function withLock(work) {
  const deadline = Date.now() + 60_000;
  for (;;) {
    try {
      fs.writeFileSync(LOCK, String(process.pid), { flag: 'wx' });
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') {
        throw error;
      }
    }
    const owner = Number(readOrEmpty(LOCK));
    if (owner > 0 && !isAlive(owner)) {
      fs.rmSync(LOCK, { force: true });
    } else if (Date.now() > deadline) {
      throw new Error(`another build (process ${owner}) holds ${LOCK} for a minute; remove the file if that is not so`);
    } else {
      await sleep(50);
    }
  }
  try {
    return work();
  } finally {
    fs.rmSync(LOCK, { force: true });
  }
}

function readOrEmpty(file) {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** Moves the new files into dist: chunks first, tables and manifests last; then drops what is old. */
function publish(outdir) {
  const files = fs.readdirSync(outdir, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const names = files.map((entry) => path.relative(outdir, path.join(entry.parentPath, entry.name)));
  const order = (name) => (name.startsWith(CHUNKS) ? 0 : name.endsWith('.json') ? 3 : name.endsWith('commands.js') ? 2 : 1);
  names.sort((a, b) => order(a) - order(b));
  for (const name of names) {
    const target = path.join(DIST, name);
    fs.mkdirSync(path.dirname(target), { recursive: true });
    fs.renameSync(path.join(outdir, name), target);
  }
  const fresh = new Set(names);
  const oldest = flags.has('--clean') ? Number.POSITIVE_INFINITY : Date.now() - STALE_MS;
  for (const entry of fs.readdirSync(DIST, { recursive: true, withFileTypes: true })) {
    const file = path.join(entry.parentPath, entry.name);
    const name = path.relative(DIST, file);
    const keptForRunning = name.startsWith(CHUNKS) && fs.statSync(file, { throwIfNoEntry: false })?.mtimeMs > oldest;
    const keptTypes = flags.has('--no-types') && (name.startsWith('types') || name.startsWith(SCHEMAS));
    if (entry.isFile() && !fresh.has(name) && !keptForRunning && !keptTypes) {
      fs.rmSync(file, { force: true });
    }
  }
}

async function main() {
  generateParser();
  generatePage();
  const begun = performance.now();
  const outdir = fs.mkdtempSync(path.join(ROOT, 'node_modules', '.mqkit-build-'));
  try {
    const apps = launchers();
    let entries = entryPoints(apps);
    const types = emitTypes(outdir);
    // Awaited below; a failure of the bundle is reported first, and once.
    types.catch(() => undefined);
    const schemas = emitSchemas(outdir, apps.find(({ bin }) => bin === 'mqadmin').commands);

    schemas.catch(() => undefined);
    let result;
    try {
      result = await bundle(entries, outdir);
    } catch (error) {
      if (!flags.has('--lenient')) {
        throw error;
      }
      entries = await buildableEntries(entries);
      result = await bundle(entries, outdir);
    }
    writeContents(outdir, result.metafile);
    fs.copyFileSync(path.join(ROOT, RESULT_SCHEMA), path.join(outdir, path.basename(RESULT_SCHEMA)));
    fs.cpSync(path.join(ROOT, WORKLOADS), path.join(outdir, 'workloads'), { recursive: true });
    const built = new Set(Object.keys(entries));
    let count = 0;
    for (const app of apps) {
      count += await writeApp(outdir, app, built);
    }
    await types;
    await schemas;
    await withLock(() => publish(outdir));
    process.stdout.write(`built dist: ${apps.length} launchers, ${count} commands, ${Math.round(performance.now() - begun)} ms\n`);
  } finally {
    fs.rmSync(outdir, { recursive: true, force: true });
  }
}

try {
  await main();
} catch (error) {
  process.stderr.write(`build failed: ${firstError(error)}\n`);
  for (const one of error.errors?.slice(1) ?? []) {
    process.stderr.write(`              ${firstError({ errors: [one] })}\n`);
  }
  process.exitCode = 1;
}
