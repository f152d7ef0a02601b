import { expect, it } from 'vitest';
import { decodeRecord } from '../../../src/common/message/record.js';
import { message } from '../store/store-kit.js';
import { DelayWorld } from './delay-world.js';

const TOPIC = 'SCHEDULE_TOPIC_XXXX';
const FIRST_FILE = '/store/commitlog/00000000000000000000';

/** Gives the first message of a delay level another topic length, on the disk. */
function damageFirst(world: DelayWorld, level: number): () => void {
  const { commitLogOffset, body } = decodeRecord(world.store.getMessage(TOPIC, level - 1, 0, 1).buffers[0]!, 0);
  return () => world.disk.damage(FIRST_FILE, commitLogOffset + 88 + body.length, Buffer.from([0xf0]));
}

it('a damaged record of a delay level costs its own message only', async () => {
  const world = new DelayWorld();
  await world.open();
  for (const key of ['a', 'b', 'c']) world.send(key, 2);
  world.send('d', 3);
  const damage = damageFirst(world, 2);
  await world.stop();
  damage();
  await world.open();
  world.advance(12_000);
  expect(world.delivered().map(({ key }) => key)).toEqual(['b', 'c', 'd']);
  expect(world.store.counters.recordsDamaged).toBeGreaterThan(0);
  expect(world.service.progress()).toMatchObject([
    { level: 2, offset: 3 },
    { level: 3, offset: 1 },
  ]);
});

it('a damaged record of a delay level does not keep a broker that was killed from starting', async () => {
  const world = new DelayWorld();
  await world.open();
  world.send('a', 5);
  world.send('b', 5);
  const damage = damageFirst(world, 5);
  // The recovery walks what came after the last checkpoints only.
  for (let i = 0; i < 110; i++) {
    world.store.put(message('OTHER', 0, Buffer.alloc(1500)), { onPut: () => {} });
    world.store.flushTurn();
    world.advance(i < 100 ? 200 : 2000);
  }
  world.kill();
  damage();
  await world.open();
  world.advance(30_000);
  expect(world.delivered().map(({ key }) => key)).toEqual(['b']);
});
