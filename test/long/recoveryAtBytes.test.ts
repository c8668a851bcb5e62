import { seeded } from '../support/continuingModel.ts';
import { testChaos } from './chaos.ts';

testChaos('at 1,000 random bytes', (_, bytes) => {
  const random = seeded(bytes);
  return Array.from({ length: 1_000 }, () => ({ byte: Math.floor(random() * bytes) }));
});
