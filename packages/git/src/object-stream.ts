/** One `git cat-file --batch` that is asked for object after object, instead of a process for each. */
import type { ChildProcess } from 'node:child_process';
import { Socket } from 'node:net';
import { GitError } from './git-error.ts';
import {
  type GitContext,
  gitMissing,
  killGit,
  lastWords,
  shellFoundNothing,
  startFailure,
  startGit,
} from './run-git.ts';

export type GitObject = { id: string; type: string; content: Buffer };

export type ObjectStream = {
  /**
   * Answers come in the order of the questions, so many may be asked at once.
   *
   * @param name what git takes for an object, without blanks or line ends.
   * @returns null when there is none of that name.
   * @throws GitError `git-too-large` beyond `maxBytes`, before it is read; `git-failed` when git dies twice over one
   *   question or takes longer than the context's time; `configuration-git-missing`.
   */
  read(name: string, maxBytes: number): Promise<GitObject | null>;
};

type Question = {
  readonly name: string;
  readonly maxBytes: number;
  /** It was asked of a git that died. */
  again: boolean;
  resolve(object: GitObject | null): void;
  reject(error: GitError): void;
};

const maxHeader = 4096;
const objectHeader = /^([0-9a-f]{40}) (commit|tree|blob|tag) (\d+)$/;

/**
 * The process is started by the first question, once more when it died, and ended when nothing was asked for `idleMs`; it
 * ends by itself with this process, and does not keep it from ending.
 */
export function createObjectStream(context: GitContext, idleMs = 10_000): ObjectStream {
  let asked: ((question: Question) => void) | null = null;

  function ask(question: Question): void {
    asked ??= start();
    asked(question);
  }

  function start(): (question: Question) => void {
    const child = startGit(context, ['cat-file', '--batch'], { asked: true });
    const questions: Question[] = [];
    let stderr = '';
    let header = '';
    let body: { object: GitObject; parts: Buffer[]; left: number } | null = null;
    let failure: GitError | null = null;
    let timer: NodeJS.Timeout | undefined;

    function end(error: GitError | null): void {
      failure ??= error;
      if (asked === add) asked = null;
      killGit(child);
    }

    function watch(): void {
      clearTimeout(timer);
      const busy = questions.length > 0;
      keepAlive(child, busy);
      timer = setTimeout(
        () => {
          if (!busy) end(null);
          else {
            const late = `git cat-file took longer than ${context.timeoutMs} ms`;
            end(new GitError('git-failed', late));
          }
        },
        busy ? context.timeoutMs : idleMs,
      );
      if (!busy) timer.unref();
    }

    function add(question: Question): void {
      questions.push(question);
      if (questions.length === 1) watch();
      child.stdin?.write(`${question.name}\n`);
    }

    function answer(object: GitObject | null): void {
      questions.shift()?.resolve(object);
      watch();
    }

    function begin(line: string): void {
      const [question] = questions;
      const [, id, type, digits] = objectHeader.exec(line) ?? [];
      if (question === undefined) {
        end(new GitError('git-failed', 'git cat-file wrote what it was not asked for'));
      } else if (id === undefined || type === undefined || digits === undefined) {
        if (line === `${question.name} missing`) answer(null);
        else end(new GitError('git-failed', `git cat-file wrote ${JSON.stringify(line)}`));
      } else if (Number(digits) > question.maxBytes) {
        questions.shift();
        const large = `${id} has ${digits} bytes; at most ${question.maxBytes} are read`;
        question.reject(new GitError('git-too-large', large));
        // What it is about to write is not even waited for.
        end(null);
      } else {
        const object = { id, type, content: Buffer.alloc(0) };
        // A line end follows the content.
        body = { object, parts: [], left: Number(digits) + 1 };
      }
    }

    child.stdout?.on('data', (chunk: Buffer) => {
      for (let at = 0; at < chunk.length && asked === add;) {
        if (body === null) {
          const lineEnd = chunk.indexOf(10, at);
          header += chunk.toString('latin1', at, lineEnd === -1 ? chunk.length : lineEnd);
          if (header.length > maxHeader) {
            end(new GitError('git-failed', 'git cat-file wrote a line without an end'));
          }
          if (lineEnd === -1) return;
          at = lineEnd + 1;
          const line = header;
          header = '';
          begin(line);
          continue;
        }
        const part = chunk.subarray(at, at + body.left);
        body.parts.push(part);
        body.left -= part.length;
        at += part.length;
        if (body.left > 0) return;
        const { object, parts } = body;
        body = null;
        answer({ ...object, content: Buffer.concat(parts).subarray(0, -1) });
      }
    });
    child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
      stderr = (stderr + chunk).slice(-4096);
    });
    // A git that died is heard of by its end.
    child.stdin?.on('error', () => {});
    child.on('error', (cause) => {
      over(startFailure(cause));
    });
    child.on('close', (exitCode, signal) => {
      if (exitCode === shellFoundNothing) over(gitMissing());
      const how = exitCode === null ? String(signal) : `exit code ${exitCode}`;
      over(new GitError('git-failed', `git cat-file ended with ${how}: ${lastWords(stderr)}`));
    });

    function over(error: GitError): void {
      clearTimeout(timer);
      if (asked === add) asked = null;
      for (const question of questions.splice(0)) {
        if (failure !== null) question.reject(failure);
        else if (question.again) question.reject(error);
        else {
          question.again = true;
          ask(question);
        }
      }
    }

    return add;
  }

  return {
    read: (name, maxBytes) =>
      new Promise((resolve, reject) => {
        ask({ name, maxBytes, again: false, resolve, reject });
      }),
  };
}

/** An idle one keeps nobody from ending; one that is asked does. */
function keepAlive(child: ChildProcess, busy: boolean): void {
  for (const each of [child, child.stdin, child.stdout, child.stderr]) {
    if (each !== child && !(each instanceof Socket)) continue;
    if (busy) each.ref();
    else each.unref();
  }
}
