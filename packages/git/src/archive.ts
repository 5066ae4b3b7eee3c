import { PassThrough, type Readable } from 'node:stream';
import { GitError } from './git-error.ts';
import { type GitContext, killGit, lastWords, startFailure, startGit } from './run-git.ts';

/** `git archive` as a stream that fails when git does, so that a tar cut short is never taken for a whole one. */
export function archiveStream(context: GitContext, commit: string): Readable {
  const stream = new PassThrough({ highWaterMark: 1 << 20 });
  const child = startGit(context, ['archive', '--format=tar', commit]);
  let stderr = '';
  const timer = setTimeout(() => {
    stream.destroy(
      new GitError('git-failed', `git archive took longer than ${context.timeoutMs} ms`),
    );
  }, context.timeoutMs);
  stream.once('close', () => {
    clearTimeout(timer);
    killGit(child);
  });
  child.stdout?.pipe(stream, { end: false });
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    stderr = (stderr + chunk).slice(-4096);
  });
  child.on('error', (cause) => stream.destroy(startFailure(cause)));
  child.on('close', (exitCode) => {
    if (exitCode === 0) stream.end();
    else {
      const how = exitCode === null ? 'was ended' : `ended with ${exitCode}`;
      stream.destroy(new GitError('git-failed', `git archive ${how}: ${lastWords(stderr)}`));
    }
  });
  return stream;
}
