/** Ordinal of the version this implementation reports on the wire: V5_3_3. */
export const MQ_VERSION = 479;

export const V3_0_11 = 37;
export const V3_4_9 = 121;
export const V4_0_0 = 213;
export const V4_1_0_SNAPSHOT = 232;
export const V4_9_3 = 399;
export const V4_9_4 = 401;
export const V5_0_0 = 413;
export const V5_3_1 = 475;
const HIGHER_VERSION = 612;

/** Name of an ordinal as Java prints it: `V5_3_3`, `V4_9_0_SNAPSHOT`; larger values are clamped to `HIGHER_VERSION`. */
export function versionDesc(ordinal: number): string {
  if (ordinal >= HIGHER_VERSION) {
    return 'HIGHER_VERSION';
  }
  if (ordinal < V4_0_0 - 1) {
    return versionDesc3(ordinal);
  }
  // From 4.0.0-SNAPSHOT on every release has its SNAPSHOT one below, ten patch levels a minor, ten minors a major.
  const n = ordinal - (V4_0_0 - 1);
  const major = 4 + Math.floor(n / 200);
  const minor = Math.floor((n % 200) / 20);
  const patch = Math.floor((n % 20) / 2);
  return `V${major}_${minor}_${patch}${n % 2 === 0 ? '_SNAPSHOT' : ''}`;
}

/** The irregular ordinals before 4.0.0: betas, then 3.0.x, 3.1.x and 3.2.x with a patch 0 or more, 3.3.x to 3.9.x from patch 1. */
function versionDesc3(ordinal: number): string {
  if (ordinal < 0) {
    return `UNKNOWN_${ordinal}`;
  }
  if (ordinal < FIRST_NAMES.length) {
    return `V3_0_0_${FIRST_NAMES[ordinal]}`;
  }
  const suffix = ordinal % 2 === 0 ? '_SNAPSHOT' : '';
  if (ordinal < 46) {
    return `V3_0_${Math.floor((ordinal - 14) / 2)}${suffix}`;
  }
  if (ordinal < 86) {
    return `V3_${1 + Math.floor((ordinal - 46) / 20)}_${Math.floor(((ordinal - 46) % 20) / 2)}${suffix}`;
  }
  return `V3_${3 + Math.floor((ordinal - 86) / 18)}_${1 + Math.floor(((ordinal - 86) % 18) / 2)}${suffix}`;
}

const FIRST_NAMES = [
  'SNAPSHOT',
  'ALPHA1',
  'BETA1',
  'BETA2',
  'BETA3',
  'BETA4',
  'BETA5',
  'BETA6_SNAPSHOT',
  'BETA6',
  'BETA7_SNAPSHOT',
  'BETA7',
  'BETA8_SNAPSHOT',
  'BETA8',
  'BETA9_SNAPSHOT',
  'BETA9',
  'FINAL',
];
