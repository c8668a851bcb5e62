import { seeded } from '../support/continuingModel.ts';
import { testChaos } from './chaos.ts';

testChaos('at 500 random bytes', (_, bytes) => {
  const random = seeded(bytes);
  return Array.from({ length: 500 }, () => ({ byte: Math.floor(random() * bytes) }));
});
