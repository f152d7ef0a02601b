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

/** Waits until the name server knows the broker; fails at once when one of the processes ends. */
export async function waitForBroker(namesrvAddr: string, brokerName: string, nodes: readonly StartingNode[]): Promise<void> {
  const client = new RemotingClient({ connectTimeoutMs: 1000 });
  const endMs = performance.now() + LIMIT_MS;
  try {
    while (!(await isRegistered(client, namesrvAddr, brokerName))) {
      const dead = nodes.find((node) => node.hasExited);
      if (dead !== undefined) {
        throw new Error(`${dead.bin} ended with exit code ${dead.exitCode}: ${dead.lastWords()}`);
      }
      if (performance.now() > endMs) {
        throw new Error(`no broker ${brokerName} at name server ${namesrvAddr} within ${LIMIT_MS / 1000} s`);
      }
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  } finally {
    await client.close();
  }
}

async function isRegistered(client: RemotingClient, namesrvAddr: string, brokerName: string): Promise<boolean> {
  try {
    const response = await client.invoke(namesrvAddr, { code: RequestCode.GET_BROKER_CLUSTER_INFO }, 1000);
    return response.code === ResponseCode.SUCCESS && (response.body?.includes(`"${brokerName}"`) ?? false);
  } catch {
    // Not there yet; the caller looks at the processes and the clock.
    return false;
  }
}
