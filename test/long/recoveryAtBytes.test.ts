import { seeded } from '../support/continuingModel.ts';
import { testChaos } from './chaos.ts';

testChaos('at 2,000 random bytes', (_, bytes) => {
  const random = seeded(bytes);
  return Array.from({ length: 2_000 }, () => ({ byte: Math.floor(random() * bytes) }));
});
