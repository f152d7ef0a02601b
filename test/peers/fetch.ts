import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { withFileLock } from './lock.js';
import { type ApacheVersion, peersDir, peersSourceDir } from './paths.js';

const run = promisify(execFile);
const FETCH_TIMEOUT_MS = 10 * 60_000;
const ALI_ONS_VERSION = '3.12.0';
const ARTIFACTS = ['namesrv', 'broker', 'tools', 'client'];

/** Class path of one Apache release: servers, tools and client with all they need. Fetched with Maven on first use. */
export async function fetchApache(version: ApacheVersion): Promise<{ libDir: string; classPath: string }> {
  const home = await once(`apache-${version}`, async (dir) => {
    writeFileSync(join(dir, 'pom.xml'), pomFor(version));
    await execute('mvn', ['-B', '-q', 'dependency:copy-dependencies', '-DoutputDirectory=lib', '-DincludeScope=runtime'], dir);
  });
  const libDir = join(home, 'lib');
  return { libDir, classPath: join(libDir, '*') };
}

/** The Java driver, compiled against that release's client. */
export async function fetchJavaDriver(version: ApacheVersion): Promise<{ classPath: string }> {
  const { classPath } = await fetchApache(version);
  const sourceDir = join(peersSourceDir, 'java');
  const sources = readdirSync(sourceDir).filter((name) => name.endsWith('.java'));
  const key = fingerprint(sources.map((name) => join(sourceDir, name)));
  const classes = await once(`java-driver-${version}-${key}`, async (dir) => {
    await execute('javac', ['-nowarn', '-cp', classPath, '-d', dir, ...sources.map((name) => join(sourceDir, name))], dir);
  });
  return { classPath: [classes, classPath].join(delimiter) };
}

/** The Go driver's binary, built with client-go v2 on first use. */
export async function fetchGoDriver(): Promise<{ binary: string }> {
  const sourceDir = join(peersSourceDir, 'go');
  const files = readdirSync(sourceDir);
  const key = fingerprint(files.map((name) => join(sourceDir, name)));
  const name = process.platform === 'win32' ? 'driver.exe' : 'driver';
  const dir = await once(`go-driver-${key}`, async (target) => {
    await execute('go', ['build', '-buildvcs=false', '-o', join(target, name), '.'], sourceDir);
  });
  return { binary: join(dir, name) };
}

/** The ali-ons driver beside an installed ali-ons. */
export async function fetchAliOnsDriver(): Promise<{ script: string }> {
  const source = join(peersSourceDir, 'ali-ons', 'driver.mjs');
  const dir = await once(`ali-ons-${ALI_ONS_VERSION}`, async (target) => {
    writeFileSync(join(target, 'package.json'), '{"private":true,"name":"ali-ons-driver","version":"1.0.0"}\n');
    await execute('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts', '-E', `ali-ons@${ALI_ONS_VERSION}`], target);
  });
  const script = join(dir, `driver-${fingerprint([source])}.mjs`);
  if (!existsSync(script)) cpSync(source, script);
  return { script };
}

/** Makes `<peers>/<name>` once: built in a folder of its own under the lock, then renamed into place. */
async function once(name: string, build: (dir: string) => Promise<void>): Promise<string> {
  const dir = join(peersDir(), name);
  if (existsSync(dir)) return dir;
  return withFileLock(join(peersDir(), `${name}.lock`), async () => {
    if (existsSync(dir)) return dir;
    const building = `${dir}.building`;
    rmSync(building, { recursive: true, force: true });
    mkdirSync(building, { recursive: true });
    await build(building);
    renameSync(building, dir);
    return dir;
  });
}

async function execute(command: string, args: string[], cwd: string): Promise<void> {
  try {
    await run(command, args, { cwd, timeout: FETCH_TIMEOUT_MS, maxBuffer: 64 << 20, shell: process.platform === 'win32' });
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    throw new Error(`${command} ${args.join(' ')} failed in ${cwd}:\n${stdout.slice(-4000)}${stderr.slice(-4000)}`, { cause: error });
  }
}

function fingerprint(files: string[]): string {
  const hash = createHash('sha256');
  for (const file of files.toSorted()) hash.update(file).update(readFileSync(file));
  return hash.digest('hex').slice(0, 12);
}

function pomFor(version: ApacheVersion): string {
  const dependencies = ARTIFACTS.map(
    (name) =>
      `<dependency><groupId>org.apache.rocketmq</groupId><artifactId>rocketmq-${name}</artifactId><version>${version}</version></dependency>`,
  ).join('\n');
  return `<project xmlns="http://maven.apache.org/POM/4.0.0">
<modelVersion>4.0.0</modelVersion><groupId>mqkit.peers</groupId><artifactId>apache</artifactId><version>1</version><packaging>pom</packaging>
<dependencies>
${dependencies}
</dependencies>
</project>
`;
}
