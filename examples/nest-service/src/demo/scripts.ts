/** What the played model has to say to a prompt. */
export interface Script {
  thinking?: string;
  text: string;
  tool?: { name: string; id: string; input: object };
  /** Whether it comes as fast as the network takes it. */
  atOnce?: boolean;
}

export const backpressure: Script = {
  thinking: `The question is about backpressure. RxJS pushes: a fast source fills whatever queue is \
in front of a slow step, and concatMap has such a queue without a bound. So I should say what \
happens, show it, and then show a valve that closes the source. A small table of the choices and \
their cost helps more than prose. I will keep the code short enough to be read at a glance.`,
  text: `## Backpressure, in one picture

A fast source and a slow step meet in a **queue**. RxJS *pushes*, so unless something tells the \
source to wait, the queue holds the difference, and memory grows with it.

| What you put in front of the slow step | What waits | What is lost |
|---|---|---|
| \`concatMap(work)\` | everything | nothing |
| \`throttleTime(50)\` | one value | most of them |
| \`coalesceMap(work)\` | one merged value | nothing |
| \`valve.concatMap(work)\` | 64 values, then the *sender* | nothing |

The last row is the interesting one. A valve that is closed stops the **reading**, so the socket \
fills up, and TCP makes the sender wait:

\`\`\`ts
const valve = new Valve({ highWaterMark: 64 });

fromMessages(client, params, { valve })
  .pipe(textOnly(), valve.concatMap(save))
  .subscribe();
\`\`\`

Three things to remember:

1. A queue *moves* the problem, it does not solve it.
2. Dropping is fine for a **progress bar**, and never for text.
3. Ask the sender to wait where it can: here the sender is the API itself.

> Backpressure is not about being slow. It is about being slow *on purpose*, and saying so.
`,
};

export const trip: Script = {
  thinking: `A weekend in Lisbon: two days. The tool shows an itinerary as a card, so the plan goes \
in there, and the text only introduces it. Saturday for the old town, Sunday for Belém, with lunch \
where one is anyway, and no hill twice.`,
  text: `Two unhurried days, with the hills in the morning and the river in the evening. Here is \
the plan; tell me what to change.`,
  tool: {
    name: 'show_itinerary',
    id: 'toolu_lisbon',
    input: {
      city: 'Lisbon',
      days: [
        {
          title: 'Saturday: the old town',
          stops: [
            { time: '09:30', place: 'Alfama', note: 'Walk up while the lanes are still cool.' },
            {
              time: '11:30',
              place: 'Miradouro da Graça',
              note: 'Coffee, and the whole city below.',
            },
            { time: '13:30', place: 'Mouraria', note: 'Lunch at a counter, whatever is fresh.' },
            { time: '18:00', place: 'Ribeira das Naus', note: 'The sunset, from the steps.' },
          ],
        },
        {
          title: 'Sunday: Belém and the river',
          stops: [
            {
              time: '09:00',
              place: 'Jerónimos Monastery',
              note: 'At opening time, before the queue.',
            },
            { time: '11:00', place: 'Pastéis de Belém', note: 'Two each. Nobody eats one.' },
            {
              time: '12:30',
              place: 'MAAT',
              note: 'The roof is free, and the view is the exhibit.',
            },
            { time: '16:00', place: 'LX Factory', note: 'Books, and a tram that goes nowhere.' },
          ],
        },
      ],
    },
  },
};

/** A call that runs at once. */
export const weather: Script = {
  text: 'I look that up.',
  tool: { name: 'get_weather', id: 'toolu_weather', input: { city: 'Lisbon' } },
};

/** A call that waits for the user. */
export const hotel: Script = {
  text: 'Two nights in Lisbon. May I book them?',
  tool: { name: 'book_hotel', id: 'toolu_hotel', input: { city: 'Lisbon', nights: 2 } },
};

/** A call that the page runs. */
export const timeZone: Script = {
  text: 'I ask your browser.',
  tool: { name: 'get_time_zone', id: 'toolu_time_zone', input: {} },
};

/** The reply to the results of calls. */
export function reportOf(results: string): Script {
  return { text: `This is what the tool has answered: ${results}` };
}

const WORDS =
  'a reply is a stream of small events and every one of them is a chance to show something new while the rest is still on its way from the model to the reader'.split(
    ' ',
  );

/** 20,000 deltas of five characters, in paragraphs: as fast as they can be sent. */
export function flood(): Script {
  let text = '# Twenty thousand pieces\n\n';
  for (let count = 0; text.length < 100_000; count++) {
    text += `${WORDS[count % WORDS.length]}`;
    text += count % 90 === 89 ? `.\n\n${count % 450 === 449 ? `## Part ${count}\n\n` : ''}` : ' ';
  }
  return { text: `${text.slice(0, 99_994)} END.`, atOnce: true };
}

export function fallback(prompt: string): Script {
  const quoted = prompt.slice(0, 120).replaceAll(/\s+/g, ' ');
  return {
    text: `You asked: *${quoted}*

I am a **played** model: this service runs without a key, so that you can see how a reply streams, \
breaks and recovers, without any cost. I have something to say about *backpressure*, I plan a \
*weekend in Lisbon*, and I can send *20,000 deltas* at once.

Set \`ANTHROPIC_API_KEY\` for the service, and Claude itself answers here.
`,
  };
}
