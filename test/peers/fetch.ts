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
const HDR_HISTOGRAM_VERSION = '2.2.2';
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
export function fetchJavaDriver(version: ApacheVersion): Promise<{ classPath: string }> {
  return compileJava('java', 'java-driver', version);
}

/** The stand-alone programs that benchmarks run, compiled against that release's client. */
export function fetchJavaBench(version: ApacheVersion): Promise<{ classPath: string }> {
  return compileJava('java-bench', 'java-bench', version);
}

async function compileJava(folder: string, name: string, version: ApacheVersion): Promise<{ classPath: string }> {
  const { classPath } = await fetchApache(version);
  const sourceDir = join(peersSourceDir, folder);
  const sources = readdirSync(sourceDir).filter((file) => file.endsWith('.java'));
  const files = sources.map((file) => join(sourceDir, file));
  const key = fingerprint(files);
  const classes = await once(`${name}-${version}-${key}`, async (dir) => {
    await execute('javac', ['-nowarn', '-cp', classPath, '-d', dir, ...files], dir);
  });
  return { classPath: [classes, classPath].join(delimiter) };
}

/** A program that reads histograms and logs with the HdrHistogram library. */
export async function fetchHdrReader(): Promise<{ classPath: string }> {
  const library = await once(`hdr-histogram-${HDR_HISTOGRAM_VERSION}`, async (dir) => {
    writeFileSync(join(dir, 'pom.xml'), pomOf('hdr', [['org.hdrhistogram', 'HdrHistogram', HDR_HISTOGRAM_VERSION]]));
    await execute('mvn', ['-B', '-q', 'dependency:copy-dependencies', '-DoutputDirectory=lib', '-DincludeScope=runtime'], dir);
  });
  const classPath = join(library, 'lib', '*');
  const source = join(peersSourceDir, 'hdr', 'HdrReader.java');
  const classes = await once(`hdr-reader-${fingerprint([source])}`, async (dir) => {
    await execute('javac', ['-cp', classPath, '-d', dir, source], dir);
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
  return pomOf(
    'apache',
    ARTIFACTS.map((name) => ['org.apache.rocketmq', `rocketmq-${name}`, version]),
  );
}

function pomOf(name: string, artifacts: readonly (readonly [group: string, artifact: string, version: string])[]): string {
  const dependencies = artifacts.map(
    ([group, artifact, version]) =>
      `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version></dependency>`,
  );
  return `<project xmlns="http://maven.apache.org/POM/4.0.0">
<modelVersion>4.0.0</modelVersion><groupId>mqkit.peers</groupId><artifactId>${name}</artifactId><version>1</version><packaging>pom</packaging>
<dependencies>
${dependencies.join('\n')}
</dependencies>
</project>
`;
}
