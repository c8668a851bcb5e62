import fc from 'fast-check';

// One seed for every run, so that CI says of two runs of the same code the same. Other cases:
// SEED=$RANDOM npm test
fc.configureGlobal({ seed: Number(process.env['SEED'] ?? 20_261_121) });
