import { seconds } from '../drawing/seconds.ts';
import { findings } from '../findings.ts';
import { Inspection, type InspectedRun, type InspectedStage } from '../Inspection.ts';
import type { InspectorEntry } from '../InspectorEntry.ts';
import { marbleTest } from '../marbleTest.ts';
import { recordingEntries } from '../recordingEntries.ts';
import { Diagram } from './Diagram.ts';
import { byId, element, setText } from './dom.ts';
import { EntryQueue } from './EntryQueue.ts';
import { Playback } from './Playback.ts';
import { firstTextOf, RunList, stateOf } from './RunList.ts';

/** Milliseconds between two drawings, and between two updates of the facts, while entries come. */
const PICTURE = 100;
const FACTS = 400;

const token = new URLSearchParams(location.search).get('token') ?? '';
const address = (path: string) => `${path}?token=${encodeURIComponent(token)}`;

let inspection = new Inspection();
let playback: Playback | undefined;
let isPaused = false;
/** Whether to show the latest pipeline, while none is chosen. */
let follows = true;
let [drawnAt, factsAt, frame] = [-Infinity, -Infinity, 0];
/** The version of the inspection in the drawing and in the facts. */
let [drawnVersion, factsVersion] = [-1, -1];
let needsPicture = true;

const diagram = new Diagram({
  figure: byId('diagram'),
  tip: byId('tip'),
  detail: byId('detail'),
  content: byId('content'),
});
const runs = new RunList(byId('runs'), (run) => choose(run));
const queue = new EntryQueue(
  (entry, from) => inspection.push(entry, from),
  () => wake(),
);

diagram.onChange = () => {
  needsPicture = true;
  wake();
};

/** The current time, on the clock of the entries. */
function now(): number {
  return playback ? playback.position : performance.timeOrigin + performance.now();
}

function wake(): void {
  frame ||= requestAnimationFrame(draw);
}

function draw(): void {
  frame = 0;
  const time = performance.now();
  const hasPlayed = playback?.tick(time) ?? false;
  const isRunning = inspection.runs.some((run) => run.isRunning);
  const { version } = inspection;
  if (playback) showPosition(playback);
  // After a jump, the values may take more than one frame.
  if (hasPlayed && isPaused) {
    needsPicture = true;
    factsAt = -Infinity;
  }
  if (!isPaused || needsPicture) {
    if (follows) diagram.show(inspection.runs.at(-1));
    const isDue = time - drawnAt >= PICTURE && (version !== drawnVersion || isRunning);
    if (needsPicture || isDue) {
      if (!isPaused || playback) diagram.now = now();
      diagram.draw();
      needsPicture = false;
      [drawnAt, drawnVersion] = [time, version];
    }
    if (time - factsAt >= FACTS) {
      [factsAt, factsVersion] = [time, version];
      showFacts();
    }
  }
  const isBehind = version !== drawnVersion || version !== factsVersion;
  if (hasPlayed || (!isPaused && (isRunning || isBehind))) wake();
}

function choose(run: InspectedRun): void {
  follows = false;
  diagram.show(run);
  factsAt = -Infinity;
  wake();
}

function showFacts(): void {
  const { run } = diagram;
  const time = diagram.now;
  runs.update(inspection.runs, run, time);
  const lost = inspection.dropped > 0 ? `, ${inspection.dropped} lost` : '';
  setText(byId('status'), `${status}; ${inspection.marks} values${lost}`);
  if (!run) return;
  const name = run.lanes.map((lane) => lane.name).join(' → ');
  setText(byId('title'), `Subscription ${run.number}: ${name}`);
  const first = firstTextOf(run);
  const speed = run.lanes
    .flatMap(({ stages }) => stages)
    .map((stage) => measured(stage, time).tokensPerSecond)
    .findLast((each) => each !== undefined);
  const facts = [
    stateOf(run),
    seconds((run.isRunning ? Math.max(time, run.lastAt) : run.lastAt) - run.from),
    first === undefined ? 'no text' : `first text after ${seconds(first)}`,
    speed === undefined ? '' : `${speed.toFixed(1)} tokens/s`,
    run.process,
  ];
  setText(byId('facts'), facts.filter(Boolean).join(' · '));
  showFindings(run, time);
  showStages(run, time);
}

function showFindings(run: InspectedRun, time: number): void {
  const found = findings(run, diagram.stallAfter, Math.max(time, run.lastAt)).slice(0, 30);
  const items = found.map(({ kind, stage, text }) => {
    return element('li', kind, element('b', '', stage), ` ${text}`);
  });
  const list = byId('findings');
  const shown = items.map(({ textContent }) => textContent).join('\n');
  if ([...list.children].map(({ textContent }) => textContent).join('\n') !== shown) {
    list.replaceChildren(...items);
  }
  list.hidden = items.length === 0;
}

function measured(stage: InspectedStage, time: number) {
  return stage.meter.measure(stage.to ?? Math.max(time, stage.lastAt), 'running');
}

function showStages(run: InspectedRun, time: number): void {
  const rows = run.lanes.flatMap(({ stages }) =>
    stages.map((stage) => {
      const { timeToFirstText, tokensPerSecond, characters, gaps, stalls } = measured(stage, time);
      const cells = [
        stage.end === 'error' ? (stage.error?.code ?? 'error') : (stage.end ?? 'running'),
        timeToFirstText === undefined ? '–' : seconds(timeToFirstText),
        tokensPerSecond === undefined ? '–' : tokensPerSecond.toFixed(1),
        String(stage.marks.reduce((sum, { count }) => sum + count, 0)),
        String(characters),
        gaps === undefined ? '–' : seconds(gaps.max),
        String(stalls.count),
      ];
      const head = element('th', '', stage.name);
      head.scope = 'row';
      return element('tr', '', head, ...cells.map((cell) => element('td', '', cell)));
    }),
  );
  byId('stages').replaceChildren(...rows);
}

// Source of the entries

let status = 'Connecting';

function connect(): void {
  const source = new EventSource(address('/entries'));
  source.addEventListener('open', () => {
    status = 'Connected';
    factsAt = -Infinity;
    wake();
  });
  source.addEventListener('error', () => {
    status = 'The inspector is not running';
    factsAt = -Infinity;
    wake();
  });
  source.addEventListener('message', ({ data }: MessageEvent<string>) => {
    queue.push(JSON.parse(data) as [number, InspectorEntry][]);
  });
}

/** Opens the recording, if there is one; else follows the reports. */
async function start(): Promise<void> {
  if (document.body.dataset['recording'] !== 'true') return connect();
  const response = await fetch(address('/recording'));
  if (!response.ok) throw new Error(`The recording cannot be read: HTTP ${response.status}`);
  const text = await response.text();
  const entries: InspectorEntry[] = [];
  let end = performance.now() + 8;
  for (const entry of recordingEntries(text)) {
    entries.push(entry);
    if (entries.length % 64 > 0 || performance.now() < end) continue;
    await new Promise((resolve) => setTimeout(resolve));
    end = performance.now() + 8;
  }
  status = 'Recording';
  playback = new Playback(
    entries,
    (entry) => inspection.push(entry),
    () => {
      inspection = new Inspection({ stallAfter: diagram.stallAfter });
      diagram.show(undefined);
      follows = true;
    },
  );
  byId('playback').hidden = false;
  setPaused(false);
}

function showPosition({ position, length, isPlaying }: Playback): void {
  const slider = byId<HTMLInputElement>('position');
  const value = String(Math.round((position / Math.max(1, length)) * 1_000));
  if (slider.value !== value) slider.value = value;
  setText(byId('clock'), seconds(position));
  if (isPaused === isPlaying) setPaused(!isPlaying);
}

function setPaused(paused: boolean): void {
  isPaused = paused && !playback;
  const button = byId('pause');
  if (playback) {
    if (paused) playback.pause();
    else if (!playback.isPlaying) playback.play(performance.now());
    isPaused = paused;
    // The last values were added just now.
    needsPicture = true;
    factsAt = -Infinity;
  }
  setText(button, playback ? (paused ? 'Play' : 'Pause') : paused ? 'Go on' : 'Pause');
  button.setAttribute('aria-pressed', String(paused));
  wake();
}

// Controls

const search = byId<HTMLInputElement>('search');
const showFound = () => {
  const count = diagram.search(search.value.trim());
  setText(byId('found'), search.value.trim() === '' ? '' : `${count} found`);
};
const actions: Readonly<Record<string, () => void>> = {
  ' ': () => setPaused(!isPaused),
  '+': () => diagram.zoom(0.5),
  '=': () => diagram.zoom(0.5),
  '-': () => diagram.zoom(2),
  '0': () => diagram.fit(),
  '/': () => search.focus(),
  '[': () => step(-1),
  ']': () => step(1),
  '?': () => byId<HTMLDialogElement>('keys').showModal(),
  e: saveSvg,
  t: showTest,
};
const moves: Readonly<Record<string, () => void>> = {
  ArrowLeft: () => diagram.move(-1),
  ArrowRight: () => diagram.move(1),
  ArrowUp: () => diagram.moveLane(-1),
  ArrowDown: () => diagram.moveLane(1),
};

byId('pause').addEventListener('click', () => actions[' ']!());
byId('help').addEventListener('click', () => actions['?']!());
byId('in').addEventListener('click', () => diagram.zoom(0.5));
byId('out').addEventListener('click', () => diagram.zoom(2));
byId('fit').addEventListener('click', () => diagram.fit());
byId('svg').addEventListener('click', saveSvg);
byId('test').addEventListener('click', showTest);
byId('source').addEventListener('change', showCode);
byId('restart').addEventListener('click', () => {
  playback?.seek(0);
  setPaused(false);
});
byId('copy').addEventListener('click', () => {
  void navigator.clipboard.writeText(byId('code').textContent ?? '').catch(() => {});
});
byId<HTMLSelectElement>('speed').addEventListener('change', ({ target }) => {
  if (playback) playback.speed = Number((target as HTMLSelectElement).value);
});
byId('position').addEventListener('input', ({ target }) => {
  if (!playback) return;
  setPaused(true);
  playback.seek((Number((target as HTMLInputElement).value) / 1_000) * playback.length);
  factsAt = -Infinity;
  wake();
});
byId('stall').addEventListener('change', ({ target }) => {
  diagram.stallAfter = Number((target as HTMLSelectElement).value);
  factsAt = -Infinity;
  diagram.onChange();
});
search.addEventListener('input', showFound);
search.addEventListener('keydown', ({ key }) => {
  if (key === 'Enter') diagram.selectNextMatch();
  if (key === 'Escape') byId('diagram').focus();
});
document.addEventListener('keydown', (event) => {
  const { target, key } = event;
  const isTyping = target instanceof HTMLInputElement || target instanceof HTMLSelectElement;
  if (isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
  if (document.querySelector('dialog[open]')) return;
  // Space presses the button that has the focus.
  if (key === ' ' && target instanceof HTMLButtonElement) return;
  const act = actions[key] ?? (target === byId('diagram') ? moves[key] : undefined);
  if (!act) return;
  event.preventDefault();
  act();
});

function step(by: number): void {
  const all = inspection.runs;
  const index = diagram.run ? all.indexOf(diagram.run) : all.length;
  const next = all[index + by];
  if (next) choose(next);
}

function saveSvg(): void {
  const text = diagram.svg();
  if (text === undefined) return;
  const link = element('a', '');
  link.href = URL.createObjectURL(new Blob([text], { type: 'image/svg+xml' }));
  link.download = `pipeline-${diagram.run?.number}.svg`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

function testStages(): readonly InspectedStage[] {
  return diagram.run?.lanes.flatMap(({ stages }) => stages) ?? [];
}

function showTest(): void {
  if (!diagram.run) return;
  const options = testStages().map(({ name, into }, index) => {
    const option = element('option', '', into ? `${name}, up to ${into.name}` : name);
    option.value = String(index);
    return option;
  });
  byId('source').replaceChildren(...options);
  showCode();
  byId<HTMLDialogElement>('export').showModal();
}

function showCode(): void {
  const stage = testStages()[Number(byId<HTMLSelectElement>('source').value)];
  if (diagram.run && stage) setText(byId('code'), marbleTest(diagram.run, stage));
}

start().catch((error: unknown) => {
  status = String(error);
  wake();
});
wake();
