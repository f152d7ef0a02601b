import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CommandRun, runCommand } from '../commands/mqadmin/run-command.js';
import { APACHE_VERSIONS, apache, type ClientDriver, javaClient, rawRequest } from '../peers/index.js';
import { createGroup, createTopic, interop, type Target, until } from './support.js';

const TOPIC = 'Consumed';
const QUEUES = 2;
const SENT = 3;

interop('our commands of consumption on a cluster of Apache', 'java', () => {
  describe.each(APACHE_VERSIONS)('Apache %s', (version) => {
    const hasServerReset = version !== '4.9.7';
    let target: Target;
    let java: ClientDriver;
    let state: string;

    beforeAll(async () => {
      state = mkdtempSync(join(tmpdir(), 'mqkit-state-'));
      target = await apache.startCluster({ version });
      java = await javaClient(version);
      await createTopic(target, TOPIC, QUEUES);
      for (let i = 0; i < SENT * QUEUES; i++) {
        await done(`sendMessage -t ${TOPIC} -p m${i} -c tagA -b broker-a -i ${i % QUEUES}`);
      }
    }, 300_000);
    afterAll(async () => {
      await java?.close();
      await target?.stop();
      rmSync(state, { recursive: true, force: true });
    });

    function ours(line: string): Promise<CommandRun> {
      const [name = '', ...argv] = line.split(' ');
      return runCommand(name, argv, { NAMESRV_ADDR: target.namesrvAddr, XDG_STATE_HOME: state });
    }

    async function done(line: string): Promise<string> {
      const run = await ours(line);
      expect(run, line).toMatchObject({ exitCode: 0 });
      return run.stdout;
    }

    async function theirs(line: string): Promise<string> {
      return (await java.mqadmin(target.namesrvAddr, line.split(' '))).stdout;
    }

    async function commit(group: string, offsets: readonly number[]): Promise<void> {
      for (const [queueId, offset] of offsets.entries()) {
        const fields = { consumerGroup: group, topic: TOPIC, queueId: String(queueId), commitOffset: String(offset) };
        expect(await rawRequest(target.broker.address, 15, fields)).toMatchObject({ code: 0 });
      }
    }

    async function offsets(group: string): Promise<number[]> {
      const found: number[] = [];
      for (let queueId = 0; queueId < QUEUES; queueId++) {
        const { code, extFields } = await rawRequest(target.broker.address, 14, {
          consumerGroup: group,
          topic: TOPIC,
          queueId: String(queueId),
        });
        expect(code).toBe(0);
        found.push(Number(extFields?.offset));
      }
      return found;
    }

    /** The consumer saves its offsets again and again, so that where it went back to can hardly be seen. */
    async function whilePersisting<T>(name: string, action: () => Promise<T>): Promise<T> {
      let isOver = false;
      const result = action().finally(() => {
        isOver = true;
      });
      await until(async () => {
        await java.call('push.persist', { name });
        return isOver;
      }, 120_000);
      return result;
    }

    function undoPlace({ stderr }: CommandRun): string {
      return /undoOffsets -f (\S+)$/m.exec(stderr)?.[1] ?? '';
    }

    it('an offline group is moved, read back, and put back', async () => {
      await createGroup(target, 'Offline');
      await commit('Offline', [1, 2]);
      expect(await done(`resetOffsetByTime -g Offline -t ${TOPIC} -s 0 --dry-run`)).toContain(
        '3 messages are delivered again, 0 are skipped',
      );
      expect(await offsets('Offline')).toEqual([1, 2]);
      const reset = await ours(`resetOffsetByTime -g Offline -t ${TOPIC} -s 0`);
      expect(reset.exitCode).toBe(0);
      expect(await offsets('Offline')).toEqual([0, 0]);
      expect(JSON.parse(readFileSync(undoPlace(reset), 'utf8')).queues).toMatchObject([{ before: 1 }, { before: 2 }]);
      expect(await ours(`undoOffsets -f ${undoPlace(reset)}`)).toMatchObject({ exitCode: 0 });
      expect(await offsets('Offline')).toEqual([1, 2]);
      const oneQueue = await ours(`resetOffsetByTime -g Offline -t ${TOPIC} -s 0 -b ${target.broker.address} -q 1 -o 0`);
      expect(oneQueue.exitCode).toBe(0);
      expect(await offsets('Offline')).toEqual([1, 0]);
      await done(`skipAccumulatedMessage -g Offline -t ${TOPIC}`);
      expect(await offsets('Offline')).toEqual([SENT, SENT]);
    });

    it('a clone reaches a group over a reset that hides what is committed', async () => {
      await createGroup(target, 'Source');
      await createGroup(target, 'Clone');
      await commit('Source', [1, 2]);
      await commit('Clone', [0, 0]);
      await done(`skipAccumulatedMessage -g Clone -t ${TOPIC}`);
      await done(`cloneGroupOffset -s Source -d Clone -t ${TOPIC}`);
      expect(await offsets('Clone')).toEqual([1, 2]);
    });

    it('an online group is moved; one queue of it only where the broker can do that', async () => {
      const { namesrvAddr } = target;
      await createGroup(target, 'Live');
      const init = { name: 'live', namesrvAddr, group: 'Live', subscriptions: { [TOPIC]: '*' } };
      await java.startPush({ ...init, consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET' });
      await java.receive('live', SENT * QUEUES);
      await until(async () => {
        await java.call('push.persist', { name: 'live' });
        return (await offsets('Live')).every((offset) => offset === SENT);
      });

      const status = JSON.parse(await done('consumerStatus -g Live -s --json'));
      expect(status).toMatchObject({
        subscriptionDifferences: [],
        stuckQueues: [],
        clients: [{ runningInfo: { jstack: expect.any(String) } }],
      });
      expect(status.clients[0].runningInfo.queues.filter(({ topic }: { topic: string }) => topic === TOPIC)).toHaveLength(QUEUES);
      const lag = JSON.parse(await done(`consumerProgress -g Live -t ${TOPIC} -s true --rate 50ms --json`));
      expect(lag).toMatchObject({ diffTotal: 0, lagMs: 0, timeToDrainMs: 0, queues: [{ clientId: status.clients[0].clientId }, {}] });

      const oneQueue = `resetOffsetByTime -g Live -t ${TOPIC} -s 0 -b ${target.broker.address} -q 0 -o 1`;
      if (hasServerReset) {
        const had = java.received('live').length;
        await done(oneQueue);
        await java.receive('live', had + SENT - 1);
      } else {
        expect(await ours(oneQueue)).toMatchObject({ stdout: '', exitCode: 4, stderr: expect.stringContaining('moves all queues') });
        expect(await offsets('Live')).toEqual([SENT, SENT]);
      }
      const before = java.received('live').length;
      const moved = await whilePersisting('live', () => ours(`resetOffsetByTime -g Live -t ${TOPIC} -s 0 --json`));
      expect(moved.exitCode, moved.stderr).toBe(0);
      for (const { state: came } of JSON.parse(moved.stdout).queues) {
        expect(['done', 'passed']).toContain(came);
      }
      await java.receive('live', before + SENT * QUEUES);
      await java.stopPush('live');
    });

    it("what Apache's tool prints of the same state is what ours prints", async () => {
      await createGroup(target, 'Compared');
      await commit('Compared', [1, 2]);
      const lines = [
        ...(hasServerReset
          ? [
              `consumerProgress -g Compared -t ${TOPIC}`,
              `resetOffsetByTime -g Compared -t ${TOPIC} -s 0`,
              `resetOffsetByTime -g Compared -t ${TOPIC} -s 0 -b ${target.broker.address} -q 1 -o 2`,
            ]
          : ['getConsumerConfig -g Compared', `queryCq -t ${TOPIC} -q 1 -i 1 -b ${target.broker.address}`]),
        `cloneGroupOffset -s Compared -d Offline -t ${TOPIC}`,
      ];
      for (const line of lines) {
        const apacheSays = await theirs(line);
        expect(sortedLines(await done(line), version), line).toEqual(sortedLines(apacheSays, version));
      }
    });
  });
});

/** The queues come in Java's hash order, and some ends of lines are missing. 4.9 does not know some fields of a group. */
function sortedLines(text: string, version: string): string[] {
  const isNew = /^(consumeMessageOrderly|groupRetryPolicy|groupSysFlag|consumeTimeoutMinute|subscriptionDataSet|attributes) /;
  return text
    .replaceAll(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/g, 'TIME')
    .split(/\r?\n/)
    .filter((line) => line.trim() !== '' && !(version === '4.9.7' && isNew.test(line)))
    .sort();
}
