import { expect, it } from 'vitest';
import { fittingInFlight } from '../../src/bench/in-flight.js';

it('fewer messages are on their way at once where bodies are large', () => {
  expect(fittingInFlight(128)).toBe(10_000);
  expect(fittingInFlight(64 * 1024)).toBe(1024);
  expect(fittingInFlight(4 * 1024 * 1024)).toBe(64);
  expect(fittingInFlight(128, 20_000)).toBe(20_000);
  expect(fittingInFlight(4 * 1024 * 1024, 20)).toBe(20);
});
