import { describe } from 'vitest';
import { acceptsPages } from '../support/randomPages.ts';
import { UiPage } from '../support/uiChaos.ts';

describe('the AI SDK', () => {
  acceptsPages(UiPage);
});
