import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawnJava } from './apache.js';
import { ClientDriver } from './driver.js';
import { fetchAliOnsDriver, fetchGoDriver, fetchJavaDriver } from './fetch.js';
import type { ApacheVersion } from './paths.js';
import { PeerProcess } from './process.js';

/** A driver around Apache's Java client of that release. `binaryHeaders` sends headers in the ROCKETMQ form. */
export async function javaClient(
  version: ApacheVersion,
  options: { binaryHeaders?: boolean; compressType?: 'ZLIB' | 'LZ4' | 'ZSTD'; ipv6?: boolean } = {},
): Promise<ClientDriver> {
  const { classPath } = await fetchJavaDriver(version);
  const dir = temporaryHome();
  return new ClientDriver().open(async (onLine) => {
    const process = await spawnJava({
      name: `Java client ${version}`,
      version,
      dir,
      heap: { min: '64m', max: '256m' },
      classPath,
      mainClass: 'Driver',
      ipv6: options.ipv6 ?? false,
      args: [],
      flags: [
        '-XX:TieredStopAtLevel=1',
        ...(options.binaryHeaders ? ['-Drocketmq.serialize.type=ROCKETMQ'] : []),
        ...(options.compressType ? [`-Drocketmq.message.compressType=${options.compressType}`] : []),
      ],
      onLine,
    });
    return removeAtExit(process, dir);
  });
}

/** A driver around client-go v2. */
export async function goClient(): Promise<ClientDriver> {
  const { binary } = await fetchGoDriver();
  const dir = temporaryHome();
  return new ClientDriver().open(async (onLine) => {
    const env = { ...process.env, HOME: dir, ROCKETMQ_GO_LOG_LEVEL: 'error' };
    const peer = await PeerProcess.spawn({ name: 'client-go v2', command: binary, args: [], cwd: dir, env, onLine });
    return removeAtExit(peer, dir);
  });
}

/** A driver around ali-ons, the Node client for the remoting protocol. */
export async function aliOnsClient(): Promise<ClientDriver> {
  const { script } = await fetchAliOnsDriver();
  const dir = temporaryHome();
  return new ClientDriver().open(async (onLine) => {
    const env = { ...process.env, HOME: dir };
    const peer = await PeerProcess.spawn({ name: 'ali-ons', command: process.execPath, args: [script], cwd: dir, env, onLine });
    return removeAtExit(peer, dir);
  });
}

function temporaryHome(): string {
  return mkdtempSync(join(tmpdir(), 'mqkit-client-'));
}

function removeAtExit(process: PeerProcess, dir: string): PeerProcess {
  void process.exited.then(() => rmSync(dir, { recursive: true, force: true }));
  return process;
}
