import { decodeClusterInfo } from '../../remoting/bodies/route.js';
import { RemotingClient } from '../../remoting/client.js';
import { RequestCode, ResponseCode } from '../../remoting/codes.js';

const LIMIT_MS = 30_000;
const PAUSE_MS = 10;

/** A process that is to become a node. */
export interface StartingNode {
  readonly bin: string;
  readonly hasExited: boolean;
  readonly exitCode: number | null;
  lastWords(): string;
}

/**
 * Waits until the name server knows the broker by its port, and it answers: what an earlier one of its name registered does not count. Fails at
 * once when one of the processes ends.
 */
export async function waitForBroker(
  namesrvAddr: string,
  broker: { readonly name: string; readonly address: string },
  nodes: readonly StartingNode[],
): Promise<void> {
  const client = new RemotingClient({ connectTimeoutMs: 1000 });
  const endMs = performance.now() + LIMIT_MS;
  try {
    while (!(await isReady(client, namesrvAddr, broker))) {
      const dead = nodes.find((node) => node.hasExited);
      if (dead !== undefined) {
        throw new Error(`${dead.bin} ended with exit code ${dead.exitCode}: ${dead.lastWords()}`);
      }
      if (performance.now() > endMs) {
        throw new Error(`no broker ${broker.name} (${broker.address}) at name server ${namesrvAddr} within ${LIMIT_MS / 1000} s`);
      }
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  } finally {
    await client.close();
  }
}

async function isReady(
  client: RemotingClient,
  namesrvAddr: string,
  { name, address }: { name: string; address: string },
): Promise<boolean> {
  try {
    const response = await client.invoke(namesrvAddr, { code: RequestCode.GET_BROKER_CLUSTER_INFO }, 1000);
    if (response.code !== ResponseCode.SUCCESS) {
      return false;
    }
    const registered = decodeClusterInfo(response.body).brokerAddrTable.get(name)?.brokerAddrs.values() ?? [];
    // The broker may call its host otherwise.
    const port = address.slice(address.lastIndexOf(':'));
    if (![...registered].some((addr) => addr.endsWith(port))) {
      return false;
    }
    // Whatever it answers.
    await client.invoke(address, { code: RequestCode.GET_BROKER_RUNTIME_INFO }, 1000);
    return true;
  } catch {
    // Not there yet; the caller looks at the processes and the clock.
    return false;
  }
}
