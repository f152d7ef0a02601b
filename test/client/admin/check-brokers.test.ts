/* Checks of brokers, disks and slaves, on brokers that are made up. */
import { expect, it } from 'vitest';
import type { AdminClient, ClusterBroker } from '../../../src/client/admin/admin-client.js';
import { readBrokers, readDisks, readSlaves } from '../../../src/client/admin/check/read-brokers.js';
import { ConnectError, DeniedError, type MQError } from '../../../src/common/errors.js';
import { RequestCode, ResponseCode } from '../../../src/remoting/codes.js';
import type { RequestInit } from '../../../src/remoting/command.js';

const MASTER = { brokerName: 'a', brokerId: 0, brokerAddr: 'h:1' };
const SLAVE = { brokerName: 'a', brokerId: 1, brokerAddr: 'h:2' };
const silent = (addr: string): MQError => new ConnectError(`${addr} does not answer`);

/** What a master says that nobody copies, and a slave of Apache's. */
function answerOf(addr: string, { code }: RequestInit): unknown {
  const body =
    code === RequestCode.GET_BROKER_HA_STATUS
      ? { master: true, masterCommitLogMaxOffset: 0, inSyncSlaveNums: 0, haConnectionInfo: [] }
      : { table: { brokerActive: String(addr === MASTER.brokerAddr), commitLogDiskRatio: '0.5' } };
  return { code: ResponseCode.SUCCESS, body: Buffer.from(JSON.stringify(body)) };
}

function adminOf(brokers: readonly ClusterBroker[] | null, fault: (addr: string) => MQError | null = () => null): AdminClient {
  const known = async (): Promise<readonly ClusterBroker[]> => {
    if (brokers === null) {
      throw silent('the name server');
    }
    return brokers;
  };
  const ask = async (addr: string, request: RequestInit): Promise<unknown> => {
    const error = fault(addr);
    if (error !== null) {
      throw error;
    }
    return answerOf(addr, request);
  };
  return { clusterBrokers: known, allBrokers: known, ask } as unknown as AdminClient;
}

it('a slave whose master is gone has failed', async () => {
  const { readings } = await readSlaves(adminOf([SLAVE]), { clusterName: 'C' });
  expect(readings).toEqual([{ name: 'a', value: null, reason: 'it has no master', isFailed: true }]);
});

it.each([
  ['is known to the name server', [MASTER, SLAVE]],
  ['is not known to anybody', null],
])('a slave by its address that %s is not expected to be active', async (_, brokers) => {
  const read = await readBrokers(adminOf(brokers), { broker: SLAVE.brokerAddr, metric: 'rt' });
  expect(read).toEqual({ target: `broker ${SLAVE.brokerAddr}`, readings: [{ name: SLAVE.brokerAddr, value: expect.any(Number) }] });
});

it('a master by its address is expected to be active', async () => {
  const { readings } = await readBrokers(adminOf([{ ...MASTER, brokerAddr: 'h:3' }]), { broker: 'h:3', metric: 'rt' });
  expect(readings).toMatchObject([{ name: 'h:3', reason: 'the broker is not active', isFailed: true }]);
});

it.each([MASTER.brokerAddr, SLAVE.brokerAddr, 'a'])('a slave that does not copy has failed, of broker %s', async (broker) => {
  const { readings } = await readSlaves(adminOf([MASTER, SLAVE]), { broker });
  expect(readings).toEqual([{ name: 'a', value: null, reason: '1 of 1 slaves do not copy', isFailed: true }]);
});

it.each([
  ['does not answer has failed', silent, { isFailed: true }],
  ['refuses to say it has not failed', () => new DeniedError('no permission'), {}],
])('a broker that %s', async (_, fault, status) => {
  const admin = adminOf([MASTER, SLAVE], (addr) => (addr === MASTER.brokerAddr ? fault(addr) : null));
  const reading = { name: 'a', value: null, reason: fault(MASTER.brokerAddr).message, ...status };
  expect((await readDisks(admin, {})).readings).toEqual([reading, { name: 'a:1', value: 50 }]);
  expect((await readSlaves(admin, {})).readings).toEqual([reading]);
});
