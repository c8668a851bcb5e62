// The page: a reply that goes on after a reload, and when the node that wrote it was killed.
import { type MessageStreamError, messageState, type StreamEvent } from 'claude-rx';
import { fromRelay } from 'claude-rx/relay';
import { type Subscription, tap } from 'rxjs';

type State = 'idle' | 'streaming' | 'continuing' | 'complete' | 'stopped' | 'error';

const WORDS: Readonly<Record<State, string>> = {
  idle: 'Ready',
  streaming: 'Writing',
  continuing: 'Node lost, continuing',
  complete: 'Complete',
  stopped: 'Stopped',
  error: 'Failed',
};

const element = <E extends HTMLElement>(id: string) => document.getElementById(id) as E;
const [ask, stop, kill] = ['ask', 'stop', 'kill'].map((id) => element<HTMLButtonElement>(id));
const post = (path: string) => fetch(path, { method: 'POST' });

let reading: Subscription | undefined;
/** What ends the state `continuing`: the seam of a node that took over, or any event. */
let awaited: 'seam' | 'event' = 'event';
let state: State = 'idle';

function show(next: State): void {
  state = next;
  const isRunning = next === 'streaming' || next === 'continuing';
  const status = element('status');
  status.dataset['state'] = next;
  // Only a change is read out.
  if (status.textContent !== WORDS[next]) status.textContent = WORDS[next];
  element('text').ariaBusy = String(isRunning);
  ask!.disabled = isRunning;
  stop!.disabled = !isRunning;
  // One kill at a time: another node has to carry the reply on first.
  kill!.disabled = next !== 'streaming';
}

function notice(text: string, kind = 'seam'): void {
  const line = element('notice');
  line.dataset['kind'] = kind;
  line.textContent = text;
  line.hidden = text === '';
}

function log(text: string): void {
  const line = document.createElement('li');
  line.textContent = text;
  element('log').append(line);
}

function lost(why: string, until: typeof awaited): void {
  log(why);
  if (state !== 'continuing') awaited = until;
  show('continuing');
  notice('Node lost, continuing: another node carries the reply on.');
}

/** What an event means for the page, besides its text. */
function heed(event: StreamEvent): void {
  const isSeam = event.type === 'resume';
  if (isSeam) {
    log('Another node has carried the reply on');
    notice('The node was lost. Another one has carried the reply on.');
  }
  if (state !== 'continuing' || (awaited === 'seam' && !isSeam)) return;
  if (!isSeam) notice('The connection was lost. Nothing of the reply was.');
  show('streaming');
}

function read(id: string): void {
  reading?.unsubscribe();
  element('log').replaceChildren();
  element('text').textContent = '';
  element('prompt').hidden = false;
  notice('');
  show('streaming');
  reading = fromRelay(`/replies/${id}`, {
    delay: 300,
    fetch: async (url, init) => {
      const response = await fetch(url, init);
      const node = response.headers.get('x-node') ?? 'unknown';
      const place = url.includes('after=') ? 'from where it was' : 'from the beginning';
      log(response.ok ? `Reading from node ${node}, ${place}` : `Status ${response.status}`);
      return response;
    },
    onReconnect: ({ error }) => lost(`Connection lost (${error.code}), connecting again`, 'event'),
  })
    .pipe(tap(heed), messageState())
    .subscribe(({ status, text, error }) => {
      element('text').textContent = text;
      if (status === 'complete') show('complete');
      else if (status === 'error' || status === 'aborted') ended(error as MessageStreamError);
    });
}

function ended(error: MessageStreamError): void {
  if (error.code === 'aborted') return show('stopped');
  show('error');
  notice(error.message, 'error');
}

ask!.addEventListener('click', async () => {
  ask!.disabled = true;
  const response = await post('/replies');
  if (!response.ok) {
    show('error');
    return notice('No node answers. Try again in a few seconds.', 'error');
  }
  const { id } = (await response.json()) as { id: string };
  location.hash = id;
  read(id);
});
stop!.addEventListener('click', () => {
  stop!.disabled = true;
  void post(`/replies${location.hash.replace('#', '/')}/stop`);
});
kill!.addEventListener('click', async () => {
  kill!.disabled = true;
  const response = await post('/kill');
  const answer = await response.text();
  if (response.ok) return lost(answer, 'seam');
  log(answer);
  kill!.disabled = state !== 'streaming';
});

show('idle');
// After a reload.
if (location.hash.length > 1) read(location.hash.slice(1));
