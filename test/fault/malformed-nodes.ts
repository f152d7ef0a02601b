import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Random } from '../../src/common/clock.js';
import { RequestCode } from '../../src/remoting/codes.js';
import type { Sandbox } from '../sandbox.js';
import { type MalformedRun, runMalformedFrames } from './malformed-driver.js';

/** A node of the sandbox, and a request that it must keep answering while others send it rubbish. */
export type NodeKind = 'name server' | 'broker';

const BYSTANDER: Readonly<Record<NodeKind, { code: number; extFields?: Record<string, string> }>> = {
  'name server': { code: RequestCode.GET_BROKER_CLUSTER_INFO },
  broker: { code: RequestCode.GET_MAX_OFFSET, extFields: { topic: 'TBW102', queueId: '0' } },
};

/** Sends `count` generated frames to a node of the sandbox. */
export function attack(sandbox: Sandbox, kind: NodeKind, count: number, random: Random): Promise<MalformedRun> {
  const addr = kind === 'broker' ? sandbox.brokerAddr : sandbox.namesrvAddr;
  return runMalformedFrames({
    port: Number(addr.slice(addr.lastIndexOf(':') + 1)),
    count,
    random,
    bystander: async (client) => (await client.invoke(addr, BYSTANDER[kind])).code === 0,
  });
}

/** Open sockets of this process. */
export function openSockets(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;
}

/** Bytes of the heap and of buffers outside it, after a forced collection. */
export async function collectedHeapBytes(): Promise<number> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  for (let i = 0; i < 4; i++) {
    collect();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
