// Every run of a tool in a wrapper: how long it took, and a cache for calls that were made before.
import { messageEvents } from 'claude-rx/testing';
import { type Around, defineTool, runTools } from 'claude-rx/tools';
import { finalize, lastValueFrom, of, tap } from 'rxjs';
import { z } from 'zod';
import { connect, question } from './connect.ts';

const look = defineTool({
  name: 'look',
  description: 'Looks at a page of the archive',
  input: z.object({ page: z.number() }),
  run: ({ page }) => `Nothing on page ${page}.`,
});
await using api = await connect(
  messageEvents.toolUse('look', { page: 1 }),
  messageEvents.toolUse('look', { page: 2 }).toolUse('look', { page: 1 }),
  messageEvents.text('There is nothing.'),
);

const cache = new Map<string, unknown>();
const around: Around = ({ name, input }, run$) => {
  const key = `${name} ${JSON.stringify(input)}`;
  if (cache.has(key)) {
    console.log(`${key}: from the cache`);
    return of(cache.get(key));
  }
  const since = performance.now();
  return run$.pipe(
    tap((result) => cache.set(key, result)),
    finalize(() => console.log(`${key}: ran for ${(performance.now() - since).toFixed()} ms`)),
  );
};
await lastValueFrom(
  runTools(api.client, question('Search the archive.'), { tools: [look], around }),
);
