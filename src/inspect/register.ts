// Preloaded into a Node program by `npx claude-rx inspect -- node program.js`.
import { connectInspector } from './connectInspector.ts';

const { CLAUDE_RX_INSPECT: url, CLAUDE_RX_INSPECT_CONTENT: content } = process.env;
if (url) connectInspector(url, { content: content === 'true' });
