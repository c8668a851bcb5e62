import { notApproved } from '../../tools/requireApproval.ts';
import { errorContent } from '../../tools/toolContent.ts';

/** The text that the model receives for a call that was not approved. */
export function deniedText(reason: string | undefined): string {
  return String(errorContent(notApproved(reason).error));
}

const WITHOUT_REASON = deniedText(undefined);

/** The reason in such a text; the whole text if it has another form. */
export function deniedReason(text: string): string | undefined {
  if (text === WITHOUT_REASON) return undefined;
  const start = `${WITHOUT_REASON}: `;
  return text.startsWith(start) ? text.slice(start.length) : text;
}
