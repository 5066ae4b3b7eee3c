/**
 * A Teams workflow "when a webhook request is received": an Adaptive Card. Its only action opens the page. Text stands in text
 * runs, which know no Markdown, so that a title is shown as it is and links nowhere.
 */
import { mostOfLine, mostOfTitle, type Notification } from './notification.ts';
import { oneLine } from './plain-text.ts';

export function teamsMessage(notification: Notification): object {
  const { title, lines, link, type, occurredAt } = notification;
  const run = (text: string, look: object = {}) => ({
    type: 'RichTextBlock',
    inlines: [{ type: 'TextRun', text, ...look }],
  });
  const below = lines.map((line) => oneLine(line, mostOfLine)).filter((line) => line !== '');
  return {
    type: 'message',
    attachments: [
      {
        contentType: 'application/vnd.microsoft.card.adaptive',
        contentUrl: null,
        content: {
          $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
          type: 'AdaptiveCard',
          version: '1.4',
          body: [
            run(oneLine(title, mostOfTitle), { weight: 'Bolder', size: 'Medium' }),
            ...below.map((line) => run(line)),
            run(`${type} · ${occurredAt.toISOString()}`, { isSubtle: true, size: 'Small' }),
          ],
          actions: [{ type: 'Action.OpenUrl', title: 'Open in Airlock', url: link }],
        },
      },
    ],
  };
}
