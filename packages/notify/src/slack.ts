/** Slack's incoming webhook (docs.slack.dev, "Sending messages using incoming webhooks"): blocks, and no element that acts. */
import { mostOfLine, mostOfTitle, type Notification } from './notification.ts';
import { oneLine } from './plain-text.ts';

/** Text in `plain_text` is shown as it is; what is parsed has its three characters escaped, so that `<!channel>` calls nobody. */
export function slackMessage(notification: Notification): object {
  const { title, lines, link, type, occurredAt } = notification;
  const shown = oneLine(title, mostOfTitle);
  const below = lines.map((line) => oneLine(line, mostOfLine)).filter((line) => line !== '');
  const plain = (text: string) => ({ type: 'plain_text', text, emoji: false });
  return {
    text: escaped(shown),
    unfurl_links: false,
    unfurl_media: false,
    blocks: [
      { type: 'section', text: plain(shown) },
      // A block holds 3,000 characters.
      ...below.map((line) => ({ type: 'section', text: plain(line) })),
      {
        type: 'section',
        text: { type: 'mrkdwn', text: `<${escaped(link).replaceAll('|', '%7C')}|Open in Airlock>` },
      },
      { type: 'context', elements: [plain(`${type} · ${occurredAt.toISOString()}`)] },
    ],
  };
}

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
