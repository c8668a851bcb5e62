import { describe } from 'vitest';
import { AgUiPage } from '../support/agUiChaos.ts';
import { acceptsPages } from '../support/randomPages.ts';

describe('AG-UI', () => {
  acceptsPages(AgUiPage);
});
