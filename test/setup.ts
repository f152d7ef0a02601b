import fc from 'fast-check';

/** Property tests of one run share a seed; a failing one is repeated with MQKIT_SEED. */
fc.configureGlobal({ seed: Number(process.env.MQKIT_SEED ?? 1) });
