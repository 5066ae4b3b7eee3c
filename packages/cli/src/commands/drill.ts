/** `airlock drill`: attacks on a running pair, through the doors that attackers have. For a pair that nobody works with. */
import { Option, type Command } from 'commander';
import { attackers, drill, type Drill } from '../drills/drill.ts';
import { drills } from '../drills/index.ts';
import { drillTarget } from '../drills/target.ts';
import { CliError, exitCode } from '../exit-codes.ts';
import { safe, toStdout, type Print } from '../print.ts';

type Options = {
  readonly list?: true;
  readonly all?: true;
  readonly json?: true;
  readonly by?: string;
  readonly pair: string;
};

export function registerDrill(program: Command, print: Print = toStdout): void {
  program
    .command('drill')
    .argument('[ids...]', 'which; see --list')
    .description('attack a running pair: each must be withstood')
    .option('--list', 'what there is to try, and try nothing')
    .option('--all', 'every one')
    .addOption(new Option('--by <attacker>', 'only what such a one tries').choices(attackers))
    .option('--pair <directory>', 'where the pair runs', '.demo')
    .option('--json', 'one JSON object a drill: id, kind, held, evidence')
    .action(async (ids: string[], options: Options) => {
      const chosen = chosenOf(ids, options);
      if (options.list === true) {
        const listed = chosen.map(({ id, attacker, attack }) => ({ id, kind: attacker, attack }));
        print(
          options.json === true
            ? listed.map((each) => JSON.stringify(each))
            : listed.map(({ id, kind, attack }) => `${id.padEnd(20)} ${kind.padEnd(13)} ${attack}`),
        );
        return;
      }
      const target = drillTarget(options.pair);
      for (const each of chosen) {
        const drilled = await drill(each, target);
        const { id, held, evidence } = drilled;
        print([
          options.json === true
            ? JSON.stringify(drilled)
            : `${held ? '✓ held    ' : '✗ NOT HELD'} ${id.padEnd(20)} ${safe(evidence)}`,
        ]);
        if (!held) process.exitCode = exitCode.failedCheck;
      }
    });
}

/** @throws CliError for a name that no drill has, and when nothing was named. */
function chosenOf(ids: readonly string[], { list, all, by }: Options): readonly Drill[] {
  const unknown = ids.filter((id) => !drills.some((each) => each.id === id));
  if (unknown.length > 0) {
    throw new CliError(
      exitCode.usage,
      `no drill ${unknown.join(', ')}; drills are ${drills.map(({ id }) => id).join(', ')}`,
    );
  }
  if (ids.length === 0 && all !== true && list !== true && by === undefined) {
    throw new CliError(exitCode.usage, 'name drills, or --all; --list shows what there is');
  }
  return drills
    .filter(({ id }) => ids.length === 0 || ids.includes(id))
    .filter(({ attacker }) => by === undefined || attacker === by);
}
