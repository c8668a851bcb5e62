// A form that fills in field by field while the model writes the input of a tool call: from the
// real API when ANTHROPIC_API_KEY is set, else through the same SDK client from a Messages API
// server on loopback. On a terminal it is redrawn in place; into a pipe go the fields that change.
//
//   npx tsx examples/live-form.ts
import Anthropic from '@anthropic-ai/sdk';
import { type DeepPartial, fromMessages, toolInput } from 'claude-rx';
import { messageEvents, MessagesServer } from 'claude-rx/testing';
import { auditTime, lastValueFrom, tap } from 'rxjs';
import { z } from 'zod';
import { hasKey } from './hasKey.ts';

const Booking = z.object({
  city: z.string().describe('Where to stay'),
  arrival: z.iso.date(),
  nights: z.int().min(1),
  guests: z.array(z.object({ name: z.string(), age: z.int().optional() })).min(1),
  board: z.enum(['none', 'breakfast', 'half', 'full']).default('breakfast'),
  wishes: z.string().optional(),
});
type Form = DeepPartial<z.input<typeof Booking>> | undefined;

const params: Anthropic.MessageCreateParamsNonStreaming = {
  model: 'claude-opus-5-5',
  max_tokens: 1024,
  messages: [
    {
      role: 'user',
      content:
        'Book us a hotel in Lisbon from 14 May 2027 on, four nights: Ada Lovelace, 36, and Charles ' +
        'Babbage. A quiet room with a desk, please, high up and far from the lift.',
    },
  ],
  tools: [
    {
      name: 'book_hotel',
      description: 'Books a hotel room',
      input_schema: z.toJSONSchema(Booking, { io: 'input' }) as Anthropic.Tool.InputSchema,
      // Without it, the API sends each value when it is whole.
      eager_input_streaming: true,
    },
  ],
  tool_choice: { type: 'tool', name: 'book_hotel' },
};

async function main(): Promise<void> {
  const server = hasKey ? undefined : await startServer();
  const client = server ? new Anthropic({ apiKey: 'none', baseURL: server.url }) : new Anthropic();
  const show = process.stdout.isTTY ? redraw() : printChanges();
  const inputs = fromMessages(client, params).pipe(
    toolInput('book_hotel', Booking),
    // A reader sees no more than some 25 changes in a second.
    auditTime(40),
    tap(({ value, status }) => show(rowsOf(value, status === 'streaming'))),
  );
  try {
    const input = await lastValueFrom(inputs);
    if (input.status === 'invalid') throw input.error;
    console.log(`\n${input.status}: ${JSON.stringify(input.value, null, 2)}`);
  } finally {
    await server?.close();
  }
}

async function startServer(): Promise<MessagesServer> {
  const input: z.input<typeof Booking> = {
    city: 'Lisbon',
    arrival: '2027-05-14',
    nights: 4,
    guests: [{ name: 'Ada Lovelace', age: 36 }, { name: 'Charles Babbage' }],
    wishes: 'A quiet room with a desk, high up and far from the lift.',
  };
  const server = await MessagesServer.start();
  const events = messageEvents.toolUse('book_hotel', input, { chunk: 3 });
  return server.handle(() => ({ events, pace: 40 }));
}

type Row = readonly [label: string, value: string];

function rowsOf(form: Form, isStreaming: boolean): Row[] {
  const guests = form?.guests ?? [];
  const rows: [label: string, value: string | number | undefined][] = [
    ['City', form?.city],
    ['Arrival', form?.arrival],
    ['Nights', form?.nights],
    ...guests.map(({ name = '', age }, index): [string, string] => [
      `Guest ${index + 1}`,
      age === undefined ? name : `${name}, ${age}`,
    ]),
    ['Board', form?.board],
    ['Wishes', form?.wishes],
  ];
  const blank = isStreaming ? '...' : '-';
  return rows.map(([label, value]) => [label, String(value ?? blank)]);
}

/** Draws all rows over those of before. */
function redraw(): (rows: readonly Row[]) => void {
  let height = 0;
  return (rows) => {
    // A line that wraps would be two to draw over.
    const width = (process.stdout.columns || 80) - 1;
    const lines = rows.map((row) => `\x1b[2K${lineOf(row).slice(0, width)}\n`);
    process.stdout.write((height > 0 ? `\x1b[${height}A` : '') + lines.join(''));
    height = rows.length;
  };
}

/** Prints the rows that are not as they were. */
function printChanges(): (rows: readonly Row[]) => void {
  const shown = new Map<string, string>();
  return (rows) => {
    for (const [label, value] of rows) {
      if (shown.get(label) === value) continue;
      shown.set(label, value);
      console.log(lineOf([label, value]));
    }
  };
}

function lineOf([label, value]: Row): string {
  return `${label.padEnd(8)} ${value}`;
}

// A reader that stops early, such as `head`, is not an error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? 0 : 1);
});

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
