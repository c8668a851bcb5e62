// The page: a reply that goes on after a reload, and when the node that wrote it was killed.
import { MessageStreamError, messageState } from 'claude-rx';
import { fromRelay } from 'claude-rx/relay';
import type { Subscription } from 'rxjs';

const element = (id: string) => document.getElementById(id)!;
const log = (line: string) => {
  element('log').textContent += `${line}\n`;
};
const post = (path: string) => fetch(path, { method: 'POST' });

let reading: Subscription | undefined;

function read(id: string): void {
  reading?.unsubscribe();
  reading = fromRelay(`/replies/${id}`, {
    delay: 300,
    fetch: async (url, init) => {
      const response = await fetch(url, init);
      log(`${response.status} from node ${response.headers.get('x-node') ?? '-'}: ${url}`);
      return response;
    },
    onReconnect: ({ error }) => log(`${error.code}, connecting again`),
  })
    .pipe(messageState())
    .subscribe(({ status, text, error }) => {
      element('status').textContent =
        error instanceof MessageStreamError ? `${status}: ${error.message}` : status;
      element('text').textContent = text;
    });
}

element('ask').addEventListener('click', async () => {
  const { id } = (await (await post('/replies')).json()) as { id: string };
  location.hash = id;
  read(id);
});
element('stop').addEventListener(
  'click',
  () => void post(`/replies${location.hash.replace('#', '/')}/stop`),
);
element('kill').addEventListener('click', async () => log(await (await post('/kill')).text()));

// After a reload.
if (location.hash.length > 1) read(location.hash.slice(1));
