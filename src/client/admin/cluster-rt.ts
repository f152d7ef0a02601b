import { MQError, NotFoundError } from '../../common/errors.js';
import type { AdminClient } from './admin-client.js';
import { planBrokerProbes, sendProbes } from './send-probes.js';

/** How long sends to one broker took. */
export interface ClusterRtRow {
  readonly clusterName: string;
  readonly brokerName: string;
  /** Mean of all but the first, ms; null when there was no other. */
  readonly rtMs: number | null;
  readonly successCount: number;
  readonly failCount: number;
  /** Why the first failure failed. */
  readonly error?: { readonly code: string; readonly message: string };
}

export interface ClusterRtRequest {
  /** All clusters when absent. */
  readonly clusterName?: string | undefined;
  /** Messages to each broker. */
  readonly amount: number;
  readonly body: Buffer;
}

/** Sends messages to the topic that each broker has under its own name, one broker after the other. */
export async function* clusterRt(admin: AdminClient, request: ClusterRtRequest): AsyncGenerator<ClusterRtRow> {
  const { clusterAddrTable } = await admin.clusterInfo();
  const clusters = [...clusterAddrTable].sort(([a], [b]) => (a < b ? -1 : 1));
  const wanted = clusters.filter(([clusterName]) => request.clusterName === undefined || clusterName === request.clusterName);
  if (wanted.length === 0) {
    const names = clusters.map(([name]) => name).join(', ');
    throw new NotFoundError(`cluster ${request.clusterName ?? ''} is not known to ${admin.namesrv.addresses.join(';')}`, {
      code: 'CLUSTER_NOT_EXIST',
      hint: names === '' ? 'no broker has registered there yet' : `clusters there: ${names}`,
    });
  }
  for (const [clusterName, brokerNames] of wanted) {
    for (const brokerName of [...brokerNames].sort()) {
      yield { clusterName, brokerName, ...(await brokerRt(admin, brokerName, request)) };
    }
  }
}

async function brokerRt(
  admin: AdminClient,
  brokerName: string,
  { amount, body }: ClusterRtRequest,
): Promise<Omit<ClusterRtRow, 'clusterName' | 'brokerName'>> {
  const times: number[] = [];
  let successCount = 0;
  let error: ClusterRtRow['error'];
  try {
    const plan = await planBrokerProbes(admin, brokerName);
    for await (const probe of sendProbes(admin, plan, { body, amount, producerGroup: 'CLUSTER_SEND_MSG_RT' })) {
      times.push(probe.rtMs);
      successCount += probe.isSent ? 1 : 0;
      error ??= probe.error;
    }
  } catch (cause) {
    if (!(cause instanceof MQError)) {
      throw cause;
    }
    error = { code: cause.code, message: cause.message };
  }
  const rest = times.slice(1);
  const rtMs = rest.length === 0 ? null : rest.reduce((total, time) => total + time, 0) / rest.length;
  return { rtMs, successCount, failCount: amount - successCount, ...(error === undefined ? {} : { error }) };
}
