import { testChaos } from './chaos.ts';

testChaos('at every event', (events) => Array.from({ length: events }, (_, event) => ({ event })));
